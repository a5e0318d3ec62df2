"""Live events: every event as it arrives, and why it does not. For the integrator, beside the editor."""

import asyncio
import datetime as dt
import urllib.parse
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple

import msgspec
from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Stream

from questlog.console.access import Right, needs
from questlog.console.disconnects import gone_when_disconnected
from questlog.console.integration import Integration, Newest
from questlog.console.live import Arrivals, End, EventPlace, Message, Wanted
from questlog.console.remedies import Remedy, remedy
from questlog.control.audit_log import Action
from questlog.control.errors import ControlError
from questlog.store.named_reads import TEXTS, EventFilter
from questlog.web.guard import caller_of, game_of
from questlog.web.log_in import AnyRequest
from questlog.web.site import Site, ThisSite
from questlog.web.translations import mark
from questlog.web.view import View

_MEDIA_TYPE = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_RETRY_MS = 3_000
_MOST_SHOWN = 100
_MOST_TEXT = 300
_MOST_EXCLUDED = 20
STORED, REJECTED = "stored", "rejected"
STATUSES = {"": mark("All"), STORED: mark("Accepted"), REJECTED: mark("Rejected")}
FIELDS = {
    "event_id": mark("Event id"),
    "category": mark("Category"),
    "player_id": mark("Player"),
    "session_id": mark("Session"),
    "build": mark("Build"),
    "sdk_version": mark("SDK"),
    "source": mark("Source"),
    "reason": mark("Reason"),
}
EXCLUSIONS = {"not_event_id": mark("Without these event ids"), "not_category": mark("Without these categories")}
_HIDDEN = frozenset(
    {"place", "raw", "errors", "attributes", "writer", "segment", "record_offset", "record_index", "resend_key"}
    | {"is_complete", "rejected_no", "game_id", "row_no", "batch_no", "player_no", "session_no", "event_no"}
)
_errors = msgspec.json.Decoder(list[dict[str, str]])


class Fault(NamedTuple):
    """What is wrong with a field: its name ("" for the event), the rule that it breaks, what was sent, what to do."""

    field: str
    error_type: str
    value: str | None
    remedy: Remedy


class Shown(NamedTuple):
    """An event in the list. `event_url` leads to it as it was sent; `fields` are its columns with a value."""

    is_rejected: bool
    received_at: dt.datetime
    name: str
    category: str
    value: str
    player_id: str | None
    session_id: str | None
    build: str | None
    sdk_version: str | None
    source: str
    reason: str
    detail: str
    faults: Sequence[Fault]
    json: str
    event_url: str | None
    fields: Mapping[str, str]


@get("/games/{game:str}/live", opt=needs(Right.PERSONAL_DATA))
async def live_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:
    """The newest events, then those that arrive."""
    view = await site.view(request, "live")
    wanted = wanted_of(view)
    await site.record(request, Action.READ, "live")
    gone = gone_when_disconnected(request.receive)
    newest = await site.queries.run(
        lambda cancellation: Integration(site.services).newest(game, wanted, _MOST_SHOWN, cancellation), gone
    )
    rows = [shown(view, one) for one in newest]
    return await site.page(
        request,
        "live/page.html",
        page="live",
        view=view,
        rows=rows,
        statuses=STATUSES,
        fields=FIELDS,
        exclusions=EXCLUSIONS,
        stream_url=f"/games/{view.game.game_id}/live/stream?{urllib.parse.urlencode(view.own)}",
        most_shown=_MOST_SHOWN,
        here=_here(request),
        is_filtered=any(view.own.get(name) for name in (*FIELDS, *EXCLUSIONS, "status")),
    )


