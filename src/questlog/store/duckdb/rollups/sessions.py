"""The sessions table (metrics.md §2)."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.duckdb.days import LocalDays, dates
from questlog.store.duckdb.facts import (
    ENDED_LENGTH,
    FIRST_RANK,
    PLAYER_RANK,
    REVENUE,
    TRANSACTIONS,
    qualified,
    seconds_between,
)
from questlog.store.duckdb.transaction import Transaction, with_event_columns
from questlog.store.schema import DIMENSIONS, SESSIONS

COLUMNS = tuple(column.name for column in SESSIONS.columns)
COLUMN_LIST = ", ".join(COLUMNS)
_OF_EVENT = ("game_id", "session_id", "source", "session_num", *DIMENSIONS)
"""What the first event says, or any."""
_FIRST = ("first_rank", "source", "session_num", *DIMENSIONS)
_OFTEN = ("end_time", "length_s", "events")
_SOMETIMES = (
    "player_no",
    "player_id",
    "first_event_time",
    "start_time",
    "day",
    "ended_length_s",
    "issued_at",
    "expires_at",
    "transactions",
    "revenue_usd",
)
_CHANGEABLE = ("session_no", "game_id", "player_no", "start_time", "end_time", "day", "length_s")
_MOST_S = 31 * 86_400


class Changes(NamedTuple):
    """Sessions as they were and as they are, by number: who played when and how long. What is new was not before."""

    before: pa.Table
    after: pa.Table

    def register(self, transaction: Transaction) -> None:
        """Let statements read them as `sessions_before` and `sessions_after`."""
        transaction.register("sessions_before", self.before)
        transaction.register("sessions_after", self.after)


def facts(source: str, condition: str = "true") -> str:
    """SQL: one row per session from the events in `source` that name theirs, without what any of its events says.

    The source has `created_at` besides: `session_issued_at` where that counts.
    """
    return f"""
    SELECT session_no,
        arg_max(player_no, {PLAYER_RANK}) AS player_no,
        arg_max(player_id, {PLAYER_RANK}) AS player_id,
        min(event_time) AS first_event_time,
        least(min(event_time), min(created_at)) AS start_time,
        max(event_time) AS end_time,
        {ENDED_LENGTH} AS ended_length_s,
        min(session_issued_at) AS issued_at,
        max(session_expires_at) AS expires_at,
        count(*) AS events,
        {TRANSACTIONS} AS transactions,
        {REVENUE} AS revenue_usd,
        min({FIRST_RANK}) AS first_rank,
        arg_min(row_no, {FIRST_RANK}) AS first_row_no
    FROM {source} WHERE session_no IS NOT NULL AND NOT session_is_matched AND ({condition}) GROUP BY session_no
    """


def _length(ended: str, start: str, end: str) -> str:
    return f"least(coalesce({ended}, {seconds_between(start, end)}), {_MOST_S})::DECIMAL(18,6)"


def rows(found: str, firsts: str, day: str) -> str:
    """SQL: the rows of the sessions in `runs` from those of `facts` and the first events.

    `day` is SQL for the local day of the start.
    """
    length = _length("ended_length_s", "start_time", "end_time")
    return f"""
    SELECT {COLUMN_LIST} FROM (SELECT *, {day} AS day, {length} AS length_s FROM (
        SELECT found.*, runs.family_no, runs.is_of_token, {qualified("first", _OF_EVENT)}
        FROM {found} AS found JOIN {firsts} AS first ON first.row_no = found.first_row_no
            JOIN runs ON runs.session_no = found.session_no))
    """


_IS_LATER = "(old.end_time IS NULL OR new.end_time >= old.end_time)"
_ENDED = "greatest(old.ended_length_s, new.ended_length_s)"
_START = "least(old.start_time, new.start_time)"
_END = "greatest(old.end_time, new.end_time)"

_MERGED = f"""
    SELECT new.session_no, new.family_no, new.is_of_token, new.game_id, new.session_id,
        CASE WHEN {_IS_LATER} THEN new.player_no ELSE old.player_no END AS player_no,
        CASE WHEN {_IS_LATER} THEN new.player_id ELSE old.player_id END AS player_id,
        least(old.first_event_time, new.first_event_time) AS first_event_time,
        {_START} AS start_time,
        {_END} AS end_time,
        {_ENDED} AS ended_length_s,
        {_length(_ENDED, _START, _END)} AS length_s,
        least(old.issued_at, new.issued_at) AS issued_at,
        greatest(old.expires_at, new.expires_at) AS expires_at,
        coalesce(old.events, 0) + new.events AS events,
        coalesce(old.transactions, 0) + new.transactions AS transactions,
        (coalesce(old.revenue_usd, 0) + new.revenue_usd)::DECIMAL(38,6) AS revenue_usd,
        new.first_rank, new.source, new.session_num, {qualified("new")},
        old.session_no IS NULL AS is_new,
        old.player_no AS old_player_no,
        old.first_event_time AS old_first_event_time,
        old.start_time AS old_start_time,
        old.day AS old_day,
        old.end_time AS old_end_time,
        old.length_s AS old_length_s,
        old.first_rank IS NOT NULL AND new.first_rank < old.first_rank AS has_new_first,
        old.ended_length_s AS old_ended_length_s,
        old.issued_at AS old_issued_at,
        old.expires_at AS old_expires_at,
        old.transactions AS old_transactions,
        old.revenue_usd AS old_revenue_usd
    FROM found_sessions AS new LEFT JOIN sessions AS old ON old.session_no = new.session_no
