"""Local days, hours and minutes of a game's time zone (metrics.md §1, "Days").

A zone is a list of segments: from a moment on, local time is UTC plus an offset. That is plain arithmetic, so Python,
numpy and every engine give the same days: also days of 23 and 25 hours, offsets of 30 and 45 minutes, dates that a zone
skipped (Samoa, 2011-12-30), and minutes after which the date goes back (Newfoundland until 2011).

All moments are UTC microseconds since 1970. Changes of the clock before 1900 and after 2200 are not looked at.
"""

import datetime as dt
import itertools
import zoneinfo
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple

import msgspec

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

BEGINNING_US = -(2**62)
"""Where a segment starts that has none before it: earlier than any time that is stored."""

EPOCH = dt.date(1970, 1, 1)

_FIRST_YEAR, _LAST_YEAR = 1900, 2200
_YEARS_AT_ONCE = 10
_NOT_ZONES = {"Factory", "localtime", "posixrules"}

MAX_NAME = 64
"""Characters of a zone's name: the longest has 32."""


class UnknownZone(ValueError):
    """A name that no time zone has. `nearest` is a name that one has, None where none is near."""

    def __init__(self, name: str, nearest: str | None) -> None:
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        super().__init__(f"there is no time zone {name[:100]!r}{hint}")
        self.name = name
        self.nearest = nearest


class Segment(NamedTuple):
    """From `start_us` on, up to the next segment, local time is UTC plus `offset_us`."""

    start_us: int
    offset_us: int


class Interval(NamedTuple):
    """The moments from `start_us` to before `end_us`, in which local time is UTC plus `offset_us`."""

    start_us: int
    end_us: int
    offset_us: int


class Zone(msgspec.Struct, frozen=True):
    """A time zone, by its IANA name. Equal names are equal zones. Make one with `zone_named`."""

    name: str

    def segments(self, first_us: int, last_us: int) -> tuple[Segment, ...]:
        """The segments that the moments from `first_us` to `last_us` lie in, in order. There is at least one."""
        found = _segments(self.name, _year_of(last_us) + 1)
        starts = [segment.start_us for segment in found]
        first = max(bisect_right(starts, first_us) - 1, 0)
        return found[first : max(bisect_right(starts, last_us), first + 1)]

    def offset_us(self, moment_us: int) -> int:
        """What to add to a moment for local time."""
        return self.segments(moment_us, moment_us)[0].offset_us

    def day_of(self, moment_us: int) -> dt.date:
        """The local day of a moment. Raises `OverflowError` beyond the years 1 to 9999."""
        return EPOCH + dt.timedelta(days=(moment_us + self.offset_us(moment_us)) // DAY_US)

    def has_day(self, day: dt.date) -> bool:
        """Whether there is such a day: a zone that goes over the date line skips one."""
        return bool(self.intervals(day, day))

    def days(self, first: dt.date, last: dt.date) -> Sequence[dt.date]:
        """The local days from `first` to `last`, in order, without those that the zone skipped."""
        all_days = [first + dt.timedelta(days=place) for place in range((last - first).days + 1)]
        around = self.segments(day_number(first) * DAY_US - 2 * DAY_US, day_number(last) * DAY_US + 3 * DAY_US)
        # Only where the offset changes can a day be missing.
        return all_days if len(around) == 1 else [day for day in all_days if self.has_day(day)]

    def bounds(self, first: dt.date, last: dt.date) -> tuple[int, int]:
        """From when to before when all moments of the local days `first` to `last` lie; equal where there are none."""
        found = self.intervals(first, last)
        if not found:
            start_us = day_number(first) * DAY_US
            return start_us, start_us
        return found[0].start_us, found[-1].end_us

    def is_exact(self, first: dt.date, last: dt.date) -> bool:
        """Whether `bounds` holds moments of those local days only."""
        found = self.intervals(first, last)
        return all(before.end_us == after.start_us for before, after in itertools.pairwise(found))

    def intervals(self, first: dt.date, last: dt.date) -> tuple[Interval, ...]:
        """The moments of the local days `first` to `last`, in order; none where the zone skipped all of them."""
        start_us, end_us = day_number(first) * DAY_US, (day_number(last) + 1) * DAY_US
        segments = self.segments(start_us - 2 * DAY_US, end_us + 2 * DAY_US)
        ends = [*(segment.start_us for segment in segments[1:]), end_us + 2 * DAY_US]
        found = (
            Interval(
                max(segment.start_us, start_us - segment.offset_us),
                min(end, end_us - segment.offset_us),
                segment.offset_us,
            )
            for segment, end in zip(segments, ends, strict=True)
        )
        return tuple(interval for interval in found if interval.start_us < interval.end_us)

    def starts_within(self, day: dt.date, width_us: int) -> tuple[int, ...]:
        """When the hours or minutes (of `width_us`) of a local day begin; a change of the clock begins one too."""
        return tuple(start for interval in self.intervals(day, day) for start in _starts_in(interval, width_us))

    def start_within(self, moment_us: int, width_us: int) -> int:
        """When the local hour or minute (of `width_us`) of a moment began."""
        segment = self.segments(moment_us, moment_us)[0]
        return max(segment.start_us, moment_us - (moment_us + segment.offset_us) % width_us)


UTC = Zone("UTC")


def zone_named(name: str) -> Zone:
    """The zone of an IANA name. Raises `UnknownZone`."""
    if name not in _names():
        raise UnknownZone(name, _nearest(name) if len(name) <= MAX_NAME else None)
    return Zone(name)


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def _nearest(name: str) -> str | None:
    """The zone that was meant: `berlin` and `europe/berlin` mean Europe/Berlin."""
    by_spelling = {known.rpartition("/")[2].lower(): known for known in sorted(_names())}
    by_spelling |= {known.lower(): known for known in _names()}
    near = get_close_matches(name.strip().replace(" ", "_").lower(), by_spelling, n=1)
    return by_spelling[near[0]] if near else None


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones() - _NOT_ZONES)


