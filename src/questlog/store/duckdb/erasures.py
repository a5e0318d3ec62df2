"""Erasing a player everywhere: first remembered with the batch, then carried out in a transaction of its own.

The store carries out what is remembered and not done whenever it is opened, so that an interrupted erasure is finished.
"""

from collections.abc import Sequence

import pyarrow as pa

from questlog.store.contract import PlayerErasure
from questlog.store.duckdb import rebuild
from questlog.store.duckdb.facts import numbered_day
from questlog.store.duckdb.rebuild import Rollups
from questlog.store.duckdb.regroup import regroup
from questlog.store.duckdb.transaction import Transaction
from questlog.store.keys import hashed_text


def player_hash(player_id: str) -> str:
    """The hash that an erasure is remembered under, as a UUID's hexadecimal digits."""
    high, low = hashed_text(player_id)
    return f"{high:016x}{low:016x}"


def remember(transaction: Transaction, erasures: Sequence[PlayerErasure]) -> None:
    """Note that these players are to be erased, and drop what was rejected of them at once."""
    for erasure in erasures:
        player = {"game_id": erasure.game_id, "player_id": erasure.player_id}
        until = {"until": erasure.received_at}
        transaction.write(
            "DELETE FROM rejected_events WHERE game_id = $game_id AND player_id = $player_id"
            " AND received_at <= make_timestamp($until)",
            player | until,
        )
        transaction.write(
            "INSERT INTO erasures SELECT $game_id, $player_hash::UUID,"
            " (SELECT player_no FROM players WHERE game_id = $game_id AND player_id = $player_id),"
            " make_timestamp($until), false",
            player | until | {"player_hash": player_hash(erasure.player_id)},
        )


def carry_out(rollups: Rollups, last_session_no: int) -> tuple[int, pa.Table]:
    """Erase every player that is noted and not erased yet, and compute again what it was part of.

    Returns the last number of a session given out, and the ids (`game_id`, `session_id`) that are no token's any more,
    with `is_named` where servers still name them.
    """
    transaction = rollups.transaction
    transaction.write("CREATE OR REPLACE TEMP TABLE lost_tokens (game_id INTEGER, session_id VARCHAR)")
    pending = transaction.read("SELECT player_no, epoch_us(erased_at) AS until FROM erasures WHERE NOT is_done")
    for row in pending.to_pylist():
        if row["player_no"] is not None:
            last_session_no = _erase(rollups, row, last_session_no)
    transaction.write("UPDATE erasures SET is_done = true WHERE NOT is_done")
    lost = transaction.read(_STILL_NAMED)
    transaction.write("DROP TABLE lost_tokens")
    return last_session_no, lost


# Where no token names an id any more, what servers told is of their own sessions, also of those that are there.
_MORE_SESSIONS = """
    CREATE OR REPLACE TEMP TABLE gone_sessions AS
    WITH found AS (
        SELECT session_no FROM gone_sessions
        UNION SELECT session_no FROM events
        WHERE session_no IS NOT NULL AND player_no IN (SELECT player_no FROM gone_players)
        UNION SELECT session_no FROM sessions WHERE player_no IN (SELECT player_no FROM gone_players)
    ), families AS (
        SELECT family_no, game_id, CASE WHEN is_of_token THEN session_id END AS token
        FROM sessions WHERE session_no IN (SELECT session_no FROM found)
    )
    SELECT session_no FROM sessions WHERE family_no IN (SELECT family_no FROM families)
    UNION SELECT session_no FROM sessions
    WHERE NOT is_of_token AND session_num IS NULL AND (game_id, session_id) IN (SELECT game_id, token FROM families)
"""

_MORE_PLAYERS = """
    CREATE OR REPLACE TEMP TABLE gone_players AS
    SELECT player_no FROM gone_players
    UNION SELECT player_no FROM events
    WHERE player_no IS NOT NULL AND session_no IN (SELECT session_no FROM gone_sessions)
"""


def _collect(transaction: Transaction, player: dict[str, object]) -> None:
    """Make `gone_players` and `gone_sessions`: the player, its sessions, their other players, those players' sessions.

    Only a token's session has several players. All of them are computed again: a session may go over to another player,
    whose events may then match it.
    """
    transaction.write("CREATE OR REPLACE TEMP TABLE gone_players AS SELECT $player_no::BIGINT AS player_no", player)
    transaction.write("CREATE OR REPLACE TEMP TABLE gone_sessions (session_no BIGINT)")
    count = 0
    while (now := transaction.read("SELECT count(*) FROM gone_players").column(0)[0].as_py()) > count:
        count = now
        transaction.write(_MORE_SESSIONS)
        transaction.write(_MORE_PLAYERS)


