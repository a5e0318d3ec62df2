"""How well a game's events arrive, and replaying what did not: `…/integration`, `…/rejections`, `…/replay`."""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from questlog.api.analytics import Asking
from questlog.api.authentication import Audit, encoded
from questlog.api.errors import ApiError, bad_value
from questlog.api.games import Services
from questlog.api.parameters import From, To, parse_from, parse_to
from questlog.console.access import Right, needs
from questlog.console.integration import Integration, IntegrationReport, RejectionGroup, error_json
from questlog.control.audit_log import Action
from questlog.loader.replay import ReplayStatus
from questlog.store.contract import RejectedFilter

_DAY_US = 86_400_000_000
_MOST_DAYS = 31


class ReplayBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rejected events; what is left out does not restrict, an empty `sdk_version` or `build` is none.

    `error_type` and `field` go together. With `dry_run`, the events are decoded and nothing is stored.
    """

    source: str | None = None
    reason: str | None = None
    error_type: str | None = None
    field: str | None = None
    sdk_version: str | None = None
    build: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None
    dry_run: bool = False


@get("/games/{game:str}/integration", opt=needs(Right.VIEW))
async def integration(
    services: Services, asker: Asking, game: FromPath[str], since: From = None, until: To = None
) -> IntegrationReport:
    """What arrived by source, SDK and build, and what to look into: of the last day, or of up to 31 days.

    In every book, received = stored + rejected + duplicates (`adds_up`). Times are UTC microseconds.
    """
    first, end = _span(services, since, until, 1)
    return await asker.run(lambda cancellation: Integration(services).report(game, first, end, cancellation))


@get("/games/{game:str}/rejections", opt=needs(Right.PERSONAL_DATA))
async def list_rejections(
    services: Services, asker: Asking, game: FromPath[str], since: From = None, until: To = None
) -> Sequence[RejectionGroup]:
    """Rejected events and requests of the last 14 days by source, SDK, build, field and rule, the most frequent first.

    Each with its newest event and what to do. An event with two faults is in two groups. Times are UTC microseconds.
    """
    first, end = _span(services, since, until, 14)
    return await asker.run(lambda cancellation: Integration(services).rejections(game, first, end, cancellation))


@post("/games/{game:str}/replay", sync_to_thread=True, status_code=HTTPStatus.ACCEPTED, opt=needs(Right.MANAGE))
def start_replay(services: Services, audit: Audit, game: FromPath[str], data: JSONBody[ReplayBody]) -> ReplayStatus:
    """Decode rejected events again by the rules of now, and store those that are taken, each once.

    The answer says how far it is: tried = stored + duplicates + rejected + unstorable.
    """
    if (data.error_type is None) != (data.field is None):
        raise bad_value("field", "`error_type` and `field` go together")
    error = None if data.error_type is None else error_json(data.error_type, data.field or "")
    found = services.control.find_game(game)
    which = RejectedFilter(
        game_id=found.game_id,
        source=data.source,
        reason=data.reason,
        error=error,
        sdk_version=data.sdk_version,
        build=data.build,
        since=parse_from(data.from_),
        until=parse_to(data.to),
    )
    if not Integration(services).start_replay(game, which, is_dry_run=data.dry_run):
        raise ApiError(HTTPStatus.CONFLICT, "already_running", "another replay has not ended yet")
    audit.record(Action.REPLAY, game=(found.game_id, found.name), subject=encoded(data))
    return Integration(services).replay_status(found.game_id)


@get("/games/{game:str}/replay", sync_to_thread=True, opt=needs(Right.MANAGE))
def replay_status(services: Services, game: FromPath[str]) -> ReplayStatus:
    """How far the game's last replay is, and what came of it."""
    return Integration(services).replay_status(services.control.find_game(game).game_id)


@delete("/games/{game:str}/replay", sync_to_thread=True, status_code=HTTPStatus.ACCEPTED, opt=needs(Right.MANAGE))
def cancel_replay(services: Services, audit: Audit, game: FromPath[str]) -> ReplayStatus:
    """End the game's replay that waits or runs; what was stored stays."""
    found = services.control.find_game(game)
    Integration(services).cancel_replay(found.game_id)
    audit.record(Action.REPLAY_CANCEL, game=(found.game_id, found.name))
    return Integration(services).replay_status(found.game_id)


def _span(services: Services, since: str | None, until: str | None, days: int) -> tuple[int, int]:
    """Raises `ApiError` 400."""
    end = parse_to(until)
    end = services.clock.now_us() if end is None else end
    first = parse_from(since)
    first = end - days * _DAY_US if first is None else first
    if not 0 < end - first <= _MOST_DAYS * _DAY_US:
        raise bad_value("from", f"`from` must be before `to`, and at most {_MOST_DAYS} days")
    return first, end


INTEGRATION_HANDLERS = [integration, list_rejections, start_replay, replay_status, cancel_replay]
