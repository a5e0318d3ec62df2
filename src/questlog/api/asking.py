"""Asks for one HTTP request: in the form that it wants, with an `ETag`, as long as its connection is there."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

import msgspec
from litestar import Response
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from litestar.response import Stream

from questlog.analytics.engine.analysis import Freshness
from questlog.api.accept import accepted_format
from questlog.api.authentication import Access, ThisAccess, encoded
from questlog.api.errors import AnyRequest
from questlog.api.origin_headers import origin_headers
from questlog.console.answer_cache import Rendering
from questlog.console.answer_formats import write_answer
from questlog.console.disconnects import gone_when_disconnected
from questlog.console.queries import GameQuestion, QueryService, Reply
from questlog.console.response_formats import EXPORTS, MEDIA_TYPES, ResponseFormat
from questlog.control.audit_log import Action
from questlog.store.contract import Cancellation

Answered = Response[bytes] | Stream
Queries = NamedDependency[SkipValidation[QueryService]]
_T = TypeVar("_T")

_OPAQUE_TAG = re.compile(r'"([^"]*)"')


class RequestQueries:
    """Asks what one request wants to know."""

    def __init__(self, queries: QueryService, request: AnyRequest, access: Access) -> None:
        self._queries = queries
        self._access = access
        self._request = request
        self._gone = gone_when_disconnected(request.receive)

    async def answer(
        self, game: str, question: msgspec.Struct, form: ResponseFormat | None, freshness: Freshness = Freshness.DAY
    ) -> Answered:
        """The answer to a question about a game, by its number, game key or name.

        `form` wins over the Accept header; `freshness` is that of the analysis. Raises `ApiError`, `ControlError`,
        `InvalidQuery`, `QueryAborted`, `TooBusy`.
        """
        headers = self._request.headers
        form = form or accepted_format(headers.get("accept", ""))
        seen = ",".join(headers.getall("if-none-match", []))
        rendering = Rendering(form, lambda answer: write_answer(answer, form))
        if form in EXPORTS:
            await self._access.record(Action.EXPORT, f"{form} of {type(question).__name__} {encoded(question)}")
        asked = GameQuestion(game, question, freshness)
        reply = await self._queries.reply(asked, rendering, self._gone, lambda tag: _is_seen(tag, seen))
        return _response(reply, form)

    async def run(self, work: Callable[[Cancellation], _T]) -> _T:
        """The result of `work`, in a thread: cancelled when its time is over, or when the asker goes away.

        Raises `QueryAborted` where it was, `TooBusy`, and what `work` raises.
        """
        return await self._queries.run(work, self._gone)


def provide_asker(queries: Queries, request: AnyRequest, access: ThisAccess) -> RequestQueries:
    """Litestar's way to give a handler what it needs."""
    return RequestQueries(queries, request, access)


def _response(reply: Reply, form: ResponseFormat) -> Answered:
    # A weak tag (RFC 9110 §8.8.1): the same answer, computed again, says another `as_of` and `took_ms`.
    headers = {"ETag": f'W/"{reply.tag}"', "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
    if reply.written is None:
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers, media_type=MEDIA_TYPES[form])
    headers |= origin_headers(reply.written.answer)
    if isinstance(reply.written.content, bytes):
        return Response(reply.written.content, headers=headers, media_type=MEDIA_TYPES[form])
    return Stream(reply.written.content, headers=headers, media_type=MEDIA_TYPES[form])


def _is_seen(tag: str, if_none_match: str) -> bool:
    """The weak comparison of RFC 9110 §13.1.2. `*` names no answer: who sends it may have none."""
    return tag in _OPAQUE_TAG.findall(if_none_match)
