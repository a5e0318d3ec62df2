"""Compresses answers for clients that accept it: gzip, or zstd for those that prefer it.

Pages are left alone: they hold form tokens beside what came with the request, which compression can give away (BREACH).
So are formats that are compressed already, and answers too small to gain by it.
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Protocol

import pyarrow as pa
from isal import isal_zlib
from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseBodyEvent, HTTPResponseStartEvent, Message, Receive, Scope, Send

LEAST_BYTES = 1_024
"""Smaller answers are sent as they are."""

_IN_A_THREAD_BYTES = 65_536  # more than that would hold up other requests for a millisecond or longer
_GZIP_LEVEL = 1  # of 0 to 3: those above make JSON no smaller
_GZIP_FRAME = 31  # zlib's number for a gzip header and trailer, and a window of 32 KiB
_COMPRESSIBLE = (
    "application/json",
    "application/vnd.apache.arrow.stream",
    "application/vnd.oai.openapi",
    "image/svg+xml",
    "text/css",
    "text/csv",
    "text/javascript",
    "text/plain",
)


class Compressor(Protocol):
    """One body in one coding; called from one thread at a time."""

    def compress(self, data: bytes) -> bytes:
        """What there is to send by now, perhaps nothing."""
        ...

    def flush(self) -> bytes:
        """The rest."""
        ...


class _Sink:
    """What Arrow writes into: a file as far as it needs one."""

    def __init__(self) -> None:
        self.closed = False
        self._made: list[bytes] = []

    def write(self, made: bytes) -> int:
        """Take a part."""
        self._made.append(bytes(made))
        return len(made)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """No more parts come."""
        self.closed = True

    def take(self) -> bytes:
        """What was written since it was last asked."""
        made, self._made = b"".join(self._made), []
        return made


class _Zstd:
    """Arrow's, at its level 1."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._stream = pa.CompressedOutputStream(pa.PythonFile(self._sink, "w"), "zstd")

    def compress(self, data: bytes) -> bytes:
        self._stream.write(data)
        return self._sink.take()

    def flush(self) -> bytes:
        self._stream.close()
        return self._sink.take()


def _gzip() -> Compressor:
    compressor: Compressor = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_FRAME)
    return compressor


_CODINGS: Mapping[str, Callable[[], Compressor]] = {"gzip": _gzip, "zstd": _Zstd}
"""What we can do, the best first: ISA-L's gzip takes 0.4 of the time of zstd, and makes JSON 5 % larger than it."""


def accepted_coding(accept_encoding: str) -> str | None:
    """The coding to use for this Accept-Encoding header (RFC 9110 §12.5.3); None for none of ours."""
    qualities: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        name, _, parameter = part.partition(";")
        qualities[name.strip()] = _quality(parameter.strip())
    others = qualities.get("*", 0.0)
    found = {name: qualities.get(name, others) for name in _CODINGS}
    best = max(found, key=lambda name: found[name])
    return best if found[best] > 0 else None


def _quality(parameter: str) -> float:
    if not parameter:
        return 1.0
    try:
        return float(parameter.removeprefix("q="))
    except ValueError:
        return 0.0


def compressing(app: ASGIApp) -> ASGIApp:
    """The middleware."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        coding = accepted_coding(Headers.from_scope(scope).get("accept-encoding", ""))
        await app(scope, receive, _Answer(send, coding).send)

    return answer


class _Answer:
    """One answer: its start is held back until it is known whether there is enough to compress."""

    def __init__(self, send: Send, coding: str | None) -> None:
        self._send = send
        self._coding = coding
        self._start: HTTPResponseStartEvent | None = None
        self._held = b""
        self._compressor: Compressor | None = None

    async def send(self, message: Message) -> None:
        """ASGI's `send`."""
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] == "http.response.body" and (self._start is not None or self._compressor is not None):
            await self._continue(message)
        else:
            await self._send(message)

    async def _begin(self, start: HTTPResponseStartEvent) -> None:
        headers = MutableScopeHeaders.from_message(start)
        is_ours = headers.get("content-type", "").startswith(_COMPRESSIBLE) and "content-encoding" not in headers
        if is_ours or start["status"] == HTTPStatus.NOT_MODIFIED:
            headers.extend_header_value("vary", "Accept-Encoding")
        if is_ours and self._coding is not None:
            self._start = start
        else:
            await self._send(start)

    async def _continue(self, message: HTTPResponseBodyEvent) -> None:
        body, has_more = self._held + message["body"], message["more_body"]
        self._held = b""
        if self._compressor is None:
            if len(body) < LEAST_BYTES and has_more:
                self._held = body
                return
            if len(body) < LEAST_BYTES:
                await self._send_as_it_is(body)
                return
            await self._send_start()
        await self._send_compressed(body, has_more)

    async def _send_as_it_is(self, body: bytes) -> None:
        start, self._start = self._start, None
        if start is not None:
            await self._send(start)
        await self._send(_body(body, has_more=False))

    async def _send_start(self) -> None:
        start, self._start = self._start, None
        if start is None or self._coding is None:  # pragma: no cover
            return
        headers = MutableScopeHeaders.from_message(start)
        headers["content-encoding"] = self._coding
        if "content-length" in headers:
            del headers["content-length"]
        tag = headers.get("etag")
        if tag is not None and not tag.startswith("W/"):
            headers["etag"] = f"W/{tag}"  # the same answer, but not the same bytes (RFC 9110 §8.8.1)
        self._compressor = _CODINGS[self._coding]()
        await self._send(start)

    async def _send_compressed(self, body: bytes, has_more: bool) -> None:
        if len(body) > _IN_A_THREAD_BYTES:
            made = await asyncio.to_thread(self._compressed, body, has_more)
        else:
            made = self._compressed(body, has_more)
        if made or not has_more:
            await self._send(_body(made, has_more))

    def _compressed(self, body: bytes, has_more: bool) -> bytes:
        compressor = self._compressor
        if compressor is None:  # pragma: no cover
            return body
        made = compressor.compress(body)
        return made if has_more else made + compressor.flush()


def _body(body: bytes, has_more: bool) -> HTTPResponseBodyEvent:
    return {"type": "http.response.body", "body": body, "more_body": has_more}
