"""Money that players paid: purchases and refunds one by one, by their own values (metrics.md §§3, 4)."""

from collections.abc import Callable, Mapping

import ibis
import ibis.expr.types as ir

from questlog.analytics.metrics.measures import Measure, Quantity, ReceiptState
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, aggregated, players_of, with_groups
from questlog.analytics.question.query import Period
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import purchases_with
from questlog.analytics.selection.selection import ALL_TIME, Selection

_Where = ir.BooleanValue


def can_answer(measure: Measure, _: MetricRequest) -> bool:
    """Whether it is about purchases or refunds."""
    return measure.quantity in _AGGREGATES or measure.quantity in _PLAYERS


def can_answer_first(measure: Measure, _: MetricRequest) -> bool:
    """Whether it is about first purchases."""
    return measure.quantity is Quantity.CONVERTING_PLAYERS


def build(query: SubQuery) -> ir.Table:
    """The measures of the purchases and refunds."""
    rows = purchases_with(query.selection, query.dimensions)
    return _measured(query, rows.filter(predicate(query.selection.filter, rows)))


def build_first(query: SubQuery) -> ir.Table:
    """How many players bought for the first time, by that purchase; all measures are of one state of receipts."""
    rows = first_purchases(query.selection, query.measures[0].state)
    return _measured(query, rows.filter(predicate(query.selection.filter, rows)))


def first_purchases(selection: Selection, state: ReceiptState | None) -> ir.Table:
    """The purchases of the period that are their player's first with a receipt in that state."""
    bought = purchases_with(selection.over(Period(ALL_TIME.start, selection.period.end)))
    bought = bought.filter(bought.player_no.notnull(), ~bought.is_refund, _is_in(state, bought))
    firsts = bought.group_by("player_no").aggregate(first=bought.event_time.min())
    firsts = firsts.select(**{"first:no": firsts.player_no, "first:time": firsts["first"]})
    at_first = bought.inner_join(
        firsts, (bought.player_no == firsts["first:no"]) & (bought.event_time == firsts["first:time"])
    )
    first_rows = at_first.group_by("player_no").aggregate(row=at_first.row_no.min())
    rows = purchases_with(selection, selection.dimensions)
    return rows.semi_join(first_rows, rows.row_no == first_rows["row"])


def _measured(query: SubQuery, rows: ir.Table) -> ir.Table:
    rows = with_groups(query, rows, rows.day)
    bucket = bucket_of_day(rows.day, query.granularity)
    if query.granularity.is_within_a_day:
        bucket = query.days.bucket_of(rows.event_time, query.granularity)
    return aggregated(query, rows, bucket, [_aggregate(query, rows, measure) for measure in query.measures])


def _aggregate(query: SubQuery, rows: ir.Table, measure: Measure) -> ir.Scalar:
    where = _has_state(measure, rows)
    if measure.quantity is Quantity.CONVERTING_PLAYERS:
        return rows.count()
    if measure.quantity in _PLAYERS:
        return players_of(query, rows.player_no, where & _PLAYERS[measure.quantity](rows))
    return _AGGREGATES[measure.quantity](rows, where)


def _has_state(measure: Measure, rows: ir.Table) -> ir.BooleanValue:
    return _is_in(measure.state, rows)


def _is_in(state: ReceiptState | None, rows: ir.Table) -> ir.BooleanValue:
    return ibis.literal(value=True) if state is None else rows.receipt_state == state


def _state_of(measure: Measure) -> str:
    return measure.state or ""


_AGGREGATES: Mapping[Quantity, Callable[[ir.Table, ir.BooleanValue], ir.Scalar]] = {
    Quantity.REVENUE: lambda rows, where: rows.amount_usd.sum(where=where),
    Quantity.GROSS_REVENUE: lambda rows, where: rows.amount_usd.sum(where=where & ~rows.is_refund),
    Quantity.REFUNDED: lambda rows, where: -rows.amount_usd.sum(where=where & rows.is_refund),
    Quantity.REFUNDS: lambda rows, where: rows.count(where=where & rows.is_refund),
    Quantity.TRANSACTIONS: lambda rows, where: rows.count(where=where & ~rows.is_refund),
    Quantity.PRICED_TRANSACTIONS: lambda rows, where: rows.amount_usd.count(where=where & ~rows.is_refund),
}
_PLAYERS: Mapping[Quantity, Callable[[ir.Table], ir.BooleanValue]] = {
    Quantity.PAYING_PLAYERS: lambda rows: ~rows.is_refund,
    Quantity.PRICED_PAYERS: lambda rows: ~rows.is_refund & rows.amount_usd.notnull(),
}

SOURCE = Source("purchases", can_answer, build)
FIRST = Source("purchases", can_answer_first, build_first, part=_state_of)
