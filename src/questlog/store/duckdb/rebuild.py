"""Computing every rollup again from the events, a range of players or sessions at a time."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from questlog.store.contract import Progress
from questlog.store.duckdb.days import StoredDays
from questlog.store.duckdb.regroup import EVENTS_OF_RUNS, regroup
from questlog.store.duckdb.rollups import (
    event_days,
    expired,
    field_values,
    matching,
    player_day_values,
    player_days,
    player_event_totals,
    players,
    purchases,
    sessions,
    value_counts,
)
from questlog.store.duckdb.rules import SessionRules
from questlog.store.duckdb.staging import Counters
from questlog.store.duckdb.transaction import Parameters, Transaction

_AT_ONCE = 200_000
_EVENTS_AT_ONCE = 4_000_000

_IN_RANGE = "player_no BETWEEN $low AND $high"
_NONE: Parameters = {}


class Rollups(NamedTuple):
    """What it takes to compute rollups from the events: a transaction, their local days, and the rules of sessions."""

    transaction: Transaction
    days: StoredDays
    sessions: SessionRules

    def events(self, condition: str) -> str:
        """SQL: the events that the condition is true for, each with its `day`."""
        return self.days.events(condition)

    def write(self, statement: str, parameters: Parameters = _NONE) -> None:
        """Run a statement without an answer."""
        self.transaction.write(statement, parameters)


def rebuild(rollups: Rollups, last: Counters, progress: Progress) -> Counters:
    """Replace the rows of every rollup within a transaction. `progress` gets the table's name and the share done.

    Returns the last numbers given out.
    """
    progress("sessions", 0.0)
    last = last._replace(session_no=regroup(rollups.transaction, rollups.sessions.gap_us, last.session_no))
    _rebuild_sessions(rollups, last.session_no, progress)
    _rebuild_matches(rollups, last.player_no, progress)
    _rebuild_days(rollups, last.player_no, "true", progress)
    return last


def move_days(rollups: Rollups, last: Counters, game_id: int, progress: Progress) -> None:
    """Replace what one game has by day, within a transaction, after its time zone was changed."""
    of_game = f"game_id = {game_id:d}"
    rollups.write(f"UPDATE sessions SET day = {rollups.days.of('start_time')} WHERE {of_game}")
    rollups.write(expired.set_days(rollups.days, of_game))
    _rebuild_days(rollups, last.player_no, of_game, progress)


def _rebuild_days(rollups: Rollups, last_player: int, condition: str, progress: Progress) -> None:
    """Replace the rollups by day, and the players, of the games that the condition is true for."""
    _rebuild_players(rollups, last_player, condition, progress)
    for table, insert in _BY_DAY.items():
        progress(table, 0.0)
        rollups.write(f"DELETE FROM {table} WHERE {condition}")
        insert(rollups, condition)
        progress(table, 1.0)
    _rebuild_value_counts(rollups, condition, progress)


def _ranges(last: int, table: str, progress: Progress) -> list[tuple[int, int]]:
    progress(table, 0.0)
    return [(start, start + _AT_ONCE - 1) for start in range(1, last + 1, _AT_ONCE)]


def _rebuild_sessions(rollups: Rollups, last: int, progress: Progress) -> None:
    rollups.write("DELETE FROM sessions")
    for low, high in _ranges(last, "sessions", progress):
        insert_sessions(rollups, "session_no BETWEEN $low AND $high", {"low": low, "high": high})
        progress("sessions", min(1.0, high / last))
    rollups.write("DROP TABLE runs")


def insert_sessions(rollups: Rollups, condition: str, parameters: Parameters = _NONE) -> None:
    """Insert those of the sessions in `runs` whose events the condition (one of ours, on their columns) is true for."""
    firsts = f"(SELECT * FROM events WHERE {condition})"
    found = f"({sessions.facts(EVENTS_OF_RUNS, condition)})"
    rows = sessions.rows(found, firsts, rollups.days.of("start_time"))
    rollups.write(f"INSERT INTO sessions ({sessions.COLUMN_LIST}) {rows}", parameters)


def _rebuild_matches(rollups: Rollups, last: int, progress: Progress) -> None:
    rollups.write("DELETE FROM sessionless_events")
    for low, high in _ranges(last, "sessionless_events", progress):
        match_again(rollups, _IN_RANGE, {"low": low, "high": high})
        progress("sessionless_events", min(1.0, high / last))


def match_again(rollups: Rollups, condition: str, parameters: Parameters = _NONE) -> None:
    """Match the events that the condition is true for, whose sessions are there but count none of them."""
    pending = rollups.transaction.read(
        f"SELECT row_no, player_no, event_time, session_no FROM events WHERE {matching.IS_SESSIONLESS} AND {condition}",
        parameters,
    )
    matching.replace(rollups.transaction, matching.matches(rollups.transaction, pending, rollups.sessions.grace_s))


_OF_PLAYERS = ("players", "player_days", "player_day_values")


def _rebuild_players(rollups: Rollups, last: int, condition: str, progress: Progress) -> None:
    rollups.write(f"CREATE OR REPLACE TEMP TABLE kept_properties AS {KEPT_PROPERTIES} AND {condition}")
    rollups.write(
        f"DELETE FROM player_event_totals WHERE player_no IN (SELECT player_no FROM players WHERE {condition})"
    )
    for table in _OF_PLAYERS:
        rollups.write(f"DELETE FROM {table} WHERE {condition}")
    for low, high in _ranges(last, "players", progress):
        insert_players(rollups, f"{_IN_RANGE} AND {condition}", {"low": low, "high": high})
        progress("players", min(1.0, high / last))
    insert_days_of_no_player(rollups, condition)
    rollups.write("DROP TABLE kept_properties")


_DAYS = "SELECT day, sum(events)::BIGINT AS events FROM event_days WHERE {condition} GROUP BY day ORDER BY day"
_OF_DAYS = "day BETWEEN $first AND $last"


def _rebuild_value_counts(rollups: Rollups, condition: str, progress: Progress) -> None:
    """Days at a time: where all numbers differ there are as many rows as events."""
    progress("value_counts", 0.0)
    days = rollups.transaction.read(_DAYS.format(condition=condition))
    for table in ("value_counts", "value_bins"):
        rollups.write(f"DELETE FROM {table} WHERE {condition}")
    for first, last, share in _day_ranges(days["day"].to_pylist(), days["events"].to_pylist()):
        insert_value_counts(rollups, condition, _OF_DAYS, {"first": first, "last": last})
        progress("value_counts", share)


def _day_ranges(days: Sequence[dt.date], events: Sequence[int]) -> Iterator[tuple[dt.date, dt.date, float]]:
    """First and last days of ranges with not many events each, and the share of the days that is then done."""
    start, count = 0, 0
    for place, size in enumerate(events):
        count += size
        if count >= _EVENTS_AT_ONCE or place == len(days) - 1:
            yield days[start], days[place], (place + 1) / len(days)
            start, count = place + 1, 0


TEMPORARY = ("kept_properties", "day_facts", "player_facts")
"""Tables that inserting players needs or leaves."""

KEPT_PROPERTIES = """
    SELECT player_no, game_id, player_id, properties, properties_at FROM players WHERE properties IS NOT NULL
