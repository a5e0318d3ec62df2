"""When an event happened (metrics.md §1), for one sender: `loader.times` says the same of many at once."""

from collections.abc import Iterable

MOST_AHEAD_US = 10 * 60 * 1_000_000
"""A client's time that is further ahead of its receipt comes from a wrong clock."""

DEFAULT_EARLIEST_US = 1_262_304_000 * 1_000_000
"""2010-01-01. A client's time before it says nothing: zero, 1970 and the year 1 are sent where no time is known."""


def first_time(client_times: Iterable[int | None], received_at: int, earliest_us: int) -> int:
    """When the first of one sender's events in one request happened, at the latest at `received_at`; all in UTC µs."""
    sent = [time for time in client_times if time is not None and time >= earliest_us]
    ahead = [time for time in sent if time > received_at + MOST_AHEAD_US]
    back_us = max(ahead, default=0) - received_at
    moved = [time - back_us for time in ahead if time - back_us >= earliest_us]
    return min((*sent, *moved, received_at))
