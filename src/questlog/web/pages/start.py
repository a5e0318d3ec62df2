"""First run: make a game, paste a piece of code, and see the first event arrive, or why it does not."""

import asyncio
import zoneinfo
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from questlog.console.access import Right, Scope, needs
from questlog.console.demo import DEMO_GAME_KEY
from questlog.console.disconnects import gone_when_disconnected
from questlog.console.keys import shown_api_key, shown_secret
from questlog.console.remedies import Remedy, remedy
from questlog.control.errors import Refused
from questlog.control.games import ListedGame
from questlog.control.names import MAX_NAME
from questlog.model import calendar
from questlog.model.game import Game
from questlog.store.contract import Cancellation
from questlog.store.named_reads import REJECTED, STORED, EventFilter, list_events
from questlog.web.forms import sent_form
from questlog.web.guard import caller_of, game_of, login_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.site import Site, ThisSite
from questlog.web.snippets import OTHER_GUIDES, SendingKeys, snippets

FIRST_KEY_NAME = "game-server"
"""The API key that a new game gets, so that code of either protocol can be shown."""

_MOST_SHOWN = 10
_UNDERSTOOD = (
    "player_id",
    "session_id",
    "build",
    "platform",
    "os_version",
    "device",
    "country",
    "value",
    "amount",
    "currency",
    "sdk_version",
    "source",
    "client_time",
    "event_time",
)
"""Columns of an event that say what was understood, in this order."""

_errors = msgspec.json.Decoder(list[dict[str, str]])


class Fault(NamedTuple):
    """What is wrong with a field ("" for the whole), and what to do about it."""

    field: str
    rule: str
    remedy: Remedy


class Arrived(NamedTuple):
    """An event that arrived: `understood` are its columns, `faults` say why it was dropped, if it was."""

    received_at: Any
    name: str
    understood: Mapping[str, Any]
    reason: str = ""
    detail: str = ""
    faults: Sequence[Fault] = ()
    raw: str = ""

    @property
    def is_rejected(self) -> bool:
        """Whether it is not among the events."""
        return bool(self.reason)


@get("/start", opt=needs(Right.CREATE_GAMES, Scope.ALL_GAMES))
async def start_page(site: ThisSite, request: AnyRequest) -> Response[str]:
    """Make a game, or look around in one that is made up."""
    return await _start(site, request)


@post("/start", status_code=HTTPStatus.OK, opt=needs(Right.CREATE_GAMES, Scope.ALL_GAMES))
async def create_game(site: ThisSite, request: AnyRequest) -> Response[str] | Redirect:
    """Make the game, with an API key for each protocol's code."""
    form = await sent_form(site, request)
    name, zone = form.text("name", MAX_NAME + 1), form.text("time_zone", calendar.MAX_NAME)

    def create() -> Game:
        made = site.services.control.create_game(name, time_zone=zone or calendar.UTC.name)
        site.services.control.create_api_key(made.game_key, FIRST_KEY_NAME)
        return made

    try:
        made = await asyncio.to_thread(create)
    except Refused as error:
        return await _start(site, request, HTTPStatus.BAD_REQUEST, str(error), form.typed)
    return Redirect(f"/games/{made.game_id}/start", status_code=SEE_OTHER)


@post("/start/demo", opt=needs(Right.CREATE_GAMES, Scope.ALL_GAMES))
async def make_demo(site: ThisSite, request: AnyRequest) -> Redirect:
    """Have the demo game made; the page of the first run says how far it is."""
    await sent_form(site, request)
    await asyncio.to_thread(site.services.demo.start, caller_of(request).who)
    return Redirect("/start#demo", status_code=SEE_OTHER)


@post("/start/demo/remove", opt=needs(Right.DELETE_GAMES, Scope.ALL_GAMES))
async def remove_demo(site: ThisSite, request: AnyRequest) -> Redirect:
    """Delete the demo game with all its data."""
    await sent_form(site, request)
    game = (await asyncio.to_thread(_demo, site))["demo_game"]
    if isinstance(game, ListedGame):
        await asyncio.to_thread(site.services.control.delete_game, game.game_key, game.name)
    return Redirect("/start#demo", status_code=SEE_OTHER)


