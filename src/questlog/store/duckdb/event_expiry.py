"""Deleting what a game had before a day: its events, and every row by day. What lasts stays (decision 75).

Players stay with everything up to now, and so do their totals by event: what the deleted events and sessions added to
them is kept in tables of its own. A session that goes on into the days that stay begins with its first event there.
"""

import datetime as dt
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.duckdb import rebuild
from questlog.store.duckdb.rebuild import Rollups
from questlog.store.duckdb.regroup import regroup
from questlog.store.duckdb.rollups import expired, matching, player_event_totals, players, sessions
from questlog.store.duckdb.transaction import Transaction
from questlog.store.schema import DIMENSIONS

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - as the engine's timestamps, which are UTC
_LAST_ROW = 2**62


class Cut(NamedTuple):
    """Of which game, the first day that stays, and when that begins (UTC microseconds)."""

    game_id: int
    first_day: dt.date
    starts_us: int


class Expired(NamedTuple):
    """What expiring came to: the last number of a session given out, how many events went, and lost tokens.

    `tokens` are the ids (`game_id`, `session_id`) that are no token's any more, with `is_named` where servers still
    name them.
    """

    session_no: int
    events: int
    tokens: pa.Table


def expire(rollups: Rollups, cut: Cut, last_session_no: int) -> Expired:
    """Delete within a transaction."""
    transaction = rollups.transaction
    starts = {"game_id": cut.game_id, "starts": _EPOCH + dt.timedelta(microseconds=cut.starts_us)}
    for statement in (_GONE_ROWS, _TOUCHED, _LIVE):
        transaction.write(statement, starts)
    for statement in (_GONE_SESSIONS, _AGAIN, _LIFETIMES):
        transaction.write(statement)
    _note_facts(rollups)
    unmatched = matching.unmatch(transaction, _ALL_SESSIONS)
    gone = transaction.read("SELECT row_no FROM gone_rows")["row_no"].combine_chunks()
    for table in ("events", "sessionless_events"):
        transaction.write(f"DELETE FROM {table} WHERE row_no IN (SELECT row_no FROM gone_rows)")
    transaction.write(_NO_CREATION, starts)
    last_session_no = _put_sessions_together(rollups, last_session_no)
    _keep_what_lasts(transaction)
    for table in _BY_DAY:
        transaction.write(
            f"DELETE FROM {table} WHERE game_id = $game_id AND day < $first_day",
            {"game_id": cut.game_id, "first_day": cut.first_day},
        )
    for table, time in (("rejected_events", "received_at"), ("ingest_hours", "hour")):
        transaction.write(f"DELETE FROM {table} WHERE game_id = $game_id AND {time} < $starts", starts)
    left = unmatched.filter(pc.invert(pc.is_in(unmatched["row_no"], gone)))
    matching.move(transaction, matching.matches(transaction, left, rollups.sessions.grace_s))
    matching.match_changed(transaction, rollups.sessions.grace_s, _LAST_ROW)
    transaction.write("DELETE FROM expiries WHERE game_id = $game_id", {"game_id": cut.game_id})
    transaction.write("INSERT INTO expiries (game_id, before) VALUES ($game_id, $starts)", starts)
    tokens = transaction.read(_LOST_TOKENS)
    for table in _TEMPORARY:
        transaction.write(f"DROP TABLE IF EXISTS {table}")
    return Expired(last_session_no, len(gone), tokens)


_BY_DAY = (
    "player_days",
    "player_day_values",
    "purchases",
    "event_days",
    "value_counts",
    "value_bins",
    "field_values",
)

_GONE_ROWS = """
    CREATE OR REPLACE TEMP TABLE gone_rows AS
    SELECT row_no FROM events WHERE game_id = $game_id AND event_time < $starts
"""

_TOUCHED = """
    CREATE OR REPLACE TEMP TABLE touched_sessions AS
    SELECT session_no, family_no, game_id, session_id, is_of_token, player_no, player_id, length_s FROM sessions
    WHERE game_id = $game_id AND (start_time < $starts OR issued_at < $starts)
"""

_LIVE = """
    CREATE OR REPLACE TEMP TABLE live_sessions AS
    SELECT DISTINCT session_no FROM events WHERE game_id = $game_id AND event_time >= $starts
        AND NOT session_is_matched AND session_no IN (SELECT session_no FROM touched_sessions)
"""

_GONE_SESSIONS = """
    CREATE OR REPLACE TEMP TABLE gone_sessions AS
    FROM touched_sessions WHERE session_no NOT IN (SELECT session_no FROM live_sessions)
"""

# Of tokens whole families: where no token names the id any more, what servers told is of their own sessions.
_AGAIN = """
    CREATE OR REPLACE TEMP TABLE again_sessions AS
    SELECT session_no FROM live_sessions
    UNION SELECT session_no FROM sessions
    WHERE family_no IN (SELECT family_no FROM touched_sessions WHERE is_of_token)
        AND session_no NOT IN (SELECT session_no FROM gone_sessions)
    UNION SELECT session_no FROM sessions
    WHERE NOT is_of_token AND session_num IS NULL AND session_no NOT IN (SELECT session_no FROM gone_sessions)
        AND (game_id, session_id) IN (SELECT game_id, session_id FROM touched_sessions WHERE is_of_token)
"""

_ALL_SESSIONS = "SELECT session_no FROM again_sessions UNION SELECT session_no FROM gone_sessions"
_OF_AGAIN = "session_no IN (SELECT session_no FROM again_sessions)"

