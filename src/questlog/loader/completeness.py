"""Up to which time everything acknowledged is loaded: what an answer can promise to know."""

from collections.abc import Mapping
from typing import NamedTuple

from questlog.model.record import Position


class _Goal(NamedTuple):
    """What was durable and not loaded at a time: where it ends, by writer."""

    at_us: int
    ends: Mapping[int, Position]


class Completeness:
    """Follows the positions of the loader. For one thread.

    A record is on disk before it is acknowledged. So once everything is loaded that was on disk at some time, nothing
    acknowledged before that time is missing: whatever comes later was acknowledged later.
    """

    def __init__(self) -> None:
        self._goal: _Goal | None = None
        self._through_us: int | None = None

    def note(self, now_us: int, unread: Mapping[int, Position], committed: Mapping[int, Position]) -> int | None:
        """What is known now, in UTC microseconds; None before everything was loaded for the first time.

        `unread` is what `JournalReader.unread` says of the `committed` positions, asked for at `now_us` or later.
        """
        if self._goal is not None and _is_reached(self._goal, unread, committed):
            self._through_us = self._goal.at_us
            self._goal = None
        if not unread:
            self._through_us = now_us
            self._goal = None
        elif self._goal is None:
            self._goal = _Goal(now_us, unread)
        return self._through_us


def _is_reached(goal: _Goal, unread: Mapping[int, Position], committed: Mapping[int, Position]) -> bool:
    return all(writer not in unread or committed.get(writer, _START) >= end for writer, end in goal.ends.items())


_START = Position(-1, 0, 0)
