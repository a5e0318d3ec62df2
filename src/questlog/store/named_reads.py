"""What console and loader read of the stored tables, by name, besides questions and users' statements.

Each takes how to ask a statement with named `$parameters`, and returns rows as Arrow. Values travel as parameters only.
Times are UTC microseconds; ends are exclusive.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import msgspec
import pyarrow as pa

Ask: TypeAlias = Callable[[str, Mapping[str, object]], pa.Table]
"""Answers a statement. Raises what the store raises."""

# -------------------------------------------------------------------------------------------------- lists of events


class EventFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which rows are asked for; None does not restrict. Times are UTC microseconds, `until` is exclusive.

    A `*` in a text stands for any characters. `not_…` are patterns of rows to leave out.
    """

    category: str | None = None
    event_id: str | None = None
    player_id: str | None = None
    session_id: str | None = None
    build: str | None = None
    sdk_version: str | None = None
    source: str | None = None
    reason: str | None = None
    not_category: tuple[str, ...] = ()
    not_event_id: tuple[str, ...] = ()
    since: int | None = None
    until: int | None = None


class Page(NamedTuple):
    """A place in the list: rows before the one received at `received_at` (UTC microseconds) with this number."""

    received_at: int
    number: int


class Listing(NamedTuple):
    """A table whose rows are listed, the column that numbers them, the filters it has columns for, and which rows."""

    table: str
    number: str
    filters: frozenset[str]
    is_of_invalid: bool = False


STORED = Listing("events", "row_no", frozenset(EventFilter.__struct_fields__) - {"reason"})
WARNED = STORED._replace(is_of_invalid=True)
"""Events of lenient games with annotations that break their rule."""
REJECTED = Listing("rejected_events", "rejected_no", frozenset(EventFilter.__struct_fields__))

TEXTS = ("category", "event_id", "player_id", "session_id", "build", "sdk_version", "source", "reason")
"""What a filter compares with one text."""
EXCLUDED = {"not_category": "category", "not_event_id": "event_id"}
"""What a filter leaves out, and the column of each."""
_CONDITIONS = {
    **{name: f"{name} = ${name}" for name in TEXTS},
    **{f"{name}_prefix": f"starts_with({name}, ${name}_prefix)" for name in TEXTS},
    **{f"{name}_like": f"{name} LIKE ${name}_like ESCAPE '\\'" for name in TEXTS},
    **{
        f"{name}_likes": f"NOT coalesce(list_bool_or(list_transform(${name}_likes,"
        f" lambda p: {column} LIKE p ESCAPE '\\')), false)"
        for name, column in EXCLUDED.items()
    },
    "since": "received_at >= make_timestamp($since)",
    "until": "received_at < make_timestamp($until)",
}
_OF_INVALID = "json_exists(CASE WHEN json_valid(attributes) THEN attributes END, '/invalid')"


def list_events(
    ask: Ask, listing: Listing, game_id: int, which: EventFilter, page: Page | None, limit: int
) -> pa.Table:
    """Rows of a game with all their columns, newest first. The filters that are set are among those of the listing."""
    values = _values(which)
    conditions = ["game_id = $game_id", *(_CONDITIONS[name] for name in values)]
    if listing.is_of_invalid:
        conditions.append(_OF_INVALID)
    if page is not None:
        # The first says no more than the second, but it lets the engine pass over what is newer.
        conditions.append("received_at <= make_timestamp($page_time)")
        conditions.append(f"(received_at, {listing.number}) < (make_timestamp($page_time), $page_number)")
        values |= {"page_time": page.received_at, "page_number": page.number}
    statement = (
        f"SELECT * FROM {listing.table} WHERE {' AND '.join(conditions)}"
        f" ORDER BY received_at DESC, {listing.number} DESC LIMIT $limit"
    )
    return ask(statement, {"game_id": game_id, "limit": limit, **values})


def _values(which: EventFilter) -> dict[str, object]:
    values: dict[str, object] = {}
    for name in which.__struct_fields__:
        value = getattr(which, name)
        if isinstance(value, tuple):
            if value:
                values[f"{name}_likes"] = [like_pattern(text) for text in value]
        elif isinstance(value, str) and value.endswith("*") and value.count("*") == 1:
            values[f"{name}_prefix"] = value.removesuffix("*")
        elif isinstance(value, str) and "*" in value:
            values[f"{name}_like"] = like_pattern(value)
        elif value is not None:
            values[name] = value
    return values