_LIFETIMES = f"""
    CREATE OR REPLACE TEMP TABLE lifetimes AS
    SELECT player_no, game_id, player_id, sessions, playtime_s FROM players
    WHERE player_no IN (SELECT player_no FROM sessions WHERE {_OF_AGAIN})
        OR player_no IN (SELECT player_no FROM events WHERE {_OF_AGAIN})
"""

_NO_CREATION = """
    UPDATE events SET session_issued_at = NULL WHERE game_id = $game_id AND session_issued_at < $starts
"""

_LOST_TOKENS = """
    SELECT *, (game_id, session_id) IN (SELECT game_id, session_id FROM sessions WHERE session_num IS NULL) AS is_named
    FROM (
        SELECT DISTINCT game_id, session_id FROM touched_sessions WHERE is_of_token
        EXCEPT SELECT game_id, session_id FROM sessions WHERE is_of_token
    )
"""

_TEMPORARY = (
    "gone_rows",
    "touched_sessions",
    "live_sessions",
    "gone_sessions",
    "again_sessions",
    "lifetimes",
    "gone_facts",
    "gone_totals",
    "kept_facts",
    "kept_totals",
    "runs",
)


def _note_facts(rollups: Rollups) -> None:
    """What the events that go said of their players, while they are there."""
    gone = "row_no IN (SELECT row_no FROM gone_rows)"
    facts = players.added_up(players.event_facts(rollups.events(f"{gone} AND player_no IS NOT NULL")), "player_no")
    events = f"(SELECT * FROM events WHERE {gone})"
    rollups.write(f"CREATE OR REPLACE TEMP TABLE gone_facts AS {expired.event_part(facts, events)}")
    totals = player_event_totals.facts("events", gone)
    rollups.write(
        "CREATE OR REPLACE TEMP TABLE gone_totals AS"
        f" SELECT players.game_id, facts.* FROM ({totals}) AS facts JOIN players USING (player_no)"
    )


def _put_sessions_together(rollups: Rollups, last_session_no: int) -> int:
    """Let sessions be of the events that are left; players and their days are told, but not of those that went."""
    transaction = rollups.transaction
    before = sessions.stored(transaction, "SELECT session_no FROM again_sessions")
    last_session_no = regroup(transaction, rollups.sessions.gap_us, last_session_no, _OF_AGAIN)
    transaction.write(f"DELETE FROM sessions WHERE session_no IN ({_ALL_SESSIONS})")
    rebuild.insert_sessions(rollups, "session_no IN (SELECT session_no FROM runs)")
    after = sessions.stored(transaction, "SELECT session_no FROM runs")
    sessions.Changes(before, after).register(transaction)
    if before.num_rows or after.num_rows:
        players.update_sessions(transaction, _NO_EVENT)
    return last_session_no


_NO_EVENT = pa.table(
    {
        "row_no": pa.array([0], pa.int64()),
        **{name: pa.array([None], pa.string()) for name in ("source", *DIMENSIONS)},
    }
)
"""Sessions alone say nothing of a player's first event."""

_SESSION_ROWS = """
    SELECT player_no, game_id, player_id, 1 AS sessions, length_s AS playtime_s FROM gone_sessions
    UNION ALL SELECT player_no, lifetimes.game_id, player_id, one.sessions, one.playtime_s FROM (
        SELECT player_no, 1 AS sessions, length_s AS playtime_s FROM sessions_before
        UNION ALL SELECT player_no, -1, -length_s FROM sessions_after
    ) AS one JOIN lifetimes USING (player_no)
"""

_COLUMNS = ", ".join(expired.PLAYER_COLUMNS)

_KEPT_FACTS = f"""
    CREATE OR REPLACE TEMP TABLE kept_facts AS {
    expired.merged_players(f'''
        SELECT {_COLUMNS} FROM gone_facts
        UNION ALL SELECT {_COLUMNS} FROM ({expired.session_part(_SESSION_ROWS)})
        UNION ALL SELECT {_COLUMNS} FROM expired_players
        WHERE player_no IN (SELECT player_no FROM gone_facts) OR player_no IN (SELECT player_no FROM lifetimes)
            OR player_no IN (SELECT player_no FROM gone_sessions)
    ''')
}
"""

_KEPT_TOTALS = """
    CREATE OR REPLACE TEMP TABLE kept_totals AS
    SELECT any_value(game_id) AS game_id, player_event_no, any_value(player_no) AS player_no,
        any_value(event_no) AS event_no, sum(events)::BIGINT AS events, min(first_seen) AS first_seen,
        max(last_seen) AS last_seen, sum(value_count)::BIGINT AS value_count, sum(value_sum) AS value_sum,
        min(value_min) AS value_min, max(value_max) AS value_max, max(batch_no) AS batch_no
    FROM (
        FROM gone_totals UNION ALL FROM expired_totals
        WHERE player_event_no IN (SELECT player_event_no FROM gone_totals)
    ) GROUP BY player_event_no
"""

_KEEP = (
    """
    UPDATE players SET sessions = lifetimes.sessions, playtime_s = lifetimes.playtime_s
    FROM lifetimes WHERE lifetimes.player_no = players.player_no
    """,
    _KEPT_FACTS,
    "DELETE FROM expired_players WHERE player_no IN (SELECT player_no FROM kept_facts)",
    f"INSERT INTO expired_players ({_COLUMNS}) SELECT {_COLUMNS} FROM kept_facts",
    _KEPT_TOTALS,
    "DELETE FROM expired_totals WHERE player_event_no IN (SELECT player_event_no FROM kept_totals)",
    "INSERT INTO expired_totals SELECT * FROM kept_totals",
)


def _keep_what_lasts(transaction: Transaction) -> None:
    """Players are what they were, and what has gone is noted for a rebuild."""
    for statement in _KEEP:
        transaction.write(statement)