def _year_of(moment_us: int) -> int:
    """About: one year more or less does not matter."""
    return 1970 + moment_us // (366 * DAY_US)


@lru_cache(maxsize=256)
def _segments_until(name: str, decade: int) -> tuple[Segment, ...]:
    """The segments up to the end of a decade, from the beginning on."""
    first_us = _start_of_year(_FIRST_YEAR + decade * _YEARS_AT_ONCE)
    last_us = _start_of_year(_FIRST_YEAR + (decade + 1) * _YEARS_AT_ONCE)
    zone = zoneinfo.ZoneInfo(name)
    if decade == 0:
        before: tuple[Segment, ...] = (Segment(BEGINNING_US, _offset_us(zone, first_us)),)
    else:
        before = _segments_until(name, decade - 1)
    return (*before, *_changes(zone, first_us, last_us))


def _segments(name: str, year: int) -> tuple[Segment, ...]:
    """The segments up to a year at least."""
    last = (_LAST_YEAR - _FIRST_YEAR) // _YEARS_AT_ONCE - 1
    return _segments_until(name, min(max((year + 1 - _FIRST_YEAR) // _YEARS_AT_ONCE, 0), last))


def _changes(zone: zoneinfo.ZoneInfo, first_us: int, last_us: int) -> Iterator[Segment]:
    """Where the offset changes. No zone ever changed it twice within a day."""
    offset = _offset_us(zone, first_us)
    for day_us in range(first_us, last_us, DAY_US):
        after = _offset_us(zone, day_us + DAY_US)
        if after == offset:
            continue
        low, high = day_us // SECOND_US, (day_us + DAY_US) // SECOND_US
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if _offset_us(zone, middle * SECOND_US) != offset else (middle, high)
        offset = after
        yield Segment(high * SECOND_US, offset)


def _offset_us(zone: zoneinfo.ZoneInfo, moment_us: int) -> int:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=moment_us)
    offset = moment.astimezone(zone).utcoffset() or dt.timedelta()
    return offset // dt.timedelta(microseconds=1)


def _start_of_year(year: int) -> int:
    return day_number(dt.date(year, 1, 1)) * DAY_US


def _starts_in(interval: Interval, width_us: int) -> Iterator[int]:
    yield interval.start_us
    first = interval.start_us + width_us - (interval.start_us + interval.offset_us) % width_us
    yield from range(first, interval.end_us, width_us)
