"""The local day of a moment, in numpy for a batch and in SQL for what is stored: the same arithmetic by segments."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from questlog.model.calendar import DAY_US, UTC, Zone, zone_named
from questlog.store.duckdb.groups import I64
from questlog.store.duckdb.transaction import Transaction


class Span(NamedTuple):
    """The first and the last of some moments (UTC microseconds)."""

    first_us: int
    last_us: int


class LocalDays:
    """The zones of games; a game without one has UTC."""

    def __init__(self, zones: Mapping[int, str]) -> None:
        self._zones = {game_id: zone_named(name) for game_id, name in zones.items() if name != UTC.name}

    def of(self, games: I64, times: I64) -> I64:
        """Days since 1970 of moments (UTC microseconds), each of a game."""
        local = times
        for game_id, zone in self._zones.items():
            places = np.flatnonzero(games == game_id)
            if len(places):
                local = local.copy() if local is times else local
                local[places] += _offsets(zone, times[places])
        return local // DAY_US

    def sql(self, time: str, span: Span) -> str:
        """SQL: the local day of the column `time`, whose moments lie in `span`, beside a column `game_id`."""
        if not self._zones:
            return f"{time}::DATE"
        cases = " ".join(
            f"WHEN {game_id:d} THEN {_offset_sql(zone, time, span)}" for game_id, zone in self._zones.items()
        )
        return f"make_timestamp(epoch_us({time}) + CASE game_id {cases} ELSE 0 END)::DATE"


def _offsets(zone: Zone, times: I64) -> I64:
    segments = zone.segments(int(times.min()), int(times.max()))
    starts, offsets = (np.array(column, np.int64) for column in zip(*segments, strict=True))
    return np.asarray(offsets[np.maximum(np.searchsorted(starts, times, "right") - 1, 0)], np.int64)


def _offset_sql(zone: Zone, time: str, span: Span) -> str:
    """The newest first: most moments are of the last segments."""
    first, *later = zone.segments(*span)
    cases = " ".join(f"WHEN epoch_us({time}) >= {start:d} THEN {offset:d}" for start, offset in reversed(later))
    return f"CASE {cases} ELSE {first.offset_us:d} END" if later else f"{first.offset_us:d}"


_SPAN = """
    SELECT epoch_us(least(min(event_time), min(session_issued_at), (SELECT min(first_seen) FROM expired_players)))
        AS first_us, epoch_us(greatest(max(event_time), (SELECT max(last_seen) FROM expired_players))) AS last_us
    FROM events
"""


class StoredDays:
    """SQL for the local days of everything that is stored."""

    def __init__(self, transaction: Transaction, days: LocalDays) -> None:
        first_us, last_us = (column[0].as_py() for column in transaction.read(_SPAN).columns)
        self._days = days
        self._span = Span(first_us or 0, last_us or 0)

    def of(self, time: str) -> str:
        """SQL: the local day of the column `time` beside a column `game_id`."""
        return self._days.sql(time, self._span)

    def events(self, condition: str = "true") -> str:
        """SQL: the events that the condition (on their columns) is true for, each with its `day`."""
        return f"(SELECT *, {self.of('event_time')} AS day FROM events WHERE {condition})"


def dates(numbers: I64) -> pa.Array:
    """Days since 1970 as dates."""
    return pa.array(numbers.astype(np.int32)).cast(pa.date32())
