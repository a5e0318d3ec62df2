"""Players by their first day: who came back, and what they brought, so many days later.

Dimensions are the player's at install; those that players do not carry are the last of the first day.
"""

import datetime as dt

import ibis.expr.types as ir
import msgspec

from questlog.analytics.metrics.daily import revenue_of
from questlog.analytics.metrics.measures import Measure
from questlog.analytics.metrics.parts import Part, aggregated, with_groups
from questlog.analytics.question.query import Period
from questlog.analytics.selection.buckets import bucket_of_day, bucket_of_time
from questlog.analytics.selection.dimensions import dimension_column
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import Scope, installed_with, player_days_with


def build(part: Part) -> ir.Table:
    """The measures of the player days of those first seen in the period."""
    furthest = max(measure.days for measure in part.measures)
    days, period = player_days_with(longer(part.scope, furthest)), part.scope.period
    rows = days.filter(days.first_day.between(period.start, period.end))
    if not part.is_plain or part.granularity.is_within_a_day:
        players = installed(part).select("player_no", "first_seen", *dimension_columns(part))
        rows = rows.inner_join(players, "player_no")
    rows = with_groups(part, rows)
    bucket = bucket_of_first(part, rows)
    return aggregated(part, rows, bucket, [_aggregate(part, rows, measure) for measure in part.measures])


def build_survival(part: Part) -> ir.Table:
    """The measures of the players first seen in the period."""
    rows = with_groups(part, installed(part))
    bucket = bucket_of_first(part, rows)
    aggregates = []
    for measure in part.measures:
        counts = has_passed(part, rows, measure.days)
        if measure.name == "survived":
            counts &= rows.last_day.delta(rows.first_day, unit="day") >= measure.days
        aggregates.append(rows.count(where=counts))
    return aggregated(part, rows, bucket, aggregates)


def installed(part: Part) -> ir.Table:
    """The players first seen in the period that the filter lets pass, with dimensions, `first_day` and `last_day`."""
    players, period = installed_with(part.scope, part.names), part.scope.period
    players = players.mutate(first_day=players.first_seen.date(), last_day=players.last_seen.date())
    players = players.filter(players.first_day.between(period.start, period.end))
    return players.filter(predicate(part.filter, players))


def bucket_of_first(part: Part, rows: ir.Table) -> ir.Value | None:
    """The bucket of the player's first event. `rows` have `first_day`, and `first_seen` where buckets are shorter."""
    if part.granularity.is_within_a_day:
        return bucket_of_time(rows.first_seen, part.granularity)
    return bucket_of_day(rows.first_day, part.granularity)


def dimension_columns(part: Part) -> list[str]:
    """The columns of the dimensions that the part needs."""
    return [dimension_column(name) for name in sorted(part.names)]


def has_passed(part: Part, rows: ir.Table, days: int) -> ir.BooleanValue:
    """Whether the UTC day so many days after the first is over."""
    return rows.first_day < part.today - dt.timedelta(days=days)


def longer(scope: Scope, days: int) -> Scope:
    """The scope with so many days more behind it."""
    period = scope.period
    return msgspec.structs.replace(scope, period=Period(period.start, period.end + dt.timedelta(days=days)))


def _aggregate(part: Part, rows: ir.Table, measure: Measure) -> ir.Scalar:
    passed, age = has_passed(part, rows, measure.days), rows.day.delta(rows.first_day, unit="day")
    if measure.name == "cohort":
        return rows.count(where=passed & rows.is_new)
    if measure.name == "returned":
        return rows.count(where=passed & (age == measure.days) & (rows.events > 0))
    return revenue_of(measure.state, rows).sum(where=passed & (age <= measure.days))
