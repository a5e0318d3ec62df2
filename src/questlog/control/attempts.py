"""Slows down guessing: counts failed attempts by whoever makes them."""

import math
import threading
from collections import OrderedDict
from collections.abc import Callable

_MAX_REMEMBERED = 10_000


class FailedAttempts:
    """How often each source (a client address, an e-mail address) has failed lately. Safe to call from any thread.

    A source may fail `allowed` times in `window_s` seconds; counting starts anew after that. At most 10 000 sources are
    remembered, the longest unseen are forgotten first. `monotonic_s` tells seconds that no change of the clock touches.
    """

    def __init__(self, monotonic_s: Callable[[], float], allowed: int = 20, window_s: float = 60.0) -> None:
        self._monotonic_s = monotonic_s
        self._allowed = allowed
        self._window_s = window_s
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, source: str) -> int:
        """Whole seconds until `source` may try again; 0 when it may now."""
        with self._lock:
            started_s, failures = self._failures.get(source, (0.0, 0))
        left_s = started_s + self._window_s - self._monotonic_s()
        if failures < self._allowed or left_s <= 0:
            return 0
        return math.ceil(left_s)

    def add(self, source: str) -> None:
        """Count one failure of `source`."""
        now_s = self._monotonic_s()
        with self._lock:
            started_s, failures = self._failures.pop(source, (now_s, 0))
            if now_s - started_s >= self._window_s:
                started_s, failures = now_s, 0
            self._failures[source] = (started_s, failures + 1)
            if len(self._failures) > _MAX_REMEMBERED:
                self._failures.popitem(last=False)
