"""What segments are made of, and what is wrong with one (metrics.md §5)."""

import datetime as dt
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from questlog.analytics.question.definitions import (
    AllRules,
    AnyRule,
    Did,
    InCell,
    InSegment,
    NotRule,
    Rule,
    SegmentDefinition,
    Who,
)
from questlog.analytics.question.problems import InvalidQuery, unknown
from questlog.analytics.question.query import Operator, check_size, conditions_in
from questlog.analytics.selection.dimensions import (
    SEGMENT,
    check_event_dimension,
    check_player_dimension,
    referenced_dimensions,
)
from questlog.analytics.selection.filters import check_filter

MAX_RULES = 500
"""Rules and conditions of a segment and of all segments that it is made of, each as often as it is used."""

_TABLE_WEIGHT = 10
"""A `did` or `in_cell` is a table of its own in the statement: it takes as long to write as ten other rules."""

MAX_DEPTH = 16
"""Rules within rules of one definition."""

MAX_VALUE = 1e15
"""Greatest value to compare with: it is exact as a double and as money."""

Segments = tuple[tuple[str, SegmentDefinition], ...]
"""The game's saved segments, by name."""

_EPOCH = dt.date(1970, 1, 1)
_COMPARISONS = {
    Operator.IS,
    Operator.IS_NOT,
    Operator.GREATER,
    Operator.GREATER_OR_EQUAL,
    Operator.LESS,
    Operator.LESS_OR_EQUAL,
}


def check_segment(field: str, definition: SegmentDefinition, segments: Mapping[str, SegmentDefinition]) -> None:
    """Raises `InvalidQuery` for a definition that cannot be answered: names, values, circles, size."""
    for path, rule in rules_of(definition.rule, f"{field}.rule"):
        _check_rule(path, rule)
        for name in names_of(rule):
            check_name(path, name, segments)
    _weight(field, definition, segments, ())


def check_name(field: str, name: str, segments: Collection[str]) -> None:
    """Raises `InvalidQuery` for a name that no saved segment has."""
    if name not in segments:
        raise unknown(field, "segment", name, segments)


def with_segments(
    check: Callable[[str, str], None], segments: Mapping[str, SegmentDefinition]
) -> Callable[[str, str], None]:
    """The check of a dimension, which for `segment.NAME` also asks whether that segment can be answered."""

    def checked(field: str, dimension: str) -> None:
        check(field, dimension)
        if dimension.startswith(SEGMENT):
            name = dimension.removeprefix(SEGMENT)
            check_name(field, name, segments)
            _weight(field, segments[name], segments, (name,))

    return checked


def rules_of(rule: Rule, field: str = "rule", levels: int = MAX_DEPTH) -> Iterator[tuple[str, Rule]]:
    """The rule and all within it, with their paths. Raises `InvalidQuery` below `MAX_DEPTH`."""
    if levels == 0:
        raise InvalidQuery(field, f"rules can be nested {MAX_DEPTH} levels deep")
    yield field, rule
    if isinstance(rule, NotRule):
        yield from rules_of(rule.rule, f"{field}.rule", levels - 1)
    elif isinstance(rule, AllRules | AnyRule):
        for place, each in enumerate(rule.rules):
            yield from rules_of(each, f"{field}.rules[{place}]", levels - 1)


def _check_rule(field: str, rule: Rule) -> None:
    if isinstance(rule, Who):
        check_size(rule.filter, f"{field}.filter")
        check_filter(f"{field}.filter", rule.filter, check_player_dimension)
    elif isinstance(rule, Did):
        rule.event.check(f"{field}.event")
        check_filter(f"{field}.event.filter", rule.event.filter, check_event_dimension)
        if rule.operator not in _COMPARISONS:
            raise InvalidQuery(f"{field}.operator", f"{rule.operator} cannot compare numbers")
        if not math.isfinite(rule.value) or abs(rule.value) > MAX_VALUE:
            raise InvalidQuery(f"{field}.value", f"must be a number up to {MAX_VALUE:.0e}")


