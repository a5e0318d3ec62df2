"""What is asked: a period in buckets, by dimensions, of what passes a filter (metrics.md §4)."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from tests.support.oracle.zones import UTC, Zone, midnight, moment

Value: TypeAlias = str | int | float | bool | dt.date | None
Values: TypeAlias = Callable[[str], Value]
"""The value of a dimension, by its name, of the thing at hand."""
Where: TypeAlias = Callable[[Values], bool]
Key: TypeAlias = tuple[Value | dt.datetime, ...]
"""The start of a bucket (None for `all`), then a value for each dimension."""

_ONE_DAY = dt.timedelta(days=1)


def everything(_values: Values) -> bool:
    """The filter that lets all pass."""
    return True


@dataclass(frozen=True)
class Asked:
    """`start` and `end` are days of `zone`, both inclusive.

    Hours and minutes are told as the UTC time at which they begin; days, weeks and months as their local date.
    """

    start: dt.date
    end: dt.date
    granularity: str = "day"
    group_by: tuple[str, ...] = ()
    where: Where = everything
    zone: Zone = UTC

    def has(self, time: int) -> bool:
        """Whether a time lies in the period."""
        return self.has_day(self.zone.day(time))

    def has_day(self, day: dt.date) -> bool:
        return self.start <= day <= self.end

    def key(self, time: int, values: Values) -> Key:
        """Where something of that time belongs."""
        return (self.bucket(time), *self.group(values))

    def group(self, values: Values) -> Key:
        return tuple(values(name) for name in self.group_by)

    def bucket(self, time: int) -> dt.datetime | None:
        """The start of the bucket of a time, wherever the period starts; None for `all`."""
        if self.granularity in ("minute", "hour"):
            return moment(self.zone.start_within(self.granularity, time))
        return self.bucket_of_day(self.zone.day(time))

    def bucket_of_day(self, day: dt.date) -> dt.datetime | None:
        """The start of the bucket of a day, where none is shorter than a day."""
        return None if self.granularity == "all" else midnight(first_of(self.granularity, day))

    def buckets(self) -> Iterator[tuple[dt.datetime | None, dt.date]]:
        """The buckets of a day or longer, each with its last day in the period."""
        if self.granularity == "all":
            yield None, self.end
            return
        lasts: dict[dt.datetime, dt.date] = {}
        for day in days(self.start, self.end):
            if self.zone.has_day(day):
                lasts[midnight(first_of(self.granularity, day))] = day
        yield from lasts.items()

    def starts(self) -> Iterator[dt.datetime | None]:
        """The start of every bucket, in order."""
        if self.granularity in ("minute", "hour"):
            yield from map(moment, self.zone.starts(self.granularity, self.start, self.end))
        else:
            yield from (start for start, _ in self.buckets())


def first_of(granularity: str, day: dt.date) -> dt.date:
    """The first day of the day, ISO week or month that a day belongs to."""
    if granularity == "day":
        return day
    if granularity == "week":
        return day - dt.timedelta(days=day.weekday())
    if granularity == "month":
        return day.replace(day=1)
    raise ValueError(granularity)


def days(start: dt.date, end: dt.date) -> Iterable[dt.date]:
    """Every day from one to the other, both inclusive."""
    while start <= end:
        yield start
        start += _ONE_DAY
