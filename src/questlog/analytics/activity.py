"""Players and what they did, by day from the player days, by hour and minute from events and sessions.

A dimension is the player's value of the day; a session, its length and its player's values belong to the day on which
it started. What is of no player counts in sums, with no values.
"""

import ibis
import ibis.expr.types as ir

from questlog.analytics import tables
from questlog.analytics.buckets import bucket_of_day, bucket_of_time, is_within
from questlog.analytics.daily import with_player_days
from questlog.analytics.filters import holds
from questlog.analytics.parts import Part, aggregated, players_of, with_groups
from questlog.analytics.purchases import is_purchase
from questlog.analytics.query import Granularity
from questlog.analytics.rows import events_with, player_days_with

_SUMS = ("events", "sessions", "playtime_s", "transactions", "revenue_usd", "ad_revenue_usd")
_SUM_OF = {
    "sessions": "sessions",
    "playtime": "playtime_s",
    "events": "events",
    "transactions": "transactions",
    "revenue": "revenue_usd",
    "ad_revenue": "ad_revenue_usd",
}
_OF_SESSIONS = {"sessions", "playtime"}
_NO_MONEY = ibis.literal(0).cast("decimal(38, 6)")
_NOTHING = {name: ibis.literal(0).cast("int64") for name in ("events", "sessions", "transactions")}


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
    """One row for each player and hour (minute) with an event or the start of a session."""
    asked = {measure.name for measure in part.measures}
    sources = []
    if asked - _OF_SESSIONS:
        sources.append(_event_moments(part))
    if asked & _OF_SESSIONS:
        sources.append(_session_moments(part))
    rows = sources[0] if len(sources) == 1 else _added_up(sources[0].union(sources[1]))
    if "new" in asked:
        rows = _with_is_new(part, rows)
    return with_player_days(part, rows)


def _event_moments(part: Part) -> ir.Table:
    events = events_with(part.scope)
    purchase = is_purchase(events)
    keys = {
        "player_no": events.player_no,
        "day": events.event_time.date(),
        "moment": bucket_of_time(events.event_time, part.granularity),
    }
    found = events.group_by(**keys).aggregate(
        events=events.count(),
        transactions=events.count(where=purchase),
        revenue_usd=_money(events.amount_usd.sum(where=purchase)),
        ad_revenue_usd=_money(events.ad_revenue_usd.sum()),
    )
    return _with_nothing(found)


def _session_moments(part: Part) -> ir.Table:
    sessions = tables.sessions
    sessions = sessions.filter(
        sessions.game_id == part.scope.game_id, is_within(sessions.start_time, part.scope.period)
    )
    keys = {
        "player_no": sessions.player_no,
        "day": sessions.start_time.date(),
        "moment": bucket_of_time(sessions.start_time, part.granularity),
    }
    found = sessions.group_by(**keys).aggregate(sessions=sessions.count(), playtime_s=_money(sessions.length_s.sum()))
    return _with_nothing(found)


def _money(value: ir.Value) -> ir.Value:
    return value.cast("decimal(38, 6)").fill_null(_NO_MONEY)


def _with_nothing(rows: ir.Table) -> ir.Table:
    """The rows with 0 for the sums that they lack, and all columns in one order."""
    missing = {name: _NOTHING.get(name, _NO_MONEY) for name in _SUMS if name not in rows.columns}
    return rows.mutate(**missing).select("player_no", "day", "moment", *_SUMS)


def _added_up(rows: ir.Table) -> ir.Table:
    sums = {name: rows[name].sum() for name in _SUMS}
    return rows.group_by("player_no", "day", "moment").aggregate(**sums)


def _with_is_new(part: Part, rows: ir.Table) -> ir.Table:
    """Whether the player's first event ever is of this hour (minute)."""
    players = tables.players
    players = players.filter(players.game_id == part.scope.game_id, is_within(players.first_seen, part.scope.period))
    first = bucket_of_time(players.first_seen, part.granularity)
    players = players.select(**{"first:player": players.player_no, "first:moment": first})
    joined = rows.left_join(players, rows.player_no == players["first:player"])
    is_new = (joined["first:moment"] == joined.moment).fill_null(False)
    return joined.mutate(is_new=is_new).drop("first:player", "first:moment")
