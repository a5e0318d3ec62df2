"""Measures of events from their counts and sums per day, where no event has to be looked at."""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_

import ibis.expr.types as ir

from questlog.analytics.engine import tables
from questlog.analytics.metrics.dollars import dollars
from questlog.analytics.metrics.measures import Measure
from questlog.analytics.metrics.parts import Part, aggregated, with_groups
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.dimensions import add_event_dimensions
from questlog.analytics.selection.filters import event_matches, predicate
from questlog.store.event_kinds import AD_COUNTS

ID_DIMENSIONS = frozenset(
    {
        *("category", "event_id", "progression_status", "progression_01", "progression_02", "progression_03"),
        *("flow_type", "resource_currency", "item_type", "item_id"),
        *(f"design_0{place}" for place in range(1, 6)),
    }
)
"""The dimensions that are in an event's category and id: the sums per day know no others."""


def are_enough(measure: Measure, names: frozenset[str], granularity: Granularity) -> bool:
    """Whether the sums per day answer the measure exactly, with these dimensions."""
    is_plain = measure.name in _AGGREGATES and measure.match.filter is None and measure.state is None
    return is_plain and names <= ID_DIMENSIONS and not granularity.is_within_a_day


def build(part: Part) -> ir.Table:
    """The measures of the days' sums that any of them takes."""
    days, period = tables.event_days, part.scope.period
    days = days.filter(days.game_id == part.scope.game_id, days.day.between(period.start, period.end))
    return measured(part, days)


def measured(part: Part, sums: ir.Table) -> ir.Table:
    """The measures of rows of sums, which tell of their events what the part asks for."""
    rows = add_event_dimensions(sums, part.names)
    matches = sorted({measure.match for measure in part.measures}, key=repr)
    rows = rows.filter(predicate(part.filter, rows))
    if "category" in rows.columns:
        rows = rows.filter(reduce(or_, (event_matches(match, rows) for match in matches)))
    rows = with_groups(part, rows)
    aggregates = [
        _AGGREGATES[measure.name](rows, event_matches(measure.match, rows) if len(matches) > 1 else None)
        for measure in part.measures
    ]
    return aggregated(part, rows, bucket_of_day(rows.day, part.granularity), aggregates)


def _count_in(column: str) -> Callable[[ir.Table, ir.BooleanValue | None], ir.Scalar]:
    return lambda rows, where: rows[column].sum(where=where)


_AGGREGATES: Mapping[str, Callable[[ir.Table, ir.BooleanValue | None], ir.Scalar]] = {
    "count": lambda rows, where: rows.events.sum(where=where),
    "value_count": lambda rows, where: rows.value_count.sum(where=where),
    "value_sum": lambda rows, where: rows.value_sum.sum(where=where),
    "value_abs_sum": lambda rows, where: rows.value_abs_sum.sum(where=where),
    "dollars": lambda rows, where: dollars(rows, "revenue_usd", "value_sum", where),
    "value_min": lambda rows, where: rows.value_min.min(where=where),
    "value_max": lambda rows, where: rows.value_max.max(where=where),
    "score_count": lambda rows, where: rows.score_count.sum(where=where),
    "score_sum": lambda rows, where: rows.score_sum.sum(where=where),
    "attempt_count": lambda rows, where: rows.attempt_count.sum(where=where),
    "attempt_sum": lambda rows, where: rows.attempt_sum.sum(where=where),
    "transactions": lambda rows, where: rows.transactions.sum(where=where),
    "revenue": lambda rows, where: rows.revenue_usd.sum(where=where),
    "ad_revenue": lambda rows, where: rows.ad_revenue_usd.sum(where=where),
    **{name: _count_in(name) for name in AD_COUNTS},
}
