"""Bounds on what a stranger can make a collector hold or write."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from questlog.model.reasons import Reason, RequestRejected


class BodySource(Protocol):
    """A request's body: awaited whole, or read in pieces."""

    async def __call__(self) -> bytes:
        """The whole body."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Its pieces as they arrive."""
        ...


class BodyReader:
    """Reads bodies within a size, a time and a total over all requests in flight.

    `max_body_bytes` and `max_pending_bytes` count bytes on the wire. A body is refused before it is read where its
    Content-Length already says that it is too large.
    """

    def __init__(
        self, max_body_bytes: int, max_pending_bytes: int, timeout_s: float, now_s: Callable[[], float]
    ) -> None:
        self._max_body_bytes = max_body_bytes
        self._max_pending_bytes = max_pending_bytes
        self._timeout_s = timeout_s
        self._now_s = now_s
        self._pending_bytes = 0
        self._reading: dict[asyncio.Task[object], float] = {}
        self._timed_out: set[asyncio.Task[object]] = set()

    async def read(self, source: BodySource, content_length: str | None) -> bytes:
        """The whole body. Raises `RequestRejected`: BODY_TOO_LARGE, BODY_TIMEOUT, BODY_INCOMPLETE, OVERLOADED."""
        declared = self._declared(content_length)
        if declared == 0:
            return b""
        held = declared if declared is not None else 0
        if self._pending_bytes + held > self._max_pending_bytes:
            raise RequestRejected(Reason.OVERLOADED, "too many requests in flight")
        task = _this_task()
        self._pending_bytes += held
        self._reading[task] = self._now_s()
        try:
            if declared is None:
                return await self._read_pieces(source)
            body = await source()
        except asyncio.CancelledError:
            if task not in self._timed_out:
                raise
            task.uncancel()
            raise RequestRejected(Reason.BODY_TIMEOUT, "the body did not arrive in time") from None
        finally:
            self._pending_bytes -= held
            del self._reading[task]
            self._timed_out.discard(task)
        if len(body) != declared:
            raise RequestRejected(Reason.BODY_INCOMPLETE, "the body is shorter than its Content-Length")
        return body

    def end_slow_reads(self) -> None:
        """Give up on every body that has taken longer than the time limit; call this about once a second."""
        deadline = self._now_s() - self._timeout_s
        for task, started in list(self._reading.items()):
            if started < deadline and task not in self._timed_out:
                self._timed_out.add(task)
                task.cancel()

    def _declared(self, content_length: str | None) -> int | None:
        if content_length is None:
            return None
        declared = int(content_length)  # the HTTP server has refused anything but digits
        if declared > self._max_body_bytes:
            raise RequestRejected(Reason.BODY_TOO_LARGE, f"the body is larger than {self._max_body_bytes} bytes")
        return declared

    async def _read_pieces(self, source: BodySource) -> bytes:
        pieces: list[bytes] = []
        size = 0
        try:
            async for piece in source:
                size += len(piece)
                self._pending_bytes += len(piece)
                pieces.append(piece)
                if size > self._max_body_bytes:
                    raise RequestRejected(
                        Reason.BODY_TOO_LARGE, f"the body is larger than {self._max_body_bytes} bytes"
                    )
                if self._pending_bytes > self._max_pending_bytes:
                    raise RequestRejected(Reason.OVERLOADED, "too many requests in flight")
        finally:
            self._pending_bytes -= size
        return b"".join(pieces)


class MemoryBudget:
    """Bounds what requests hold in memory while they wait for the control database; `max_bytes` counts bodies."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Wait with a body of `size` bytes. Raises `RequestRejected(OVERLOADED)` when too much waits already."""
        if self._bytes + size > self._max_bytes:
            raise RequestRejected(Reason.OVERLOADED, "too many requests in flight")
        self._bytes += size
        try:
            yield
        finally:
            self._bytes -= size


def _this_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a body is read within a task")
    return task


class RateLimiter:
    """A token bucket per key: at most `burst` at once, refilled at `per_minute`. Holds a bounded number of keys."""

    def __init__(self, burst: int, per_minute: float, now_s: Callable[[], float], max_keys: int = 10_000) -> None:
        self._burst = burst
        self._per_second = per_minute / 60
        self._now_s = now_s
        self._max_keys = max_keys
        self._buckets: dict[int, tuple[float, float]] = {}

    def take(self, key: int) -> bool:
        """Whether one more is allowed for this key now."""
        now = self._now_s()
        left, since = self._buckets.get(key, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._per_second)
        if key not in self._buckets and len(self._buckets) >= self._max_keys:
            self._buckets.clear()
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        return allowed
