"""Sessions one by one: what sums per day cannot say."""

import ibis.expr.types as ir

from questlog.analytics.engine import tables
from questlog.analytics.metrics.daily import with_player_days
from questlog.analytics.metrics.parts import Part, aggregated, with_groups
from questlog.analytics.selection.buckets import bucket_of_time, is_within

NAMES = frozenset({"sessions", "playtime", "median_length"})
"""The measures that it has."""


def build(part: Part) -> ir.Table:
    """The measures of the sessions that started in the bucket, by their player's values of that day."""
    sessions = tables.sessions
    rows = sessions.filter(sessions.game_id == part.scope.game_id, is_within(sessions.start_time, part.scope.period))
    rows = rows.select("player_no", "start_time", "length_s", day=rows.start_time.date())
    rows = with_groups(part, with_player_days(part, rows))
    bucket = bucket_of_time(rows.start_time, part.granularity)
    return aggregated(part, rows, bucket, [_aggregate(rows, measure.name) for measure in part.measures])


def _aggregate(rows: ir.Table, name: str) -> ir.Scalar:
    if name == "sessions":
        return rows.count()
    return rows.length_s.sum() if name == "playtime" else rows.length_s.cast("float64").quantile(0.5)
