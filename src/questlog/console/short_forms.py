"""Periods and conditions in short: `28d`, `last-month`, `platform=ios`; for commands and for addresses of pages."""

import datetime as dt
import re
from collections.abc import Iterable, Sequence

from questlog.analytics.question.query import AllOf, Compare, Comparison, Condition, Filter, Operator, Period

PERIODS = "today, yesterday, 30d, 4w, 2025-01, this-month, last-month, 2025-01-01 or 2025-01-01..2025-01-31"
"""Examples of all forms."""

_LAST_DAYS = re.compile(r"([1-9]\d{0,3})([dw])", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)
_DAY = dt.timedelta(days=1)
# The longer ones first: `>=` is not `>` with a value that begins with `=`.
_OPERATORS = {
    "!=": Operator.IS_NOT,
    ">=": Operator.GREATER_OR_EQUAL,
    "<=": Operator.LESS_OR_EQUAL,
    "*=": Operator.CONTAINS,
    "~": Operator.MATCHES,
    "=": Operator.IS,
    ">": Operator.GREATER,
    "<": Operator.LESS,
}
_SIGNS = {operator: sign for sign, operator in _OPERATORS.items()}
_CONDITION = re.compile(rf"(?P<name>.+?)(?P<sign>{'|'.join(map(re.escape, _OPERATORS))})(?P<value>.*)", re.DOTALL)
_OF_SEVERAL = {Operator.IS: Operator.IN, Operator.IS_NOT: Operator.NOT_IN}
_OF_ONE = {several: one for one, several in _OF_SEVERAL.items()}


def period_named(text: str, today: dt.date) -> Period:
    """The days that a short form names. Raises `ValueError`."""
    try:
        first, last = _days(text.strip(), today)
    except (ValueError, OverflowError):
        raise ValueError(f"a period is {PERIODS}, not {text[:100]!r}") from None
    if last < first:
        raise ValueError(f"{text[:100]} ends before it begins")
    return Period(first, last)


def _days(text: str, today: dt.date) -> tuple[dt.date, dt.date]:
    """First and last day. Raises `ValueError`, `OverflowError`."""
    first_of_month = today.replace(day=1)
    match text:
        case "today":
            return today, today
        case "yesterday":
            return today - _DAY, today - _DAY
        case "this-month":
            return first_of_month, today
        case "last-month":
            last = first_of_month - _DAY
            return last.replace(day=1), last
    if last_days := _LAST_DAYS.fullmatch(text):
        count = int(last_days[1]) * (7 if last_days[2] == "w" else 1)
        return today - (count - 1) * _DAY, today
    if _MONTH.fullmatch(text):
        first = dt.date.fromisoformat(f"{text}-01")
        return first, (first + 31 * _DAY).replace(day=1) - _DAY
    start, dots, end = text.partition("..")
    first = dt.date.fromisoformat(start)
    return first, dt.date.fromisoformat(end) if dots else first


def comparison_named(text: str, today: dt.date) -> Compare:
    """`previous_year` or another `Comparison`, or a period in its short form. Raises `ValueError`."""
    named = text.strip().replace("-", "_")
    if named in list(Comparison):
        return Comparison(named)
    try:
        return period_named(text, today)
    except ValueError:
        raise ValueError(f"compare with {', '.join(Comparison)}, or a period: {PERIODS}; not {text[:100]!r}") from None


def names(text: str) -> list[str]:
    """`a,b` as a list; blanks around a name and empty names are left out."""
    return [name.strip() for name in text.split(",") if name.strip()]


def condition_of(text: str) -> Condition:
    """`platform=ios`, `country=DE,AT`, `value>=3`, `name` (is set), `!name` (is not set). Raises `ValueError`."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        is_not_set = text.startswith("!")
        return _condition(text.removeprefix("!"), Operator.IS_NOT_SET if is_not_set else Operator.IS_SET, [])
    operator, value = _OPERATORS[found["sign"]], found["value"]
    several = names(value) if operator in _OF_SEVERAL and "," in value else []
    if several:
        return _condition(found["name"], _OF_SEVERAL[operator], several)
    return _condition(found["name"], operator, [value.strip()])


def _condition(name: str, operator: Operator, values: Sequence[str]) -> Condition:
    if not name.strip():
        raise ValueError("a filter begins with a dimension, for example platform=ios")
    return Condition(name.strip(), operator, tuple(values))


def all_of(texts: Iterable[str]) -> Filter | None:
    """A filter for which all of the conditions hold; None for none. Raises `ValueError`."""
    conditions = [condition_of(text) for text in texts]
    if len(conditions) > 1:
        return AllOf(tuple(conditions))
    return conditions[0] if conditions else None


def in_short(condition: Condition) -> str | None:
    """The short form of a condition; None for one that has none, as one with a comma in a value."""
    text = _in_short(condition)
    try:
        return text if text is not None and condition_of(text) == condition else None
    except ValueError:
        return None


def _in_short(condition: Condition) -> str | None:
    match condition.operator:
        case Operator.IS_SET:
            return condition.dimension
        case Operator.IS_NOT_SET:
            return f"!{condition.dimension}"
    if not all(isinstance(value, str) for value in condition.values):
        return None
    sign = _SIGNS.get(_OF_ONE.get(condition.operator, condition.operator))
    return None if sign is None else f"{condition.dimension}{sign}{','.join(map(str, condition.values))}"
