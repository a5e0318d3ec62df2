"""A filter as a condition over a prepared table (metrics.md §4)."""

import datetime as dt
import math
from collections.abc import Callable, Iterator
from functools import reduce
from operator import and_, or_

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.question.problems import InvalidQuery, check_word
from questlog.analytics.question.query import AllOf, AnyOf, Condition, EventMatch, Filter, Not, Operator, Value
from questlog.analytics.selection.dimensions import Kind, dimension_column, kind_of
from questlog.model.taxonomy import PURCHASES, VOCABULARIES

_NUMBER_TEXT = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_ONE_VALUE = {
    Operator.IS,
    Operator.IS_NOT,
    Operator.CONTAINS,
    Operator.MATCHES,
    Operator.GREATER,
    Operator.GREATER_OR_EQUAL,
    Operator.LESS,
    Operator.LESS_OR_EQUAL,
}
_EQUALITIES = {Operator.IS, Operator.IS_NOT, Operator.IN, Operator.NOT_IN}
_NO_VALUE = {Operator.IS_SET, Operator.IS_NOT_SET}
_TEXT_ONLY = {Operator.CONTAINS, Operator.MATCHES}
_ORDERED = {Operator.GREATER, Operator.GREATER_OR_EQUAL, Operator.LESS, Operator.LESS_OR_EQUAL}


def predicate(condition: Filter | None, rows: ir.Table, field: str = "filter") -> ir.BooleanValue:
    """Whether the filter holds for a row, never null. `rows` has the dimensions' columns.

    Raises `InvalidQuery` for values that do not go with the operator or the dimension.
    """
    if condition is None:
        return ibis.literal(value=True)
    if isinstance(condition, Condition):
        return _compare(condition, rows, field)
    if isinstance(condition, Not):
        return ~predicate(condition.filter, rows, f"{field}.filter")
    parts = [predicate(each, rows, f"{field}.filters[{place}]") for place, each in enumerate(condition.filters)]
    return reduce(and_ if isinstance(condition, AllOf) else or_, parts)


def event_matches(match: EventMatch, rows: ir.Table, field: str = "event") -> ir.BooleanValue:
    """Whether an event is one of those meant. `rows` are events with the dimensions of the match's filter."""
    found = predicate(match.filter, rows, f"{field}.filter")
    if match.category is not None:
        found &= (rows.category == match.category).fill_null(False)
    if match.event_id is not None:
        found &= id_matches(match, rows.event_id)
    return found


def is_money(events: ir.Table) -> ir.BooleanValue:
    """Whether an event is a purchase or a refund; never null (taxonomy.PURCHASES)."""
    names = [EventMatch(category=each.category, event_id=each.event_id) for each in PURCHASES]
    return reduce(or_, (event_matches(match, events) for match in names)) & (events.amount != 0).fill_null(False)


def id_matches(match: EventMatch, event_id: ir.StringColumn) -> ir.BooleanValue:
    """Whether an event's id is the one meant, or begins with its parts; never null."""
    is_it = event_id == match.event_id
    if match.is_prefix:
        is_it |= event_id.startswith(f"{match.event_id}:")
    return is_it.fill_null(False)


def check_filter(field: str, condition: Filter | None, check_dimension: Callable[[str, str], None]) -> None:
    """Raises `InvalidQuery` for a dimension that fails the check, or values that do not go with it or the operator.

    `field` is where the filter is; `check_dimension` is one of the checks of `dimensions`.
    """
    found = list(_conditions(field, condition))
    for path, each in found:
        check_dimension(f"{path}.dimension", each.dimension)
    for path, each in found:
        _typed(each, path)
        _check_words(each, path)


def _check_words(condition: Condition, field: str) -> None:
    """Words of a closed vocabulary; attributes, properties and segments have none."""
    vocabulary = VOCABULARIES.get(condition.dimension)
    if vocabulary is not None and condition.operator in _EQUALITIES:
        for place, value in enumerate(condition.values):
            check_word(f"{field}.values[{place}]", condition.dimension, str(value), vocabulary)


