"""Players: search, one player with everything that was sent, export and erasure."""

import asyncio
import datetime as dt
import urllib.parse
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
from litestar import MediaType, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Stream

from questlog.analytics.analyses.player_devices import PlayerDevices
from questlog.analytics.analyses.player_purchases import PlayerPurchases
from questlog.analytics.analyses.player_search import PlayerOrder, PlayerSearch
from questlog.analytics.analyses.timeline import PlayerProfile, PlayerSessions, PlayerTimeline
from questlog.analytics.question.paging import known_mark, mark_of, place_of
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import AllOf, EventMatch, Filter
from questlog.analytics.selection.dimensions import PLAYER_DIMENSIONS, PROPERTY, SEGMENT
from questlog.console.access import Right, needs
from questlog.console.disconnects import gone_when_disconnected
from questlog.console.erasures import UNDO_HOURS, check_player, request_erasure
from questlog.console.player_export import begin_export, export_of
from questlog.control.audit_log import Action
from questlog.control.errors import AlreadyExists, NotFound
from questlog.store.contract import Cancellation
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.forms import sent_form
from questlog.web.guard import caller_of, game_of
from questlog.web.log_in import SEE_OTHER, AnyRequest
from questlog.web.raw_events import RawEvent, raw_events
from questlog.web.reports import Drawn, Report, draw
from questlog.web.site import ThisSite
from questlog.web.tables import drawn, table_of
from questlog.web.titles import title_of
from questlog.web.translations import mark
from questlog.web.view import View
from questlog.web.who import player_url

_A_PAGE, _EVENTS_A_PAGE = 50, 100
_MOST_SESSIONS = 500
_MAX_ID = 1_024
_PREFIX, _ORDER, _AFTER = "q", "order", "after"
_ID, _CATEGORY, _EVENT, _SEARCH, _BEFORE = "id", "category", "event", "search", "before"
_LISTED = ("player_id", "last_seen", "first_seen", "events", "sessions", "playtime_s", "transactions", "revenue_usd")
_AT_INSTALL = ("country", "platform", "build", "device", "manufacturer", "os_version", "sdk_version", "source")
_SHOWN_NUMBERS = ("events", "sessions", "playtime_s", "transactions", "refunds", "revenue_usd")
LISTED_TITLES: Mapping[str, str] = {
    "last_seen": mark("Last seen"),
    "first_seen": mark("First seen"),
    "playtime_s": mark("Playtime"),
    "transactions": mark("Purchases"),
    "refunds": mark("Refunds"),
    "revenue_usd": mark("Revenue"),
    "events": mark("Events"),
    "sessions": mark("Sessions"),
    "os_version": mark("System"),
    "event_time": mark("Time"),
    "amount_usd": mark("In US dollars"),
    "receipt_state": mark("Receipt"),
    "event_id": mark("Item"),
    "length_s": mark("Length"),
    "start_time": mark("Start"),
    "session_num": mark("Number"),
}


# -------------------------------------------------------------------------------------------------------------- search


def _search(view: View) -> PlayerSearch:
    order = view.own.get(_ORDER, "")
    return PlayerSearch(
        prefix=view.own.get(_PREFIX, "").strip()[:_MAX_ID],
        filter=_of_players(view)[0],
        segment=view.segment or None,
        order=PlayerOrder(order) if order in tuple(PlayerOrder) else PlayerOrder.LAST_SEEN,
        limit=_A_PAGE,
        after=known_mark(view.own.get(_AFTER, ""), 1),
    )


def _of_players(view: View) -> tuple[Filter | None, Sequence[str]]:
    """The filter over what players are, and the dimensions of chips that players do not have."""
    kept = tuple(each for each in view.conditions if _is_of_players(each.dimension))
    left_out = [each.dimension for each in view.conditions if not _is_of_players(each.dimension)]
    return (AllOf(kept) if len(kept) > 1 else kept[0] if kept else None), left_out