@get("/start/demo", opt=needs(Right.CREATE_GAMES, Scope.ALL_GAMES))
async def demo_status(site: ThisSite, request: AnyRequest) -> Response[str]:
    """How far the demo game is: a part of the page."""
    return site.html(request, "start/demo.html", **await asyncio.to_thread(_demo, site))


@get("/games/{game:str}/start", opt=needs(Right.KEYS))
async def sending_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001 - read by the guard
    """The keys of a game, code to paste, and what arrives."""
    here = game_of(request)
    is_proven = site.services.accounts.is_proven(login_of(request))
    collector_url = f"http://{request.url.hostname or 'localhost'}:{site.services.collector_port}"
    keys = SendingKeys(collector_url, here.game_key)
    if is_proven:
        keys = await asyncio.to_thread(_shown_keys, site, here, keys)
    return await site.page(
        request,
        "start/sending.html",
        page="start",
        keys=keys,
        is_proven=is_proven,
        snippets=snippets(keys),
        other_guides=OTHER_GUIDES,
    )


@get("/games/{game:str}/start/events", opt=needs(Right.PERSONAL_DATA))
async def first_events(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:  # noqa: ARG001
    """What has arrived lately, accepted or not: a part of the page, which asks again and again."""
    here = game_of(request)

    def read(cancellation: Cancellation) -> list[Arrived]:
        with site.services.tables.reading(cancellation) as reading:
            stored, rejected = (
                list_events(reading.ask, listing, here.game_id, EventFilter(), None, _MOST_SHOWN).to_pylist()
                for listing in (STORED, REJECTED)
            )
        arrived = [*map(_accepted, stored), *map(_rejected, rejected)]
        return sorted(arrived, key=lambda each: each.received_at, reverse=True)[:_MOST_SHOWN]

    found = await site.queries.run(read, gone_when_disconnected(request.receive))
    return site.html(request, "start/events.html", arrived=found, game=here)


def _accepted(row: Mapping[str, Any]) -> Arrived:
    understood = {name: row[name] for name in _UNDERSTOOD if row.get(name) is not None}
    return Arrived(row["received_at"], row.get("event_id") or row.get("category") or "", understood)


def _rejected(row: Mapping[str, Any]) -> Arrived:
    sent = (row["source"], row.get("sdk_version"), row["reason"])
    faults = [
        Fault(
            error["path"].removeprefix("/"),
            error["error_type"],
            remedy(*sent, error["error_type"], error["path"].removeprefix("/"), row.get("category")),
        )
        for error in (_errors.decode(row["errors"]) if row.get("errors") else [])
    ] or [Fault("", row["reason"], remedy(*sent, None, None, row.get("category")))]
    name = row.get("event_id") or row.get("category") or ""
    return Arrived(row["received_at"], name, {}, row["reason"], row["detail"] or "", faults, row["raw"] or "")


def _shown_keys(site: Site, game: Game, keys: SendingKeys) -> SendingKeys:
    """With the secrets; the audit log notes it."""
    services = site.services
    secret = shown_secret(services.control, services.audit, game.game_key).secret_key
    live = [each for each in services.control.list_api_keys(game.game_key) if each.revoked_at is None]
    if not live:
        return keys._replace(secret_key=secret)
    api_key = shown_api_key(services.control, services.audit, game.game_key, live[0].name)
    return keys._replace(secret_key=secret, api_key=api_key.key)


async def _start(
    site: Site, request: AnyRequest, status: HTTPStatus = HTTPStatus.OK, message: str = "", form: Mapping[str, str] = {}
) -> Response[str]:
    demo: dict[str, Any] = await asyncio.to_thread(_demo, site)
    zones = await asyncio.to_thread(zoneinfo.available_timezones)
    return await site.page(
        request, "start/new_game.html", status, page="start", message=message, typed=form, zones=sorted(zones), **demo
    )


def _demo(site: Site) -> dict[str, Any]:
    """The demo game, if there is one, and how far one is that is being made."""
    games = site.services.control.list_games()
    game = next((each for each in games if each.game_key == DEMO_GAME_KEY), None)
    return {"demo": site.services.demo.status, "demo_game": game}


HANDLERS = (start_page, create_game, make_demo, remove_demo, demo_status, sending_page, first_events)
