"""Measures of events by attributes: events with the same attributes are added up first, so that each text is read once.

To read a text takes several times longer than to count an event. Where few events have the same text it is the other
way round: a sample tells which it is. The numbers are the same either way.
"""

from collections.abc import Callable, Mapping

import ibis.expr.types as ir
import msgspec
import pyarrow as pa

from questlog.analytics.metrics import event_sums
from questlog.analytics.metrics.event_rows import meant_events
from questlog.analytics.metrics.parts import Part
from questlog.analytics.selection.dimensions import ATTRIBUTE

DISTRIBUTIONS = 10_000
_EVENTS_A_TEXT = 4

_SUMS: Mapping[str, Callable[[ir.Table], ir.Scalar]] = {
    "events": lambda rows: rows.count(),
    "value_count": lambda rows: rows.value.count(),
    "value_sum": lambda rows: rows.value.sum(),
    "value_abs_sum": lambda rows: rows.value.abs().sum(),
    "value_min": lambda rows: rows.value.min(),
    "value_max": lambda rows: rows.value.max(),
}
_MEASURES = frozenset({"count", *_SUMS} - {"events"})


def is_possible(part: Part) -> bool:
    """Whether the part goes by attributes, and by nothing else that an id does not say."""
    others = {name for name in part.names if not name.startswith(ATTRIBUTE)}
    is_plain = all(measure.name in _MEASURES and measure.match.filter is None for measure in part.measures)
    has_attributes = len(others) < len(part.names)
    return has_attributes and is_plain and others <= event_sums.ID_DIMENSIONS and not part.granularity.is_within_a_day


def sampled(part: Part) -> Part:
    """The part without what makes no difference to its sample: many questions then share one."""
    return msgspec.structs.replace(part, group_by=(), filter=None, kept=None, capped=())


def sample(part: Part) -> ir.Table:
    """The number of the first events, and of their different attributes."""
    some = meant_events(part).select("attributes").limit(DISTRIBUTIONS)
    return some.aggregate(events=some.count(), texts=some.attributes.nunique())


def is_worth_it(sampled: pa.Table) -> bool:
    """Whether many events have the same attributes, by the sample."""
    [found] = sampled.to_pylist()
    return bool(found["events"] == DISTRIBUTIONS and found["texts"] * _EVENTS_A_TEXT <= found["events"])


def build(part: Part) -> ir.Table:
    """The measures, from sums by day, attributes and, where they matter, category and id."""
    events = meant_events(part)
    has_several = len({measure.match for measure in part.measures}) > 1
    has_ids = has_several or any(not name.startswith(ATTRIBUTE) for name in part.names)
    keys = {"day": events.event_time.date(), "attributes": events.attributes}
    keys |= {name: events[name] for name in ("category", "event_id") if has_ids}
    added_up = events.group_by(**keys).aggregate(**{name: make(events) for name, make in _SUMS.items()})
    return event_sums.measured(part, added_up)
