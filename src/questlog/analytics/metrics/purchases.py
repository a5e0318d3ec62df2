"""Purchases one by one, for what the player days do not tell apart: receipts, who bought first, what was bought.

They count by the player's values of the day; those of no player count with no values. Only where a dimension says what
happened - the item, the currency, the shop - all dimensions are the purchase's own.
"""

import datetime as dt
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir
import msgspec

from questlog.analytics.engine import tables
from questlog.analytics.metrics.daily import transactions_of, with_player_days
from questlog.analytics.metrics.dollars import PURCHASE
from questlog.analytics.metrics.measures import Measure
from questlog.analytics.metrics.parts import Part, aggregated, players_of, with_groups
from questlog.analytics.question.query import EventMatch, Period
from questlog.analytics.selection.buckets import bucket_of_time, is_within
from questlog.analytics.selection.dimensions import EVENT_DIMENSIONS
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.named_events import Named, is_meant
from questlog.analytics.selection.rows import events_with, player_days_with
from questlog.store.schema import DIMENSIONS

_BEGINNING = dt.date(1970, 1, 1)

_OF_WHO = {*DIMENSIONS, "gender", "birth_year", "source", "api_key_name", "session_id", "session_num"}
_OF_PLAYER = {"first_build", "install_date", "player_age", "payer"}
WHAT_HAPPENED = frozenset(EVENT_DIMENSIONS) - _OF_WHO - _OF_PLAYER
"""The dimensions that are of an event, and not of who it happened to."""

OWN = frozenset({"revenue", "transactions", "paying"})
"""The measures that purchases have by their own dimensions."""


PURCHASES = frozenset({EventMatch(category="business"), EventMatch(category="custom", event_id=PURCHASE)})
"""A purchase is one of these, with an amount: a test purchase has none."""


def is_purchase(events: ir.Table, named: Named = ()) -> ir.BooleanValue:
    """Whether an event is a purchase; never null."""
    is_one = reduce(or_, (is_meant(match, events, named) for match in sorted(PURCHASES, key=repr)))
    return is_one & (events.amount.notnull() | events.amount_usd.notnull())


def _purchases_in(part: Part, period: Period) -> ir.Table:
    """The period's purchases with receipts in the states that the measures are of; the columns `day` and `state`."""
    events = events_with(msgspec.structs.replace(part.scope, period=period))
    states = sorted({measure.state for measure in part.measures if measure.state is not None})
    events = events.filter(is_purchase(events, part.named), events.receipt_state.isin(states))
    return events.select(
        "game_id", "player_no", "event_time", "amount_usd", day=events.event_time.date(), state=events.receipt_state
    )


def build(part: Part) -> ir.Table:
    """The measures of purchases with receipts in a state, within days."""
    rows = with_groups(part, with_player_days(part, _purchases_in(part, part.scope.period)))
    bucket = bucket_of_time(rows.event_time, part.granularity)
    return aggregated(part, rows, bucket, [_aggregate(part, rows, measure) for measure in part.measures])


def _aggregate(part: Part, rows: ir.Table, measure: Measure) -> ir.Scalar:
    where = ibis.literal(value=True) if measure.state is None else rows.state == measure.state
    if measure.name == "transactions":
        return rows.count(where=where)
    return rows.amount_usd.sum(where=where) if measure.name == "revenue" else players_of(part, rows.player_no, where)


def build_own(part: Part) -> ir.Table:
    """The measures of purchases by their own dimensions, of any receipts where a measure is of no state."""
    events = events_with(part.scope, part.names)
    rows = with_groups(part, events.filter(is_purchase(events, part.named), predicate(part.filter, events)))
    rows = rows.mutate(state=rows.receipt_state)
    bucket = bucket_of_time(rows.event_time, part.granularity)
    return aggregated(part, rows, bucket, [_aggregate(part, rows, measure) for measure in part.measures])


def build_first(part: Part) -> ir.Table:
    """How many players bought for the first time; all measures are of one state of receipts."""
    state = part.measures[0].state
    if state is None:
        return count_of_firsts(part, tables.players, "first_purchase")
    return count_of_firsts(part, _first_with_receipt(part), "first_purchase")


def build_new(part: Part) -> ir.Table:
    """How many players were seen for the first time."""
    return count_of_firsts(part, tables.players, "first_seen")


def count_of_firsts(part: Part, players: ir.Table, column: str) -> ir.Table:
    """How many players had it happen, by their values of that day. `column` is when."""
    first = players.filter(players.game_id == part.scope.game_id, is_within(players[column], part.scope.period))
    first = first.select("player_no", event_time=first[column], day=first[column].date())
    rows = with_groups(part, with_player_days(part, first))
    bucket = bucket_of_time(rows.event_time, part.granularity)
    return aggregated(part, rows, bucket, [rows.count() for _ in part.measures])


def _first_with_receipt(part: Part) -> ir.Table:
    """Each player's first purchase with a receipt in the state; where no less is asked for, its day."""
    until = Period(_BEGINNING, part.scope.period.end)
    if part.granularity.is_within_a_day:
        bought = _purchases_in(part, until)
        time = bought.event_time
    else:
        bought = player_days_with(msgspec.structs.replace(part.scope, period=until))
        bought = bought.filter(transactions_of(part.measures[0].state, bought) > 0)
        time = bought.day.cast("timestamp(6)")
    bought = bought.filter(bought.player_no.notnull())
    return bought.group_by("player_no", "game_id").aggregate(first_purchase=time.min())