"""


def insert_players(rollups: Rollups, condition: str, parameters: Parameters = _NONE) -> None:
    """Insert players, their days and totals, for the players that the condition is true for.

    `kept_properties` is there.
    """
    events = f"(SELECT * FROM events WHERE {condition})"
    rollups.write(f"CREATE OR REPLACE TEMP TABLE day_facts AS {_day_facts(rollups, condition)}", parameters)
    parts = f"FROM day_facts UNION ALL {expired.player_facts(condition)}"
    rollups.write(f"CREATE OR REPLACE TEMP TABLE player_facts AS {players.added_up(parts, 'player_no')}", parameters)
    days = player_days.day_rows("day_facts", "player_facts")
    rollups.write(f"INSERT INTO player_days ({player_days.DAY_COLUMNS}) {days}")
    for statement in (
        f"INSERT INTO players ({players.PLAYER_COLUMNS}) {players.player_rows('player_facts', events)}",
        expired.set_firsts(condition),
        f"INSERT INTO player_event_totals {player_event_totals.facts('events', condition)}",
        expired.add_totals(condition),
    ):
        rollups.write(statement, parameters)
    restore_properties(rollups, condition, parameters)
    _insert_values(rollups, condition, parameters)


def restore_properties(rollups: Rollups, condition: str, parameters: Parameters = _NONE) -> None:
    """Give players the properties in `kept_properties`, also those without an event."""
    rollups.write(f"{_RESTORE_PROPERTIES} WHERE {condition} {_ON_PLAYER}", parameters)


def insert_days_of_no_player(rollups: Rollups, condition: str) -> None:
    """Insert the games' own rows of player_days, of the events and sessions that the condition is true for."""
    is_of_none = f"player_no IS NULL AND ({condition})"
    facts = _day_facts(rollups, is_of_none)
    rollups.write(f"INSERT INTO player_days ({player_days.GAME_DAY_COLUMNS}) {player_days.game_day_rows(f'({facts})')}")
    _insert_values(rollups, is_of_none)


