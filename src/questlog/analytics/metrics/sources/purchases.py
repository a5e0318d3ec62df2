"""Purchases one by one, for what the player days do not tell apart: receipts, who bought first, what was bought.

They count by the player's values of the day; those of no player count with no values. Only where a dimension says what
happened - the item, the currency, the shop - all dimensions are the purchase's own.
"""

from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir

from questlog.analytics.engine import tables
from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sources.player_days import transactions_of, with_player_days
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, aggregated, players_of, with_groups
from questlog.analytics.question.query import EventMatch, Period
from questlog.analytics.selection.dimensions import WHAT_HAPPENED
from questlog.analytics.selection.event_ids import EventIds, matches
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import events_with, player_days_with
from questlog.analytics.selection.selection import NO_DAY
from questlog.model.taxonomy import PURCHASES

OWN_MEASURES = frozenset({Quantity.REVENUE, Quantity.TRANSACTIONS, Quantity.PAYING_PLAYERS})
"""The measures that purchases have by their own dimensions."""

_MATCHES = tuple(EventMatch(category=each.category, event_id=each.event_id) for each in PURCHASES)


def can_answer_own(measure: Measure, request: MetricRequest) -> bool:
    """Whether it is about purchases by what was bought."""
    return measure.quantity in OWN_MEASURES and bool(request.dimensions & WHAT_HAPPENED)


def can_answer_within_a_day(measure: Measure, request: MetricRequest) -> bool:
    """Whether it is about purchases with receipts in a state, by hour or minute."""
    return measure.quantity in OWN_MEASURES and measure.state is not None and request.granularity.is_within_a_day


def can_answer_first(measure: Measure, _: MetricRequest) -> bool:
    """Whether it is about first purchases."""
    return measure.quantity is Quantity.CONVERTING_PLAYERS


def is_purchase(events: ir.Table, ids: EventIds = ()) -> ir.BooleanValue:
    """Whether an event is a purchase; never null."""
    is_one = reduce(or_, (matches(match, events, ids) for match in _MATCHES))
    return is_one & (events.amount.notnull() | events.amount_usd.notnull())


def meant(_: SubQuery) -> frozenset[EventMatch]:
    """The events that are purchases."""
    return frozenset(_MATCHES)


def _state_of(measure: Measure) -> str:
    return measure.state or ""


def _purchases_in(query: SubQuery, period: Period) -> ir.Table:
    """The period's purchases with receipts in the states that the measures are of; the columns `day` and `state`."""
    selection = query.selection.over(period)
    events = events_with(selection)
    states = sorted({measure.state for measure in query.measures if measure.state is not None})
    events = events.filter(is_purchase(events, query.event_ids), events.receipt_state.isin(states))
    day = selection.days.day_of(events.event_time)
    return events.select("game_id", "player_no", "event_time", "amount_usd", day=day, state=events.receipt_state)


def build_within_a_day(query: SubQuery) -> ir.Table:
    """The measures of purchases with receipts in a state, within days."""
    rows = with_groups(query, with_player_days(query, _purchases_in(query, query.selection.period)))
    return _measured(query, rows)


def build_own(query: SubQuery) -> ir.Table:
    """The measures of purchases by their own dimensions, of any receipts where a measure is of no state."""
    events = events_with(query.selection, query.dimensions)
    is_one = is_purchase(events, query.event_ids)
    rows = with_groups(query, events.filter(is_one, predicate(query.selection.filter, events)))
    return _measured(query, rows.mutate(state=rows.receipt_state))


def _measured(query: SubQuery, rows: ir.Table) -> ir.Table:
    bucket = query.days.bucket_of(rows.event_time, query.granularity)
    return aggregated(query, rows, bucket, [_aggregate(query, rows, measure) for measure in query.measures])


def _aggregate(query: SubQuery, rows: ir.Table, measure: Measure) -> ir.Scalar:
    where = ibis.literal(value=True) if measure.state is None else rows.state == measure.state
    if measure.quantity is Quantity.TRANSACTIONS:
        return rows.count(where=where)
    if measure.quantity is Quantity.REVENUE:
        return rows.amount_usd.sum(where=where)
    return players_of(query, rows.player_no, where)


def build_first(query: SubQuery) -> ir.Table:
    """How many players bought for the first time; all measures are of one state of receipts."""
    if query.measures[0].state is None:
        return count_of_firsts(query, tables.players, "first_purchase")
    return count_of_firsts(query, _first_with_receipt(query), "first_purchase")


def count_of_firsts(query: SubQuery, players: ir.Table, column: str) -> ir.Table:
    """How many players had it happen, by their values of that day. `column` is when."""
    first = players.filter(players.game_id == query.selection.game_id, query.days.holds(players[column]))
    first = first.select("player_no", event_time=first[column], day=query.days.day_of(first[column]))
    rows = with_groups(query, with_player_days(query, first))
    bucket = query.days.bucket_of(rows.event_time, query.granularity)
    return aggregated(query, rows, bucket, [rows.count() for _ in query.measures])


def _first_with_receipt(query: SubQuery) -> ir.Table:
    """Each player's first purchase with a receipt in the state; where no less is asked for, its day."""
    until = Period(NO_DAY, query.selection.period.end)
    if query.granularity.is_within_a_day:
        bought = _purchases_in(query, until)
        time = bought.event_time
    else:
        bought = player_days_with(query.selection.over(until))
        bought = bought.filter(transactions_of(query.measures[0].state, bought) > 0)
        time = bought.day.cast("timestamp(6)")
    bought = bought.filter(bought.player_no.notnull())
    return bought.group_by("player_no", "game_id").aggregate(first_purchase=time.min())


OWN = Source("purchases", can_answer_own, build_own, matches=meant)
WITHIN_A_DAY = Source("purchases", can_answer_within_a_day, build_within_a_day, matches=meant)
FIRST = Source("purchases", can_answer_first, build_first, part=_state_of, matches=meant)
