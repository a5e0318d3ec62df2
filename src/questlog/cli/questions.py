"""Questions written as options: periods, filters and lists of names, as the JSON that the API takes."""

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any

import click

_EXAMPLES = "today, yesterday, 30d, 4w, 2025-01, this-month, last-month, 2025-01-01 or 2025-01-01..2025-01-31"
_LAST_DAYS = re.compile(r"([1-9]\d{0,3})([dw])", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)
_DAY = dt.timedelta(days=1)
# The longer ones first: `>=` is not `>` with a value that begins with `=`.
_OPERATORS = {
    "!=": "is_not",
    ">=": "greater_or_equal",
    "<=": "less_or_equal",
    "*=": "contains",
    "~": "matches",
    "=": "is",
    ">": "greater",
    "<": "less",
}
_CONDITION = re.compile(rf"(?P<name>.+?)(?P<sign>{'|'.join(map(re.escape, _OPERATORS))})(?P<value>.*)", re.DOTALL)
_OF_SEVERAL = {"is": "in", "is_not": "not_in"}


def period(text: str, today: dt.date) -> dict[str, str]:
    """The days that `text` names, as the help of `questlog query --period` says. Raises `click.BadParameter`."""
    try:
        first, last = _days(text.strip(), today)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"a period is {_EXAMPLES}, not {text!r}", param_hint="--period") from None
    if last < first:
        raise click.BadParameter(f"{text} ends before it begins", param_hint="--period")
    return {"start": first.isoformat(), "end": last.isoformat()}


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


def names(text: str) -> list[str]:
    """`a,b` as a list; blanks around a name and empty names are left out."""
    return [name.strip() for name in text.split(",") if name.strip()]


def condition(text: str) -> dict[str, Any]:
    """One condition, as the help of `questlog query --filter` says. Raises `click.BadParameter`."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        is_not_set = text.startswith("!")
        return _condition(text.removeprefix("!"), "is_not_set" if is_not_set else "is_set", [])
    operator, value = _OPERATORS[found["sign"]], found["value"]
    several = names(value) if operator in _OF_SEVERAL and "," in value else []
    if several:
        return _condition(found["name"], _OF_SEVERAL[operator], several)
    return _condition(found["name"], operator, [value.strip()])


def _condition(name: str, operator: str, values: list[str]) -> dict[str, Any]:
    if not name.strip():
        raise click.BadParameter("a filter begins with a dimension, for example platform=ios", param_hint="--filter")
    return {"type": "condition", "dimension": name.strip(), "operator": operator, "values": values}


def all_of(conditions: Iterable[str]) -> dict[str, Any] | None:
    """A filter for which all of the conditions hold; None for none. Raises `click.BadParameter`."""
    filters = [condition(text) for text in conditions]
    if len(filters) > 1:
        return {"type": "all", "filters": filters}
    return filters[0] if filters else None
