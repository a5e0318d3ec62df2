"""Sessions one by one: what sums per day cannot say of their lengths."""

import ibis.expr.types as ir

from questlog.analytics import tables
from questlog.analytics.buckets import bucket_of_time, is_within
from questlog.analytics.daily import with_player_days
from questlog.analytics.parts import Part, aggregated, with_groups


def build(part: Part) -> ir.Table:
    """The median length, seconds, of the sessions that started in the bucket, by their player's values of that day."""
    sessions = tables.sessions
    rows = sessions.filter(sessions.game_id == part.scope.game_id, is_within(sessions.start_time, part.scope.period))
    rows = rows.select("player_no", "start_time", "length_s", day=rows.start_time.date())
    rows = with_groups(part, with_player_days(part, rows))
    bucket = bucket_of_time(rows.start_time, part.granularity)
    return aggregated(part, rows, bucket, [rows.length_s.cast("float64").quantile(0.5) for _ in part.measures])
