"""Stops questions: of whoever has gone away, and those that take too long."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, TypeAlias

from questlog.store.contract import Cancellation

Gone: TypeAlias = Callable[[], Awaitable[object]]
"""Returns when the asker has gone away."""


def gone_when_disconnected(receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> Gone:
    """Of an ASGI connection, by its `receive`. The request's body must have been read."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    return gone


@asynccontextmanager
async def stopped_when_gone(gone: Gone, cancellation: Cancellation) -> AsyncIterator[None]:
    """Cancel when the asker goes away inside."""

    async def watch() -> None:
        await gone()
        cancellation.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


class Deadline:
    """An asynchronous context: cancels what still goes on inside after `limit_s` seconds, the setting `setting`."""

    def __init__(self, cancellation: Cancellation, limit_s: float, setting: str) -> None:
        self._cancellation = cancellation
        self._limit_s = limit_s
        self._setting = setting
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> None:
        told = f"it took longer than {self._limit_s:g} s ({self._setting})"
        self._timer = asyncio.get_running_loop().call_later(self._limit_s, self._cancellation.cancel, told)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
