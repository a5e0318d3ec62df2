"""Players and what they did, by hour or minute, from the events. A dimension is the player's value of the day."""

import ibis.expr.types as ir

from questlog.analytics.engine import tables
from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sources.player_days import with_player_days
from questlog.analytics.metrics.sources.purchases import OWN_MEASURES, count_of_firsts, is_purchase, meant
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, aggregated, players_of, with_groups
from questlog.analytics.selection.dimensions import WHAT_HAPPENED
from questlog.analytics.selection.rows import events_with

_OF_ACTIVE = frozenset({Quantity.ACTIVE_PLAYERS, Quantity.ACTIVE_PLAYER_DAYS})
_ANSWERED = _OF_ACTIVE | OWN_MEASURES | {Quantity.AD_REVENUE}


def can_answer(measure: Measure, request: MetricRequest) -> bool:
    """Whether it is about players and what they brought; of ads by what was shown the events tell."""
    if measure.quantity is Quantity.AD_REVENUE and request.dimensions & WHAT_HAPPENED:
        return False
    return measure.quantity in _ANSWERED


def can_answer_first_seen(measure: Measure, _: MetricRequest) -> bool:
    """Whether it is about new players."""
    return measure.quantity is Quantity.NEW_PLAYERS


def build_first_seen(query: SubQuery) -> ir.Table:
    """How many players were seen for the first time."""
    return count_of_firsts(query, tables.players, "first_seen")


def build(query: SubQuery) -> ir.Table:
    """The measures of activity within days."""
    events, days = events_with(query.selection), query.days
    events = events.mutate(
        day=days.day_of(events.event_time),
        moment=days.bucket_of(events.event_time, query.granularity),
        is_purchase=is_purchase(events, query.event_ids),
    )
    if {measure.quantity for measure in query.measures} <= OWN_MEASURES:
        events = events.filter(events.is_purchase)
    if query.is_plain:
        aggregates = [_of_events(query, events, each.quantity) for each in query.measures]
        return aggregated(query, events, events.moment, aggregates)
    rows = with_groups(query, with_player_days(query, _by_player(events)))
    return aggregated(query, rows, rows.moment, [_of_players(rows, each.quantity) for each in query.measures])


def _of_events(query: SubQuery, events: ir.Table, quantity: Quantity) -> ir.Scalar:
    if quantity in _OF_ACTIVE:
        return players_of(query, events.player_no)
    if quantity is Quantity.PAYING_PLAYERS:
        return players_of(query, events.player_no, events.is_purchase)
    return _sums(events)[quantity]


def _sums(events: ir.Table) -> dict[str, ir.Scalar]:
    return {
        "transactions": events.count(where=events.is_purchase),
        "revenue": events.amount_usd.sum(where=events.is_purchase),
        "ad_revenue": events.ad_revenue_usd.sum(),
    }


def _by_player(events: ir.Table) -> ir.Table:
    """One row for each player, day and hour (minute), so that dimensions are joined to as few as possible."""
    return events.group_by("player_no", "day", "moment").aggregate(**_sums(events))


def _of_players(rows: ir.Table, quantity: Quantity) -> ir.Scalar:
    if quantity in _OF_ACTIVE:
        return rows.count(where=rows.player_no.notnull())
    if quantity is Quantity.PAYING_PLAYERS:
        return rows.count(where=rows.player_no.notnull() & (rows.transactions > 0))
    return rows[quantity].sum()


FIRST_SEEN = Source("players", can_answer_first_seen, build_first_seen)
SOURCE = Source("events", can_answer, build, matches=meant)
