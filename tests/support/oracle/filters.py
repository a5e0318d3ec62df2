"""Conditions over the values of dimensions (metrics.md §4).

A value that is not set is neither greater nor less, contains nothing and matches nothing; it is not the value asked
for, and not among several. Text compares with a number as one where it is one.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date

from tests.support.oracle.asked import Value, Values, Where

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def condition(dimension: str, operator: str, *values: Value) -> Where:
    """Whether the dimension's value compares so."""
    holds = _OPERATORS[operator]

    def where(values_of: Values) -> bool:
        return holds(values_of(dimension), values)

    return where


def all_of(*conditions: Where) -> Where:
    return lambda values: all(each(values) for each in conditions)


def any_of(*conditions: Where) -> Where:
    return lambda values: any(each(values) for each in conditions)


def none_of(one: Where) -> Where:
    return lambda values: not one(values)


def _is_one_of(value: Value, among: Sequence[Value]) -> bool:
    return value is not None and any(value == each for each in among)


def _compares(compare: Callable[[float, float], bool]) -> Callable[[Value, Sequence[Value]], bool]:
    def holds(value: Value, among: Sequence[Value]) -> bool:
        mine, other = _number(value), _number(among[0])
        return mine is not None and other is not None and compare(mine, other)

    return holds


def _number(value: Value) -> float | None:
    if isinstance(value, date):
        return float(value.toordinal())
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    return None if value is None else float(value)


def _contains(value: Value, among: Sequence[Value]) -> bool:
    return isinstance(value, str) and str(among[0]) in value


def _matches(value: Value, among: Sequence[Value]) -> bool:
    return isinstance(value, str) and re.search(str(among[0]), value) is not None


_OPERATORS: dict[str, Callable[[Value, Sequence[Value]], bool]] = {
    "is": _is_one_of,
    "in": _is_one_of,
    "is_not": lambda value, among: not _is_one_of(value, among),
    "not_in": lambda value, among: not _is_one_of(value, among),
    "contains": _contains,
    "matches": _matches,
    "greater": _compares(lambda one, other: one > other),
    "greater_or_equal": _compares(lambda one, other: one >= other),
    "less": _compares(lambda one, other: one < other),
    "less_or_equal": _compares(lambda one, other: one <= other),
    "is_set": lambda value, _: value is not None,
    "is_not_set": lambda value, _: value is None,
}
