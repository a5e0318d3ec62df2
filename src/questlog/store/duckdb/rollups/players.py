"""The players table; and the facts of each player and day that it and player_days are made of."""

import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.duckdb.facts import (
    DIMENSION_LIST,
    FIRST_PURCHASE,
    FIRST_PURCHASE_DAY,
    FIRST_RANK,
    KINDS,
    MONEY,
    OWNER,
    qualified,
)
from questlog.store.duckdb.rollups import player_days
from questlog.store.duckdb.rollups.compared import any_not_zero, is_greater, is_less, matched
from questlog.store.duckdb.transaction import Transaction, with_event_columns
from questlog.store.schema import DIMENSIONS

_FIRST = ("first_rank", "source", *DIMENSIONS)


_NOT_OF_SESSIONS = {
    "first_purchase": "TIMESTAMP",
    "first_purchase_day": "DATE",
    "first_day": "DATE",
    "last_day": "DATE",
    "first_seen": "TIMESTAMP",
    "last_seen": "TIMESTAMP",
    "first_rank": "HUGEINT",
    "first_row_no": "BIGINT",
}
"""What `event_facts` has and sessions do not say, in its order, with the types."""


def event_facts(source: str, condition: str = "true") -> str:
    """SQL: what the events in `source`, each with its `day`, say of each player and day.

    `player_no` is −`game_id` for what is of no player.
    """
    return f"""
    SELECT {OWNER} AS player_no, day, any_value(game_id) AS game_id, any_value(player_id) AS player_id,
        count(*) AS events, 0::BIGINT AS sessions, 0::DECIMAL(38,6) AS playtime_s,
        {", ".join(f"{sql} AS {name}" for name, (sql, _) in MONEY.items())}, {KINDS} AS kinds,
        {FIRST_PURCHASE} AS first_purchase, {FIRST_PURCHASE_DAY} AS first_purchase_day,
        min(day) AS first_day, max(day) AS last_day, min(event_time) AS first_seen, max(event_time) AS last_seen,
        min({FIRST_RANK}) AS first_rank, arg_min(row_no, {FIRST_RANK}) AS first_row_no
    FROM {source} WHERE {condition} GROUP BY {OWNER}, day
    """


def session_facts(rows: str) -> str:
    """SQL: the same columns from sessions' rows of player_no, game_id, day, sessions (±1) and playtime_s."""
    return f"""
    SELECT {OWNER} AS player_no, day, any_value(game_id) AS game_id, NULL::VARCHAR AS player_id,
        0::BIGINT AS events, sum(sessions)::BIGINT AS sessions, sum(playtime_s)::DECIMAL(38,6) AS playtime_s,
        {", ".join(f"0::{kind} AS {name}" for name, (_, kind) in MONEY.items())}, 0::BIGINT AS kinds,
        {", ".join(f"NULL::{kind} AS {name}" for name, kind in _NOT_OF_SESSIONS.items())}
    FROM ({rows}) GROUP BY {OWNER}, day
    """


_SESSION_CHANGES = """
    SELECT player_no, game_id, day, 1 AS sessions, length_s AS playtime_s FROM sessions_after
    UNION ALL SELECT player_no, game_id, day, -1, -length_s FROM sessions_before
"""


def added_up(parts: str, keys: str) -> str:
    """SQL: rows of `event_facts` or `session_facts` added up by some of their columns."""
    return f"""
    SELECT {keys}, any_value(game_id) AS game_id, any_value(player_id) AS player_id,
        sum(events)::BIGINT AS events, sum(sessions)::BIGINT AS sessions,
        sum(playtime_s)::DECIMAL(38,6) AS playtime_s,
        {", ".join(f"sum({name})::{kind} AS {name}" for name, (_, kind) in MONEY.items())},
        bit_or(kinds)::BIGINT AS kinds,
        min(first_purchase) AS first_purchase, min(first_purchase_day) AS first_purchase_day,
        min(first_day) AS first_day, max(last_day) AS last_day,
        min(first_seen) AS first_seen, max(last_seen) AS last_seen,
        min(first_rank) AS first_rank, arg_min(first_row_no, first_rank) AS first_row_no
    FROM ({parts}) GROUP BY {keys}
    """


def update(transaction: Transaction, batch: pa.Table) -> None:
    """Add `batch` and the changes of sessions, which are registered, to players and player_days."""
    _add(transaction, f"{event_facts('batch')} UNION ALL {session_facts(_SESSION_CHANGES)}", batch)


def update_sessions(transaction: Transaction, batch: pa.Table) -> None:
    """Add the registered changes of sessions; `batch` is the last one that was added."""
    _add(transaction, session_facts(_SESSION_CHANGES), batch)


def _add(transaction: Transaction, parts: str, batch: pa.Table) -> None:
    changes = transaction.read(
        f"SELECT * FROM ({added_up(parts, 'player_no, day')}) WHERE events <> 0 OR sessions <> 0 OR playtime_s <> 0"
    )
    if changes.num_rows == 0:
        return
    added = _update_players(transaction, _player_changes(transaction, changes), batch)
    player_days.update(transaction, changes, added)


