"""The words that all questions share - period, granularity, filter - and the question for metrics (metrics.md §§3, 4).

One set of types: they are the API's JSON, the state in a page's address and what Python code builds.
"""

import datetime as dt
import enum
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from questlog.analytics.question.problems import InvalidQuery, check_word
from questlog.model.taxonomy import CATEGORIES

MAX_GROUPS = 4
MAX_TOP = 1_000
MAX_METRICS = 20
MAX_VALUES = 1_000
MAX_VALUE_LENGTH = 4_096
MAX_FILTER_DEPTH = 8
MAX_CONDITIONS = 250
_VALUES_A_CONDITION = 20
MAX_DAYS = 3_700
_WEEK_DAYS = 7
_FIRST_YEAR, _LAST_YEAR = 1970, 2200
_MAX_BUCKETS = {"minute": 2 * 24 * 60, "hour": 100 * 24}

Name = Annotated[str, Meta(min_length=1, max_length=256)]
GroupBy = Annotated[tuple[Name, ...], Meta(max_length=MAX_GROUPS)]
"""Dimensions to group by."""
Top = Annotated[int, Meta(ge=1, le=MAX_TOP)]
"""The number of groups that are not `(other)`."""
Value = Annotated[str, Meta(max_length=MAX_VALUE_LENGTH)] | int | float | bool


class Granularity(enum.StrEnum):
    """How long one bucket of the answer is. Weeks begin on Monday; `all` is one bucket."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    ALL = "all"

    @property
    def is_within_a_day(self) -> bool:
        """Whether several buckets make up a day."""
        return self in (Granularity.MINUTE, Granularity.HOUR)


class Comparison(enum.StrEnum):
    """The period that an answer is compared with.

    * `previous_period`: the period of the same length that ends on the day before.
    * `previous_weekdays`: the same weekdays: moved back by as few whole weeks as keep the two periods apart.
    * `previous_year`: the same dates a year before; 29 February becomes 28 February.
    """

    PREVIOUS_PERIOD = "previous_period"
    PREVIOUS_WEEKDAYS = "previous_weekdays"
    PREVIOUS_YEAR = "previous_year"


class Period(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days of the game's time zone from `start` to `end`, both inclusive."""

    start: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days + 1

    def compared(self, compare: "Compare") -> "Period":
        """The period that this one is compared with, as `Comparison` says."""
        match compare:
            case Period():
                return compare
            case Comparison.PREVIOUS_PERIOD:
                return self._moved_back(self.days)
            case Comparison.PREVIOUS_WEEKDAYS:
                return self._moved_back(-(-self.days // _WEEK_DAYS) * _WEEK_DAYS)
            case Comparison.PREVIOUS_YEAR:
                return Period(_a_year_before(self.start), _a_year_before(self.end))

    def _moved_back(self, days: int) -> "Period":
        moved = dt.timedelta(days=days)
        return Period(self.start - moved, self.end - moved)

    def check(self, field: str = "period") -> None:
        """Raises `InvalidQuery` for a period that ends before it starts or is too long."""
        if self.end < self.start:
            raise InvalidQuery(f"{field}.end", f"{self.end} is before the start, {self.start}")
        if self.days > MAX_DAYS:
            raise InvalidQuery(field, f"the period has {self.days} days; the most is {MAX_DAYS}")
        if self.start.year < _FIRST_YEAR or self.end.year > _LAST_YEAR:
            raise InvalidQuery(field, f"the year must be between {_FIRST_YEAR} and {_LAST_YEAR}")


Compare = Comparison | Period
"""What an answer is compared with: a period by its name, or any period."""


def _a_year_before(day: dt.date) -> dt.date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year - 1, day=28)


def check_periods(period: Period, compare: Compare | None) -> None:
    """Raises `InvalidQuery` for a period, or one to compare with, that cannot be asked about."""
    period.check()
    if compare is not None:
        period.compared(compare).check("compare")


class Operator(enum.StrEnum):
    """How a condition compares (metrics.md §4)."""

    IS = "is"
    IS_NOT = "is_not"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    MATCHES = "matches"  # RE2 regular expression, found anywhere
    GREATER = "greater"
    GREATER_OR_EQUAL = "greater_or_equal"
    LESS = "less"
    LESS_OR_EQUAL = "less_or_equal"
    IS_SET = "is_set"
    IS_NOT_SET = "is_not_set"


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="condition", tag_field="type"):
    """One comparison. `dimension` is a name of `dimensions.py`, `attributes.KEY`, or `segment.NAME`.

    `is`, `contains`, `matches` and the comparisons take one value; `in` any number; `is_set` none. A value that is not
    set satisfies `is_not` and `not_in`, and nothing else but `is_not_set`. Comparisons of text with numbers compare as
    numbers where the text is one.
    """

    dimension: Name
    operator: Operator = Operator.IS
    values: Annotated[tuple[Value, ...], Meta(max_length=MAX_VALUES)] = ()

    def __post_init__(self) -> None:
        # Questions are kept by their values: what is equal must mean the same, and to Python true is 1, and 1.0 too.
        msgspec.structs.force_setattr(self, "values", tuple(map(_plain_value, self.values)))


class AllOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="all", tag_field="type"):
    """Every one holds."""

    filters: Annotated[tuple["Filter", ...], Meta(min_length=1, max_length=50)]


class AnyOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="any", tag_field="type"):
    """At least one holds."""

    filters: Annotated[tuple["Filter", ...], Meta(min_length=1, max_length=50)]


class Not(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="not", tag_field="type"):
    """It does not hold: also where it cannot be said."""

    filter: "Filter"


Filter = Condition | AllOf | AnyOf | Not


class EventMatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events are meant: a category, an event id, or both, and a filter over the event's dimensions.

    With `is_prefix`, ids that begin with the parts of `event_id` are meant too (`Start:world01` takes
    `Start:world01:level01`, and not `Start:world011`). A match without category and id takes every event.
    """

    category: Name | None = None
    event_id: Name | None = None
    is_prefix: bool = False
    filter: Filter | None = None

    def check(self, field: str) -> None:
        """Raises `InvalidQuery`."""
        if self.is_prefix and self.event_id is None:
            raise InvalidQuery(f"{field}.is_prefix", "a prefix needs an event_id")
        if self.category is not None:
            check_word(f"{field}.category", "category", self.category, CATEGORIES)
        check_size(self.filter, f"{field}.filter")


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Metrics over time, by dimensions.

    The answer has the columns `bucket` (its first day; for hours and minutes its start in UTC; absent for `all`), one
    per dimension of `group_by`, one per metric, and with `compare` one `previous_METRIC` per metric, of the period that
    `compare` names. If a dimension
    and a metric have the same name, the dimension is `by_NAME`. Without groups, every bucket has a row; with groups,
    only those with data. With `top`, only the `top` greatest groups by the first metric over the whole period are
    shown; all others are one group, `(other)`, and groups are texts. `totals` adds a row for the whole period
    without groups. Days are of the game's time zone, or with `time_zone` "UTC" of UTC, which is slower if the game has
    another zone. With `intervals`, every share and mean is followed by `METRIC_numerator`, `METRIC_denominator` and
    the ends of the 95 % interval, `METRIC_low` and `METRIC_high`.
    """

    metrics: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_METRICS)]
    period: Period
    granularity: Granularity = Granularity.DAY
    group_by: GroupBy = ()
    filter: Filter | None = None
    compare: Compare | None = None
    top: Top | None = None
    totals: bool = False
    intervals: bool = False
    time_zone: Name | None = None

    @property
    def compared_period(self) -> Period | None:
        """The period that is compared with."""
        return None if self.compare is None else self.period.compared(self.compare)

    def check(self) -> None:
        """Raises `InvalidQuery` for what the types cannot say; names are checked where they are looked up."""
        check_periods(self.period, self.compare)
        check_buckets(self.period, self.granularity)
        check_distinct("metrics", self.metrics)
        check_distinct("group_by", self.group_by)
        check_size(self.filter)


def check_buckets(period: Period, granularity: Granularity) -> None:
    """Raises `InvalidQuery` for a period of more buckets than anyone can read."""
    most = _MAX_BUCKETS.get(granularity)
    if most is not None:
        minutes = period.days * 24 * 60
        buckets = minutes if granularity is Granularity.MINUTE else minutes // 60
        if buckets > most:
            raise InvalidQuery("period", f"the period has {buckets} buckets of one {granularity}; the most is {most}")


def _plain_value(value: Value) -> Value:
    """Truths as the texts that they are compared as, whole numbers as integers."""
    if isinstance(value, bool):
        return str(value).lower()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def check_distinct(field: str, names: Sequence[str]) -> None:
    """Raises `InvalidQuery` for a name that stands twice."""
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InvalidQuery(f"{field}[{place}]", f"{name!r} is there twice")


def check_one_group(group_by: Sequence[str]) -> None:
    """Raises `InvalidQuery` for more dimensions than an analysis that takes one can group by."""
    if len(group_by) > 1:
        raise InvalidQuery("group_by[1]", "this analysis takes one dimension to group by")


def check_size(condition: Filter | None, field: str = "filter") -> None:
    """Raises `InvalidQuery` for a filter nested deeper than `MAX_FILTER_DEPTH` or of more than `MAX_CONDITIONS`."""
    _check_depth(condition, field, MAX_FILTER_DEPTH)
    found = conditions_in(condition)
    if found > MAX_CONDITIONS:
        said = f"it has more than {MAX_CONDITIONS} conditions; {_VALUES_A_CONDITION} values of `in` count as one more"
        raise InvalidQuery(field, said)


def conditions_in(condition: Filter | None) -> int:
    """How many conditions a filter is made of; many values take as long as more conditions, and count as such."""
    if isinstance(condition, Not):
        return conditions_in(condition.filter)
    if isinstance(condition, AllOf | AnyOf):
        return sum(map(conditions_in, condition.filters))
    return 0 if condition is None else 1 + len(condition.values) // _VALUES_A_CONDITION


def _check_depth(condition: Filter | None, field: str, levels: int) -> None:
    if levels == 0:
        raise InvalidQuery(field, f"a filter can be nested {MAX_FILTER_DEPTH} levels deep")
    if isinstance(condition, Not):
        _check_depth(condition.filter, f"{field}.filter", levels - 1)
    elif isinstance(condition, AllOf | AnyOf):
        for place, each in enumerate(condition.filters):
            _check_depth(each, f"{field}.filters[{place}]", levels - 1)
