"""Measures of events by attributes: events with the same attributes are added up first, so that each text is read once.

To read a text takes several times longer than to count an event. Where few events have the same text it is the other
way round: a sample tells which it is. The numbers are the same either way.
"""

from collections.abc import Callable, Mapping

import ibis.expr.types as ir
import msgspec

from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sources.event_days import ID_DIMENSIONS, measured
from questlog.analytics.metrics.sources.events import matching_events, meant
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery
from questlog.analytics.selection.dimensions import ATTRIBUTE

SAMPLED = 10_000
_EVENTS_A_TEXT = 4

_SUMS: Mapping[Quantity, Callable[[ir.Table], ir.Scalar]] = {
    Quantity.EVENTS: lambda rows: rows.count(),
    Quantity.VALUE_COUNT: lambda rows: rows.value.count(),
    Quantity.VALUE_SUM: lambda rows: rows.value.sum(),
    Quantity.VALUE_ABS_SUM: lambda rows: rows.value.abs().sum(),
    Quantity.VALUE_MIN: lambda rows: rows.value.min(),
    Quantity.VALUE_MAX: lambda rows: rows.value.max(),
}


def can_answer(measure: Measure, request: MetricRequest) -> bool:
    """Whether it goes by attributes, and by nothing else that an id does not say."""
    names = request.dimensions
    others = {name for name in names if not name.startswith(ATTRIBUTE)}
    is_plain = measure.quantity in _SUMS and measure.match.filter is None
    return len(others) < len(names) and is_plain and others <= ID_DIMENSIONS and not request.granularity.is_within_a_day


def is_worth_it(query: SubQuery, context: Context) -> bool:
    """Whether many events have the same attributes, by a sample."""
    [found] = context.run_once(sample, _sampled(query)).to_pylist()
    return bool(found["events"] == SAMPLED and found["texts"] * _EVENTS_A_TEXT <= found["events"])


def sample(query: SubQuery) -> ir.Table:
    """The number of the first events, and of their different attributes."""
    some = matching_events(query).select("attributes").limit(SAMPLED)
    return some.aggregate(events=some.count(), texts=some.attributes.nunique())


def _sampled(query: SubQuery) -> SubQuery:
    """The same without what makes no difference to its sample: many questions then share one."""
    selection = msgspec.structs.replace(query.selection, filter=None, group_by=(), top=None, caps=())
    return msgspec.structs.replace(query, selection=selection)


def build(query: SubQuery) -> ir.Table:
    """The measures, from sums by day, attributes and, where they matter, category and id."""
    events = matching_events(query)
    has_several = len({measure.match for measure in query.measures}) > 1
    has_ids = has_several or any(not name.startswith(ATTRIBUTE) for name in query.dimensions)
    keys = {"day": query.days.day_of(events.event_time), "attributes": events.attributes}
    keys |= {name: events[name] for name in ("category", "event_id") if has_ids}
    sums = {quantity.value: make(events) for quantity, make in _SUMS.items()}
    return measured(query, events.group_by(**keys).aggregate(**sums))


SOURCE = Source("events", can_answer, build, matches=meant, is_worth_it=is_worth_it)
