"""Data: what is stored, computing it again, and deleting the game."""

import asyncio
import datetime as dt
from collections.abc import Callable
from http import HTTPStatus

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from questlog.console import recomputing
from questlog.console.access import NotPermitted, Right, needs
from questlog.console.services import ConsoleServices
from questlog.control.errors import NotAllowed, Refused
from questlog.loader.rebuild import RebuildState
from questlog.loader.reprice import RepriceQuestion, RepriceState
from questlog.rates.series import RatesUnreadable
from questlog.store import named_reads
from questlog.web.forms import sent_form
from questlog.web.guard import caller_of, game_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.site import Site, ThisSite
from questlog.web.translations import mark

DONE = {
    "rebuild": mark("The rebuild has been asked for. It runs between two batches."),
    "reprice": mark("The reprice has been asked for. It runs between two batches."),
    "try": mark("The trial has been asked for: nothing is changed."),
    "cancel": mark("It is ended within seconds, with nothing changed."),
}


@get("/games/{game:str}/data", opt=needs(Right.MANAGE))
async def data_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """What is stored of the game, and what can be done with it."""
    return await _page(site, request)


@post("/games/{game:str}/data", opt=needs(Right.MANAGE), status_code=HTTPStatus.OK)
async def change_data(
    site: ThisSite,
    request: AnyRequest,
    game: FromPath[str],  # noqa: ARG001
) -> Response[str] | Redirect:
    """Start or cancel a rebuild or a reprice, for people who manage all games."""
    form = await sent_form(site, request)
    if not caller_of(request).may_everywhere(Right.MANAGE):
        raise NotPermitted(Right.MANAGE, " for all games")
    action = form.text("action")
    try:
        await asyncio.to_thread(_STARTS.get(action, _nothing), site.services)
    except (NotAllowed, RatesUnreadable) as error:
        return await _page(site, request, HTTPStatus.CONFLICT, str(error))
    done = "cancel" if action.startswith("cancel") else action
    return Redirect(f"/games/{game_of(request).game_id}/data?done={done}", status_code=SEE_OTHER)


@post("/games/{game:str}/data/delete", opt=needs(Right.DELETE_GAMES, is_sensitive=True), status_code=HTTPStatus.OK)
async def delete_game(
    site: ThisSite,
    request: AnyRequest,
    game: FromPath[str],  # noqa: ARG001
) -> Response[str] | Redirect:
    """Delete the game, if its name is typed."""
    form = await sent_form(site, request)
    try:
        name = form.raw("confirm", 200)
        await asyncio.to_thread(site.services.control.delete_game, game_of(request).game_key, name)
    except Refused as error:
        return await _page(site, request, HTTPStatus.CONFLICT, str(error))
    return Redirect("/games", status_code=SEE_OTHER)


def _start_reprice(services: ConsoleServices, *, is_dry_run: bool = False) -> None:
    question = RepriceQuestion(is_dry_run=is_dry_run)
    if not recomputing.start_reprice(services, question, "dry run" if is_dry_run else None):
        raise NotAllowed("another reprice has not ended yet")


def _nothing(_services: ConsoleServices) -> None:
    raise NotAllowed("there is no such change")


_STARTS: dict[str, Callable[[ConsoleServices], None]] = {
    "rebuild": recomputing.start_rebuild,
    "cancel_rebuild": recomputing.cancel_rebuild,
    "reprice": _start_reprice,
    "try": lambda services: _start_reprice(services, is_dry_run=True),
    "cancel_reprice": recomputing.cancel_reprice,
}


async def _page(
    site: Site, request: AnyRequest, status: HTTPStatus = HTTPStatus.OK, problem: str = ""
) -> Response[str]:
    services, caller, here = site.services, caller_of(request), game_of(request)
    stored = await asyncio.to_thread(named_reads.events_before, services.tables.query, here.game_id, dt.date.max)
    contents = await asyncio.to_thread(services.control.game_contents, here.game_key)
    return await site.page(
        request,
        "settings/data.html",
        status,
        page="data",
        here=here,
        stored=stored,
        contents=contents,
        rebuild=services.rebuild.status,
        reprice=services.reprice.status,
        is_rebuilding=services.rebuild.status.state in (RebuildState.WAITING, RebuildState.RUNNING),
        is_repricing=services.reprice.status.state in (RepriceState.WAITING, RepriceState.RUNNING),
        manages_all=caller.may_everywhere(Right.MANAGE),
        may_delete=caller.may(Right.DELETE_GAMES, here.game_id),
        problem=problem,
        done=site.done(request, DONE),
    )


HANDLERS = (data_page, change_data, delete_game)
