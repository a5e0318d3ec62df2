"""Team: who may do what with the game, invitations, tokens, log-ins and the audit log. For the right `people`."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from questlog.console.access import Caller, Right, needs
from questlog.console.people import People
from questlog.control.audit_log import AuditFilter
from questlog.control.errors import NotAllowed, Refused
from questlog.control.grants import Role
from questlog.web.forms import SentForm, sent_form
from questlog.web.guard import caller_of, game_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.site import Site, ThisSite
from questlog.web.translations import mark

_DAY_S = 86_400
_ENTRIES = 50
_NO_ROLE = "none"
_MOST_NUMBER = 2**62

ROLE_TITLES = {
    Role.OWNER: mark("Owner"),
    Role.ADMIN: mark("Admin"),
    Role.ANALYST: mark("Analyst"),
    Role.VIEWER: mark("Viewer"),
}
TOKEN_LIVES = (
    (0, mark("for ever")),
    (7 * _DAY_S, mark("for 7 days")),
    (90 * _DAY_S, mark("for 90 days")),
    (366 * _DAY_S, mark("for a year")),
)
DONE = {
    "role": mark("The role is changed. The person has to log in again."),
    "removed": mark("The user is removed, and all log-ins are ended."),
    "withdrawn": mark("The invitation is withdrawn: its link is not valid any more."),
    "revoked": mark("The token is revoked."),
    "ended": mark("The log-in is ended."),
}


class Shown(msgspec.Struct, frozen=True):
    """What this answer alone shows: the `path` of a link, or a `token`; `email` or `name` says whose."""

    path: str = ""
    token: str = ""
    name: str = ""
    is_for_password: bool = False


_Outcome = str | Shown


@get("/games/{game:str}/team", opt=needs(Right.PEOPLE))
async def team_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """Everybody who may see the game."""
    return await _page(site, request)


@post("/games/{game:str}/team", opt=needs(Right.PEOPLE, is_sensitive=True), status_code=HTTPStatus.OK)
async def change_team(
    site: ThisSite,
    request: AnyRequest,
    game: FromPath[str],  # noqa: ARG001
) -> Response[str] | Redirect:
    """Change users, invitations, tokens or log-ins, as the button says that was pressed."""
    form = await sent_form(site, request)
    caller, game_id = caller_of(request), game_of(request).game_id
    people = People(site.services.control, caller)
    change = _CHANGES.get(form.text("action"))
    try:
        if change is None:
            raise NotAllowed("there is no such change")
        now_us = site.services.clock.now_us()
        outcome = await asyncio.to_thread(change, people, form, _games_of(form, game_id), now_us)
    except Refused as error:
        return await _page(site, request, HTTPStatus.BAD_REQUEST, problem=str(error), form=form)
    if isinstance(outcome, Shown):
        return await _page(site, request, shown=outcome)
    return Redirect(f"/games/{game_id}/team?done={outcome}", status_code=SEE_OTHER)


@get("/games/{game:str}/team/audit", opt=needs(Right.PEOPLE))
async def audit_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """The audit log of the game, or, for owners of all games, of everything; the newest entries first."""
    caller, here = caller_of(request), game_of(request)
    is_all = request.query_params.get("of") == "all" and caller.may_everywhere(Right.PEOPLE)
    who = request.query_params.get("who", "").strip()[:300]
    before = request.query_params.get("before", "")
    which = AuditFilter(
        game_ids=None if is_all else [here.game_id],
        who=who or None,
        before=min(int(before), _MOST_NUMBER) if before.isascii() and before.isdigit() else None,
        limit=_ENTRIES,
    )
    entries = await asyncio.to_thread(site.services.control.list_audit, which)
    return await site.page(
        request,
        "settings/audit.html",
        page="team",
        here=here,
        entries=entries,
        who=who,
        is_all=is_all,
        owns_all=caller.may_everywhere(Right.PEOPLE),
        next=entries[-1].entry_id if len(entries) == _ENTRIES else None,
    )


def _games_of(form: SentForm, game_id: int) -> list[str]:
    """For which games a change is: this one, or all."""
    return [] if form.text("scope") == "all" else [str(game_id)]


def _role_of(form: SentForm) -> Role:
    try:
        return Role(form.text("role"))
    except ValueError:
        raise NotAllowed("choose a role") from None


def _add(people: People, form: SentForm, games: list[str], _now_us: int) -> _Outcome:
    added = people.add(form.text("email"), _role_of(form), games)
    return "role" if added.link is None else Shown(path=added.link.path, name=added.email)


def _set_role(people: People, form: SentForm, games: list[str], _now_us: int) -> _Outcome:
    role = None if form.text("role") == _NO_ROLE else _role_of(form)
    people.set_role(form.text("email"), role, games)
    return "role"


def _remove(people: People, form: SentForm, _games: list[str], _now_us: int) -> _Outcome:
    people.remove_user(form.text("email"))
    return "removed"


def _password_link(people: People, form: SentForm, _games: list[str], _now_us: int) -> _Outcome:
    email = form.text("email")
    return Shown(path=people.make_password_link(email).path, name=email, is_for_password=True)


def _withdraw(people: People, form: SentForm, _games: list[str], _now_us: int) -> _Outcome:
    people.withdraw_invitation(min(form.number("invitation_id") or 0, 2**31 - 1))
    return "withdrawn"


def _create_token(people: People, form: SentForm, games: list[str], now_us: int) -> _Outcome:
    lifetime_s = form.number("lifetime_s")
    expires_at = now_us + min(lifetime_s, 10 * 366 * _DAY_S) * 1_000_000 if lifetime_s else None
    made = people.create_token(form.text("name"), _role_of(form), games, expires_at)
    return Shown(token=made.token, name=made.name)


def _revoke_token(people: People, form: SentForm, _games: list[str], _now_us: int) -> _Outcome:
    people.revoke_token(form.text("name"))
    return "revoked"


def _end_login(people: People, form: SentForm, _games: list[str], _now_us: int) -> _Outcome:
    people.end_login(min(form.number("login_id") or 0, 2**31 - 1))
    return "ended"


_CHANGES: dict[str, Callable[[People, SentForm, list[str], int], _Outcome]] = {
    "add": _add,
    "set_role": _set_role,
    "remove": _remove,
    "password_link": _password_link,
    "withdraw": _withdraw,
    "create_token": _create_token,
    "revoke_token": _revoke_token,
    "end_login": _end_login,
}


async def _page(
    site: Site,
    request: AnyRequest,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    shown: Shown | None = None,
    problem: str = "",
    form: SentForm | None = None,
) -> Response[str]:
    caller, here = caller_of(request), game_of(request)
    listed = await asyncio.to_thread(_listed, site, caller, here.name)
    return await site.page(
        request,
        "settings/team.html",
        status,
        page="team",
        here=here,
        shown=shown,
        link=f"{_base_url(request)}{shown.path}" if shown else "",
        problem=problem,
        typed=form.typed if form else {},
        done=site.done(request, DONE),
        owns_all=caller.may_everywhere(Right.PEOPLE),
        role_titles=ROLE_TITLES,
        token_lives=TOKEN_LIVES,
        **listed,
    )


def _listed(site: Site, caller: Caller, game: str) -> dict[str, Any]:
    """What the page lists: for this game, with what counts for all games."""
    people = People(site.services.control, caller)
    owns_all = caller.may_everywhere(Right.PEOPLE)

    def is_here(grants: object) -> bool:
        return owns_all or any(grant.game in (None, game) for grant in grants)  # type: ignore[attr-defined]

    return {
        "users": [user for user in people.users() if is_here(user.grants)],
        "invitations": [each for each in people.invitations() if each.is_for_password or is_here(each.grants)],
        "tokens": [token for token in people.tokens() if is_here(token.grants)],
        "log_ins": people.logins() if owns_all else [],
    }


def _base_url(request: AnyRequest) -> str:
    """The console's address as this browser has it."""
    scheme = "https" if request.headers.get("x-forwarded-proto", "").lower() == "https" else request.url.scheme
    return f"{scheme}://{request.url.netloc}"


HANDLERS = (team_page, change_team, audit_page)
