"""Computing every rollup again from the events, a range of players or sessions at a time."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

from questlog.store.duckdb.rollups import (
    event_days,
    field_values,
    matching,
    player_days,
    player_event_totals,
    players,
    sessions,
    value_counts,
)
from questlog.store.duckdb.staging import Counters
from questlog.store.duckdb.transaction import Parameters, Transaction
from questlog.store.schema import SESSIONS

_AT_ONCE = 200_000
_EVENTS_AT_ONCE = 4_000_000
_SESSION_COLUMNS = ", ".join(column.name for column in SESSIONS.columns)

_IN_RANGE = "player_no BETWEEN $low AND $high"
_NONE: Parameters = {}

Progress = Callable[[str, float], None]


def rebuild(transaction: Transaction, last: Counters, grace_s: int, progress: Progress) -> None:
    """Replace the rows of every rollup within a transaction. `progress` gets the table's name and the share done."""
    _rebuild_sessions(transaction, last.session_no, progress)
    _rebuild_matches(transaction, last.player_no, grace_s, progress)
    _rebuild_players(transaction, last.player_no, progress)
    progress("event_days", 0.0)
    transaction.write("DELETE FROM event_days")
    insert_event_days(transaction, "true")
    progress("event_days", 1.0)
    _rebuild_value_counts(transaction, progress)
    progress("field_values", 0.0)
    transaction.write("DELETE FROM field_values")
    insert_field_values(transaction, "true")
    progress("field_values", 1.0)


def _ranges(last: int, table: str, progress: Progress) -> list[tuple[int, int]]:
    progress(table, 0.0)
    return [(start, start + _AT_ONCE - 1) for start in range(1, last + 1, _AT_ONCE)]


def _rebuild_sessions(transaction: Transaction, last: int, progress: Progress) -> None:
    transaction.write("DELETE FROM sessions")
    for low, high in _ranges(last, "sessions", progress):
        insert_sessions(transaction, "session_no BETWEEN $low AND $high", {"low": low, "high": high})
        progress("sessions", min(1.0, high / last))


def insert_sessions(transaction: Transaction, condition: str, parameters: Parameters = _NONE) -> None:
    """Insert the sessions of the events that the condition (one of ours, on their columns) is true for."""
    firsts = f"(SELECT * FROM events WHERE {condition})"
    transaction.write(
        f"INSERT INTO sessions ({_SESSION_COLUMNS})"
        f" {sessions.rows('(' + sessions.facts('events', condition) + ')', firsts)}",
        parameters,
    )


def _rebuild_matches(transaction: Transaction, last: int, grace_s: int, progress: Progress) -> None:
    transaction.write("DELETE FROM sessionless_events")
    for low, high in _ranges(last, "sessionless_events", progress):
        match_again(transaction, _IN_RANGE, grace_s, {"low": low, "high": high})
        progress("sessionless_events", min(1.0, high / last))


def match_again(transaction: Transaction, condition: str, grace_s: int, parameters: Parameters = _NONE) -> None:
    """Match the events that the condition is true for, whose sessions are there but count none of them."""
    needles = transaction.read(
        f"SELECT row_no, player_no, event_time, session_no FROM events WHERE {matching.IS_SESSIONLESS} AND {condition}",
        parameters,
    )
    matching.replace(transaction, matching.matches(transaction, needles, grace_s))


def _rebuild_players(transaction: Transaction, last: int, progress: Progress) -> None:
    transaction.write("CREATE OR REPLACE TEMP TABLE kept_properties AS " + KEPT_PROPERTIES)
    for table in ("players", "player_days", "player_event_totals"):
        transaction.write(f"DELETE FROM {table}")
    for low, high in _ranges(last, "players", progress):
        insert_players(transaction, _IN_RANGE, {"low": low, "high": high})
        progress("players", min(1.0, high / last))
    insert_days_of_no_player(transaction, "true")
    transaction.write("DROP TABLE kept_properties")


_DAYS = "SELECT day, sum(events)::BIGINT AS events FROM event_days GROUP BY day ORDER BY day"
_OF_DAYS = "event_time >= $first::DATE AND event_time < $last::DATE + INTERVAL 1 DAY"


