"""The statements that list events and rejected events, newest first, page by page."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from questlog.api.errors import bad_value


class EventFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which rows are asked for; None does not restrict. Times are UTC microseconds, `until` is exclusive.

    A text that ends in `*` is a prefix.
    """

    category: str | None = None
    event_id: str | None = None
    player_id: str | None = None
    session_id: str | None = None
    build: str | None = None
    source: str | None = None
    reason: str | None = None
    since: int | None = None
    until: int | None = None


class Page(NamedTuple):
    """A place in the list: rows before the one received at `received_at` (UTC microseconds) with this number."""

    received_at: int
    number: int

    def __str__(self) -> str:
        return f"{self.received_at}-{self.number}"


class Listing(NamedTuple):
    """A table whose rows are listed, the column that numbers them, the filters it has columns for, and which rows."""

    table: str
    number: str
    filters: frozenset[str]
    is_of_invalid: bool = False


STORED = Listing("events", "row_no", frozenset(EventFilter.__struct_fields__) - {"reason"})
WARNED = STORED._replace(is_of_invalid=True)
"""Events of lenient games with annotations that break their rule."""
REJECTED = Listing("rejected_events", "rejected_no", frozenset({"player_id", "source", "reason", "since", "until"}))

# Fixed text: every value travels as a parameter.
_TEXTS = ("category", "event_id", "player_id", "session_id", "build", "source", "reason")
_CONDITIONS = {
    **{name: f"{name} = ${name}" for name in _TEXTS},
    **{f"{name}_prefix": f"starts_with({name}, ${name}_prefix)" for name in _TEXTS},
    "since": "received_at >= make_timestamp($since)",
    "until": "received_at < make_timestamp($until)",
}
# The first line says no more than the second, but it lets the engine pass over what is newer.
_PAGE_CONDITION = {
    STORED.table: """received_at <= make_timestamp($page_time)
AND (received_at, row_no) < (make_timestamp($page_time), $page_number)""",
    REJECTED.table: """received_at <= make_timestamp($page_time)
AND (received_at, rejected_no) < (make_timestamp($page_time), $page_number)""",
}
_SELECT = {
    STORED.table: "SELECT * FROM events WHERE game_id = $game_id",
    REJECTED.table: "SELECT * FROM rejected_events WHERE game_id = $game_id",
}
_OF_INVALID = "json_exists(CASE WHEN json_valid(attributes) THEN attributes END, '/invalid')"
_ORDER = {
    STORED.table: "ORDER BY received_at DESC, row_no DESC LIMIT $limit",
    REJECTED.table: "ORDER BY received_at DESC, rejected_no DESC LIMIT $limit",
}


def statement_of(
    listing: Listing, game_id: int, which: EventFilter, page: Page | None, limit: int
) -> tuple[str, Mapping[str, object]]:
    """The statement and its parameters. Raises `ApiError` 400 for a filter that the table has no column for."""
    for name in which.__struct_fields__:
        if getattr(which, name) is not None and name not in listing.filters:
            raise bad_value(name, f"`{name}` cannot filter {listing.table.replace('_', ' ')}")
    values = _values(which)
    conditions = [_CONDITIONS[name] for name in values]
    if listing.is_of_invalid:
        conditions.append(_OF_INVALID)
    if page is not None:
        conditions.append(_PAGE_CONDITION[listing.table])
        values |= {"page_time": page.received_at, "page_number": page.number}
    restricted = [f"AND {condition}" for condition in conditions]
    statement = "\n".join([_SELECT[listing.table], *restricted, _ORDER[listing.table]])
    return statement, {"game_id": game_id, "limit": limit, **values}


def parse_page(text: str | None) -> Page | None:
    """The page that a `next` of an earlier answer names. Raises `ApiError` 400 for another text."""
    if text is None:
        return None
    received_at, _, number = text.partition("-")
    if not _is_number(received_at) or not _is_number(number):
        raise bad_value("before", "`before` must be the `next` of an earlier answer")
    return Page(int(received_at), int(number))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _values(which: EventFilter) -> dict[str, object]:
    values: dict[str, object] = {}
    for name in which.__struct_fields__:
        value = getattr(which, name)
        if isinstance(value, str) and value.endswith("*"):
            values[f"{name}_prefix"] = value.removesuffix("*")
        elif value is not None:
            values[name] = value
    return values
