"""Time in buckets: which there are in a period, and the bucket of a row (metrics.md: UTC days, ISO weeks)."""

import datetime as dt
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa

from questlog.analytics.engine.functions import epoch_us
from questlog.analytics.question.query import Granularity, Period

_ONE_DAY = dt.timedelta(days=1)
_WIDTHS = {Granularity.MINUTE: dt.timedelta(minutes=1), Granularity.HOUR: dt.timedelta(hours=1)}
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - all stored times are UTC without saying so
_MICROSECOND = dt.timedelta(microseconds=1)

Start = dt.date | dt.datetime


class Bucket(msgspec.Struct, frozen=True):
    """A bucket: its start, also where that is before the period, and its last day within the period."""

    start: Start
    last_day: dt.date


def buckets(period: Period, granularity: Granularity) -> Sequence[Bucket]:
    """The period's buckets in order, empty ones too; the first and the last may be cut by the period."""
    if granularity is Granularity.ALL:
        return [Bucket(period.start, period.end)]
    days = [period.start + place * _ONE_DAY for place in range(period.days)]
    if granularity.is_within_a_day:
        return [Bucket(start, day) for day in days for start in _within(day, _WIDTHS[granularity])]
    lasts = {start_of(day, granularity): day for day in days}
    return [Bucket(start, last) for start, last in lasts.items()]


def start_of(day: dt.date, granularity: Granularity) -> dt.date:
    """The first day of the day's bucket."""
    if granularity is Granularity.WEEK:
        return day - day.weekday() * _ONE_DAY
    return day.replace(day=1) if granularity is Granularity.MONTH else day


def start_type(granularity: Granularity) -> pa.DataType:
    """The type of the column `bucket`: a time within a day, else a day."""
    return pa.timestamp("us") if granularity.is_within_a_day else pa.date32()


def bucket_of_day(day: ir.DateValue, granularity: Granularity) -> ir.Value | None:
    """The start of the bucket of a day; None where all is one bucket."""
    if granularity is Granularity.ALL:
        return None
    if granularity is Granularity.DAY:
        return day
    return day.truncate("W" if granularity is Granularity.WEEK else "M").cast("date")


def bucket_of_time(time: ir.TimestampValue, granularity: Granularity) -> ir.Value | None:
    """The bucket of a time: of buckets within a day their number since 1970, else the start; None for `all`."""
    if not granularity.is_within_a_day:
        return bucket_of_day(time.date(), granularity)
    return (epoch_us(time) // (_WIDTHS[granularity] // _MICROSECOND)).cast("int64")


def is_within(time: ir.TimestampValue, period: Period) -> ir.BooleanValue:
    """Whether a time lies in the period."""
    after = period.end + _ONE_DAY
    return (time >= ibis.timestamp(f"{period.start} 00:00:00")) & (time < ibis.timestamp(f"{after} 00:00:00"))


def with_starts(rows: pa.Table, granularity: Granularity) -> pa.Table:
    """The engine's rows with the start of each bucket in the column `bucket`."""
    if granularity is Granularity.ALL:
        return rows
    place, column = rows.column_names.index("bucket"), rows["bucket"]
    if granularity.is_within_a_day:
        width = pa.scalar(_WIDTHS[granularity] // _MICROSECOND, pa.int64())
        column = pa.compute.multiply(column.cast(pa.int64()), width)
    return rows.set_column(place, "bucket", column.cast(start_type(granularity)))


def _within(day: dt.date, width: dt.timedelta) -> list[dt.datetime]:
    midnight = dt.datetime.combine(day, dt.time())
    return [midnight + place * width for place in range(_ONE_DAY // width)]