def _rebuild_value_counts(transaction: Transaction, progress: Progress) -> None:
    """Days at a time: where all numbers differ there are as many rows as events."""
    progress("value_counts", 0.0)
    days = transaction.read(_DAYS)
    for table in ("value_counts", "value_bins"):
        transaction.write(f"DELETE FROM {table}")
    for first, last, share in _day_ranges(days["day"].to_pylist(), days["events"].to_pylist()):
        insert_value_counts(transaction, _OF_DAYS, {"first": first, "last": last})
        progress("value_counts", share)


def _day_ranges(days: Sequence[dt.date], events: Sequence[int]) -> Iterator[tuple[dt.date, dt.date, float]]:
    """First and last days of ranges with not many events each, and the share of the days that is then done."""
    start, count = 0, 0
    for place, size in enumerate(events):
        count += size
        if count >= _EVENTS_AT_ONCE or place == len(days) - 1:
            yield days[start], days[place], (place + 1) / len(days)
            start, count = place + 1, 0


KEPT_PROPERTIES = """
    SELECT player_no, game_id, player_id, properties, properties_at FROM players WHERE properties IS NOT NULL
"""


def insert_players(transaction: Transaction, condition: str, parameters: Parameters = _NONE) -> None:
    """Insert players, their days and totals, for the players that the condition is true for.

    `kept_properties` is there.
    """
    events = f"(SELECT * FROM events WHERE {condition})"
    transaction.write(f"CREATE OR REPLACE TEMP TABLE day_facts AS {_day_facts(condition)}", parameters)
    transaction.write(f"CREATE OR REPLACE TEMP TABLE player_facts AS {players.added_up('FROM day_facts', 'player_no')}")
    days = player_days.day_rows("day_facts", "player_facts", events)
    for statement in (
        f"INSERT INTO players ({players.PLAYER_COLUMNS}) {players.player_rows('player_facts', events)}",
        f"INSERT INTO player_days ({player_days.DAY_COLUMNS}) {days}",
        f"INSERT INTO player_event_totals {player_event_totals.facts('events', condition)}",
        f"{_RESTORE_PROPERTIES} WHERE {condition} {_ON_PLAYER}",
    ):
        transaction.write(statement, parameters)


def insert_days_of_no_player(transaction: Transaction, condition: str) -> None:
    """Insert the games' own rows of player_days, of the events and sessions that the condition is true for."""
    facts = _day_facts(f"player_no IS NULL AND ({condition})")
    transaction.write(
        f"INSERT INTO player_days ({player_days.GAME_DAY_COLUMNS}) {player_days.game_day_rows(f'({facts})')}"
    )


def _day_facts(condition: str) -> str:
    own_sessions = (
        f"SELECT player_no, game_id, start_time, 1 AS sessions, length_s AS playtime_s FROM sessions WHERE {condition}"
    )
    parts = f"{players.event_facts('events', condition)} UNION ALL {players.session_facts(own_sessions)}"
    return players.added_up(parts, "player_no, day")


_RESTORE_PROPERTIES = """
    INSERT INTO players (player_no, game_id, player_id, events, sessions, playtime_s, transactions, revenue_usd,
        properties, properties_at)
    SELECT player_no, game_id, player_id, 0, 0, 0, 0, 0, properties, properties_at FROM kept_properties
"""

_ON_PLAYER = """
    ON CONFLICT (player_no) DO UPDATE SET properties = excluded.properties, properties_at = excluded.properties_at
"""


def insert_event_days(transaction: Transaction, condition: str) -> None:
    """Insert the counts per event id and day of the events that the condition is true for."""
    facts = event_days.facts("events", condition)
    transaction.write(f"INSERT INTO event_days ({event_days.COLUMN_LIST}) {facts}")


def insert_value_counts(transaction: Transaction, condition: str, parameters: Parameters = _NONE) -> None:
    """Insert the numbers of the events that the condition is true for; those of the same days were deleted."""
    counts = value_counts.facts("events", condition)
    transaction.write(f"CREATE OR REPLACE TEMP TABLE day_counts AS {counts}", parameters)
    transaction.write(f"INSERT INTO value_counts ({value_counts.COLUMN_LIST}) FROM day_counts ORDER BY day, value")
    transaction.write(f"INSERT INTO value_bins ({value_counts.BIN_COLUMN_LIST}) {value_counts.bin_facts('day_counts')}")
    transaction.write("DROP TABLE day_counts")


def insert_field_values(transaction: Transaction, condition: str) -> None:
    """Insert the values of fields of the events that the condition is true for."""
    transaction.write(f"INSERT INTO field_values {field_values.facts('events', condition)}")
