"""Sessions one by one: their lengths, and all of them by the values of their first events."""

import ibis.expr.types as ir

from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, aggregated, with_groups
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import sessions_with

_ANSWERED = frozenset({Quantity.SESSIONS, Quantity.PLAYTIME, Quantity.MEDIAN_LENGTH})


def can_answer(measure: Measure, _: MetricRequest) -> bool:
    """Whether it is about sessions."""
    return measure.quantity in _ANSWERED


def build(query: SubQuery) -> ir.Table:
    """The measures of the sessions that started in the bucket."""
    rows = sessions_with(query.selection, query.dimensions)
    rows = with_groups(query, rows.filter(predicate(query.selection.filter, rows)), rows.day)
    bucket = bucket_of_day(rows.day, query.granularity)
    if query.granularity.is_within_a_day:
        bucket = query.days.bucket_of(rows.start_time, query.granularity)
    return aggregated(query, rows, bucket, [_aggregate(rows, measure.quantity) for measure in query.measures])


def _aggregate(rows: ir.Table, quantity: Quantity) -> ir.Scalar:
    if quantity is Quantity.SESSIONS:
        return rows.count()
    return rows.length_s.sum() if quantity is Quantity.PLAYTIME else rows.length_s.cast("float64").quantile(0.5)


SOURCE = Source("sessions", can_answer, build)