def _is_of_players(dimension: str) -> bool:
    return dimension in PLAYER_DIMENSIONS or dimension.startswith((PROPERTY, SEGMENT))


def _draw_search(asked: Asked) -> Drawing:
    view, answer = asked.view, asked.answer
    search = _search(view)
    links = {"player_id": lambda row: player_url(view, str(row["player_id"]))}
    columns = (*_LISTED, "country", "platform", "build")
    bars = (search.order.value,) if search.order not in (PlayerOrder.LAST_SEEN, PlayerOrder.FIRST_SEEN) else ()
    table = table_of(
        answer, asked.formats, asked.translate, columns=columns, links=links, bars=bars, titles=LISTED_TITLES
    )
    [totals] = answer.totals.to_pylist() if answer.totals is not None else [{"players": 0}]
    rows = answer.table["player_id"].to_pylist()
    values = {
        "table": table._replace(totals=None),
        "players": totals["players"],
        "orders": [(order, LISTED_TITLES[order], view.with_own(order=order, after=None)) for order in PlayerOrder],
        "order": search.order,
        "next_url": view.with_own(after=answer.next) if answer.next else None,
        "first_url": view.with_own(after=None) if search.after else None,
        "left_out": _of_players(view)[1],
    }
    return Drawing("players/list.html", values, is_empty=not rows and not search.after)


REPORT = Report(
    "players",
    "Who plays?",
    (
        Card(
            "players.list",
            mark("Players"),
            lambda view: {"players": _search(view)},
            _draw_search,
            span=12,
            height=Height.TALL,
            right=Right.PERSONAL_DATA,
            empty=mark("No player is like this."),
        ),
    ),
    template="players/players.html",
    right=Right.PERSONAL_DATA,
)


# ---------------------------------------------------------------------------------------------------------- one player


class Stay(NamedTuple):
    """Events of one session that follow each other; `session` is None for events without one."""

    session: Mapping[str, Any] | None
    events: Sequence[RawEvent]
    day: str


def _player_of(view: View) -> str:
    """The player of the page. Raises `InvalidQuery` for an address without one."""
    player = view.own.get(_ID, "")[:_MAX_ID]
    if not player:
        raise InvalidQuery("id", "the address names no player")
    return player


def _draw_profile(asked: Asked) -> Drawing:
    [row] = asked.answer.table.to_pylist()
    columns = {column.name: column for column in asked.answer.columns}
    numbers = [
        (
            asked.translate(LISTED_TITLES[name]),
            asked.formats.value(row[name], columns[name].unit),
            columns[name].definition,
        )
        for name in _SHOWN_NUMBERS
    ]
    at_install = [(asked.translate(title_of(name)), row[name]) for name in _AT_INSTALL if row.get(name)]
    known = msgspec.json.decode(row["properties"]) if row["properties"] else {}
    properties = [
        (kind, key, str(value))
        for kind in ("custom", "default")
        for key, value in sorted((known.get(kind) or {}).items())
    ]
    values = {"row": row, "numbers": numbers, "at_install": at_install, "properties": properties}
    return Drawing("players/profile.html", values)


def _draw_devices(asked: Asked) -> Drawing:
    columns = ("device", "platform", "os_version", "build", "country", "last_seen", "events")
    table = table_of(
        asked.answer, asked.formats, asked.translate, columns=columns, titles=LISTED_TITLES, bars=("events",)
    )
    return drawn(table)


def _draw_purchases(asked: Asked) -> Drawing:
    columns = ("event_time", "event_id", "amount", "currency", "amount_usd", "receipt_state", "cart_type")
    table = table_of(asked.answer, asked.formats, asked.translate, columns=columns, titles=LISTED_TITLES)
    return drawn(table._replace(totals=None))


