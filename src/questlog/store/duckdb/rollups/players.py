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
from questlog.store.duckdb.transaction import Transaction
from questlog.store.schema import DIMENSIONS

_DAY = "event_time::DATE"
_FIRST = ("first_rank", "source", *DIMENSIONS)
_LAST = ("last_rank", *DIMENSIONS)


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


def update(transaction: Transaction) -> None:
    """Add the registered `batch` and `session_changes` to players and player_days."""
    parts = f"{event_facts('batch')} UNION ALL {session_facts(_SESSION_CHANGES)}"
    changes = transaction.read(
        f"SELECT * FROM ({added_up(parts, 'player_no, day')}) WHERE events <> 0 OR sessions <> 0 OR playtime_s <> 0"
    )
    if changes.num_rows == 0:
        return
    transaction.register("player_day_changes", changes)
    transaction.register("player_changes", transaction.read(added_up("FROM player_day_changes", "player_no")))
    _update_players(transaction)
    _update_days(transaction, has_less=bool(pc.any(pc.less(changes["sessions"], 0)).as_py()))


_INSERT_PLAYERS = f"""
    INSERT INTO players (player_no, game_id, player_id, first_seen, last_seen, events, sessions, playtime_s,
        transactions, revenue_usd, first_purchase, first_rank, source, {DIMENSION_LIST})
    SELECT new.player_no, new.game_id, new.player_id, first_seen, last_seen, events, sessions, playtime_s,
        transactions, revenue_usd, first_purchase, first_rank, batch.source, {of("batch")}
    FROM player_changes AS new LEFT JOIN batch ON batch.row_no = new.first_row_no
"""

_ADD_TO_PLAYERS = f"""
    {_INSERT_PLAYERS}
    ON CONFLICT (player_no) DO UPDATE SET last_seen = greatest(last_seen, excluded.last_seen),
        events = players.events + excluded.events, sessions = players.sessions + excluded.sessions,
        playtime_s = players.playtime_s + excluded.playtime_s
    RETURNING player_no, first_seen AS old_first_seen, first_rank AS old_first_rank
"""

_ADD_PURCHASES = f"""
    {_INSERT_PLAYERS}
    JOIN old_players AS old ON old.player_no = new.player_no
    WHERE (transactions <> 0 OR revenue_usd <> 0) AND old_first_rank IS DISTINCT FROM first_rank
    ON CONFLICT (player_no) DO UPDATE SET transactions = players.transactions + excluded.transactions,
        revenue_usd = players.revenue_usd + excluded.revenue_usd,
        first_purchase = least(first_purchase, excluded.first_purchase)
"""

_MOVE_FIRST_SEEN = f"""
    {_INSERT_PLAYERS}
    JOIN old_players AS old ON old.player_no = new.player_no
    WHERE first_seen < old_first_seen OR (first_seen IS NOT NULL AND old_first_seen IS NULL)
    ON CONFLICT (player_no) DO UPDATE SET first_seen = excluded.first_seen
"""

_MOVE_FIRST = f"""
    {_INSERT_PLAYERS}
    JOIN old_players AS old ON old.player_no = new.player_no
    WHERE first_rank < old_first_rank OR (first_rank IS NOT NULL AND old_first_rank IS NULL)
    ON CONFLICT (player_no) DO UPDATE SET {assigned(_FIRST)}
"""

_CHANGED_PLAYERS = """
    SELECT count(*) FILTER (old_first_rank IS DISTINCT FROM first_rank AND (transactions <> 0 OR revenue_usd <> 0)),
        count(*) FILTER (first_seen < old_first_seen OR (first_seen IS NOT NULL AND old_first_seen IS NULL)),
        count(*) FILTER (first_rank < old_first_rank OR (first_rank IS NOT NULL AND old_first_rank IS NULL))
    FROM player_changes JOIN old_players USING (player_no)
"""


def _update_players(transaction: Transaction) -> None:
    """Add up what always changes; what seldom changes only where it does. Registers `old_players`."""
    transaction.register("old_players", transaction.read(_ADD_TO_PLAYERS))
    counts = transaction.read(_CHANGED_PLAYERS)
    for column, statement in enumerate((_ADD_PURCHASES, _MOVE_FIRST_SEEN, _MOVE_FIRST)):
        if counts.column(column)[0].as_py():
            transaction.write(statement)


_FIRST_SEEN = "least(old.old_first_seen, player.first_seen)::DATE"

_INSERT_DAYS = f"""
    INSERT INTO player_days (player_day_no, game_id, day, player_no, is_new, events, sessions, playtime_s,
        transactions, revenue_usd, ad_revenue_usd, last_rank, {DIMENSION_LIST})
    SELECT {numbered_day("new.player_no", "new.day")}, new.game_id, new.day, new.player_no,
        coalesce(new.day = {_FIRST_SEEN}, false),
        new.events, new.sessions, new.playtime_s, new.transactions, new.revenue_usd, new.ad_revenue_usd,
        new.last_rank, {of("batch")}
    FROM player_day_changes AS new
        JOIN player_changes AS player ON player.player_no = new.player_no
        JOIN old_players AS old ON old.player_no = new.player_no
        LEFT JOIN batch ON batch.row_no = new.last_row_no
"""

_ADD_TO_DAYS = f"""
    {_INSERT_DAYS}
    ON CONFLICT (player_day_no) DO UPDATE SET events = player_days.events + excluded.events,
        sessions = player_days.sessions + excluded.sessions,
        playtime_s = player_days.playtime_s + excluded.playtime_s,
        transactions = player_days.transactions + excluded.transactions,
        revenue_usd = player_days.revenue_usd + excluded.revenue_usd,
        ad_revenue_usd = player_days.ad_revenue_usd + excluded.ad_revenue_usd
    RETURNING player_day_no, last_rank AS old_last_rank
"""

_MOVE_LAST = f"""
    {_INSERT_DAYS}
    JOIN old_days ON old_days.player_day_no = {numbered_day("new.player_no", "new.day")}
    WHERE new.last_rank > old_last_rank OR (new.last_rank IS NOT NULL AND old_last_rank IS NULL)
    ON CONFLICT (player_day_no) DO UPDATE SET {assigned(_LAST)}
"""

_NEW_FIRST_DAYS = """
    SELECT player_no, old_first_seen::DATE AS old_day, first_seen::DATE AS new_day
    FROM player_changes JOIN old_players USING (player_no)
    WHERE first_seen::DATE < old_first_seen::DATE OR (first_seen IS NOT NULL AND old_first_seen IS NULL)
"""

_MOVE_NEW = f"""
    INSERT INTO player_days (player_day_no, is_new)
    SELECT {numbered_day("player_no", "old_day")}, false FROM new_first_days WHERE old_day IS NOT NULL
    UNION ALL SELECT {numbered_day("player_no", "new_day")}, true FROM new_first_days
    ON CONFLICT (player_day_no) DO UPDATE SET is_new = excluded.is_new
"""

_DROP_EMPTY = f"""
    DELETE FROM player_days WHERE events = 0 AND sessions = 0 AND player_day_no IN (
        SELECT {numbered_day("player_no", "day")} FROM player_day_changes WHERE sessions < 0)
"""


def _update_days(transaction: Transaction, has_less: bool) -> None:
    transaction.register("old_days", transaction.read(_ADD_TO_DAYS))
    transaction.write(_MOVE_LAST)
    first_days = transaction.read(_NEW_FIRST_DAYS)
    if first_days.num_rows:
        transaction.register("new_first_days", first_days)
        transaction.write(_MOVE_NEW)
    if has_less:
        transaction.write(_DROP_EMPTY)


