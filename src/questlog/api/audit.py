"""`/api/v1/audit` and `/api/v1/log-ins`: who did what, and who is logged in."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

import msgspec
from litestar import delete, get
from litestar.params import FromPath, FromQuery, QueryParameter

from questlog.analytics.question.paging import mark_of, place_of
from questlog.api.authentication import caller_of
from questlog.api.errors import AnyRequest, not_found
from questlog.api.games import Services
from questlog.api.parameters import After, From, To, parse_from, parse_to
from questlog.console.access import Right, Scope, needs
from questlog.control.audit_log import AuditEntry, AuditFilter
from questlog.control.login_sessions import ListedLogin

_MOST = 1_000
_MOST_NUMBER = 2**62


class AuditPage(msgspec.Struct, frozen=True):
    """Entries, newest first. `next`, given as `after`, asks for the earlier ones. Times are UTC microseconds."""

    entries: Sequence[AuditEntry]
    next: str | None


@get("/audit", sync_to_thread=True, opt=needs(Right.PEOPLE, Scope.ANY_GAME))
def list_audit(  # noqa: PLR0913, PLR0917 - each is a parameter of the route
    services: Services,
    request: AnyRequest,
    game: Annotated[str | None, QueryParameter(name="game", description="Of this game: number, key or name.")] = None,
    who: FromQuery[str | None] = None,
    since: From = None,
    until: To = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=_MOST)] = 100,
    after: After = None,
) -> AuditPage:
    """The audit log: who did what, to which game, when and from where. Limited to the games that the caller owns."""
    owned = caller_of(request).games_with(Right.PEOPLE)
    game_ids = None if owned is None else frozenset(owned)
    if game is not None:
        game_id = services.control.find_game(game).game_id
        if game_ids is not None and game_id not in game_ids:
            raise not_found(f"there is no game {game!r}")
        game_ids = frozenset({game_id})
    which = AuditFilter(
        game_ids=game_ids,
        who=who,
        since=parse_from(since),
        until=parse_to(until),
        before=None if after is None else place_of(after, 1)[0],
        limit=limit + 1,
    )
    entries = services.control.list_audit(which)
    return AuditPage(entries[:limit], mark_of(entries[limit - 1].entry_id) if len(entries) > limit else None)


@get("/log-ins", sync_to_thread=True, opt=needs(Right.PEOPLE, Scope.ALL_GAMES))
def list_log_ins(services: Services) -> Sequence[ListedLogin]:
    """Who is logged in now. Times are UTC microseconds."""
    return services.control.list_logins()


@delete(
    "/log-ins/{login_id:int}",
    sync_to_thread=True,
    status_code=HTTPStatus.NO_CONTENT,
    opt=needs(Right.PEOPLE, Scope.ALL_GAMES),
)
def end_log_in(services: Services, login_id: FromPath[int]) -> None:
    """End a log-in."""
    if login_id > _MOST_NUMBER:
        raise not_found(f"there is no log-in {login_id}")
    services.control.end_login(login_id)


AUDIT_HANDLERS = [list_audit, list_log_ins, end_log_in]
