"""Writes filters and events as the server's JSON."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def where(dimension: str, operator: str, *values: str | float | bool) -> Json:
    """One condition: `where("country", "in", "DE", "AT")`, `where("build", "is_set")`.

    Operators: `is`, `is_not`, `in`, `not_in`, `contains`, `matches`, `greater`, `greater_or_equal`, `less`,
    `less_or_equal`, `is_set`, `is_not_set`.
    """
    return {"type": "condition", "dimension": dimension, "operator": operator, "values": list(values)}


def all_of(*filters: Json) -> Json:
    """Every one holds."""
    return {"type": "all", "filters": list(filters)}


def any_of(*filters: Json) -> Json:
    """At least one holds."""
    return {"type": "any", "filters": list(filters)}


def not_(inner: Json) -> Json:
    """It does not hold."""
    return {"type": "not", "filter": inner}


def event(
    category: str | None = None,
    event_id: str | None = None,
    *,
    is_prefix: bool = False,
    filter: Json | None = None,  # noqa: A002 - the server's word
) -> Json:
    """The events that are meant: of a category, with an id or, with `is_prefix`, ids that begin with its parts."""
    match = {"category": category, "event_id": event_id, "is_prefix": is_prefix, "filter": filter}
    return {name: value for name, value in match.items() if value}
