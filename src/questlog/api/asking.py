"""Asks a question and answers it over HTTP: in the form that is asked for, with an `ETag`, and not for nobody."""

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import TypeVar

import msgspec
from litestar import Response
from litestar.response import Stream

from questlog.analytics.engine.analysis import Freshness
from questlog.api.answer_cache import Cache, Written
from questlog.api.concurrency import Gate
from questlog.api.disconnects import Deadline, stopped_when_gone
from questlog.api.errors import AnyRequest, ApiError
from questlog.api.games import Services
from questlog.api.response_formats import MEDIA_TYPES, ResponseFormat, accepted_form
from questlog.api.services import ConsoleServices
from questlog.model.calendar import UTC, Zone
from questlog.store.contract import Cancellation, QueryAborted

Answered = Response[bytes] | Stream
_T = TypeVar("_T")

# Another version of this program, or other settings, may give other answers.
_STARTED = secrets.token_hex(8)
_MINUTE_US = 60_000_000


class _Made(msgspec.Struct):
    """An answer and its tag; `written` is None where the asker has it already."""

    tag: str
    written: Written | None


class QueryService:
    """Asks what one request wants to know."""

    def __init__(self, services: ConsoleServices, gate: Gate, cache: Cache, request: AnyRequest) -> None:
        self._services = services
        self._gate = gate
        self._cache = cache
        self._request = request

    async def answer(
        self, game: str, question: msgspec.Struct, form: ResponseFormat | None, freshness: Freshness = Freshness.DAY
    ) -> Answered:
        """The answer to a question about a game, by its number, game key or name.

        `form` wins over the Accept header; `freshness` is that of the analysis. Raises `ApiError`, `ControlError`,
        `InvalidQuery`.
        """
        headers = self._request.headers
        form = form or accepted_form(headers.get("accept", ""))
        seen = headers.get("if-none-match", "")

        def make(cancellation: Cancellation) -> _Made:
            game_id = self._services.control.find_game(game).game_id
            tag = self._tag(game_id, question, form, freshness)
            if _is_seen(tag, seen):
                return _Made(tag, None)
            ask = self._services.analytics.ask
            made = self._cache.written(tag, form, cancellation, lambda: ask(game_id, question, cancellation))
            return _Made(tag, made)

        return _response(await self.run(make), form)

    async def run(self, work: Callable[[Cancellation], _T]) -> _T:
        """The result of `work`, in a thread: cancelled when its time is over, or when the asker goes away.

        Raises `ApiError` where it was, and what `work` raises.
        """
        cancellation = Cancellation()
        deadline = Deadline(cancellation, self._services.limits.question_timeout_s)
        try:
            async with stopped_when_gone(self._request.receive, cancellation), deadline:
                return await self._gate.run(lambda: work(cancellation))
        except QueryAborted as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, "query_aborted", str(error)) from None

    def _tag(self, game_id: int, question: msgspec.Struct, form: ResponseFormat, freshness: Freshness) -> str:
        """Another one whenever the answer could be another one. Asked for before the answer: it is never too new."""
        state, now_us = self._services.analytics.state(game_id), self._services.clock.now_us()
        made_of = (
            _STARTED,
            state.data_version,
            state.zone.name,
            self._services.control.version(),
            now_us // _MINUTE_US if freshness is Freshness.MINUTE else _days(state.zone, question, now_us),
            game_id,
            form,
            type(question).__name__,
            question,
        )
        return f'"{hashlib.sha256(msgspec.json.encode(made_of)).hexdigest()[:32]}"'


def _days(zone: Zone, question: msgspec.Struct, now_us: int) -> Sequence[dt.date]:
    """The days whose end changes the answer: the game's, and the one of UTC where the question asks for its days."""
    asks_utc = getattr(question, "time_zone", None) == UTC.name
    return [zone.day_of(now_us), *([UTC.day_of(now_us)] if asks_utc else [])]


def provide_asker(services: Services, gate: Gate, cache: Cache, request: AnyRequest) -> QueryService:
    """Litestar's way to give a handler what it needs."""
    return QueryService(services, gate, cache, request)


def _response(made: _Made, form: ResponseFormat) -> Answered:
    headers = {"ETag": made.tag, "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
    if made.written is None:
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers, media_type=MEDIA_TYPES[form])
    headers |= made.written.headers
    if isinstance(made.written.content, bytes):
        return Response(made.written.content, headers=headers, media_type=MEDIA_TYPES[form])
    return Stream(made.written.content, headers=headers, media_type=MEDIA_TYPES[form])


def _is_seen(tag: str, if_none_match: str) -> bool:
    """The weak comparison of RFC 9110 §13.1.2."""
    return any(each.strip().removeprefix("W/") in (tag, "*") for each in if_none_match.split(","))
