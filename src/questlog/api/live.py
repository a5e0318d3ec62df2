"""`/api/v1/games/{game}/live`: events as they arrive, as server-sent events."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import msgspec
from litestar import get
from litestar.params import FromPath
from litestar.response import Stream

from questlog.api.errors import AnyRequest, ApiError
from questlog.api.events import event_rows
from questlog.api.games import Services
from questlog.api.metrics import Check
from questlog.console.access import Right, needs
from questlog.console.live import Arrivals, End, Message
from questlog.control.errors import ControlError

_MEDIA_TYPE = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second is for nginx
_RETRY_MS = 3_000
_encoder = msgspec.json.Encoder(decimal_format="number")


@get("/games/{game:str}/live", media_type=_MEDIA_TYPE, opt=needs(Right.PERSONAL_DATA))
async def watch_events(services: Services, check: Check, request: AnyRequest, game: FromPath[str]) -> Stream:
    """Events of a game as they are stored or rejected, as server-sent events.

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

    watcher = services.live.watch(game_id)
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
