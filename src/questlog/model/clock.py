"""The one place that asks for the time."""

import time
from typing import Protocol


class Clock(Protocol):
    """A source of the current time."""

    def now_us(self) -> int:
        """UTC microseconds since 1970."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """UTC microseconds since 1970."""
        return time.time_ns() // 1000
