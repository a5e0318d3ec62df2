"""Slows down guessing: counts failed attempts by whoever makes them."""

import threading
from collections import OrderedDict

from questlog.model.clock import Clock

_MAX_REMEMBERED = 10_000


class FailedAttempts:
    """How often each source (a client address, an e-mail address) has failed lately. Safe to call from any thread.

    A source may fail `allowed` times in `window_s` seconds; counting starts anew after that. At most 10 000 sources are
    remembered, the longest unseen are forgotten first.
    """

    def __init__(self, clock: Clock, allowed: int = 20, window_s: float = 60.0) -> None:
        self._clock = clock
        self._allowed = allowed
        self._window_us = int(window_s * 1_000_000)
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, source: str) -> int:
        """Whole seconds until `source` may try again; 0 when it may now."""
        with self._lock:
            started_us, failures = self._failures.get(source, (0, 0))
        left_us = started_us + self._window_us - self._clock.now_us()
        if failures < self._allowed or left_us <= 0:
            return 0
        return -(-left_us // 1_000_000)

    def add(self, source: str) -> None:
        """Count one failure of `source`."""
        now_us = self._clock.now_us()
        with self._lock:
            started_us, failures = self._failures.pop(source, (now_us, 0))
            if now_us - started_us >= self._window_us:
                started_us, failures = now_us, 0
            self._failures[source] = (started_us, failures + 1)
            if len(self._failures) > _MAX_REMEMBERED:
                self._failures.popitem(last=False)
