"""Players by day or longer by the values that their events had (metrics.md §4): a player counts under each of them.

There is a row for each player, day and combination of values. Of one dimension, the rows that are the day's first with
their value (`first_of`) are the players: no player is there twice. Of several, the players of a day with one
combination only (`is_only`) need no telling apart.
"""

from collections.abc import Set as AbstractSet

import ibis
import ibis.expr.types as ir

from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sources.player_days import (
    has_buckets_of_a_day,
    is_of_active_players,
    is_returning,
    kind_bit,
)
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, aggregated, players_of, with_groups
from questlog.analytics.question.query import AllOf, Condition, EventMatch, Filter, Operator
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.dimensions import OF_PLAYER, SEGMENT, dimension_column
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import player_day_values_with
from questlog.analytics.selection.selection import Selection
from questlog.store.schema import DIMENSIONS

_FIRST_DAY = "install_date"
"""The dimension that is the player's first day."""


def can_answer(measure: Measure, request: MetricRequest) -> bool:
    """Whether it is about days of players, or sums of events that days carry, by values that they carry."""
    if not request.is_by_stored_day or not are_carried(request.dimensions):
        return False
    is_sum = measure.quantity is Quantity.AD_REVENUE or (
        measure.quantity is Quantity.EVENTS and measure.match == EventMatch()
    )
    return is_of_active_players(measure) or (is_sum and bool(request.dimensions))


def are_carried(names: frozenset[str]) -> bool:
    """Whether player days have these dimensions of events, or they say what players are."""
    return all(name in DIMENSIONS or name in OF_PLAYER or name.startswith(SEGMENT) for name in names)


def first_of(selection: Selection) -> int | None:
    """The bit of `first_of` of the rows that the filter lets pass: with it, a player is in each group of a day once.

    None where a player can be there several times all the same: several values can pass, or be one group, `(other)`.
    """
    names = [name for name in DIMENSIONS if name in selection.dimensions]
    if not names:
        return 1 << len(DIMENSIONS)
    has_groups_of_one_value = names[0] in selection.group_by and not selection.top and not selection.caps
    if len(names) > 1 or not (has_groups_of_one_value or _has_one_value(selection.filter, names[0])):
        return None
    return 1 << DIMENSIONS.index(names[0])


def _has_one_value(condition: Filter | None, name: str) -> bool:
    """Whether a filter lets only one value of a dimension pass."""
    if isinstance(condition, AllOf):
        return any(_has_one_value(each, name) for each in condition.filters)
    if not isinstance(condition, Condition) or condition.dimension != name:
        return False
    if condition.operator is Operator.IS_NOT_SET:
        return True
    return condition.operator in (Operator.IS, Operator.IN) and len(set(condition.values)) == 1


def build(query: SubQuery) -> ir.Table:
    """The measures of the combinations of values."""
    quantities = {measure.quantity for measure in query.measures}
    names = query.dimensions | ({_FIRST_DAY} if Quantity.RETURNING_PLAYERS in quantities else set())
    rows = player_day_values_with(query.selection, names)
    rows = rows.filter(predicate(query.selection.filter, rows))
    are_players, are_firsts = _only(query, quantities)
    if are_players:
        rows = rows.filter(rows.player_no.notnull())
    if are_firsts:
        rows = rows.filter(_is_first(query, rows))
    rows = with_groups(query, rows)
    aggregates = [_aggregate(query, rows, measure, quantities) for measure in query.measures]
    return aggregated(query, rows, bucket_of_day(rows.day, query.granularity), aggregates)


def _only(query: SubQuery, quantities: AbstractSet[Quantity]) -> tuple[bool, bool]:
    """Whether the statement leaves out rows of no player, and rows that are not the day's first with their value.

    What it leaves out is not looked at again in each measure: that would take a quarter longer.
    """
    are_players = not quantities & {Quantity.EVENTS, Quantity.AD_REVENUE}
    has_bit = first_of(query.selection) is not None
    return are_players, are_players and has_bit and Quantity.EVENT_PLAYERS not in quantities


def _is_first(query: SubQuery, rows: ir.Table) -> ir.BooleanValue:
    return (rows.first_of & first_of(query.selection)) > 0


def _aggregate(query: SubQuery, rows: ir.Table, measure: Measure, quantities: AbstractSet[Quantity]) -> ir.Scalar:
    if measure.quantity is Quantity.EVENTS:
        return rows.events.sum()
    if measure.quantity is Quantity.AD_REVENUE:
        return rows.ad_revenue_usd.sum()
    are_players, are_firsts = _only(query, quantities)
    counts = ibis.literal(value=True) if are_players else rows.player_no.notnull()
    if measure.quantity is Quantity.RETURNING_PLAYERS:
        counts &= is_returning(query, rows.day, rows[dimension_column(_FIRST_DAY)])
    if measure.quantity is Quantity.EVENT_PLAYERS:
        counts &= (rows.kinds & kind_bit(measure)) > 0
    elif first_of(query.selection) is not None:
        counts = counts if are_firsts else counts & _is_first(query, rows)
        if has_buckets_of_a_day(query) or measure.quantity is Quantity.ACTIVE_PLAYER_DAYS:
            return rows.count(where=counts)
    others = counts & ~rows.is_only
    if measure.quantity is Quantity.ACTIVE_PLAYER_DAYS:
        return rows.count(where=counts & rows.is_only) + rows.player_day_no.nunique(where=others)
    if has_buckets_of_a_day(query):
        return rows.count(where=counts & rows.is_only) + players_of(query, rows.player_no, others)
    return players_of(query, rows.player_no, counts)


SOURCE = Source("player_day_values", can_answer, build)