_EVENT_DAY = numbered_day("event_no", "day")
_GONE = "player_no = $player_no AND received_at <= make_timestamp($until)"
_OF_GONE_SESSIONS = "session_no IN (SELECT session_no FROM gone_sessions)"
_OF_GONE_DAYS = f"{_EVENT_DAY} IN (SELECT event_day_no FROM gone_days)"
_GAME_DAYS = "SELECT game_id, day FROM gone_days"
_OF_GAME_DAYS = f"(game_id, day) IN ({_GAME_DAYS})"
_OF_GONE_PLAYERS = "player_no IN (SELECT player_no FROM gone_players)"

_TOKENS = f"""
    CREATE OR REPLACE TEMP TABLE gone_tokens AS
    SELECT DISTINCT game_id, session_id FROM sessions WHERE is_of_token AND {_OF_GONE_SESSIONS}
"""

_LOST = """
    INSERT INTO lost_tokens SELECT * FROM gone_tokens WHERE (game_id, session_id) NOT IN (
        SELECT game_id, session_id FROM runs WHERE is_of_token)
"""

_STILL_NAMED = """
    SELECT *, (game_id, session_id) IN (SELECT game_id, session_id FROM sessions WHERE session_num IS NULL) AS is_named
    FROM lost_tokens
"""

_TEMPORARY = ("gone_days", "gone_sessions", "gone_players", "gone_tokens", "runs", *rebuild.TEMPORARY)


def _erase(rollups: Rollups, gone: dict[str, object], last_session_no: int) -> int:
    transaction = rollups.transaction
    transaction.write(
        f"CREATE OR REPLACE TEMP TABLE gone_days AS SELECT DISTINCT {_EVENT_DAY} AS event_day_no, game_id, day"
        f" FROM {rollups.events(_GONE)}",
        gone,
    )
    _collect(transaction, {"player_no": gone["player_no"]})
    transaction.write(_TOKENS)
    transaction.write(f"DELETE FROM events WHERE {_GONE}", gone)
    transaction.write(
        f"CREATE OR REPLACE TEMP TABLE kept_properties AS {rebuild.KEPT_PROPERTIES}"
        f" AND {_OF_GONE_PLAYERS} AND NOT (player_no = $player_no AND properties_at <= make_timestamp($until))",
        gone,
    )
    last_session_no = regroup(transaction, rollups.sessions.gap_us, last_session_no, _OF_GONE_SESSIONS)
    transaction.write(_LOST)
    for table, condition in (
        ("sessions", _OF_GONE_SESSIONS),
        ("players", _OF_GONE_PLAYERS),
        ("player_days", _OF_GONE_PLAYERS),
        ("player_day_values", _OF_GONE_PLAYERS),
        ("purchases", _OF_GONE_PLAYERS),
        ("player_event_totals", _OF_GONE_PLAYERS),
        ("sessionless_events", _OF_GONE_PLAYERS),
        ("event_days", "event_day_no IN (SELECT event_day_no FROM gone_days)"),
        ("value_counts", f"(game_id, day) IN ({_GAME_DAYS})"),
        ("value_bins", f"(game_id, day) IN ({_GAME_DAYS})"),
        ("field_values", f"(game_id, day) IN ({_GAME_DAYS})"),
    ):
        transaction.write(f"DELETE FROM {table} WHERE {condition}")
    rebuild.insert_sessions(rollups, "session_no IN (SELECT session_no FROM runs)")
    rebuild.match_again(rollups, _OF_GONE_PLAYERS)
    rebuild.insert_players(rollups, _OF_GONE_PLAYERS)
    rebuild.insert_purchases(rollups, _OF_GONE_PLAYERS)
    rebuild.insert_event_days(rollups, _OF_GONE_DAYS)
    rebuild.insert_value_counts(rollups, "true", _OF_GAME_DAYS)
    rebuild.insert_field_values(rollups, _OF_GAME_DAYS)
    for table in _TEMPORARY:
        transaction.write(f"DROP TABLE IF EXISTS {table}")
    return last_session_no