def like_pattern(text: str) -> str:
    """A text in which `*` stands for any characters, as LIKE writes it, with a backslash for ESCAPE."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


# ------------------------------------------------------------------------------------------------- what has arrived

_INGEST_HOURS = """
    SELECT hour, sum(received)::BIGINT AS received, sum(stored)::BIGINT AS stored, sum(rejected)::BIGINT AS rejected,
        sum(duplicates)::BIGINT AS duplicates, sum(rejected_requests)::BIGINT AS rejected_requests,
        bool_and(received = stored + rejected + duplicates) AS adds_up
    FROM ingest_hours
    WHERE game_id = $game_id AND hour >= date_trunc('hour', make_timestamp($since)) AND hour < make_timestamp($until)
    GROUP BY hour ORDER BY hour DESC LIMIT $most
"""
_ARRIVED = """
    SELECT game_id, count(*) AS events, epoch_us(max(received_at)) AS last_event_at
    FROM events WHERE received_at >= make_timestamp($since) GROUP BY game_id
"""
_NEWEST_HOURS = """
    SELECT game_id, epoch_us(max(hour)) AS hour, arg_max(stored, hour) AS stored
    FROM (SELECT game_id, hour, sum(stored)::BIGINT AS stored FROM ingest_hours
        WHERE stored > 0 AND hour >= make_timestamp($since) GROUP BY game_id, hour)
    GROUP BY game_id
"""
_LAST_EVENT = """
    SELECT epoch_us(max(received_at)) AS last_event_at FROM events
    WHERE game_id = $game_id AND received_at >= make_timestamp($since) AND received_at < make_timestamp($until)
"""
_HOUR_SUMS = """
    SELECT game_id, sum(stored)::BIGINT AS stored, sum(rejected)::BIGINT AS rejected,
        sum(duplicates)::BIGINT AS duplicates, sum(rejected_requests)::BIGINT AS rejected_requests
    FROM ingest_hours WHERE hour >= make_timestamp($since) GROUP BY game_id
"""
_REASONS = """
    SELECT game_id, reason, source, is_whole_request, count(*) AS count, epoch_us(max(received_at)) AS newest_at,
        arg_max(detail, received_at) AS detail
    FROM rejected_events WHERE received_at >= make_timestamp($since)
    GROUP BY game_id, reason, source, is_whole_request ORDER BY newest_at DESC, reason LIMIT $most
"""


_FIRST_DAY = "SELECT min(day) FROM player_days WHERE game_id = $game_id"


def ingest_hours(ask: Ask, game_id: int, since: int, until: int, most: int) -> pa.Table:
    """The newest hours of a game in which something arrived, newest first, and whether each adds up."""
    return ask(_INGEST_HOURS, {"game_id": game_id, "since": since, "until": until, "most": most})


def ingest_sums(ask: Ask, since: int) -> pa.Table:
    """For each game what was stored, rejected and dropped as a duplicate in the hours since then."""
    return ask(_HOUR_SUMS, {"since": since})


def arrived(ask: Ask, since: int) -> pa.Table:
    """For each game how many events were received since then, and when the last one was (`last_event_at`)."""
    return ask(_ARRIVED, {"since": since})


def newest_hours(ask: Ask, since: int) -> pa.Table:
    """For each game the newest hour since then with a stored event, and how many it has."""
    return ask(_NEWEST_HOURS, {"since": since})


def last_event(ask: Ask, game_id: int, since: int, until: int) -> int | None:
    """When the last event of a game in a time was received."""
    found: int | None = ask(_LAST_EVENT, {"game_id": game_id, "since": since, "until": until})[0][0].as_py()
    return found


def first_day(ask: Ask, game_id: int) -> dt.date | None:
    """The first local day on which a game has a player with an event."""
    found: dt.date | None = ask(_FIRST_DAY, {"game_id": game_id})[0][0].as_py()
    return found


def rejection_reasons(ask: Ask, since: int, most: int) -> pa.Table:
    """Why events and requests were rejected since then, the newest first."""
    return ask(_REASONS, {"since": since, "most": most})


# ---------------------------------------------------------------------------------------------------- events by day

_EVENTS_BEFORE = """
    SELECT min(day) AS first_day, count(DISTINCT day) AS days, coalesce(sum(events), 0)::BIGINT AS events
    FROM event_days WHERE game_id = $game_id AND day < $day