"""

_CHANGES = f"""
    SELECT *, NOT is_new AND (
        player_no <> old_player_no OR first_event_time <> old_first_event_time OR start_time <> old_start_time
        OR ended_length_s IS DISTINCT FROM old_ended_length_s OR issued_at IS DISTINCT FROM old_issued_at
        OR expires_at IS DISTINCT FROM old_expires_at OR transactions <> old_transactions
        OR revenue_usd <> old_revenue_usd) AS has_new_rest
    FROM ({_MERGED})
"""


def update(transaction: Transaction, batch: pa.Table, days: LocalDays) -> Changes:
    """Bring the sessions of `batch` up to date, which has `family_no` and `is_of_token` besides the columns of events.

    What `facts` reads of it is registered under that name.

    Returns what changed, and registers it.
    """
    found = transaction.read(facts("batch"))
    of_event = ("family_no", "is_of_token", *_OF_EVENT)
    transaction.register("found_sessions", with_event_columns(found, "first_row_no", batch, of_event))
    merged = _with_days(transaction.read(_CHANGES), days)
    transaction.register("merged_sessions", merged)
    if _any(merged, "is_new"):
        transaction.write(
            f"INSERT INTO sessions ({COLUMN_LIST}) SELECT {COLUMN_LIST} FROM merged_sessions WHERE is_new"
        )
    if not pc.all(merged["is_new"]).as_py():
        _change(transaction, _OFTEN, "NOT is_new")
    if _any(merged, "has_new_rest"):
        _change(transaction, _SOMETIMES, "has_new_rest")
    if _any(merged, "has_new_first"):
        _change(transaction, _FIRST, "has_new_first")
    changes = Changes(_before(merged), merged.select(_CHANGEABLE))
    changes.register(transaction)
    return changes


def _before(merged: pa.Table) -> pa.Table:
    kept = ("session_no", "game_id")
    names = [name if name in kept else f"old_{name}" for name in _CHANGEABLE]
    return merged.filter(pc.invert(merged["is_new"])).select(names).rename_columns(list(_CHANGEABLE))


def stored(transaction: Transaction, numbers: str) -> pa.Table:
    """Sessions as they are, as `Changes` has them; `numbers` is a statement that gives theirs."""
    return transaction.read(f"SELECT {', '.join(_CHANGEABLE)} FROM sessions WHERE session_no IN ({numbers})")


def _with_days(merged: pa.Table, days: LocalDays) -> pa.Table:
    games, starts = (merged[name].cast(pa.int64()).to_numpy() for name in ("game_id", "start_time"))
    return merged.append_column("day", dates(days.of(np.asarray(games), np.asarray(starts))))


def _change(transaction: Transaction, columns: tuple[str, ...], condition: str) -> None:
    transaction.write(
        f"UPDATE sessions SET {', '.join(f'{name} = new.{name}' for name in columns)} FROM merged_sessions AS new"
        f" WHERE {condition} AND new.session_no = sessions.session_no"
    )


def _any(rows: pa.Table, column: str) -> bool:
    return bool(pc.any(rows[column]).as_py())


def add_matched(transaction: Transaction) -> None:
    """Add the counts of the registered `matched_counts` (may be negative) to their sessions."""
    transaction.write(
        "INSERT INTO sessions (session_no, events, transactions, revenue_usd)"
        " SELECT session_no, events, transactions, revenue_usd FROM matched_counts"
        " ON CONFLICT (session_no) DO UPDATE SET events = sessions.events + excluded.events,"
        " transactions = sessions.transactions + excluded.transactions,"
        " revenue_usd = sessions.revenue_usd + excluded.revenue_usd"
    )
