"""Measures of events from their counts and sums per day, where no event has to be looked at."""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_

import ibis.expr.types as ir

from questlog.analytics.engine import tables
from questlog.analytics.metrics.custom_revenue import custom_revenue
from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, aggregated, with_groups
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.dimensions import dimension_column, own_value
from questlog.analytics.selection.filters import event_matches, predicate
from questlog.model.taxonomy import ID_PARTS

ID_DIMENSIONS = frozenset({"category", "event_id", *ID_PARTS})
"""The dimensions that are in an event's category and id: the sums per day know no others."""


def can_answer(measure: Measure, request: MetricRequest) -> bool:
    """Whether the sums per day answer it."""
    is_plain = measure.quantity in _AGGREGATES and measure.match.filter is None
    return is_plain and request.dimensions <= ID_DIMENSIONS and request.is_by_stored_day


def build(query: SubQuery) -> ir.Table:
    """The measures of the days' sums that any of them takes."""
    rows = tables.event_days
    return measured(query, rows.filter(rows.game_id == query.selection.game_id, query.days.holds_day(rows.day)))


def measured(query: SubQuery, sums: ir.Table) -> ir.Table:
    """The measures of rows of sums, which tell of their events what is asked for."""
    rows = sums.mutate(**{dimension_column(n): own_value(sums.__getitem__, n) for n in sorted(query.dimensions)})
    matches = sorted({measure.match for measure in query.measures}, key=repr)
    rows = rows.filter(predicate(query.selection.filter, rows))
    if "category" in rows.columns:
        rows = rows.filter(reduce(or_, (event_matches(match, rows) for match in matches)))
    rows = with_groups(query, rows)
    aggregates = [
        _AGGREGATES[measure.quantity](rows, event_matches(measure.match, rows) if len(matches) > 1 else None)
        for measure in query.measures
    ]
    return aggregated(query, rows, bucket_of_day(rows.day, query.granularity), aggregates)


_Aggregate = Callable[[ir.Table, ir.BooleanValue | None], ir.Scalar]


def _sum_of(column: str) -> _Aggregate:
    return lambda rows, where: rows[column].sum(where=where)


_AGGREGATES: Mapping[Quantity, _Aggregate] = {
    **{
        quantity: _sum_of(quantity.value)
        for quantity in (
            *(Quantity.EVENTS, Quantity.VALUE_COUNT, Quantity.VALUE_SUM, Quantity.VALUE_ABS_SUM),
            *(Quantity.SCORE_COUNT, Quantity.SCORE_SUM, Quantity.ATTEMPT_COUNT, Quantity.ATTEMPT_SUM),
            *(Quantity.AD_SHOWS, Quantity.AD_FAILED_SHOWS, Quantity.AD_CLICKS, Quantity.AD_REWARDS),
        )
    },
    Quantity.VALUE_MIN: lambda rows, where: rows.value_min.min(where=where),
    Quantity.VALUE_MAX: lambda rows, where: rows.value_max.max(where=where),
    Quantity.CUSTOM_REVENUE: lambda rows, where: custom_revenue(rows, "revenue_usd", "value_sum", where),
    Quantity.AD_REVENUE: _sum_of("ad_revenue_usd"),
}

SOURCE = Source("event_days", can_answer, build)
