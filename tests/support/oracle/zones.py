"""Local days, hours and minutes of a time zone (metrics.md §1, "Days"), by Python's own `zoneinfo`."""

import datetime as dt
import functools
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass

EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - engines answer with naive UTC
_MICROSECOND = dt.timedelta(microseconds=1)
_ONE_DAY = dt.timedelta(days=1)
_WIDTHS = {"hour": 3_600_000_000, "minute": 60_000_000}


@dataclass(frozen=True)
class Zone:
    """A zone by its IANA name. Times are UTC microseconds."""

    name: str = "UTC"

    def day(self, time: int) -> dt.date:
        """The local day of a time."""
        return self.clock(time).date()

    def clock(self, time: int) -> dt.datetime:
        """What a clock on the wall shows, naive."""
        return moment(time) + self._offset(time)

    def start_within(self, granularity: str, time: int) -> int:
        """When the local hour or minute of a time began; a change of the clock begins another one."""
        begun = time - ((self.clock(time) - EPOCH) // _MICROSECOND) % _WIDTHS[granularity]
        return begun if self._offset(begun) == self._offset(time) else self._change(begun, time)

    def has_day(self, day: dt.date) -> bool:
        """Whether the zone has that date: those east of the date line skip one when they go over to the other side."""
        noon = micros(day) + 12 * _WIDTHS["hour"]
        around = range(noon - 48 * _WIDTHS["hour"], noon + 48 * _WIDTHS["hour"], _WIDTHS["minute"] * 15)
        return any(self.day(time) == day for time in around)

    def starts(self, granularity: str, first: dt.date, last: dt.date) -> Iterator[int]:
        """When every hour or minute of the days from `first` to `last` begins, in order."""
        margin = 15 * _WIDTHS["hour"]  # no clock differs more from that of Greenwich
        time = self.start_within(granularity, micros(first) - margin)
        while time < micros(last + _ONE_DAY) + margin:
            if first <= self.day(time) <= last:
                yield time
            time = self._next(granularity, time)

    def changes(self, start: int, end: int) -> list[int]:
        """The times after `start`, until `end`, at which the clock is changed."""
        hour = _WIDTHS["hour"]
        return [
            self._change(time, time + hour)
            for time in range(start, end, hour)
            if self._offset(time) != self._offset(time + hour)
        ]

    def _next(self, granularity: str, start: int) -> int:
        """When the hour or minute after the one that begins at `start` begins."""
        width, shown = _WIDTHS[granularity], self.clock(start)
        end = start + width - ((shown - EPOCH) // _MICROSECOND) % width
        return end if self._offset(end) == self._offset(start) else self._change(start, end)

    def _change(self, before: int, after: int) -> int:
        """The first time with the offset of `after`, which that of `before` differs from."""
        while after - before > 1:
            middle = (before + after) // 2
            before, after = (before, middle) if self._offset(middle) == self._offset(after) else (middle, after)
        return after

    def _offset(self, time: int) -> dt.timedelta:
        found = _known(self.name).utcoffset(moment(time).replace(tzinfo=dt.UTC).astimezone(_known(self.name)))
        assert found is not None
        return found


UTC = Zone()


@functools.cache
def _known(name: str) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(name)


def moment(time: int) -> dt.datetime:
    """A time in microseconds as a naive UTC datetime."""
    return EPOCH + dt.timedelta(microseconds=time)


def micros(day: dt.date) -> int:
    """The start of a UTC day in microseconds."""
    return (midnight(day) - EPOCH) // _MICROSECOND


def midnight(day: dt.date) -> dt.datetime:
    """The start of a day, naive."""
    return dt.datetime.combine(day, dt.time())