def _conditions(field: str, condition: Filter | None) -> Iterator[tuple[str, Condition]]:
    """The conditions that a filter is made of, with their paths."""
    if isinstance(condition, Condition):
        yield field, condition
    elif isinstance(condition, Not):
        yield from _conditions(f"{field}.filter", condition.filter)
    elif isinstance(condition, AllOf | AnyOf):
        for place, each in enumerate(condition.filters):
            yield from _conditions(f"{field}.filters[{place}]", each)


def _compare(condition: Condition, rows: ir.Table, field: str) -> ir.BooleanValue:
    column = rows[dimension_column(condition.dimension)]
    operator, values = condition.operator, _typed(condition, field)
    if operator is Operator.IS_SET:
        return column.notnull()
    if operator is Operator.IS_NOT_SET:
        return column.isnull()
    if operator in (Operator.IS, Operator.IN):
        return _is_one_of(column, values)
    if operator in (Operator.IS_NOT, Operator.NOT_IN):
        return ~_is_one_of(column, values)
    if operator in _ORDERED:
        return _is_beyond(_ordered(column), operator, values[0]).fill_null(False)
    found = column.contains(values[0]) if operator is Operator.CONTAINS else column.re_search(values[0])
    return found.fill_null(False)


def _is_one_of(column: ir.Value, values: tuple[object, ...]) -> ir.BooleanValue:
    if not values:
        return ibis.literal(value=False)
    return column.isin(list(values)).fill_null(False)


def _ordered(column: ir.Value) -> ir.Value:
    """Texts compare with numbers where they are one."""
    if not isinstance(column, ir.StringValue):
        return column
    return ibis.cases((column.re_search(_NUMBER_TEXT), column.try_cast("float64")), else_=ibis.null("float64"))


def _is_beyond(column: ir.Value, operator: Operator, value: object) -> ir.BooleanValue:
    if operator is Operator.GREATER:
        return column > value
    if operator is Operator.GREATER_OR_EQUAL:
        return column >= value
    return column < value if operator is Operator.LESS else column <= value


def _typed(condition: Condition, field: str) -> tuple[object, ...]:
    """The condition's values, of the dimension's kind."""
    operator, values = condition.operator, condition.values
    if operator in _NO_VALUE and values:
        raise InvalidQuery(f"{field}.values", f"{operator} takes no value")
    if operator in _ONE_VALUE and len(values) != 1:
        raise InvalidQuery(f"{field}.values", f"{operator} takes one value, not {len(values)}")
    kind = kind_of(condition.dimension)
    if operator in _TEXT_ONLY:
        if kind is not Kind.TEXT:
            raise InvalidQuery(f"{field}.operator", f"{operator} works for text, and {condition.dimension} is a {kind}")
    elif operator in _ORDERED and kind is Kind.TEXT:
        kind = Kind.NUMBER
    if operator is Operator.MATCHES:
        _check_pattern(str(values[0]), f"{field}.values[0]")
    return tuple(_of_kind(value, kind, f"{field}.values[{place}]") for place, value in enumerate(values))


def _check_pattern(pattern: str, field: str) -> None:
    """By the library that the engines have too, RE2."""
    try:
        pc.match_substring_regex("", pattern)
    except pa.ArrowInvalid as error:
        detail = str(error).removeprefix("Invalid regular expression: ")
        raise InvalidQuery(field, f"{pattern[:100]!r} is not a regular expression: {detail}") from None


def _of_kind(value: Value, kind: Kind, field: str) -> object:
    if kind is Kind.TEXT:
        return str(value).lower() if isinstance(value, bool) else str(value)
    if kind is Kind.DATE:
        return _date(value, field)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise InvalidQuery(field, f"{value!r} is not a number") from None
    if not math.isfinite(number):
        raise InvalidQuery(field, f"{value!r} is not a finite number")
    return number


def _date(value: Value, field: str) -> dt.date:
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise InvalidQuery(field, f"{str(value)[:50]!r} is not a date like 2025-01-31") from None
