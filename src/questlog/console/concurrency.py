"""Bounds how many heavy questions run at once, and lets loading go before them."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio

_Answer = TypeVar("_Answer")

_NICENESS = 5
"""Where processors are short, a thread of the loader gets three times as much of one as a question's thread.

Not more: a question may hold the interpreter's lock, and then loading waits for it to get its turn.
"""


class TooBusy(Exception):
    """There is no place for a question now. Safe to show to the asker, who may come back in `retry_after_s`."""

    def __init__(
        self, message: str = "too many questions at once; try again in a moment", retry_after_s: int = 1
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ConcurrencyLimiter:
    """Runs heavy work in threads of its own, a few at a time. Loading goes before it.

    Whoever finds all places taken waits up to `wait_s` for one, with at most `max_waiting` others; everyone else is
    told to come back.
    """

    def __init__(self, places: int = 4, max_waiting: int = 64, wait_s: float = 5.0) -> None:
        self._places = places
        self._max_waiting = max_waiting
        self._wait_s = wait_s
        self._limiter: anyio.CapacityLimiter | None = None
        self._threads = ThreadPoolExecutor(places, "asking", initializer=_let_others_go_first)

    async def run(self, work: Callable[[], _Answer]) -> _Answer:
        """The result of `work`, called in a thread. Raises `TooBusy` when there is no place for it."""
        limiter = self._limiter_of_the_loop()
        if limiter.statistics().tasks_waiting >= self._max_waiting:
            raise TooBusy
        await self._take_place(limiter)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            limiter.release()

    async def _take_place(self, limiter: anyio.CapacityLimiter) -> None:
        try:
            with anyio.fail_after(self._wait_s):
                await limiter.acquire()
        except TimeoutError:
            raise TooBusy from None

    def _limiter_of_the_loop(self) -> anyio.CapacityLimiter:
        """Made late: it belongs to the running event loop."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._places)
        return self._limiter


def _let_others_go_first() -> None:
    """For the calling thread alone: on Linux, unlike POSIX, niceness is a thread's."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        # The system cuts what is above its range.
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS)
