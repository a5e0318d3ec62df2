"""Days and buckets of a game's calendar: which there are in a period, and the one of a row (metrics.md §1, Days).

Weeks begin on Monday. A local day is the UTC time plus the zone's offset, so both engines need no time zones.
"""

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa

from questlog.analytics.engine.functions import epoch_us
from questlog.analytics.question.query import Granularity, Period
from questlog.model.calendar import HOUR_US, MINUTE_US, SECOND_US, UTC, Segment, Zone

_ONE_DAY = dt.timedelta(days=1)
_WIDTHS_US = {Granularity.MINUTE: MINUTE_US, Granularity.HOUR: HOUR_US}
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - all stored times are UTC without saying so

_ALL_TIME = Period(dt.date(1970, 1, 1), dt.date(2200, 12, 31))

Start = dt.date | dt.datetime
"""A bucket of a day or longer starts on a local date, a shorter one at a UTC time."""


class Bucket(msgspec.Struct, frozen=True):
    """A bucket: its start, also where that is before the period, and its last day within the period."""

    start: Start
    last_day: dt.date


class LocalDays(msgspec.Struct, frozen=True):
    """The days of a period in a zone, as conditions and columns of an engine.

    `is_stored`: the days that tables carry are of the same zone; else only times can be looked at.
    """

    period: Period
    zone: Zone = UTC
    is_stored: bool = True

    def holds(self, time: ir.TimestampValue) -> ir.BooleanValue:
        """Whether a time lies in the period."""
        start, end = self.period.start, self.period.end
        first_us, after_us = self.zone.bounds(start, end)
        is_between = (time >= timestamp(first_us)) & (time < timestamp(after_us))
        return is_between if self.zone.is_exact(start, end) else is_between & self.day_of(time).between(start, end)

    def holds_day(self, day: ir.DateValue) -> ir.BooleanValue:
        """Whether a local day lies in the period."""
        return day.between(self.period.start, self.period.end)

    def day_of(self, time: ir.TimestampValue) -> ir.DateValue:
        """The local day of a time of the period."""
        segments = self._segments
        offsets = {segment.offset_us for segment in segments}
        if offsets == {0}:
            return time.date()
        if len(offsets) == 1:
            return (time + ibis.interval(seconds=offsets.pop() // SECOND_US)).date()
        return (time + _offset_s(time, segments).as_interval("s")).date()

    def day_of_any(self, time: ir.TimestampValue) -> ir.DateValue:
        """The local day of a time of any period. In zones whose clocks change, a long expression."""
        return msgspec.structs.replace(self, period=_ALL_TIME).day_of(time)

    def bucket_of(self, time: ir.TimestampValue, granularity: Granularity) -> ir.Value | None:
        """The bucket of a time of the period: see `bucket_of_day`; within a day the microsecond of its start."""
        if not granularity.is_within_a_day:
            return bucket_of_day(self.day_of(time), granularity)
        return _start_us(epoch_us(time), self._segments, _WIDTHS_US[granularity])

    def buckets(self, granularity: Granularity) -> Sequence[Bucket]:
        """The period's buckets in order, empty ones too; the first and the last may be cut by the period."""
        period, zone = self.period, self.zone
        if granularity is Granularity.ALL:
            return [Bucket(period.start, period.end)]
        days = zone.days(period.start, period.end)
        if granularity.is_within_a_day:
            width_us = _WIDTHS_US[granularity]
            starts = ((start, day) for day in days for start in zone.starts_within(day, width_us))
            # Where clocks go back over midnight, hours of two days take turns.
            return [Bucket(time_of(start), day) for start, day in sorted(starts)]
        lasts = {start_of(day, granularity): day for day in days}
        return [Bucket(start, last) for start, last in lasts.items()]

    @property
    def _segments(self) -> Sequence[Segment]:
        return self.zone.segments(*self.zone.bounds(self.period.start, self.period.end))


def start_of(day: dt.date, granularity: Granularity) -> dt.date:
    """The first day of the day's bucket."""
    if granularity is Granularity.WEEK:
        return day - day.weekday() * _ONE_DAY
    return day.replace(day=1) if granularity is Granularity.MONTH else day


def start_type(granularity: Granularity) -> pa.DataType:
    """The type of the column `bucket`: a time within a day, else a day."""
    return pa.timestamp("us") if granularity.is_within_a_day else pa.date32()


def bucket_of_day(day: ir.DateValue, granularity: Granularity) -> ir.Value | None:
    """The first day of a day's bucket; None where all is one bucket."""
    if granularity is Granularity.ALL:
        return None
    if granularity is Granularity.DAY:
        return day
    return day.truncate("W" if granularity is Granularity.WEEK else "M").cast("date")


def with_starts(rows: pa.Table, granularity: Granularity) -> pa.Table:
    """The engine's rows with the start of each bucket in the column `bucket`."""
    if granularity is Granularity.ALL:
        return rows
    place, column = rows.column_names.index("bucket"), rows["bucket"]
    if granularity.is_within_a_day:
        column = column.cast(pa.int64())
    return rows.set_column(place, "bucket", column.cast(start_type(granularity)))


def timestamp(us: int) -> ir.TimestampScalar:
    """A time of UTC microseconds as a literal."""
    return ibis.timestamp(time_of(us).isoformat(sep=" "))


def time_of(us: int) -> dt.datetime:
    """UTC microseconds as a time without a zone, as stored."""
    return _EPOCH + dt.timedelta(microseconds=us)


def _offset_s(time: ir.TimestampValue, segments: Sequence[Segment]) -> ir.IntegerValue:
    """The zone's offset at a time, found by halving: a comparison a doubling of segments."""
    if len(segments) == 1:
        return ibis.literal(segments[0].offset_us // SECOND_US, "int32")
    half = len(segments) // 2
    is_before = time < timestamp(segments[half].start_us)
    return is_before.ifelse(_offset_s(time, segments[:half]), _offset_s(time, segments[half:]))


def _start_us(us: ir.IntegerValue, segments: Sequence[Segment], width_us: int) -> ir.IntegerValue:
    """The microsecond at which the hour or minute begins; an hour that a segment's start cuts begins there."""
    if len(segments) == 1 or not any(_cuts(segments[0], each, width_us) for each in segments[1:]):
        return _floor(us, segments[0].offset_us % width_us, width_us)
    half = len(segments) // 2
    before, after = segments[:half], segments[half:]
    start = after[0].start_us
    later = ibis.greatest(_start_us(us, after, width_us), ibis.literal(start, "int64"))
    return (us < start).ifelse(_start_us(us, before, width_us), later)


def _cuts(first: Segment, segment: Segment, width_us: int) -> bool:
    """Whether hours or minutes lie elsewhere in a segment than in the first, or are cut by its start."""
    return bool((segment.offset_us - first.offset_us) % width_us or (segment.start_us + segment.offset_us) % width_us)


def _floor(us: ir.IntegerValue, offset_us: int, width_us: int) -> ir.IntegerValue:
    """The greatest microsecond that is not later and whose local time is a multiple of the width."""
    if offset_us == 0:
        return ((us // width_us) * width_us).cast("int64")
    return (((us + offset_us) // width_us) * width_us - offset_us).cast("int64")
