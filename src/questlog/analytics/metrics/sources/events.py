"""Measures of events one by one, by the events' own dimensions."""

from collections.abc import Callable, Collection, Mapping
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir

from questlog.analytics.engine import tables
from questlog.analytics.engine.functions import attribute
from questlog.analytics.metrics.custom_revenue import custom_revenue
from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, aggregated, players_of, with_groups
from questlog.analytics.question.query import EventMatch
from questlog.analytics.selection.dimensions import referenced_dimensions
from questlog.analytics.selection.event_ids import matches
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import events_with
from questlog.store.distributions import BOOT_TIMES, DESIGN_VALUES
from questlog.store.event_kinds import AD_COUNTS

_DAYS = 1_000_000
"""More than any day's number since 1970."""

_SAMPLED = frozenset({Quantity.SAMPLE_SUM, Quantity.SAMPLE_COUNT, Quantity.SAMPLE_QUANTILE})
_OF_PLAYERS = frozenset(
    {
        Quantity.EVENT_PLAYERS,
        Quantity.ACTIVE_PLAYERS,
        Quantity.RETURNING_PLAYERS,
        Quantity.ACTIVE_PLAYER_DAYS,
    }
)
_ONE_A_EVENT = frozenset({DESIGN_VALUES.field, BOOT_TIMES.field})


def can_answer(measure: Measure, _: MetricRequest) -> bool:
    """Whether events tell it: of numbers of a distribution those of which an event has one."""
    if measure.quantity in _SAMPLED:
        return measure.field in _ONE_A_EVENT
    return measure.quantity in _AGGREGATES or measure.quantity in _OF_PLAYERS


def meant(query: SubQuery) -> frozenset[EventMatch]:
    """The events that the measures match."""
    return frozenset(measure.match for measure in query.measures)


def matching_events(query: SubQuery, names: Collection[str] = ()) -> ir.Table:
    """The events that any of the measures takes, with the columns of these dimensions."""
    found = meant(query)
    rows = events_with(query.selection, {*names, *referenced_dimensions(*(match.filter for match in found))})
    return rows.filter(reduce(or_, (matches(match, rows, query.event_ids) for match in sorted(found, key=repr))))


def build(query: SubQuery) -> ir.Table:
    """The measures of the events that any of them takes."""
    rows = matching_events(query, query.dimensions)
    rows = rows.filter(predicate(query.selection.filter, rows))
    if any(measure.quantity is Quantity.RETURNING_PLAYERS for measure in query.measures):
        rows = _with_first_seen(rows)
    rows = with_groups(query, rows)
    bucket = query.days.bucket_of(rows.event_time, query.granularity)
    has_several = len(meant(query)) > 1
    aggregates = []
    for each in query.measures:
        where = matches(each.match, rows, query.event_ids) if has_several else None
        aggregates.append(_aggregate(query, rows, each, where))
    return aggregated(query, rows, bucket, aggregates)


def _aggregate(query: SubQuery, rows: ir.Table, measure: Measure, where: ir.BooleanValue | None) -> ir.Scalar:
    if measure.quantity in _OF_PLAYERS:
        return _players(query, rows, measure, where)
    if measure.quantity in _SAMPLED:
        return _of_numbers(measure, rows.value if measure.field == DESIGN_VALUES.field else boot_ms(rows), where)
    return _AGGREGATES[measure.quantity](rows, where)


def _players(query: SubQuery, rows: ir.Table, measure: Measure, where: ir.BooleanValue | None) -> ir.Scalar:
    if measure.quantity is Quantity.RETURNING_PLAYERS:
        is_returning = ~_is_first_bucket(query, rows)
        where = is_returning if where is None else where & is_returning
    if measure.quantity is Quantity.ACTIVE_PLAYER_DAYS and not query.granularity.is_within_a_day:
        day = query.days.day_of(rows.event_time).delta(ibis.date(1970, 1, 1), unit="day").cast("int64")
        return (rows.player_no * _DAYS + day).nunique(where=where)
    return players_of(query, rows.player_no, where)


def _with_first_seen(rows: ir.Table) -> ir.Table:
    players = tables.players
    players = players.select(**{"first:no": players.player_no, "first:seen": players.first_seen})
    return rows.left_join(players, rows.player_no == players["first:no"]).drop("first:no")


def _is_first_bucket(query: SubQuery, rows: ir.Table) -> ir.BooleanValue:
    """Whether the first event of the event's player is in the same bucket; never null."""
    first, days = rows["first:seen"], query.days
    is_it = days.holds(first)
    now, then = (days.bucket_of(time, query.granularity) for time in (rows.event_time, first))
    if now is not None and then is not None:
        is_it &= now == then
    return is_it.fill_null(False)


def _of_numbers(measure: Measure, numbers: ir.FloatingColumn, where: ir.BooleanValue | None) -> ir.Scalar:
    if measure.quantity is Quantity.SAMPLE_QUANTILE:
        return numbers.quantile(measure.share, where=where)
    return numbers.sum(where=where) if measure.quantity is Quantity.SAMPLE_SUM else numbers.count(where=where)


def boot_ms(rows: ir.Table) -> ir.FloatingColumn:
    """The milliseconds that an SDK measured from the launch to its start; null where it sent no such number."""
    found = attribute(rows.attributes, BOOT_TIMES.field).try_cast("float64")
    return (found.isnan() | found.isinf()).ifelse(ibis.null("float64"), found)


_Aggregate = Callable[[ir.Table, ir.BooleanValue | None], ir.Scalar]


def _count_of_action(action: str) -> _Aggregate:
    def count(rows: ir.Table, where: ir.BooleanValue | None) -> ir.Scalar:
        is_such = rows.ad_action == action
        return rows.count(where=is_such if where is None else is_such & where)

    return count


_AGGREGATES: Mapping[Quantity, _Aggregate] = {
    Quantity.EVENTS: lambda rows, where: rows.count(where=where),
    Quantity.VALUE_COUNT: lambda rows, where: rows.value.count(where=where),
    Quantity.VALUE_SUM: lambda rows, where: rows.value.sum(where=where),
    Quantity.VALUE_ABS_SUM: lambda rows, where: rows.value.abs().sum(where=where),
    Quantity.VALUE_MIN: lambda rows, where: rows.value.min(where=where),
    Quantity.VALUE_MAX: lambda rows, where: rows.value.max(where=where),
    Quantity.SCORE_COUNT: lambda rows, where: rows.score.count(where=where),
    Quantity.SCORE_SUM: lambda rows, where: rows.score.sum(where=where),
    Quantity.ATTEMPT_COUNT: lambda rows, where: rows.attempt_num.count(where=where),
    Quantity.ATTEMPT_SUM: lambda rows, where: rows.attempt_num.cast("float64").sum(where=where),
    Quantity.CUSTOM_REVENUE: lambda rows, where: custom_revenue(rows, "amount_usd", "value", where),
    Quantity.AD_REVENUE: lambda rows, where: rows.ad_revenue_usd.sum(where=where),
    **{Quantity(name): _count_of_action(action) for name, action in AD_COUNTS.items()},
}

SOURCE = Source("events", can_answer, build, matches=meant)
