"""Players by their first day: who came back, and what they brought, so many days later.

Dimensions are the player's at install; those that players do not carry are the last of the first day.
"""

import datetime as dt

import ibis.expr.types as ir

from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sources.player_days import revenue_of
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, aggregated, with_groups
from questlog.analytics.question.query import Period
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.dimensions import dimension_column, player_day
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import installed_with, player_days_with
from questlog.analytics.selection.selection import Selection

_ANSWERED = frozenset({Quantity.COHORT_SIZE, Quantity.COHORT_RETURNED, Quantity.COHORT_REVENUE})


def can_answer(measure: Measure, request: MetricRequest) -> bool:
    """Whether it is about the player days of players first seen in the period."""
    return measure.quantity in _ANSWERED and request.selection.is_stored_zone


def can_answer_survival(measure: Measure, request: MetricRequest) -> bool:
    """Whether it is about the last day of players first seen in the period."""
    return measure.quantity is Quantity.COHORT_SURVIVED and request.selection.is_stored_zone


def build(query: SubQuery) -> ir.Table:
    """The measures of the player days of those first seen in the period."""
    furthest = max(measure.days for measure in query.measures)
    days = player_days_with(longer(query.selection, furthest))
    rows = days.filter(query.days.holds_day(days.first_day))
    if not query.is_plain or query.granularity.is_within_a_day:
        players = installed(query).select("player_no", "first_seen", *dimension_columns(query))
        rows = rows.inner_join(players, "player_no")
    rows = with_groups(query, rows, rows.first_day)
    bucket = bucket_of_first(query, rows)
    return aggregated(query, rows, bucket, [_aggregate(query, rows, measure) for measure in query.measures])


def build_survival(query: SubQuery) -> ir.Table:
    """The measures of the players first seen in the period."""
    rows = installed(query)
    rows = with_groups(query, rows, rows.first_day)
    bucket = bucket_of_first(query, rows)
    aggregates = []
    for measure in query.measures:
        counts = has_passed(query, rows, measure.days)
        if measure.quantity is Quantity.COHORT_SURVIVED:
            counts &= rows.last_day.delta(rows.first_day, unit="day") >= measure.days
        aggregates.append(rows.count(where=counts))
    return aggregated(query, rows, bucket, aggregates)


def installed(query: SubQuery) -> ir.Table:
    """The players first seen in the period that the filter lets pass, with dimensions, `first_day` and `last_day`."""
    days = query.days
    players = installed_with(query.selection, query.dimensions)
    first_day, last_day = (player_day(players, time, days) for time in ("first_seen", "last_seen"))
    players = players.mutate(first_day=first_day, last_day=last_day)
    return players.filter(days.holds_day(players.first_day), predicate(query.selection.filter, players))


def bucket_of_first(query: SubQuery, rows: ir.Table) -> ir.Value | None:
    """The bucket of the player's first event. `rows` have `first_day`, and `first_seen` where buckets are shorter."""
    if query.granularity.is_within_a_day:
        return query.days.bucket_of(rows.first_seen, query.granularity)
    return bucket_of_day(rows.first_day, query.granularity)


def dimension_columns(query: SubQuery) -> list[str]:
    """The columns of the dimensions that the filter and the groups need."""
    return [dimension_column(name) for name in sorted(query.dimensions)]


def has_passed(query: SubQuery, rows: ir.Table, days: int) -> ir.BooleanValue:
    """Whether the local day so many days after the first is over."""
    return rows.first_day < query.selection.today - dt.timedelta(days=days)


def longer(selection: Selection, days: int) -> Selection:
    """The selection with so many days more behind it."""
    period = selection.period
    return selection.over(Period(period.start, period.end + dt.timedelta(days=days)))


def _aggregate(query: SubQuery, rows: ir.Table, measure: Measure) -> ir.Scalar:
    passed, age = has_passed(query, rows, measure.days), rows.day.delta(rows.first_day, unit="day")
    if measure.quantity is Quantity.COHORT_SIZE:
        return rows.count(where=passed & rows.is_new)
    if measure.quantity is Quantity.COHORT_RETURNED:
        return rows.count(where=passed & (age == measure.days) & (rows.events > 0))
    return revenue_of(measure.state, rows).sum(where=passed & (age <= measure.days))


SOURCE = Source("player_days", can_answer, build)
SURVIVAL = Source("players", can_answer_survival, build_survival)
