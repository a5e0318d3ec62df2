"""Questions written as options: periods, filters and lists of names, as the JSON that the API takes."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

import click
import msgspec

from questlog.analytics.question.query import Filter
from questlog.console import short_forms


def period(text: str, today: dt.date) -> dict[str, str]:
    """The days that `text` names, as the help of `questlog query --period` says. Raises `click.BadParameter`."""
    try:
        found: dict[str, str] = msgspec.to_builtins(short_forms.period_named(text, today))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--period") from None
    return found


def compare(text: str, today: dt.date) -> str | dict[str, str]:
    """The comparison that `text` names, as the help of `questlog query --compare` says. Raises `click.BadParameter`."""
    try:
        found: str | dict[str, str] = msgspec.to_builtins(short_forms.comparison_named(text, today))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--compare") from None
    return found


names = short_forms.names


def condition(text: str) -> dict[str, Any]:
    """One condition, as the help of `questlog query --filter` says. Raises `click.BadParameter`."""
    found: dict[str, Any] = _as_json(lambda: short_forms.condition_of(text))
    return found


def all_of(conditions: Iterable[str]) -> dict[str, Any] | None:
    """A filter for which all of the conditions hold; None for none. Raises `click.BadParameter`."""
    found: dict[str, Any] | None = _as_json(lambda: short_forms.all_of(conditions))
    return found


def _as_json(made: Callable[[], Filter | None]) -> Any:
    try:
        return msgspec.json.decode(msgspec.json.encode(made()))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--filter") from None
