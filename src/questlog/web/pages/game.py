"""Game: its name, its days, what it accepts, how long its events are kept, receipts and rates."""

import asyncio
import zoneinfo
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from questlog.console.access import Right, needs
from questlog.console.expiry import expiring
from questlog.console.game_settings import NotConfirmed, change_game
from questlog.console.services import ConsoleServices
from questlog.control.errors import NotAllowed, Refused
from questlog.control.games import GameChanges
from questlog.model.expiry import FOR_EVER, LEAST_KEEP_DAYS, MOST_KEEP_DAYS
from questlog.store.contract import StoreFailed
from questlog.web.forms import SentForm, sent_form
from questlog.web.guard import game_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.site import Site, ThisSite
from questlog.web.translations import mark

_MOST_NAMES_TEXT = 1_000_000
DONE = {
    "game": mark("Saved."),
    "accepts": mark("Saved. Collectors follow within seconds."),
    "kept": mark("Saved. The server deletes what is too old."),
    "receipts": mark("Saved. It counts for purchases that are loaded from now on."),
}


@get("/games/{game:str}/game", opt=needs(Right.MANAGE))
async def game_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """The settings as they are."""
    return await _page(site, request)


@post("/games/{game:str}/game", opt=needs(Right.MANAGE), status_code=HTTPStatus.OK)
async def change_settings(
    site: ThisSite,
    request: AnyRequest,
    game: FromPath[str],  # noqa: ARG001
) -> Response[str] | Redirect:
    """Change one part of the settings, as the button says that was pressed."""
    form = await sent_form(site, request)
    action, here = form.text("action"), game_of(request)
    change = _CHANGES.get(action)
    try:
        if change is None:
            raise NotAllowed("there is no such change")
        await asyncio.to_thread(change, site.services, here.game_key, form)
    except NotConfirmed as error:
        return await _page(site, request, HTTPStatus.CONFLICT, form=form, summary=error.summary)
    except Refused as error:
        return await _page(site, request, HTTPStatus.BAD_REQUEST, problem=str(error), form=form)
    return Redirect(f"/games/{here.game_id}/game?done={action}", status_code=SEE_OTHER)


def _change_game(services: ConsoleServices, game: str, form: SentForm) -> None:
    changes = GameChanges(name=form.text("name"), time_zone=form.text("time_zone"))
    change_game(services, game, changes)


def _change_accepted(services: ConsoleServices, game: str, form: SentForm) -> None:
    changes = GameChanges(
        is_enabled=form.is_set("is_enabled"), is_strict=form.is_set("is_strict"), is_lenient=form.is_set("is_lenient")
    )
    names = form.raw("event_names", _MOST_NAMES_TEXT).split("\n")
    change_game(services, game, changes, frozenset(name.strip() for name in names if name.strip()))


def _change_kept(services: ConsoleServices, game: str, form: SentForm) -> None:
    keep_days: int | None = None
    match form.text("keep"):
        case "for_ever":
            keep_days = FOR_EVER
        case "days":
            keep_days = form.number("days")
            if keep_days is None or not LEAST_KEEP_DAYS <= keep_days <= MOST_KEEP_DAYS:
                raise NotAllowed(f"events are kept for {LEAST_KEEP_DAYS} to {MOST_KEEP_DAYS} days, or for ever")
    change_game(services, game, GameChanges(keep_days=keep_days), confirm=form.raw("confirm", 200) or None)


def _change_receipts(services: ConsoleServices, game: str, form: SentForm) -> None:
    licence_key = "".join(form.text("google_licence_key").split())
    services.control.change_receipt_settings(game, licence_key, form.text("apple_bundle_id"))


_CHANGES: dict[str, Callable[[ConsoleServices, str, SentForm], None]] = {
    "game": _change_game,
    "accepts": _change_accepted,
    "kept": _change_kept,
    "receipts": _change_receipts,
}


async def _page(
    site: Site,
    request: AnyRequest,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    problem: str = "",
    form: SentForm | None = None,
    summary: str = "",
) -> Response[str]:
    """With `summary`, what would be deleted, the page asks for the game's name."""
    now = await asyncio.to_thread(_read, site.services, game_of(request).game_key)
    return await site.page(
        request,
        "settings/game.html",
        status,
        page="game",
        **now,
        problem=problem,
        typed=form.typed if form else {},
        summary=summary,
        done=site.done(request, DONE),
        zones=sorted(zoneinfo.available_timezones()),
        rates=site.services.progress.rates_status(),
        most_days=MOST_KEEP_DAYS,
        default_days=site.services.keep_days,
    )


def _read(services: ConsoleServices, game_key: str) -> dict[str, Any]:
    game = services.control.find_game(game_key)
    try:
        kept = expiring(services, game, game.keep_days).summary
    except StoreFailed as error:
        kept = str(error)
    return {"here": game, "kept": kept, "receipts": services.control.find_receipt_settings(game_key)}


HANDLERS = (game_page, change_settings)