def _insert_values(rollups: Rollups, condition: str, parameters: Parameters = _NONE) -> None:
    names, rows = player_day_values.COLUMN_LIST, player_day_values.rows(rollups.events(condition))
    rollups.write(f"INSERT INTO player_day_values ({names}) SELECT {names} FROM ({rows})", parameters)


def _day_facts(rollups: Rollups, condition: str) -> str:
    own_sessions = (
        f"SELECT player_no, game_id, day, 1 AS sessions, length_s AS playtime_s FROM sessions WHERE {condition}"
    )
    events = players.event_facts(rollups.events(condition))
    return players.added_up(f"{events} UNION ALL {players.session_facts(own_sessions)}", "player_no, day")


_RESTORE_PROPERTIES = """
    INSERT INTO players (player_no, game_id, player_id, events, sessions, playtime_s, transactions, revenue_usd,
        refunds, properties, properties_at)
    SELECT player_no, game_id, player_id, 0, 0, 0, 0, 0, 0, properties, properties_at FROM kept_properties
"""

_ON_PLAYER = """
    ON CONFLICT (player_no) DO UPDATE SET properties = excluded.properties, properties_at = excluded.properties_at
"""


def insert_purchases(rollups: Rollups, condition: str) -> None:
    """Insert the purchases among the events that the condition is true for."""
    rollups.write(f"INSERT INTO purchases ({purchases.COLUMN_LIST}) {purchases.facts(rollups.events(condition))}")


def insert_event_days(
    rollups: Rollups, condition: str, of_events: str = "true", parameters: Parameters = _NONE
) -> None:
    """Insert the counts per event id and day of the events that both conditions are true for, one also on `day`."""
    facts = event_days.facts(rollups.events(of_events), condition)
    rollups.write(f"INSERT INTO event_days ({event_days.COLUMN_LIST}) {facts}", parameters)


def insert_field_values(rollups: Rollups, condition: str) -> None:
    """Insert the values of fields of the events that the condition (also on their `day`) is true for."""
    rollups.write(f"INSERT INTO field_values {field_values.facts(rollups.events('true'), condition)}")


_BY_DAY: Mapping[str, Callable[[Rollups, str], None]] = {
    "purchases": insert_purchases,
    "event_days": insert_event_days,
    "field_values": insert_field_values,
}


def insert_value_counts(rollups: Rollups, condition: str, of_days: str, parameters: Parameters = _NONE) -> None:
    """Insert the numbers of events that both conditions are true for; those of the same days were deleted."""
    counts = value_counts.facts(rollups.events(condition), of_days)
    rollups.write(f"CREATE OR REPLACE TEMP TABLE day_counts AS {counts}", parameters)
    rollups.write(f"INSERT INTO value_counts ({value_counts.COLUMN_LIST}) FROM day_counts ORDER BY day, value")
    rollups.write(f"INSERT INTO value_bins ({value_counts.BIN_COLUMN_LIST}) {value_counts.bin_facts('day_counts')}")
    rollups.write("DROP TABLE day_counts")
