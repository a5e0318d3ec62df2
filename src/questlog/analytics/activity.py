"""Players and what they did, by day from the player days, by hour and minute from the events.

A dimension is the player's value of the day; a session, its length and its player's values belong to the day on which
it started. What is of no player counts in sums, with no values.
"""

import ibis.expr.types as ir

from questlog.analytics import tables
from questlog.analytics.buckets import bucket_of_day, bucket_of_time, is_within
from questlog.analytics.daily import with_player_days
from questlog.analytics.filters import holds
from questlog.analytics.parts import Part, aggregated, players_of, with_groups
from questlog.analytics.purchases import is_purchase
from questlog.analytics.query import Granularity
from questlog.analytics.rows import events_with, player_days_with

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
    if part.granularity.is_within_a_day:
        rows = _moments(part)
        bucket = rows.moment
    else:
        rows = player_days_with(part.scope, part.names)
        rows = rows.filter(holds(part.filter, rows))
        bucket = bucket_of_day(rows.day, part.granularity)
    rows = with_groups(part, rows)
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
    is_one_day = part.granularity.is_within_a_day or part.granularity is Granularity.DAY
    # One row a player and bucket: only larger buckets have a player twice.
    if is_one_day or part.scope.period.days == 1:
        return rows.count(where=condition)
    return players_of(part, rows.player_no, condition)


def _moments(part: Part) -> ir.Table:
    """One row for each player and hour (minute) with an event."""
    events = events_with(part.scope)
    purchase = is_purchase(events)
    keys = {
        "player_no": events.player_no,
        "day": events.event_time.date(),
        "moment": bucket_of_time(events.event_time, part.granularity),
    }
    rows = events.group_by(**keys).aggregate(
        events=events.count(),
        transactions=events.count(where=purchase),
        revenue_usd=events.amount_usd.sum(where=purchase),
        ad_revenue_usd=events.ad_revenue_usd.sum(),
    )
    if any(measure.name == "new" for measure in part.measures):
        rows = _with_is_new(part, rows)
    return with_player_days(part, rows)


def _with_is_new(part: Part, rows: ir.Table) -> ir.Table:
    """Whether the player's first event ever is of this hour (minute)."""
    players = tables.players
    players = players.filter(players.game_id == part.scope.game_id, is_within(players.first_seen, part.scope.period))
    first = bucket_of_time(players.first_seen, part.granularity)
    players = players.select(**{"first:player": players.player_no, "first:moment": first})
    joined = rows.left_join(players, rows.player_no == players["first:player"])
    is_new = (joined["first:moment"] == joined.moment).fill_null(False)
    return joined.mutate(is_new=is_new).drop("first:player", "first:moment")
