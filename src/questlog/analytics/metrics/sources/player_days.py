"""Players by day or longer from the player days: one row for each player and day.

They carry no dimension of events, so they answer for all events, and by what players are: `payer`, segments, ….
"""

import ibis
import ibis.expr.types as ir

from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, aggregated, players_of, with_groups
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.dimensions import OF_PLAYER, SEGMENT
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import player_days_with
from questlog.store.event_kinds import KINDS, EventKind, bit

_OF_ACTIVE = frozenset({Quantity.ACTIVE_PLAYERS, Quantity.ACTIVE_PLAYER_DAYS, Quantity.RETURNING_PLAYERS})
_SUM_OF = {Quantity.SESSIONS: "sessions", Quantity.PLAYTIME: "playtime_s"}


def can_answer(measure: Measure, request: MetricRequest) -> bool:
    """Whether it is about days of players, by what players are; about sessions only of all of them."""
    if not request.is_by_stored_day or not are_of_players(request.dimensions):
        return False
    return is_of_active_players(measure) or (measure.quantity in _SUM_OF and not request.dimensions)


def are_of_players(names: frozenset[str]) -> bool:
    """Whether dimensions say what players are, and nothing of events."""
    return all(name in OF_PLAYER or name.startswith(SEGMENT) for name in names)


def is_of_active_players(measure: Measure) -> bool:
    """Whether it counts players with an event, or with an event of a kind that days know."""
    return measure.quantity in _OF_ACTIVE or (measure.quantity is Quantity.EVENT_PLAYERS and kind_bit(measure) > 0)


def kind_bit(measure: Measure) -> int:
    """The bit of the kind of events that the measure is of; 0 where no kind is."""
    match = measure.match
    kind = EventKind(match.category or "", match.event_id)
    is_kind = match.filter is None and match.is_prefix == (match.event_id is not None) and kind in KINDS
    return bit(kind) if is_kind else 0


def build(query: SubQuery) -> ir.Table:
    """The measures of the player days."""
    rows = player_days_with(query.selection, query.dimensions)
    rows = rows.filter(predicate(query.selection.filter, rows))
    is_active = rows.player_no.notnull() & (rows.events > 0)
    if not any(measure.quantity in _SUM_OF for measure in query.measures):
        rows = rows.filter(is_active)
        is_active = ibis.literal(value=True)
    rows = with_groups(query, rows)
    aggregates = [_aggregate(query, rows, measure, is_active) for measure in query.measures]
    return aggregated(query, rows, bucket_of_day(rows.day, query.granularity), aggregates)


def _aggregate(query: SubQuery, rows: ir.Table, measure: Measure, is_active: ir.BooleanValue) -> ir.Scalar:
    if measure.quantity in _SUM_OF:
        return rows[_SUM_OF[measure.quantity]].sum()
    if measure.quantity is Quantity.ACTIVE_PLAYER_DAYS:
        return rows.count(where=is_active)
    if measure.quantity is Quantity.RETURNING_PLAYERS:
        is_active &= is_returning(query, rows.day, rows.first_day)
    elif measure.quantity is Quantity.EVENT_PLAYERS:
        is_active &= (rows.kinds & kind_bit(measure)) > 0
    # One row a player and day: only in longer buckets is a player there twice.
    if has_buckets_of_a_day(query):
        return rows.count(where=is_active)
    return players_of(query, rows.player_no, is_active)


def has_buckets_of_a_day(query: SubQuery) -> bool:
    """Whether no bucket is longer than a day."""
    return query.granularity is Granularity.DAY or query.selection.period.days == 1


def is_returning(query: SubQuery, day: ir.DateValue, first_day: ir.DateValue) -> ir.BooleanValue:
    """Whether the first day of a player of that day lies before the bucket (in the period)."""
    bucket, first = (bucket_of_day(each, query.granularity) for each in (day, first_day))
    is_new = query.days.holds_day(first_day)
    return ~(is_new if bucket is None or first is None else is_new & (bucket == first))


SOURCE = Source("player_days", can_answer, build)
