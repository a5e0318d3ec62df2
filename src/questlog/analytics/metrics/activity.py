"""Players and what they did, by day or longer, from the player days.

A dimension is the player's value of the day; a session, its length and its player's values belong to the day on which
it started. What is of no player counts in sums, with no values.
"""

from collections.abc import Sequence

import ibis.expr.types as ir

from questlog.analytics.metrics.daily import revenue_of, transactions_of
from questlog.analytics.metrics.measures import Measure
from questlog.analytics.metrics.parts import Part, aggregated, players_of, with_groups
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import player_days_with
from questlog.store.event_kinds import KINDS, EventKind, bit

_SUM_OF = {
    "sessions": "sessions",
    "playtime": "playtime_s",
    "events": "events",
    "ad_revenue": "ad_revenue_usd",
}


_OF_ACTIVE = frozenset({"active", "new", "player_days"})
"""What is counted of players with an event on the day."""


def build(part: Part) -> ir.Table:
    """The measures of activity."""
    rows = player_days_with(part.scope, part.names)
    rows = rows.filter(predicate(part.filter, rows), *_needed(part, rows))
    rows = with_groups(part, rows)
    bucket = bucket_of_day(rows.day, part.granularity)
    return aggregated(part, rows, bucket, [_aggregate(part, rows, measure) for measure in part.measures])


def knows_players_of(measure: Measure, names: frozenset[str], granularity: Granularity) -> bool:
    """Whether the player days tell who had such events: not by the events' own dimensions, and not within a day."""
    return measure.name == "players" and _bit(measure) > 0 and not names and not granularity.is_within_a_day


def _bit(measure: Measure) -> int:
    """The bit of the kind of events that the measure is of; 0 where no kind is."""
    match = measure.match
    kind = EventKind(match.category or "", match.event_id)
    is_kind = match.filter is None and match.is_prefix == (match.event_id is not None) and kind in KINDS
    return bit(kind) if is_kind else 0


def _needed(part: Part, rows: ir.Table) -> Sequence[ir.BooleanValue]:
    """Which rows count for any measure, where that is few or quicker than to ask it of each measure."""
    if _is_of_active(part):
        return [_is_active(rows)]
    if {measure.name for measure in part.measures} == {"revenue"} and not part.group_by:
        return [rows.transactions > 0]
    return []


def _is_of_active(part: Part) -> bool:
    return {measure.name for measure in part.measures} <= _OF_ACTIVE


def _is_active(rows: ir.Table) -> ir.BooleanValue:
    return rows.player_no.notnull() & (rows.events > 0)


def _aggregate(part: Part, rows: ir.Table, measure: Measure) -> ir.Scalar:
    name = measure.name
    if name in _SUM_OF:
        return rows[_SUM_OF[name]].sum()
    if name == "transactions":
        return transactions_of(measure.state, rows).sum()
    if name == "revenue":
        return revenue_of(measure.state, rows).sum()
    is_active = None if _is_of_active(part) else _is_active(rows)
    if name == "new":
        return rows.count(where=rows.is_new if is_active is None else is_active & rows.is_new)
    if name == "player_days":
        return rows.count(where=is_active)
    condition = is_active if name == "active" else rows.player_no.notnull() & _has_done(measure, rows)
    # One row a player and day: only in longer buckets is a player there twice.
    if part.granularity is Granularity.DAY or part.scope.period.days == 1:
        return rows.count(where=condition)
    return players_of(part, rows.player_no, condition)


def _has_done(measure: Measure, rows: ir.Table) -> ir.BooleanValue:
    """Whether the player bought, or had an event of the measure's kind."""
    if measure.name == "paying":
        return transactions_of(measure.state, rows) > 0
    return (rows.kinds & _bit(measure)) > 0
