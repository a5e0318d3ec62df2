"""Distinct players of the last 1, 7 and 30 days.

The engine counts active days by how long the player had not been there before. A player who is active on day d, and was
last on day p, is counted by d in the windows of w days that end on max(d, p + w) … d + w − 1: those that hold d and no
earlier day of theirs. So every player is counted once in each window.
"""

import datetime as dt

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sources.player_day_values import are_carried, first_of
from questlog.analytics.metrics.sources.player_days import are_of_players
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, measure_column, with_groups
from questlog.analytics.question.problems import too_many_rows
from questlog.analytics.question.query import Granularity, Period
from questlog.analytics.selection.buckets import start_type
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.groups import group_codes
from questlog.analytics.selection.rows import events_with, player_day_values_with, player_days_with

LONGEST = 30
"""Days of the longest window."""

MAX_COUNTS = 2_000_000
"""A question with more groups, days and gaps is refused, and one with more than five times as many groups and days."""

Ints = npt.NDArray[np.int64]


def can_answer(measure: Measure, request: MetricRequest) -> bool:
    """Whether it is about players of a number of days; the events always tell."""
    return measure.quantity is Quantity.PLAYERS_OF_DAYS and not request.granularity.is_within_a_day


def can_answer_by_players(measure: Measure, request: MetricRequest) -> bool:
    """The same by what players are."""
    return can_answer(measure, request) and request.is_by_stored_day and are_of_players(request.dimensions)


def can_answer_by_values(measure: Measure, request: MetricRequest) -> bool:
    """The same by values that player days carry."""
    return can_answer(measure, request) and request.is_by_stored_day and are_carried(request.dimensions)


def looked_at(query: SubQuery) -> Period:
    """The days that count in the windows that end on the buckets' last days."""
    first = query.days.buckets(query.granularity)[0].last_day
    return Period(first - dt.timedelta(days=LONGEST - 1), query.selection.period.end)


def build_by_players(query: SubQuery) -> ir.Table:
    """The days of players, which are counted by `_gaps`."""
    selection = query.selection.over(looked_at(query))
    days = player_days_with(selection, query.dimensions)
    days = days.filter(days.player_no.notnull(), days.events > 0, predicate(selection.filter, days))
    rows = with_groups(query, days)
    return _gaps(query, rows, rows.prev_day if query.is_plain else _day_before(query, rows))


def build_by_values(query: SubQuery) -> ir.Table:
    """The same by values that player days carry."""
    selection = query.selection.over(looked_at(query))
    rows = player_day_values_with(selection, query.dimensions)
    rows = rows.filter(rows.player_no.notnull(), predicate(selection.filter, rows))
    bit = first_of(selection)
    if bit is not None:
        rows = rows.filter((rows.first_of & bit) > 0)
    rows = with_groups(query, rows).select("player_no", "day", *query.group_columns)
    if bit is None:
        rows = rows.distinct()
    return _gaps(query, rows, _day_before(query, rows))


def build_by_events(query: SubQuery) -> ir.Table:
    """The same by values that only events have, or by days that no table carries."""
    selection = query.selection.over(looked_at(query))
    rows = events_with(selection, query.dimensions)
    rows = rows.filter(rows.player_no.notnull(), predicate(selection.filter, rows))
    rows = rows.mutate(day=selection.days.day_of(rows.event_time))
    rows = with_groups(query, rows).select("player_no", "day", *query.group_columns).distinct()
    return _gaps(query, rows, _day_before(query, rows))


def _gaps(query: SubQuery, rows: ir.Table, before: ir.DateColumn) -> ir.Table:
    """How many player days there are of each `day`, group and `gap` to the player's day before (`LONGEST`: or more)."""
    gap = rows.day.delta(before, unit="day")
    rows = rows.mutate(gap=ibis.cases((gap.isnull() | (gap > LONGEST), LONGEST), else_=gap).cast("int64"))
    return rows.group_by([*query.group_columns, "day", "gap"]).aggregate(players=rows.count()).limit(MAX_COUNTS + 1)


def _day_before(query: SubQuery, rows: ir.Table) -> ir.DateColumn:
    """The player's day before among the rows of the same group."""
    return rows.day.lag().over(ibis.window(group_by=["player_no", *query.group_columns], order_by="day"))


def finish(query: SubQuery, rows: pa.Table) -> pa.Table:
    """The players of the windows that end with each bucket's last day."""
    period = query.selection.period
    keys = query.group_columns
    group, groups = group_codes(rows, keys)
    if groups.num_rows * period.days > 5 * MAX_COUNTS:
        raise too_many_rows("group_by", 5 * MAX_COUNTS)
    day = rows["day"].cast(pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64) - _number(period.start)
    gap, players = (rows[name].cast(pa.int64()).to_numpy() for name in ("gap", "players"))
    found = query.days.buckets(query.granularity)
    lasts = np.array([_number(bucket.last_day) for bucket in found]) - _number(period.start)
    columns: dict[str, pa.Array] = {}
    for place, measure in enumerate(query.measures):
        active = _in_windows(measure.days, (group, day, gap, players), (groups.num_rows, period.days))
        columns[measure_column(place)] = pa.array(active[:, lasts].ravel())
    if query.granularity is not Granularity.ALL:
        starts = pa.array([bucket.start for bucket in found], start_type(query.granularity))
        columns["bucket"] = starts.take(pa.array(np.tile(np.arange(len(found)), groups.num_rows)))
    for name in keys:
        columns[name] = groups[name].take(pa.array(np.repeat(np.arange(groups.num_rows), len(found))))
    return pa.table(columns)


def _in_windows(window: int, rows: tuple[Ints, Ints, Ints, Ints], shape: tuple[int, int]) -> Ints:
    """Distinct players of each group in the windows that end on each day of the period."""
    group, day, gap, players = rows
    groups, days = shape
    first = day + np.maximum(0, window - gap)
    after = day + window
    is_counted = (first < after) & (after > 0) & (first < days)
    changes = np.zeros((groups, days + 1), np.int64)
    np.add.at(changes, (group[is_counted], np.maximum(first[is_counted], 0)), players[is_counted])
    np.add.at(changes, (group[is_counted], np.minimum(after[is_counted], days)), -players[is_counted])
    return np.cumsum(changes, axis=1)[:, :days]


def _number(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


BY_PLAYERS = Source(
    "player_days", can_answer_by_players, build_by_players, finish, looked_at=looked_at, max_rows=MAX_COUNTS
)
BY_VALUES = Source(
    "player_day_values", can_answer_by_values, build_by_values, finish, looked_at=looked_at, max_rows=MAX_COUNTS
)
BY_EVENTS = Source("events", can_answer, build_by_events, finish, looked_at=looked_at, max_rows=MAX_COUNTS)
