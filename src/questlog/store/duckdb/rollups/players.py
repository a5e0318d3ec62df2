"""The players and player_days tables: what the events and the sessions of each player and day come to."""

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
    numbered_day,
    of,
)
from questlog.store.duckdb.transaction import Transaction, event_rows
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
    transaction.register("player_day_changes", changes)
    player_changes = transaction.read(added_up("FROM player_day_changes", "player_no"))
    transaction.register("player_changes", player_changes)
    transaction.register("first_events", event_rows(batch, player_changes["first_row_no"]))
    transaction.register("last_events", event_rows(batch, changes["last_row_no"]))
    added = _update_players(transaction)
    has_earlier = bool(pc.any(added["is_earlier"]).as_py())
    _update_days(transaction, has_earlier, has_less=bool(pc.any(pc.less(changes["sessions"], 0)).as_py()))


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
    INSERT INTO players ({PLAYER_COLUMNS}) {player_rows("player_changes", "first_events")}
    ON CONFLICT (player_no) DO UPDATE SET last_seen = greatest(players.last_seen, excluded.last_seen),
        events = players.events + excluded.events, sessions = players.sessions + excluded.sessions,
        playtime_s = players.playtime_s + excluded.playtime_s
    RETURNING player_no, first_seen AS old_first_seen, first_rank AS old_first_rank
"""

_ADDED_PLAYERS = f"""
    SELECT new.*, old_first_seen,
        old_first_rank IS DISTINCT FROM first_rank AND (transactions <> 0 OR revenue_usd <> 0) AS has_purchases,
        first_seen IS NOT NULL AND (old_first_seen IS NULL OR first_seen < old_first_seen) AS is_earlier,
        first_rank IS NOT NULL AND (old_first_rank IS NULL OR first_rank < old_first_rank) AS has_new_first
    FROM ({player_rows("player_changes", "first_events")}) AS new JOIN old_players USING (player_no)
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


def _update_players(transaction: Transaction) -> pa.Table:
    """Add up what always changes; the rest only where it does. Returns, and registers, `added_players`."""
    transaction.register("old_players", transaction.read(_ADD_TO_PLAYERS))
    added = transaction.read(_ADDED_PLAYERS)
    transaction.register("added_players", added)
    for condition, statement in (
        ("has_purchases", _ADD_PURCHASES),
        ("is_earlier", _MOVE_FIRST_SEEN),
        ("has_new_first", _MOVE_FIRST),
    ):
        if pc.any(added[condition]).as_py():
            transaction.write(statement)
    return added


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

_BATCH_DAYS = day_rows(
    "player_day_changes",
    "(SELECT player_no, least(old_first_seen, first_seen) AS first_seen FROM added_players)",
    "last_events",
)

_ADD_TO_DAYS = f"""
    INSERT INTO player_days ({DAY_COLUMNS}) SELECT {DAY_COLUMNS} FROM batch_days
    ON CONFLICT (player_day_no) DO UPDATE SET events = player_days.events + excluded.events,
        sessions = player_days.sessions + excluded.sessions,
        playtime_s = player_days.playtime_s + excluded.playtime_s,
        last_rank = greatest(player_days.last_rank, excluded.last_rank)
    RETURNING {DAY_COLUMNS}
"""

# A row that was there had events or sessions: so its sums now differ from what was added.
_ADDED_DAYS = f"""
    SELECT new.*, (new.events <> now.events OR new.sessions <> now.sessions) AND
            (new.transactions <> 0 OR new.revenue_usd <> 0 OR new.ad_revenue_usd <> 0) AS has_money,
        new.last_rank IS NOT NULL AND new.last_rank = now.last_rank
            AND ({of("new")}) IS DISTINCT FROM ({of("now")}) AS has_new_last
    FROM batch_days AS new JOIN now_days AS now USING (player_day_no)
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


def _update_days(transaction: Transaction, has_earlier: bool, has_less: bool) -> None:
    transaction.register("batch_days", transaction.read(_BATCH_DAYS))
    transaction.register("now_days", transaction.read(_ADD_TO_DAYS))
    added = transaction.read(_ADDED_DAYS)
    transaction.register("added_days", added)
    if pc.any(added["has_money"]).as_py():
        transaction.write(_ADD_MONEY)
    if pc.any(added["has_new_last"]).as_py():
        transaction.write(_MOVE_LAST)
    if has_earlier:
        transaction.write(_MOVE_NEW)
    if has_less:
        transaction.write(_DROP_EMPTY)