def _draw_sessions(asked: Asked) -> Drawing:
    columns = (
        "start_time",
        "length_s",
        "events",
        "transactions",
        "build",
        "device",
        "platform",
        "country",
        "session_num",
    )
    links = {
        "start_time": lambda row: asked.view.adding("session_id", row["session_id"]) if row["session_id"] else None
    }
    table = table_of(
        asked.answer,
        asked.formats,
        asked.translate,
        columns=columns,
        titles=LISTED_TITLES,
        links=links,
        bars=("length_s",),
    )
    return drawn(table)


def _timeline_questions(view: View) -> Mapping[str, msgspec.Struct]:
    player, after = _player_of(view), known_mark(view.own.get(_BEFORE, ""), 2)
    event_id = view.own.get(_EVENT, "").strip()
    is_prefix = event_id.endswith((":*", "*"))
    event = EventMatch(
        category=view.own.get(_CATEGORY, "").strip() or None,
        event_id=event_id.rstrip("*").rstrip(":") or None,
        is_prefix=is_prefix and bool(event_id.rstrip("*").rstrip(":")),
        filter=view.filter,
    )
    search = view.own.get(_SEARCH, "").strip()[:200] or None
    # What is shown is of sessions that began before the newest event of the page.
    sessions_after = None if after is None else mark_of(place_of(after, 2)[0] + 1, 0)
    return {
        "timeline": PlayerTimeline(player, None, event, search, after, _EVENTS_A_PAGE),
        "sessions": PlayerSessions(player, sessions_after, _MOST_SESSIONS),
    }


def _draw_timeline(asked: Asked) -> Drawing:
    view = asked.view
    events = raw_events(asked.answers["timeline"], asked.formats, view)
    sessions = {row["session_no"]: row for row in asked.answers["sessions"].table.to_pylist()}
    following = asked.answers["timeline"].next
    values = {
        "stays": _stays(events, sessions),
        "next_url": view.with_own(before=following) if following else None,
        "first_url": view.with_own(before=None) if view.own.get(_BEFORE) else None,
        "typed": {name: view.own.get(name, "") for name in (_CATEGORY, _EVENT, _SEARCH)},
        "kept": [(name, text) for name, text in view.parameters() if name not in (_CATEGORY, _EVENT, _SEARCH, _BEFORE)],
        "all_url": view.url(conditions=(), nested=None, own={_ID: _player_of(view)}),
    }
    return Drawing("players/timeline.html", values)


def _stays(events: Sequence[RawEvent], sessions: Mapping[int, Mapping[str, Any]]) -> list[Stay]:
    found: list[tuple[tuple[str, int | None], list[RawEvent]]] = []
    for event in events:
        key = (event.day, event.session_no)
        if not found or found[-1][0] != key:
            found.append((key, []))
        found[-1][1].append(event)
    return [Stay(sessions.get(number or 0), of, day) for (day, number), of in found]


ONE_PLAYER = Report(
    "player",
    "Who is this player, and what happened?",
    (
        Card(
            "player.profile",
            mark("Profile"),
            lambda view: {"player": PlayerProfile(_player_of(view))},
            _draw_profile,
            span=12,
            height=Height.LOW,
            right=Right.PERSONAL_DATA,
        ),
        Card(
            "player.timeline",
            mark("Everything that happened"),
            _timeline_questions,
            _draw_timeline,
            span=8,
            height=Height.TALL,
            right=Right.PERSONAL_DATA,
            help=mark("Newest first, of all SDKs and servers, by session. An event opens to what was sent."),
        ),
        Card(
            "player.sessions",
            mark("Sessions"),
            lambda view: {"sessions": PlayerSessions(_player_of(view), limit=20)},
            _draw_sessions,
            span=4,
            right=Right.PERSONAL_DATA,
            help=mark("The last 20. A row shows its events alone."),
            empty=mark("No session."),
        ),
        Card(
            "player.purchases",
            mark("Purchases and refunds"),
            lambda view: {"purchases": PlayerPurchases(_player_of(view), limit=50)},
            _draw_purchases,
            right=Right.PERSONAL_DATA,
            empty=mark("Nothing was bought."),
        ),
        Card(
            "player.devices",
            mark("Devices, systems and builds"),
            lambda view: {"devices": PlayerDevices(_player_of(view))},
            _draw_devices,
            right=Right.PERSONAL_DATA,
            empty=mark("No events."),
        ),
    ),
    right=Right.PERSONAL_DATA,
)