def _player_changes(transaction: Transaction, changes: pa.Table) -> pa.Table:
    """The changes of all days of each player; most batches have no player with two."""
    if pc.min(changes["player_no"]).as_py() < 0:
        changes = changes.filter(pc.greater(changes["player_no"], 0))
    if pc.count_distinct(changes["player_no"]).as_py() == changes.num_rows:
        return changes.drop_columns("day")
    transaction.register("player_day_changes", changes)
    return transaction.read(added_up("FROM player_day_changes", "player_no"))


def player_rows(changes: str, firsts: str) -> str:
    """SQL: rows for players from added-up facts and their first events."""
    return f"""
    SELECT new.player_no, new.game_id, new.player_id, first_seen, last_seen, events, sessions, playtime_s,
        transactions, revenue_usd, refunds, first_purchase, first_day, last_day, first_purchase_day, first_rank,
        first.source, {qualified("first")}
    FROM {changes} AS new LEFT JOIN {firsts} AS first ON first.row_no = new.first_row_no
    """


PLAYER_COLUMNS = (
    "player_no, game_id, player_id, first_seen, last_seen, events, sessions, playtime_s, transactions, revenue_usd,"
    f" refunds, first_purchase, first_day, last_day, first_purchase_day, first_rank, source, {DIMENSION_LIST}"
)

# Asking first, then changing what is there, costs a fifth of ON CONFLICT with RETURNING (which also leaves out rows).
_OLD = """
    SELECT player_no, first_seen AS old_first_seen, first_rank AS old_first_rank, first_day AS old_first_day,
        last_day AS old_last_day
    FROM players SEMI JOIN player_changes USING (player_no)
"""

_INSERT = f"""
    INSERT INTO players ({PLAYER_COLUMNS}) SELECT {PLAYER_COLUMNS} FROM added_players WHERE is_new
"""


def _update(assignments: str, condition: str) -> str:
    return f"""
    UPDATE players SET {assignments} FROM added_players AS new
    WHERE new.{condition} AND new.player_no = players.player_no
    """


_STEPS = {
    "is_new": _INSERT,
    "is_there": _update(
        "last_seen = greatest(players.last_seen, new.last_seen), events = players.events + new.events", "is_there"
    ),
    "has_sessions": _update(
        "sessions = players.sessions + new.sessions, playtime_s = players.playtime_s + new.playtime_s", "has_sessions"
    ),
    "is_later": _update("last_day = new.last_day", "is_later"),
    "has_purchases": _update(
        "transactions = players.transactions + new.transactions, revenue_usd = players.revenue_usd + new.revenue_usd,"
        " first_purchase = least(players.first_purchase, new.first_purchase),"
        " first_purchase_day = least(players.first_purchase_day, new.first_purchase_day)",
        "has_purchases",
    ),
    "has_refunds": _update("refunds = players.refunds + new.refunds", "has_refunds"),
    "is_earlier": _update(
        "first_seen = least(players.first_seen, new.first_seen), first_day = least(players.first_day, new.first_day)",
        "is_earlier",
    ),
    "has_new_first": _update(", ".join(f"{name} = new.{name}" for name in _FIRST), "has_new_first"),
}
"""What to do where a column of `added_players` is true: what seldom changes is changed only there."""


def _update_players(transaction: Transaction, changes: pa.Table, batch: pa.Table) -> pa.Table:
    """Returns, and registers as `added_players`, what was added to each player, by number."""
    changes = with_event_columns(changes.sort_by("player_no"), "first_row_no", batch, ("source", *DIMENSIONS))
    transaction.register("player_changes", changes)
    old = matched(transaction.read(_OLD), "player_no", changes["player_no"])
    added = _compared(changes, old)
    transaction.register("added_players", added)
    for condition, statement in _STEPS.items():
        if pc.any(added[condition]).as_py():
            transaction.write(statement)
    return added


def _compared(new: pa.Table, old: pa.Table) -> pa.Table:
    """What is added to each player, what was before, and what of it changes. The rows correspond."""
    is_there = old["player_no"].is_valid()
    columns = {
        "old_first_seen": old["old_first_seen"],
        "old_first_day": old["old_first_day"],
        "old_last_day": old["old_last_day"],
        "is_there": is_there,
        "is_new": pc.invert(is_there),
        "has_purchases": pc.and_(is_there, any_not_zero(new, "transactions", "revenue_usd")),
        "has_sessions": pc.and_(is_there, any_not_zero(new, "sessions", "playtime_s")),
        "is_later": pc.and_(is_there, is_greater(new["last_day"], old["old_last_day"])),
        "has_refunds": pc.and_(is_there, any_not_zero(new, "refunds")),
        "is_earlier": pc.and_(is_there, _is_earlier(new, old)),
        "has_new_first": pc.and_(is_there, is_less(new["first_rank"], old["old_first_rank"])),
    }
    for name, column in columns.items():
        new = new.append_column(name, column)
    return new


def _is_earlier(new: pa.Table, old: pa.Table) -> pa.Array:
    """Also a day that comes again after the next one has begun, where the clock was put back over midnight."""
    return pc.or_(is_less(new["first_seen"], old["old_first_seen"]), is_less(new["first_day"], old["old_first_day"]))
