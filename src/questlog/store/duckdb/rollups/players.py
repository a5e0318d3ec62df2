"""The players and player_days tables: what the events and the sessions of each player and day come to."""

from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.duckdb.facts import (
    AD_REVENUE,
    DIMENSION_LIST,
    FIRST_PURCHASE,
    FIRST_RANK,
    LAST_RANK,
    REVENUE,
    TRANSACTIONS,
    assigned,
    day_numbers,
    numbered_day,
    of,
)
from questlog.store.duckdb.transaction import Transaction, with_event_columns
from questlog.store.schema import DIMENSIONS

_DAY = "event_time::DATE"
_FIRST = ("first_rank", "source", *DIMENSIONS)


def event_facts(source: str, condition: str = "true") -> str:
    """SQL: what the events in `source` say of each player and day."""
    return f"""
    SELECT player_no, {_DAY} AS day, any_value(game_id) AS game_id, any_value(player_id) AS player_id,
        count(*) AS events, 0::BIGINT AS sessions, 0::DECIMAL(38,6) AS playtime_s,
        {TRANSACTIONS} AS transactions, {REVENUE} AS revenue_usd, {AD_REVENUE} AS ad_revenue_usd,
        {FIRST_PURCHASE} AS first_purchase, min(event_time) AS first_seen, max(event_time) AS last_seen,
        min({FIRST_RANK}) AS first_rank, arg_min(row_no, {FIRST_RANK}) AS first_row_no,
        max({LAST_RANK}) AS last_rank, arg_max(row_no, {LAST_RANK}) AS last_row_no
    FROM {source} WHERE player_no IS NOT NULL AND ({condition}) GROUP BY player_no, {_DAY}
    """


def session_facts(rows: str) -> str:
    """SQL: the same columns from rows of player_no, game_id, start_time, sessions (±1) and playtime_s."""
    return f"""
    SELECT player_no, start_time::DATE AS day, any_value(game_id) AS game_id, NULL AS player_id,
        0::BIGINT AS events, sum(sessions)::BIGINT AS sessions, sum(playtime_s)::DECIMAL(38,6) AS playtime_s,
        0::BIGINT AS transactions, 0::DECIMAL(38,6) AS revenue_usd, 0::DECIMAL(38,6) AS ad_revenue_usd,
        NULL AS first_purchase, NULL AS first_seen, NULL AS last_seen,
        NULL AS first_rank, NULL AS first_row_no, NULL AS last_rank, NULL AS last_row_no
    FROM ({rows}) WHERE player_no IS NOT NULL GROUP BY player_no, start_time::DATE
    """


_SESSION_CHANGES = """
    SELECT player_no, game_id, start_time, 1 AS sessions, length_s AS playtime_s FROM session_changes
    UNION ALL
    SELECT old_player_no, game_id, old_start_time, -1, -old_length_s FROM session_changes WHERE NOT is_new
"""


def added_up(parts: str, keys: str) -> str:
    """SQL: rows of `event_facts` or `session_facts` added up by some of their columns."""
    return f"""
    SELECT {keys}, any_value(game_id) AS game_id, any_value(player_id) AS player_id,
        sum(events)::BIGINT AS events, sum(sessions)::BIGINT AS sessions,
        sum(playtime_s)::DECIMAL(38,6) AS playtime_s, sum(transactions)::BIGINT AS transactions,
        sum(revenue_usd)::DECIMAL(38,6) AS revenue_usd, sum(ad_revenue_usd)::DECIMAL(38,6) AS ad_revenue_usd,
        min(first_purchase) AS first_purchase, min(first_seen) AS first_seen, max(last_seen) AS last_seen,
        min(first_rank) AS first_rank, arg_min(first_row_no, first_rank) AS first_row_no,
        max(last_rank) AS last_rank, arg_max(last_row_no, last_rank) AS last_row_no
    FROM ({parts}) GROUP BY {keys}
    """


def update(transaction: Transaction, batch: pa.Table) -> None:
    """Add `batch` (registered under that name) and the registered `session_changes` to players and player_days."""
    parts = f"{event_facts('batch')} UNION ALL {session_facts(_SESSION_CHANGES)}"
    changes = transaction.read(
        f"SELECT * FROM ({added_up(parts, 'player_no, day')}) WHERE events <> 0 OR sessions <> 0 OR playtime_s <> 0"
    )
    if changes.num_rows == 0:
        return
    added = _update_players(transaction, _player_changes(transaction, changes), batch)
    _update_days(transaction, _batch_days(changes, added, batch))
    if pc.any(added["is_earlier"]).as_py():
        transaction.write(_MOVE_NEW)
    if pc.any(pc.less(changes["sessions"], 0)).as_py():
        transaction.write(_DROP_EMPTY)


