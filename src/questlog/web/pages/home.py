"""The way in: the first game's overview, the list of games, what a browser remembers, values for filters."""

import asyncio
import re
from http import HTTPStatus

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath
from litestar.response import Redirect

from questlog.analytics.analyses.values import Values
from questlog.analytics.question.problems import InvalidQuery
from questlog.console.access import Right, Scope, needs
from questlog.console.concurrency import TooBusy
from questlog.store.contract import QueryAborted, StoreFailed
from questlog.web.guard import caller_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.pages.log_in import next_page
from questlog.web.reports import ask_all
from questlog.web.site import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, ThisSite
from questlog.web.translations import LANGUAGES

_YEAR_S = 31_536_000
_MOST_SUGGESTED = 30


@get("/", opt=needs(Right.VIEW, Scope.NONE))
async def home(site: ThisSite, request: AnyRequest) -> Redirect:
    """The overview of the first game; where there is none, the page that makes one."""
    caller = caller_of(request)
    games = await asyncio.to_thread(site.visible_games, caller)
    empty = "/start" if caller.may_everywhere(Right.CREATE_GAMES) else "/games"
    return Redirect(f"/games/{games[0].game_id}/overview" if games else empty, status_code=SEE_OTHER)


@get("/games", opt=needs(Right.VIEW, Scope.NONE))
async def games_page(site: ThisSite, request: AnyRequest) -> Response[str]:
    """All games that the caller may see."""
    may_create = caller_of(request).may_everywhere(Right.CREATE_GAMES)
    return await site.page(request, "games.html", page="games", may_create=may_create)


@post("/preferences", opt=needs(Right.VIEW, Scope.NONE))
async def set_preferences(site: ThisSite, request: AnyRequest) -> Response[str] | Redirect:
    """Remember theme and language in this browser."""
    form = await request.form()
    if not await asyncio.to_thread(site.logins.is_own_change, request, str(form.get("form_token", ""))):
        return Response("", status_code=HTTPStatus.FORBIDDEN)
    answer = Redirect(next_page(str(form.get("back", ""))), status_code=SEE_OTHER)
    theme, language = str(form.get("theme", "")), str(form.get("language", ""))
    if theme:
        answer.set_cookie(_preference(THEME_COOKIE, theme if theme in THEMES else ""))
    if language in LANGUAGES:
        answer.set_cookie(_preference(LANGUAGE_COOKIE, language))
    return answer


@get("/games/{game:str}/values", opt=needs(Right.VIEW))
async def suggest_values(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """The values of a dimension that begin as typed, with their counts: options for a filter."""
    view = await site.view(request, "overview")
    dimension = re.sub(r"\s", "", request.query_params.get("dimension", ""))[:256]
    question = Values(
        dimension, view.period, prefix=request.query_params.get("prefix", "")[:200], limit=_MOST_SUGGESTED
    )
    rows = []
    if dimension:
        try:
            rows = (await ask_all(site, request, {"values": question}))["values"].table.to_pylist()
        except (InvalidQuery, TooBusy, QueryAborted, StoreFailed):
            rows = []
    return site.html(request, "parts/values.html", rows=rows)


def _preference(name: str, value: str) -> Cookie:
    return Cookie(name, value=value, path="/", max_age=_YEAR_S if value else 0, samesite="lax", httponly=True)