@get("/games/{game:str}/live/stream", opt=needs(Right.PERSONAL_DATA), media_type=_MEDIA_TYPE)
async def live_stream(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Stream:  # noqa: ARG001 - of the guard
    """What arrives, as rows of the page."""
    view = await site.view(request, "live")
    game_id = game_of(request).game_id

    async def may_still() -> bool:
        login = await asyncio.to_thread(site.logins.find, request)
        try:
            await asyncio.to_thread(site.services.control.find_game, str(game_id))
        except ControlError:
            return False
        return login is not None and login.caller.may(Right.PERSONAL_DATA, game_id)

    watcher = site.services.live.watch(game_id, wanted_of(view), caller_of(request).who)
    messages = site.services.live.messages(watcher, may_still)
    return Stream(_lines(site, request, view, messages), media_type=_MEDIA_TYPE, headers=_HEADERS)


@get("/games/{game:str}/live/event", opt=needs(Right.PERSONAL_DATA))
async def event_page(site: ThisSite, request: AnyRequest, game: FromPath[str]) -> Response[str]:
    """One event: as it was sent, and as it is stored."""
    view = await site.view(request, "live")
    await site.record(request, Action.READ, f"event {view.own.get('at', '')[:100]}")
    try:
        place = EventPlace.parse(view.own.get("at", ""))
    except ValueError as error:
        raise NotFoundException(detail=str(error)) from None
    gone = gone_when_disconnected(request.receive)
    found = await site.queries.run(
        lambda cancellation: Integration(site.services).event_at(game, place, cancellation), gone
    )
    row = found.row.to_pylist()[0] if found is not None else None
    return await site.page(
        request,
        "live/event.html",
        page="live",
        view=view,
        event=None if row is None else shown(view, Newest(False, row)),
        fields={} if row is None else fields_of(row),
        raw=None if found is None or found.raw is None else pretty(found.raw),
    )


def wanted_of(view: View) -> Wanted:
    """Which events the address asks for."""
    texts = {name: view.own[name].strip()[:_MOST_TEXT] or None for name in TEXTS if name in view.own}
    which = EventFilter(not_category=_texts(view, "not_category"), not_event_id=_texts(view, "not_event_id"))
    status = view.own.get("status", "")
    return Wanted(msgspec.structs.replace(which, **texts), status != REJECTED, status != STORED)


def _texts(view: View, name: str) -> tuple[str, ...]:
    parts = map(str.strip, view.own.get(name, "")[:_MOST_TEXT].split(","))
    return tuple(part for part in parts if part)[:_MOST_EXCLUDED]


def shown(view: View, one: Newest) -> Shown:
    """An event as the list shows it."""
    row = one.row
    value = row.get("value") if row.get("value") is not None else row.get("value_text")
    return Shown(
        is_rejected=one.is_rejected,
        received_at=row["received_at"],
        name=row.get("event_id") or "",
        category=row.get("category") or "",
        value="" if value is None else f"{value:g}" if isinstance(value, float) else str(value),
        player_id=row.get("player_id"),
        session_id=row.get("session_id"),
        build=row.get("build"),
        sdk_version=row.get("sdk_version"),
        source=row["source"],
        reason=row.get("reason") or "",
        detail=row.get("detail") or "",
        faults=_faults(row) if one.is_rejected else (),
        json=pretty(row.get("raw") or row.get("attributes") or ""),
        event_url=None if one.is_rejected else _event_url(view, row),
        fields={name: text for name, text in fields_of(row).items() if name not in _HIDDEN},
    )


def fields_of(row: Mapping[str, Any]) -> Mapping[str, str]:
    """A row's columns with a value, as text; times in UTC."""
    return {
        name: f"{value.isoformat()}Z" if isinstance(value, dt.datetime) else str(value)
        for name, value in row.items()
        if value is not None
    }


def pretty(text: str) -> str:
    """JSON with line breaks; another text as it is."""
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return text


def _faults(row: Mapping[str, Any]) -> Sequence[Fault]:
    def fault(error_type: str | None, field: str) -> Fault:
        known = remedy(row["source"], row.get("sdk_version"), row["reason"], error_type, field, row.get("category"))
        return Fault(field, error_type or row["reason"], _sent(row["raw"], field), known)

    if not row.get("errors"):
        return [fault(None, "")]
    return [fault(each["error_type"], each["path"].removeprefix("/")) for each in _errors.decode(row["errors"])]


def _sent(raw: str, field: str) -> str | None:
    if not field:
        return None
    try:
        value = msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).get(field)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return None if value is None else bytes(value).decode()[:_MOST_TEXT]


def _here(request: AnyRequest) -> str:
    """The address of this site as the browser knows it, also behind a proxy."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    return f"{'https' if scheme == 'https' else 'http'}://{request.headers.get('host', '')}"


def _event_url(view: View, row: Mapping[str, Any]) -> str:
    stored = ("writer", "segment", "record_offset", "record_index")
    place = row.get("place") or str(EventPlace(*(row[name] for name in stored)))
    return f"/games/{view.game.game_id}/live/event?at={place}"


async def _lines(
    site: Site, request: AnyRequest, view: View, messages: AsyncGenerator[Message, None]
) -> AsyncIterator[bytes]:
    """The messages as HTML's text/event-stream, as `frontend/src/frame/live.ts` takes them."""
    yield b"retry: %d\n\n" % _RETRY_MS
    async with aclosing(messages):
        async for message in messages:
            match message:
                case Arrivals():
                    html = await asyncio.to_thread(_rows, site, request, view, message)
                    yield _event("rows", html)
                    if message.passed_over:
                        yield _event("more", str(message.passed_over))
                case End():
                    yield _event("end", message.reason)
                case _:
                    yield b": nothing new\n\n"


def _rows(site: Site, request: AnyRequest, view: View, arrivals: Arrivals) -> str:
    """The newest of both kinds, newest first."""
    found = [Newest(False, row) for row in arrivals.accepted.to_pylist()]
    found += [Newest(True, row) for row in arrivals.rejected.to_pylist()]
    found.sort(key=lambda one: one.row["received_at"], reverse=True)
    rows = [shown(view, one) for one in found[:_MOST_SHOWN]]
    return site.render(request, "live/rows.html", view=view, rows=rows)


def _event(name: str, text: str) -> bytes:
    data = "".join(f"data: {line}\n" for line in text.split("\n"))
    return f"event: {name}\n{data}\n".encode()


HANDLERS = (live_page, live_stream, event_page)