"""


class EventsBefore(NamedTuple):
    """Events of a game before a local day; `days` are those that have any. `first_day` is None where none has."""

    first_day: dt.date | None
    days: int
    events: int


def events_before(ask: Ask, game_id: int, day: dt.date) -> EventsBefore:
    """How many events of a game are older than a local day."""
    (row,) = ask(_EVENTS_BEFORE, {"game_id": game_id, "day": day}).to_pylist()
    return EventsBefore(**row)


# ----------------------------------------------------------------------------------------------- totals of players

_NEWEST_TOTALS = "SELECT max(batch_no) AS batch_no FROM player_event_totals"
_CHANGED_TOTALS = """
    SELECT totals.batch_no, totals.player_event_no, players.game_id, players.player_id, event_names.event_id,
        totals.events, totals.first_seen, totals.last_seen,
        CASE WHEN totals.value_count > 0 THEN totals.value_sum END AS value_sum, totals.value_max, totals.value_min
    FROM player_event_totals AS totals
    JOIN players ON players.player_no = totals.player_no
    JOIN event_names ON event_names.event_no = totals.event_no
    WHERE totals.batch_no > $batch_no OR (totals.batch_no = $batch_no AND totals.player_event_no > $player_event_no)
    ORDER BY totals.batch_no, totals.player_event_no
    LIMIT $most
"""


def newest_totals(ask: Ask) -> int:
    """The number of the last load transaction that changed a player's total of an event; 0 for none."""
    found: int | None = ask(_NEWEST_TOTALS, {})["batch_no"][0].as_py()
    return found or 0


def changed_totals(ask: Ask, batch_no: int, player_event_no: int, most: int) -> pa.Table:
    """Totals of players by event that changed after a place, in the order of their changes."""
    return ask(_CHANGED_TOTALS, {"batch_no": batch_no, "player_event_no": player_event_no, "most": most})


# ---------------------------------------------------------------------------------------------------------- one player

_KNOWN_PLAYER = """
    SELECT EXISTS (SELECT 1 FROM players WHERE game_id = $game_id AND player_id = $player_id)
        OR EXISTS (SELECT 1 FROM rejected_events WHERE game_id = $game_id AND player_id = $player_id) AS is_known
"""


def knows_player(ask: Ask, game_id: int, player_id: str) -> bool:
    """Whether there is anything of a player, if only rejected events."""
    found: bool = ask(_KNOWN_PLAYER, {"game_id": game_id, "player_id": player_id})["is_known"][0].as_py()
    return found


_OF_PLAYER = """
    game_id = $game_id
    AND player_no IN (SELECT player_no FROM players WHERE game_id = $game_id AND player_id = $player_id)
"""
_PLAYER_ROWS = {
    "player": "SELECT * FROM players WHERE game_id = $game_id AND player_id = $player_id",
    "sessions": f"SELECT * FROM sessions WHERE {_OF_PLAYER} ORDER BY session_no",
    "purchases": f"SELECT * FROM purchases WHERE {_OF_PLAYER} ORDER BY row_no",
    "rejected_events": (
        "SELECT * FROM rejected_events WHERE game_id = $game_id AND player_id = $player_id ORDER BY rejected_no"
    ),
}
_PLAYER_EVENTS = """
    SELECT * FROM events WHERE game_id = $game_id AND player_no = $player_no AND row_no > $row_no
    ORDER BY row_no LIMIT $most
"""


def player_rows(ask: Ask, game_id: int, player_id: str) -> Mapping[str, pa.Table]:
    """The rows of a player, except events: `player`, `sessions`, `purchases`, `rejected_events`."""
    values = {"game_id": game_id, "player_id": player_id}
    return {name: ask(statement, values) for name, statement in _PLAYER_ROWS.items()}


def player_events(ask: Ask, game_id: int, player_no: int, row_no: int, most: int) -> pa.Table:
    """Events of a player with all columns, after a row, in order of loading."""
    return ask(_PLAYER_EVENTS, {"game_id": game_id, "player_no": player_no, "row_no": row_no, "most": most})
