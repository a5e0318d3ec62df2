"""How long the console port takes to answer, by route and status."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from questlog.model.histogram import Histogram, HistogramCounts

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LEFT = 499  # nginx' number for an asker that went away before there was an answer


class Answered(NamedTuple):
    """A kind of answer; `route` is the path with the names of its parameters."""

    method: str
    route: str
    status: int


class RequestTimes:
    """Counts all answers of this process, in its event loop."""

    def __init__(self, monotonic_s: Callable[[], float] = time.perf_counter) -> None:
        self._monotonic_s = monotonic_s
        self._histograms: dict[Answered, Histogram] = {}

    def counts(self) -> Mapping[Answered, HistogramCounts]:
        """All so far, in seconds from the request's start to the last byte of its answer. From any thread."""
        return {answered: histogram.counts() for answered, histogram in sorted(self._histograms.items())}

    def timing(self, app: ASGIApp) -> ASGIApp:
        """The middleware."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP:
                await app(scope, receive, send)
                return
            status, began = _LEFT, self._monotonic_s()

            async def noting(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, noting)
            finally:
                answered = Answered(scope["method"], scope.get("path_template", ""), status)
                self._histogram(answered).observe(self._monotonic_s() - began)

        return answer

    def _histogram(self, answered: Answered) -> Histogram:
        found = self._histograms.get(answered)
        if found is None:
            found = self._histograms[answered] = Histogram(BOUNDS_S)
        return found
