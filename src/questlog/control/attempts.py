"""Slows down guessing: counts failed attempts by where they come from, the same for all processes."""

import math
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, case, delete, or_, select, update

from questlog.control.connections import insert
from questlog.control.part import Part
from questlog.control.tables import attempts

_SECOND_US = 1_000_000


class Source(msgspec.Struct, frozen=True):
    """Where attempts come from: `allowed` may fail in `window_s` seconds, counting starts anew after that."""

    name: str
    allowed: int
    window_s: int = 60


class _Full(Exception):
    """No more attempts may be made at a source now."""


class Attempts(Part):
    """Attempts to log in, counted before they are tried: many at once get no further than one after another."""

    def begin_attempt(self, sources: Sequence[Source]) -> int:
        """Count an attempt at all of the sources; 0 when it may be tried.

        Else the whole seconds to wait, and nothing is counted. Raises `ControlUnavailable`.
        """
        now_us = self._clock.now_us()
        is_new = False
        try:
            with self._connections.write() as connection:
                # In the order of their names: two transactions that wait for each other's rows would never end.
                for source in sorted(sources, key=lambda each: each.name):
                    is_new = _count(connection, source, now_us) == 1 or is_new
        except _Full:
            return max(1, *(self.wait_s(source) for source in sources))
        if is_new:
            self._forget_old(now_us)
        return 0

    def take_back(self, sources: Sequence[Source]) -> None:
        """Uncount one attempt, which has succeeded, at these sources. Raises `ControlUnavailable`."""
        with self._connections.write() as connection:
            for source in sorted(sources, key=lambda each: each.name):
                is_it = (attempts.c.source == source.name, attempts.c.failures > 0)
                connection.execute(update(attempts).where(*is_it).values(failures=attempts.c.failures - 1))

    def wait_s(self, source: Source) -> int:
        """Whole seconds until an attempt may be made at a source; 0 when it may now."""
        now_us = self._clock.now_us()
        failures, ends_at = self._state(source, now_us)
        return 0 if failures < source.allowed else math.ceil((ends_at - now_us) / _SECOND_US)

    def failures_at(self, source: Source) -> int:
        """How many attempts are counted at a source now."""
        return self._state(source, self._clock.now_us())[0]

    def _state(self, source: Source, now_us: int) -> tuple[int, int]:
        with self._connections.read() as connection:
            row = connection.execute(select(attempts).where(attempts.c.source == source.name)).first()
        if row is None or not now_us < row.ends_at <= now_us + source.window_s * _SECOND_US:
            return 0, now_us
        return row.failures, row.ends_at

    def _forget_old(self, now_us: int) -> None:
        # A transaction of its own, and no waiting for rows of others: it cannot be part of a deadlock.
        old = select(attempts.c.source).where(attempts.c.ends_at <= now_us).with_for_update(skip_locked=True)
        with self._connections.write() as connection:
            connection.execute(delete(attempts).where(attempts.c.source.in_(old)))


def _count(connection: Connection, source: Source, now_us: int) -> int:
    """One more at a source; how many that are. Raises `_Full`."""
    ends_at = now_us + source.window_s * _SECOND_US
    # Past its end, or so far from it that the clock was set back.
    is_over = or_(attempts.c.ends_at <= now_us, attempts.c.ends_at > ends_at)
    add = insert(connection, attempts).values(source=source.name, failures=1, ends_at=ends_at)
    counted = connection.execute(
        add.on_conflict_do_update(
            index_elements=[attempts.c.source],
            set_={
                "failures": case((is_over, 1), else_=attempts.c.failures + 1),
                "ends_at": case((is_over, ends_at), else_=attempts.c.ends_at),
            },
            where=or_(is_over, attempts.c.failures < source.allowed),
        ).returning(attempts.c.failures)
    ).scalar()
    if counted is None:
        raise _Full
    number: int = counted
    return number