@get("/games/{game:str}/player", opt=needs(Right.PERSONAL_DATA))
async def player_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str] | Redirect:  # noqa: ARG001
    """One player."""
    view = await site.view(request, "player")
    player = view.own.get(_ID, "")[:_MAX_ID]
    if not player:
        return Redirect(view.url("players"), status_code=SEE_OTHER)
    drawn: Mapping[str, Drawn] = {}
    if view.is_inline:
        drawn = {card.name: await draw(site, request, card, view) for card in ONE_PLAYER.cards}
    waiting = await asyncio.to_thread(site.services.control.list_erasures, str(view.game.game_id))
    erasure = next((each for each in waiting if each.player_id == player), None)
    return await site.page(
        request,
        "players/player.html",
        page="players",
        view=view,
        report=ONE_PLAYER,
        drawn=drawn,
        player=player,
        erasure=erasure,
        erased_at=None if erasure is None else dt.datetime.fromtimestamp(erasure.due_at / 1_000_000, dt.UTC),
        may_erase=caller_of(request).may(Right.MANAGE, view.game.game_id),
        undo_hours=UNDO_HOURS,
        problem=request.query_params.get("problem", "") == "other",
    )


@get("/games/{game:str}/player/export", opt=needs(Right.PERSONAL_DATA))
async def export_player(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Stream:  # noqa: ARG001
    """Everything that is stored about a player, as a file of JSON."""
    here, player = game_of(request), request.query_params.get(_ID, "")[:_MAX_ID]
    services, gone = site.services, gone_when_disconnected(request.receive)
    export = await site.queries.run(
        lambda cancellation: begin_export(services, str(here.game_id), player, cancellation), gone
    )
    await site.record(request, Action.EXPORT, f"player/{player}")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{urllib.parse.quote(f'player-{player}.json', safe='')}"
    }
    return Stream(export_of(services, export, Cancellation()), headers=headers, media_type=MediaType.JSON)


@post("/games/{game:str}/player/erase", opt=needs(Right.MANAGE, is_sensitive=True))
async def erase_player(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Have a player erased; the id must be typed again."""
    form = await sent_form(site, request)
    reference, player = str(game_of(request).game_id), form.raw("player_id", _MAX_ID)
    back = f"/games/{reference}/player?{urllib.parse.urlencode({_ID: player})}"
    if form.text("confirm", _MAX_ID) != player.strip():
        return Redirect(f"{back}&problem=other", status_code=SEE_OTHER)
    gone = gone_when_disconnected(request.receive)
    await site.queries.run(lambda cancellation: check_player(site.services, reference, player, cancellation), gone)
    with suppress(AlreadyExists):  # it was sent twice
        await asyncio.to_thread(request_erasure, site.services, reference, player, UNDO_HOURS)
    return Redirect(back, status_code=SEE_OTHER)


@post("/games/{game:str}/player/keep", opt=needs(Right.MANAGE))
async def keep_player(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Redirect:  # noqa: ARG001
    """Undo an erasure that waits."""
    form = await sent_form(site, request)
    reference, player = str(game_of(request).game_id), form.raw("player_id", _MAX_ID)
    with suppress(NotFound):  # it was sent twice, or the erasure has begun: the page says which
        await asyncio.to_thread(site.services.control.undo_erasure, reference, player)
    return Redirect(f"/games/{reference}/player?{urllib.parse.urlencode({_ID: player})}", status_code=SEE_OTHER)


HANDLERS = (player_page, export_player, erase_player, keep_player)
