"""Sessions one by one: what sums per day cannot say."""

import ibis.expr.types as ir

from questlog.analytics.engine import tables
from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sources.player_days import with_player_days
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, aggregated, with_groups

_ANSWERED = frozenset({Quantity.SESSIONS, Quantity.PLAYTIME, Quantity.MEDIAN_LENGTH})


def can_answer(measure: Measure, _: MetricRequest) -> bool:
    """Whether it is about sessions."""
    return measure.quantity in _ANSWERED


def build(query: SubQuery) -> ir.Table:
    """The measures of the sessions that started in the bucket, by their player's values of that day."""
    sessions, days = tables.sessions, query.days
    rows = sessions.filter(sessions.game_id == query.selection.game_id, days.holds(sessions.start_time))
    rows = rows.select("player_no", "start_time", "length_s", day=days.day_of(rows.start_time))
    rows = with_groups(query, with_player_days(query, rows))
    bucket = days.bucket_of(rows.start_time, query.granularity)
    return aggregated(query, rows, bucket, [_aggregate(rows, measure.quantity) for measure in query.measures])


def _aggregate(rows: ir.Table, quantity: Quantity) -> ir.Scalar:
    if quantity is Quantity.SESSIONS:
        return rows.count()
    return rows.length_s.sum() if quantity is Quantity.PLAYTIME else rows.length_s.cast("float64").quantile(0.5)


SOURCE = Source("sessions", can_answer, build)
