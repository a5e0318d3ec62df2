"""Erasing a player everywhere: first remembered with the batch, then carried out in a transaction of its own.

The store carries out what is remembered and not done whenever it is opened, so that an interrupted erasure is finished.
"""

from collections.abc import Sequence

from questlog.store.contract import PlayerErasure
from questlog.store.duckdb import rebuild
from questlog.store.duckdb.facts import numbered_day
from questlog.store.duckdb.rebuild import Rollups
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


def carry_out(rollups: Rollups) -> None:
    """Erase every player that is noted and not erased yet, and compute again what it was part of."""
    transaction = rollups.transaction
    pending = transaction.read("SELECT player_no, epoch_us(erased_at) AS until FROM erasures WHERE NOT is_done")
    for row in pending.to_pylist():
        if row["player_no"] is not None:
            _erase(rollups, row)
    transaction.write("UPDATE erasures SET is_done = true WHERE NOT is_done")


_MORE_SESSIONS = """
    CREATE OR REPLACE TEMP TABLE gone_sessions AS
    SELECT session_no FROM events WHERE session_no IS NOT NULL AND player_no IN (SELECT player_no FROM gone_players)
    UNION SELECT session_no FROM sessions WHERE player_no IN (SELECT player_no FROM gone_players)
"""

_MORE_PLAYERS = """
    CREATE OR REPLACE TEMP TABLE gone_players AS
    SELECT player_no FROM gone_players
    UNION SELECT player_no FROM events
    WHERE player_no IS NOT NULL AND session_no IN (SELECT session_no FROM gone_sessions)
"""


def _collect(transaction: Transaction, player: dict[str, object]) -> None:
    """Make `gone_players` and `gone_sessions`: the player, its sessions, their other players, those players' sessions.

    All of them are computed again: a session may go over to another player, whose events may then match it.
    """
    transaction.write("CREATE OR REPLACE TEMP TABLE gone_players AS SELECT $player_no::BIGINT AS player_no", player)
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
# A session of which only events of no player are left is the game's own now.
_OF_GONE_GAME = "game_id IN (SELECT game_id FROM gone_games)"


_TEMPORARY = (
    "gone_days",
    "gone_games",
    "gone_sessions",
    "gone_players",
    "kept_properties",
    "day_facts",
    "player_facts",
)


def _erase(rollups: Rollups, gone: dict[str, object]) -> None:
    transaction = rollups.transaction
    player = {"player_no": gone["player_no"]}
    transaction.write(
        f"CREATE OR REPLACE TEMP TABLE gone_days AS SELECT DISTINCT {_EVENT_DAY} AS event_day_no, game_id, day"
        f" FROM {rollups.events(_GONE)}",
        gone,
    )
    _collect(transaction, player)
    transaction.write(
        "CREATE OR REPLACE TEMP TABLE gone_games AS SELECT game_id FROM players WHERE player_no = $player_no", player
    )
    transaction.write(f"DELETE FROM events WHERE {_GONE}", gone)
    transaction.write(
        f"CREATE OR REPLACE TEMP TABLE kept_properties AS SELECT * FROM ({rebuild.KEPT_PROPERTIES})"
        f" WHERE {_OF_GONE_PLAYERS} AND NOT (player_no = $player_no AND properties_at <= make_timestamp($until))",
        gone,
    )
    for table, condition in (
        ("sessions", _OF_GONE_SESSIONS),
        ("players", _OF_GONE_PLAYERS),
        ("player_days", f"{_OF_GONE_PLAYERS} OR (player_no IS NULL AND {_OF_GONE_GAME})"),
        ("player_day_values", f"{_OF_GONE_PLAYERS} OR (player_no IS NULL AND {_OF_GONE_GAME})"),
        ("purchases", _OF_GONE_PLAYERS),
        ("player_event_totals", _OF_GONE_PLAYERS),
        ("sessionless_events", _OF_GONE_PLAYERS),
        ("event_days", "event_day_no IN (SELECT event_day_no FROM gone_days)"),
        ("value_counts", f"(game_id, day) IN ({_GAME_DAYS})"),
        ("value_bins", f"(game_id, day) IN ({_GAME_DAYS})"),
        ("field_values", f"(game_id, day) IN ({_GAME_DAYS})"),
    ):
        transaction.write(f"DELETE FROM {table} WHERE {condition}")
    rebuild.insert_sessions(rollups, _OF_GONE_SESSIONS)
    rebuild.match_again(rollups, _OF_GONE_PLAYERS)
    rebuild.insert_players(rollups, _OF_GONE_PLAYERS)
    rebuild.insert_days_of_no_player(rollups, _OF_GONE_GAME)
    rebuild.insert_purchases(rollups, _OF_GONE_PLAYERS)
    rebuild.insert_event_days(rollups, _OF_GONE_DAYS)
    rebuild.insert_value_counts(rollups, "true", _OF_GAME_DAYS)
    rebuild.insert_field_values(rollups, _OF_GAME_DAYS)
    for table in _TEMPORARY:
        transaction.write(f"DROP TABLE {table}")