def _player_changes(transaction: Transaction, changes: pa.Table) -> pa.Table:
    """The changes of all days of each player; most batches have no player with two."""
    if pc.count_distinct(changes["player_no"]).as_py() == changes.num_rows:
        return changes.drop_columns("day")
    transaction.register("player_day_changes", changes)
    return transaction.read(added_up("FROM player_day_changes", "player_no"))


def player_rows(changes: str, firsts: str) -> str:
    """SQL: rows for players from added-up facts and their first events."""
    return f"""
    SELECT new.player_no, new.game_id, new.player_id, first_seen, last_seen, events, sessions, playtime_s,
        transactions, revenue_usd, first_purchase, first_rank, first.source, {of("first")}
    FROM {changes} AS new LEFT JOIN {firsts} AS first ON first.row_no = new.first_row_no
    """


PLAYER_COLUMNS = (
    "player_no, game_id, player_id, first_seen, last_seen, events, sessions, playtime_s, transactions, revenue_usd,"
    f" first_purchase, first_rank, source, {DIMENSION_LIST}"
)

_ADD_TO_PLAYERS = f"""
    INSERT INTO players ({PLAYER_COLUMNS}) SELECT {PLAYER_COLUMNS} FROM player_changes
    ON CONFLICT (player_no) DO UPDATE SET last_seen = greatest(players.last_seen, excluded.last_seen),
        events = players.events + excluded.events, sessions = players.sessions + excluded.sessions,
        playtime_s = players.playtime_s + excluded.playtime_s
    RETURNING player_no, first_seen AS old_first_seen, first_rank AS old_first_rank
"""

_ADD_PURCHASES = """
    INSERT INTO players (player_no, transactions, revenue_usd, first_purchase)
    SELECT player_no, transactions, revenue_usd, first_purchase FROM added_players WHERE has_purchases
    ON CONFLICT (player_no) DO UPDATE SET transactions = players.transactions + excluded.transactions,
        revenue_usd = players.revenue_usd + excluded.revenue_usd,
        first_purchase = least(players.first_purchase, excluded.first_purchase)
"""

_MOVE_FIRST_SEEN = """
    INSERT INTO players (player_no, first_seen) SELECT player_no, first_seen FROM added_players WHERE is_earlier
    ON CONFLICT (player_no) DO UPDATE SET first_seen = excluded.first_seen
"""

_MOVE_FIRST = f"""
    INSERT INTO players (player_no, {", ".join(_FIRST)})
    SELECT player_no, {", ".join(_FIRST)} FROM added_players WHERE has_new_first
    ON CONFLICT (player_no) DO UPDATE SET {assigned(_FIRST)}
"""


def _update_players(transaction: Transaction, changes: pa.Table, batch: pa.Table) -> pa.Table:
    """Add up what always changes; the rest only where it does. Returns, and registers, `added_players`, by number."""
    changes = with_event_columns(changes.sort_by("player_no"), "first_row_no", batch, ("source", *DIMENSIONS))
    transaction.register("player_changes", changes)
    added = _compared(changes, transaction.read(_ADD_TO_PLAYERS).sort_by("player_no"))
    transaction.register("added_players", added)
    for condition, statement in (
        ("has_purchases", _ADD_PURCHASES),
        ("is_earlier", _MOVE_FIRST_SEEN),
        ("has_new_first", _MOVE_FIRST),
    ):
        if pc.any(added[condition]).as_py():
            transaction.write(statement)
    return added


def _compared(new: pa.Table, old: pa.Table) -> pa.Table:
    """What was added to each player, and which of it the upsert did not carry over. The rows correspond."""
    is_own_first = pc.invert(_differ(old["old_first_rank"], new["first_rank"]))
    columns = {
        "old_first_seen": old["old_first_seen"],
        "has_purchases": pc.and_not(_any_not_zero(new, "transactions", "revenue_usd"), is_own_first),
        "is_earlier": _is_less(new["first_seen"], old["old_first_seen"]),
        "has_new_first": _is_less(new["first_rank"], old["old_first_rank"]),
    }
    for name, column in columns.items():
        new = new.append_column(name, column)
    return new