def names_of(rule: Rule) -> tuple[str, ...]:
    """The segments that the rule itself speaks of, those within it left out."""
    if isinstance(rule, InSegment):
        return (rule.name,)
    if isinstance(rule, InCell):
        return segment_names(set(_dimensions_in(rule.of)))
    if isinstance(rule, Who):
        return segment_names(referenced_dimensions(rule.filter))
    return segment_names(referenced_dimensions(rule.event.filter)) if isinstance(rule, Did) else ()


def _dimensions_in(value: Any) -> Iterator[str]:
    """The dimensions that a question, as JSON, filters or groups by."""
    if isinstance(value, list):
        for each in value:
            yield from _dimensions_in(each)
    elif isinstance(value, dict):
        grouped = value.get("group_by")
        named = [value.get("dimension"), *(grouped if isinstance(grouped, list) else [])]
        yield from (name for name in named if isinstance(name, str))
        for each in value.values():
            yield from _dimensions_in(each)


def cells_in(definitions: Iterable[SegmentDefinition], segments: Mapping[str, SegmentDefinition]) -> list[InCell]:
    """The cells that definitions are made of, and those of the segments that they use; each once."""
    found: dict[InCell, None] = {}
    for definition in definitions:
        for each in (definition, *(inner for _, inner in segments_of(definition, segments))):
            found |= {rule: None for _, rule in rules_of(each.rule) if isinstance(rule, InCell)}
    return list(found)


def segment_names(dimensions: Collection[str]) -> tuple[str, ...]:
    """The segments among dimensions, in order of their names."""
    return tuple(sorted(name.removeprefix(SEGMENT) for name in dimensions if name.startswith(SEGMENT)))


def _weight(
    field: str, definition: SegmentDefinition, segments: Mapping[str, SegmentDefinition], chain: tuple[str, ...]
) -> int:
    """How many rules it is made of. Raises `InvalidQuery` for unknown names, circles and too many rules."""
    weight = 0
    for _, rule in rules_of(definition.rule, field):
        weight += _weight_of(rule)
        for name in names_of(rule):
            check_name(field, name, segments)
            if name in chain:
                circle = " → ".join((*chain[chain.index(name) :], name))
                raise InvalidQuery(field, f"segments refer to each other in a circle: {circle}")
            weight += _weight(field, segments[name], segments, (*chain, name))
        if weight > MAX_RULES:
            said = (
                f"the segment has more than {MAX_RULES} rules and conditions, including those of the segments it uses"
            )
            raise InvalidQuery(field, f"{said}; a `did` or `in_cell` counts as {_TABLE_WEIGHT}")
    return weight


def _weight_of(rule: Rule) -> int:
    if isinstance(rule, Did):
        return _TABLE_WEIGHT + conditions_in(rule.event.filter)
    if isinstance(rule, InCell):
        return _TABLE_WEIGHT
    return 1 + (conditions_in(rule.filter) if isinstance(rule, Who) else 0)


def segments_of(definition: SegmentDefinition, segments: Mapping[str, SegmentDefinition]) -> Segments:
    """The segments that a definition is made of, itself left out: all that its members depend on."""
    found: dict[str, SegmentDefinition] = {}
    pending = [definition]
    while pending:
        for _, rule in rules_of(pending.pop().rule):
            new = {name: segments[name] for name in names_of(rule) if name not in found}
            found |= new
            pending += new.values()
    return tuple(sorted(found.items()))


def counted_from(definition: SegmentDefinition, segments: Segments, today: dt.date) -> dt.date:
    """`today` where a rule counts days back, else a fixed day: one expression then serves every day."""
    involved = (definition, *(each for _, each in segments))
    rules = (rule for each in involved for _, rule in rules_of(each.rule))
    return today if any(isinstance(rule, Did) and rule.last_days is not None for rule in rules) else _EPOCH
