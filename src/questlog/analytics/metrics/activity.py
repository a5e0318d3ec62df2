"""Players and what they did, by day or longer, from the player days.

A dimension is the player's value of the day; a session, its length and its player's values belong to the day on which
it started. What is of no player counts in sums, with no values.
"""

import ibis.expr.types as ir

from questlog.analytics.metrics.parts import Part, aggregated, players_of, with_groups
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.filters import holds
from questlog.analytics.selection.rows import player_days_with

_SUM_OF = {
    "sessions": "sessions",
    "playtime": "playtime_s",
    "events": "events",
    "transactions": "transactions",
    "revenue": "revenue_usd",
    "ad_revenue": "ad_revenue_usd",
}


def build(part: Part) -> ir.Table:
    """The measures of activity."""
    rows = player_days_with(part.scope, part.names)
    rows = with_groups(part, rows.filter(holds(part.filter, rows)))
    bucket = bucket_of_day(rows.day, part.granularity)
    return aggregated(part, rows, bucket, [_aggregate(part, rows, measure.name) for measure in part.measures])


def _aggregate(part: Part, rows: ir.Table, name: str) -> ir.Scalar:
    if name in _SUM_OF:
        return rows[_SUM_OF[name]].sum()
    is_active = rows.player_no.notnull() & (rows.events > 0)
    if name == "new":
        return rows.count(where=is_active & rows.is_new)
    if name == "player_days":
        return rows.count(where=is_active)
    condition = is_active if name == "active" else rows.player_no.notnull() & (rows.transactions > 0)
    # One row a player and day: only in longer buckets is a player there twice.
    if part.granularity is Granularity.DAY or part.scope.period.days == 1:
        return rows.count(where=condition)
    return players_of(part, rows.player_no, condition)