def _is_less(new: pa.ChunkedArray, old: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether there is a new value and it is less, or the first."""
    return pc.and_(new.is_valid(), pc.fill_null(pc.less(new, old), True))


def _differ(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    """As SQL's IS DISTINCT FROM."""
    return pc.fill_null(pc.not_equal(one, other), pc.xor(one.is_null(), other.is_null()))


def _any_not_zero(rows: pa.Table, *columns: str) -> pa.ChunkedArray:
    return reduce(pc.or_, (pc.not_equal(rows[name], pa.scalar(0).cast(rows[name].type)) for name in columns))


def day_rows(changes: str, players: str, lasts: str) -> str:
    """SQL: rows for player_days from added-up facts, players with their `first_seen`, and the days' last events."""
    return f"""
    SELECT {numbered_day("new.player_no", "new.day")} AS player_day_no, new.game_id, new.day, new.player_no,
        coalesce(new.day = player.first_seen::DATE, false) AS is_new,
        new.events, new.sessions, new.playtime_s, new.transactions, new.revenue_usd, new.ad_revenue_usd,
        new.last_rank, {of("last")}
    FROM {changes} AS new
        JOIN {players} AS player ON player.player_no = new.player_no
        LEFT JOIN {lasts} AS last ON last.row_no = new.last_row_no
    """


DAY_COLUMNS = (
    "player_day_no, game_id, day, player_no, is_new, events, sessions, playtime_s, transactions, revenue_usd,"
    f" ad_revenue_usd, last_rank, {DIMENSION_LIST}"
)


def _batch_days(changes: pa.Table, players: pa.Table, batch: pa.Table) -> pa.Table:
    """As `day_rows`, by number, for changes of players (sorted by number) of this batch."""
    numbers = changes["player_no"].to_numpy()
    first_seen = pc.min_element_wise(players["old_first_seen"], players["first_seen"]).take(
        pa.array(np.searchsorted(players["player_no"].to_numpy(), numbers))
    )
    first_days = pc.floor_temporal(first_seen, unit="day").cast(pa.date32())
    days = changes["day"].cast(pa.int32()).to_numpy().astype(np.int64)
    rows = changes.append_column("player_day_no", pa.array(day_numbers(numbers, days)))
    rows = rows.append_column("is_new", pc.fill_null(pc.equal(changes["day"], first_days), False))
    return with_event_columns(rows, "last_row_no", batch, DIMENSIONS).sort_by("player_day_no")


_ADD_TO_DAYS = f"""
    INSERT INTO player_days ({DAY_COLUMNS}) SELECT {DAY_COLUMNS} FROM batch_days
    ON CONFLICT (player_day_no) DO UPDATE SET events = player_days.events + excluded.events,
        sessions = player_days.sessions + excluded.sessions,
        playtime_s = player_days.playtime_s + excluded.playtime_s,
        last_rank = greatest(player_days.last_rank, excluded.last_rank)
    RETURNING player_day_no, events, sessions, last_rank, {DIMENSION_LIST}
"""

_ADD_MONEY = """
    INSERT INTO player_days (player_day_no, transactions, revenue_usd, ad_revenue_usd)
    SELECT player_day_no, transactions, revenue_usd, ad_revenue_usd FROM added_days WHERE has_money
    ON CONFLICT (player_day_no) DO UPDATE SET transactions = player_days.transactions + excluded.transactions,
        revenue_usd = player_days.revenue_usd + excluded.revenue_usd,
        ad_revenue_usd = player_days.ad_revenue_usd + excluded.ad_revenue_usd
"""

_MOVE_LAST = f"""
    INSERT INTO player_days (player_day_no, {DIMENSION_LIST})
    SELECT player_day_no, {DIMENSION_LIST} FROM added_days WHERE has_new_last
    ON CONFLICT (player_day_no) DO UPDATE SET {assigned(DIMENSIONS)}
"""

_MOVE_NEW = f"""
    INSERT INTO player_days (player_day_no, is_new)
    SELECT {numbered_day("player_no", "old_first_seen::DATE")}, false FROM added_players
    WHERE is_earlier AND old_first_seen IS NOT NULL AND first_seen::DATE < old_first_seen::DATE
    UNION ALL SELECT {numbered_day("player_no", "first_seen::DATE")}, true FROM added_players
    WHERE is_earlier AND (old_first_seen IS NULL OR first_seen::DATE < old_first_seen::DATE)
    ON CONFLICT (player_day_no) DO UPDATE SET is_new = excluded.is_new
"""

_DROP_EMPTY = """
    DELETE FROM player_days WHERE events = 0 AND sessions = 0 AND player_day_no IN (
        SELECT player_day_no FROM batch_days WHERE sessions < 0)
"""


def _update_days(transaction: Transaction, days: pa.Table) -> None:
    transaction.register("batch_days", days)
    now = transaction.read(_ADD_TO_DAYS).sort_by("player_day_no")
    # A row that was there had events or sessions: so its sums now differ from what was added.
    was_there = pc.or_(pc.not_equal(days["events"], now["events"]), pc.not_equal(days["sessions"], now["sessions"]))
    has_money = pc.and_(was_there, _any_not_zero(days, "transactions", "revenue_usd", "ad_revenue_usd"))
    is_last = pc.fill_null(pc.equal(days["last_rank"], now["last_rank"]), False)
    has_new_last = pc.and_(is_last, reduce(pc.or_, (_differ(days[name], now[name]) for name in DIMENSIONS)))
    added = days.append_column("has_money", has_money).append_column("has_new_last", has_new_last)
    transaction.register("added_days", added)
    if pc.any(has_money).as_py():
        transaction.write(_ADD_MONEY)
    if pc.any(has_new_last).as_py():
        transaction.write(_MOVE_LAST)
