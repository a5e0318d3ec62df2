"""`/api/v1/games/{game}/live`: events as they arrive, as server-sent events."""

import asyncio
import enum
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from questlog.api.authentication import caller_of
from questlog.api.errors import AnyRequest, ApiError
from questlog.api.events import FILTER_TEXT, FILTER_TEXTS, event_rows, texts_of
from questlog.api.games import Services
from questlog.api.metrics import Check
from questlog.console.access import Right, needs
from questlog.console.live import Arrivals, End, Message, Wanted
from questlog.control.errors import ControlError
from questlog.store.named_reads import EventFilter

_MEDIA_TYPE = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second is for nginx
_RETRY_MS = 3_000


class LiveStatus(enum.StrEnum):
    """How the events ended that are shown."""

    STORED = "stored"
    REJECTED = "rejected"


_encoder = msgspec.json.Encoder(decimal_format="number")


@get("/games/{game:str}/live", media_type=_MEDIA_TYPE, opt=needs(Right.PERSONAL_DATA))
async def watch_events(  # noqa: PLR0913, PLR0917 - each is a parameter of the route
    services: Services,
    check: Check,
    request: AnyRequest,
    game: FromPath[str],
    status: FromQuery[LiveStatus | None] = None,
    category: Annotated[str | None, QueryParameter(name="category", description=FILTER_TEXT)] = None,
    event_id: Annotated[str | None, QueryParameter(name="event_id", description=FILTER_TEXT)] = None,
    player_id: Annotated[str | None, QueryParameter(name="player_id", description=FILTER_TEXT)] = None,
    session_id: Annotated[str | None, QueryParameter(name="session_id", description=FILTER_TEXT)] = None,
    build: Annotated[str | None, QueryParameter(name="build", description=FILTER_TEXT)] = None,
    sdk_version: Annotated[str | None, QueryParameter(name="sdk_version", description=FILTER_TEXT)] = None,
    source: Annotated[str | None, QueryParameter(name="source", description=FILTER_TEXT)] = None,
    reason: Annotated[
        str | None, QueryParameter(name="reason", description=f"Of rejected events. {FILTER_TEXT}")
    ] = None,
    not_category: Annotated[str | None, QueryParameter(name="not_category", description=FILTER_TEXTS)] = None,
    not_event_id: Annotated[str | None, QueryParameter(name="not_event_id", description=FILTER_TEXTS)] = None,
) -> Stream:
    """Events of a game as they are stored or rejected, as server-sent events; all of them or those that match.

    `event: events` carries `{"accepted": [...], "rejected": [...], "passed_over": 0}`: rows as of `GET …/events`,
    without empty fields, and how many more events came than are shown. An accepted event may be a duplicate. A comment
    every 10 s says that the connection is open. `event: end` carries a `reason`, and is the last.
    """
    game_id = (await asyncio.to_thread(services.control.find_game, game)).game_id

    async def may_still() -> bool:
        try:
            caller = await check.caller_of(request)
            await asyncio.to_thread(services.control.find_game, str(game_id))
        except (ApiError, ControlError):
            return False
        return caller.may(Right.PERSONAL_DATA, game_id)

    which = EventFilter(
        category=category,
        event_id=event_id,
        player_id=player_id,
        session_id=session_id,
        build=build,
        sdk_version=sdk_version,
        source=source,
        reason=reason,
        not_category=texts_of("not_category", not_category),
        not_event_id=texts_of("not_event_id", not_event_id),
    )
    wanted = Wanted(which, status is not LiveStatus.REJECTED, status is not LiveStatus.STORED)
    watcher = services.live.watch(game_id, wanted, caller_of(request).who)
    messages = services.live.messages(watcher, may_still)
    return Stream(_lines(messages), media_type=_MEDIA_TYPE, headers=_HEADERS)


async def _lines(messages: AsyncGenerator[Message, None]) -> AsyncIterator[bytes]:
    """The messages as HTML's text/event-stream; the first line tells browsers when to come back."""
    yield b"retry: %d\n\n" % _RETRY_MS
    async with aclosing(messages):
        async for message in messages:
            yield _written(message)


def _written(message: Message) -> bytes:
    if isinstance(message, Arrivals):
        return _event("events", _arrivals(message))
    if isinstance(message, End):
        return _event("end", {"reason": message.reason})
    return b": nothing new\n\n"


def _event(name: str, data: object) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), _encoder.encode(data))


def _arrivals(arrivals: Arrivals) -> dict[str, object]:
    return {
        "accepted": [_without_empty(row) for row in event_rows(arrivals.accepted)],
        "rejected": [_without_empty(row) for row in event_rows(arrivals.rejected)],
        "passed_over": arrivals.passed_over,
    }


def _without_empty(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if value is not None}
