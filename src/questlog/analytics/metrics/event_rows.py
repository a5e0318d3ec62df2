"""Measures of events one by one, by the events' own dimensions."""

from collections.abc import Callable, Collection, Mapping
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir

from questlog.analytics.engine.functions import attribute
from questlog.analytics.metrics.dollars import dollars
from questlog.analytics.metrics.measures import Measure
from questlog.analytics.metrics.parts import Part, aggregated, players_of, with_groups
from questlog.analytics.question.query import EventMatch
from questlog.analytics.selection.buckets import bucket_of_time
from questlog.analytics.selection.dimensions import referenced_dimensions
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.named_events import is_meant
from questlog.analytics.selection.rows import events_with
from questlog.store.distributions import BOOT_TIMES
from questlog.store.event_kinds import AD_COUNTS


def meant_events(part: Part, names: Collection[str] = ()) -> ir.Table:
    """The events that any of the measures takes, with the columns of these dimensions."""
    matches = {measure.match for measure in part.measures}
    rows = events_with(part.scope, {*names, *referenced_dimensions(*(match.filter for match in matches))})
    return rows.filter(reduce(or_, (is_meant(match, rows, part.named) for match in _sorted(matches))))


def build(part: Part) -> ir.Table:
    """The measures of the events that any of them takes."""
    matches = {measure.match for measure in part.measures}
    rows = meant_events(part, part.names)
    rows = with_groups(part, rows.filter(predicate(part.filter, rows)))
    bucket = bucket_of_time(rows.event_time, part.granularity)
    aggregates = []
    for each in part.measures:
        where = is_meant(each.match, rows, part.named) if len(matches) > 1 else None
        aggregates.append(_aggregate(part, rows, each, where))
    return aggregated(part, rows, bucket, aggregates)


def _sorted(matches: set[EventMatch]) -> list[EventMatch]:
    """In an order that is always the same."""
    return sorted(matches, key=repr)


def _aggregate(part: Part, rows: ir.Table, measure: Measure, where: ir.BooleanValue | None) -> ir.Scalar:
    if measure.name == "count":
        return rows.count(where=where)
    if measure.name in AD_COUNTS:
        is_such = rows.ad_action == AD_COUNTS[measure.name]
        return rows.count(where=is_such if where is None else is_such & where)
    if measure.name == "players":
        return players_of(part, rows.player_no, where)
    if measure.name == "value_quantile":
        return rows.value.quantile(measure.share, where=where)
    if measure.name == "boot_quantile":
        return boot_ms(rows).quantile(measure.share, where=where)
    return _SIMPLE[measure.name](rows, where)


def boot_ms(rows: ir.Table) -> ir.FloatingColumn:
    """The milliseconds that an SDK measured from the launch to its start; null where it sent no such number."""
    found = attribute(rows.attributes, BOOT_TIMES.field).try_cast("float64")
    return (found.isnan() | found.isinf()).ifelse(ibis.null("float64"), found)


_SIMPLE: Mapping[str, Callable[[ir.Table, ir.BooleanValue | None], ir.Scalar]] = {
    "value_count": lambda rows, where: rows.value.count(where=where),
    "value_sum": lambda rows, where: rows.value.sum(where=where),
    "value_abs_sum": lambda rows, where: rows.value.abs().sum(where=where),
    "dollars": lambda rows, where: dollars(rows, "amount_usd", "value", where),
    "value_min": lambda rows, where: rows.value.min(where=where),
    "value_max": lambda rows, where: rows.value.max(where=where),
    "score_count": lambda rows, where: rows.score.count(where=where),
    "score_sum": lambda rows, where: rows.score.sum(where=where),
    "attempt_count": lambda rows, where: rows.attempt_num.count(where=where),
    "attempt_sum": lambda rows, where: rows.attempt_num.cast("float64").sum(where=where),
    "ad_revenue": lambda rows, where: rows.ad_revenue_usd.sum(where=where),
    "boot_sum": lambda rows, where: boot_ms(rows).sum(where=where),
    "boot_count": lambda rows, where: boot_ms(rows).count(where=where),
}
