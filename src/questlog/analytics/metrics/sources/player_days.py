"""Players and what they did, by day or longer, from the player days.

A dimension is the player's value of the day; a session, its length and its player's values belong to the day on which
it started. Events without a player count in sums, with no values.
"""

from collections.abc import Sequence

import ibis.expr.types as ir

from questlog.analytics.metrics.measures import Measure, Quantity, ReceiptState
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, aggregated, players_of, with_groups
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.dimensions import WHAT_HAPPENED, is_dimension_column
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import player_days_with
from questlog.store.event_kinds import KINDS, EventKind, bit

_SUM_OF = {
    Quantity.SESSIONS: "sessions",
    Quantity.PLAYTIME: "playtime_s",
    Quantity.AD_REVENUE: "ad_revenue_usd",
}
_OF_ACTIVE = frozenset({Quantity.ACTIVE_PLAYERS, Quantity.NEW_PLAYERS, Quantity.ACTIVE_PLAYER_DAYS})
_OF_MONEY = frozenset({Quantity.REVENUE, Quantity.TRANSACTIONS, Quantity.PAYING_PLAYERS})
_ANSWERED = _OF_ACTIVE | _OF_MONEY | frozenset(_SUM_OF)


def can_answer(measure: Measure, request: MetricRequest) -> bool:
    """Whether the player days answer it: kinds of events only of all players."""
    if not request.is_by_stored_day:
        return False
    if measure.quantity is Quantity.EVENT_PLAYERS:
        return kind_bit(measure) > 0 and not request.dimensions
    is_of_what_happened = measure.quantity in (*_OF_MONEY, Quantity.AD_REVENUE)
    return measure.quantity in _ANSWERED and not (is_of_what_happened and request.dimensions & WHAT_HAPPENED)


def build(query: SubQuery) -> ir.Table:
    """The measures of the player days."""
    rows = player_days_with(query.selection, query.dimensions)
    rows = rows.filter(predicate(query.selection.filter, rows), *_needed(query, rows))
    rows = with_groups(query, rows)
    bucket = bucket_of_day(rows.day, query.granularity)
    return aggregated(query, rows, bucket, [_aggregate(query, rows, measure) for measure in query.measures])


def kind_bit(measure: Measure) -> int:
    """The bit of the kind of events that the measure is of; 0 where no kind is."""
    match = measure.match
    kind = EventKind(match.category or "", match.event_id)
    is_kind = match.filter is None and match.is_prefix == (match.event_id is not None) and kind in KINDS
    return bit(kind) if is_kind else 0


def _needed(query: SubQuery, rows: ir.Table) -> Sequence[ir.BooleanValue]:
    """Which rows count for any measure, where that is few or quicker than to ask it of each measure."""
    if _is_of_active(query):
        return [_is_active(rows)]
    if {measure.quantity for measure in query.measures} == {Quantity.REVENUE} and not query.selection.group_by:
        return [rows.transactions > 0]
    return []


def _is_of_active(query: SubQuery) -> bool:
    return {measure.quantity for measure in query.measures} <= _OF_ACTIVE


def _is_active(rows: ir.Table) -> ir.BooleanValue:
    return rows.player_no.notnull() & (rows.events > 0)


def _aggregate(query: SubQuery, rows: ir.Table, measure: Measure) -> ir.Scalar:
    quantity = measure.quantity
    if quantity in _SUM_OF:
        return rows[_SUM_OF[quantity]].sum()
    if quantity is Quantity.TRANSACTIONS:
        return transactions_of(measure.state, rows).sum()
    if quantity is Quantity.REVENUE:
        return revenue_of(measure.state, rows).sum()
    is_active = None if _is_of_active(query) else _is_active(rows)
    if quantity is Quantity.NEW_PLAYERS:
        return rows.count(where=rows.is_new if is_active is None else is_active & rows.is_new)
    if quantity is Quantity.ACTIVE_PLAYER_DAYS:
        return rows.count(where=is_active)
    is_such = is_active if quantity is Quantity.ACTIVE_PLAYERS else rows.player_no.notnull() & _has_done(measure, rows)
    # One row a player and day: only in longer buckets is a player there twice.
    if query.granularity is Granularity.DAY or query.selection.period.days == 1:
        return rows.count(where=is_such)
    return players_of(query, rows.player_no, is_such)


def _has_done(measure: Measure, rows: ir.Table) -> ir.BooleanValue:
    """Whether the player bought, or had an event of the measure's kind."""
    if measure.quantity is Quantity.PAYING_PLAYERS:
        return transactions_of(measure.state, rows) > 0
    return (rows.kinds & kind_bit(measure)) > 0


def with_player_days(query: SubQuery, rows: ir.Table) -> ir.Table:
    """Rows of `player_no` and `day` beside the dimensions of the player's day, those that the filter lets pass.

    A row of no player has the values of none.
    """
    if query.is_plain:
        return rows
    days = player_days_with(query.selection, query.dimensions)
    days = days.filter(predicate(query.selection.filter, days))
    dimensions = [name for name in days.columns if is_dimension_column(name)]
    days = days.select(**{"day:owner": _owner(days), "day:day": days.day}, **{name: days[name] for name in dimensions})
    is_same = (_owner(rows) == days["day:owner"]) & (rows.day == days["day:day"])
    return rows.inner_join(days, is_same).drop("day:owner", "day:day")


def transactions_of(state: ReceiptState | None, days: ir.Table) -> ir.IntegerColumn:
    """The purchases of player days, of all receipts or of those in a state."""
    return _of_state(days, "transactions", state)


def revenue_of(state: ReceiptState | None, days: ir.Table) -> ir.DecimalColumn:
    """What they earned."""
    return _of_state(days, "revenue_usd", state)


def _of_state(days: ir.Table, name: str, state: ReceiptState | None) -> ir.NumericColumn:
    if state == "unchecked":
        return days[name] - days[f"valid_{name}"] - days[f"invalid_{name}"]
    return days[name if state is None else f"{state}_{name}"]


def _owner(rows: ir.Table) -> ir.IntegerValue:
    return rows.player_no.fill_null(-1)


SOURCE = Source("player_days", can_answer, build)
