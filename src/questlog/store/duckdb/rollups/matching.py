"""Finding the session of Satori's events that came without one (metrics.md §2).

The answer is a function of the stored events, whatever the order in which they were loaded: when a session appears,
starts earlier, lasts longer or changes its player, the events that this can concern are looked at again.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from questlog.store.duckdb.facts import REVENUE, TRANSACTIONS
from questlog.store.duckdb.rollups import sessions
from questlog.store.duckdb.transaction import Transaction

IS_SESSIONLESS = "source <> 'gameanalytics' AND player_no IS NOT NULL AND (session_no IS NULL OR session_is_matched)"
"""Which events take part (a condition on the columns of events)."""

# A sender that cuts times to the second must not miss the session that started in that second.
_TOLERANCE = "INTERVAL 1 SECOND"


_MOVED_SESSIONS = """
    SELECT coalesce(one.player_no, other.player_no) AS player_no, one.session_no IS NULL OR other.session_no IS NULL
            OR one.player_no <> other.player_no OR one.start_time <> other.start_time AS is_other,
        least(one.start_time, other.start_time) AS start_time, least(one.end_time, other.end_time) AS end_time
    FROM {one} AS one LEFT JOIN {other} AS other USING (session_no)
    WHERE is_other OR one.end_time <> other.end_time
"""

_CONCERNED = f"""
    SELECT player_no, min(CASE WHEN is_other THEN start_time - {_TOLERANCE} ELSE end_time + to_seconds($grace_s) END)
        AS since
    FROM ({_MOVED_SESSIONS.format(one="sessions_after", other="sessions_before")}
        UNION ALL {_MOVED_SESSIONS.format(one="sessions_before", other="sessions_after")})
    GROUP BY player_no
"""

_AGAIN = """
    SELECT s.row_no, s.player_no, s.event_time, s.session_no
    FROM sessionless_events AS s JOIN concerned AS c ON c.player_no = s.player_no
    WHERE s.event_time >= $since AND s.event_time >= c.since
"""

_EARLIEST_START = f"""
    SELECT min(start_time) FROM sessions WHERE player_no IN (SELECT player_no FROM pending)
        AND end_time >= $lowest - to_seconds($grace_s) AND start_time <= $highest + {_TOLERANCE}
"""

_MATCHES = f"""
    WITH candidates AS (
        SELECT player_no, start_time, session_id, session_no, end_time
        FROM sessions WHERE player_no IN (SELECT player_no FROM pending)
            AND start_time >= $earliest AND start_time <= $highest + {_TOLERANCE}
        QUALIFY row_number() OVER (PARTITION BY player_no, start_time
            ORDER BY session_id DESC, first_event_time DESC, session_num DESC, session_no DESC) = 1
    ), latest AS (
        SELECT pending.row_no, pending.session_no AS old_session_no, pending.player_no, pending.event_time,
            candidates.session_no, candidates.session_id, candidates.end_time
        FROM pending ASOF LEFT JOIN candidates
            ON candidates.player_no = pending.player_no
            AND candidates.start_time <= pending.event_time + {_TOLERANCE}
    )
    SELECT row_no, player_no, event_time, old_session_no,
        CASE WHEN event_time <= end_time + to_seconds($grace_s) THEN session_no END AS session_no,
        CASE WHEN event_time <= end_time + to_seconds($grace_s) THEN session_id END AS session_id
    FROM latest ORDER BY row_no
"""


def matches(transaction: Transaction, pending: pa.Table, grace_s: int) -> pa.Table:
    """The session of each of `pending` (row_no, player_no, event_time, session_no: the one found before)."""
    if pending.num_rows == 0:
        return _unmatched(pending)
    transaction.register("pending", pending)
    bounds = pc.min_max(pending["event_time"])
    lowest, highest = bounds["min"].as_py(), bounds["max"].as_py()
    parameters = {"lowest": lowest, "highest": highest, "grace_s": grace_s}
    earliest = transaction.read(_EARLIEST_START, parameters).column(0)[0].as_py()
    if earliest is None:
        return _unmatched(pending)
    return transaction.read(_MATCHES, {"earliest": earliest, "highest": highest, "grace_s": grace_s})


def _unmatched(pending: pa.Table) -> pa.Table:
    count = pending.num_rows
    columns = {
        "row_no": pending["row_no"],
        "player_no": pending["player_no"],
        "event_time": pending["event_time"],
        "old_session_no": pending["session_no"],
        "session_no": pa.nulls(count, pa.int64()),
        "session_id": pa.nulls(count, pa.string()),
    }
    return pa.table(columns).sort_by("row_no")


def match_batch(transaction: Transaction, events: pa.Table, grace_s: int) -> pa.Table:
    """Match the batch's own events, before they are inserted, and match again what its sessions concern.

    `batch` and the changes of sessions are registered. Returns the events with what was found.
    """
    fresh = transaction.read(f"SELECT row_no, player_no, event_time, session_no FROM batch WHERE {IS_SESSIONLESS}")
    found = matches(transaction, fresh, grace_s)
    if fresh.num_rows:
        _insert(transaction, found)
    match_changed(transaction, grace_s, events["row_no"][0].as_py())
    return with_sessions(events, found)


def match_changed(transaction: Transaction, grace_s: int, before_row: int) -> None:
    """Match the stored events with numbers below `before_row` again that the registered changes of sessions concern."""
    concerned = transaction.read(_CONCERNED, {"grace_s": grace_s})
    if concerned.num_rows:
        transaction.register("concerned", concerned)
        again = transaction.read(_AGAIN, {"since": pc.min(concerned["since"]).as_py()})
        move(transaction, matches(transaction, again.filter(pc.less(again["row_no"], before_row)), grace_s))


_UNMATCHED = "SELECT row_no FROM sessionless_events WHERE session_no IN ({numbers})"


def unmatch(transaction: Transaction, numbers: str) -> pa.Table:
    """Take the events that were matched with sessions (a statement that gives their numbers) from them, counts aside.

    Returns them, to be matched again.
    """
    transaction.register("unmatched", transaction.read(_UNMATCHED.format(numbers=numbers)))
    of_them = "row_no IN (SELECT row_no FROM unmatched)"
    transaction.write(
        f"UPDATE events SET session_no = NULL, session_id = NULL, session_is_matched = false WHERE {of_them}"
    )
    for table in ("purchases", "sessionless_events"):
        transaction.write(f"UPDATE {table} SET session_no = NULL WHERE {of_them}")
    return transaction.read(
        f"SELECT row_no, player_no, event_time, session_no FROM sessionless_events WHERE {of_them} ORDER BY row_no"
    )


def _insert(transaction: Transaction, found: pa.Table) -> None:
    transaction.register("moved_matches", found)
    transaction.register("matched_counts", transaction.read(_FOUND_COUNTS))
    sessions.add_matched(transaction)
    transaction.write(_INSERT)


def with_sessions(events: pa.Table, found: pa.Table) -> pa.Table:
    """The events, whose row numbers are consecutive, with the sessions that were found."""
    hits = found.filter(found["session_no"].is_valid())
    if hits.num_rows == 0:
        return events
    is_matched = np.zeros(events.num_rows, np.bool_)
    is_matched[hits["row_no"].to_numpy() - events["row_no"][0].as_py()] = True
    mask = pa.array(is_matched)
    for name in ("session_no", "session_id"):
        column = pc.replace_with_mask(events[name].combine_chunks(), mask, hits[name].combine_chunks())
        events = events.set_column(events.schema.get_field_index(name), name, column)
    return events.set_column(events.schema.get_field_index("session_is_matched"), "session_is_matched", mask)


_IS_MOVED = "session_no IS DISTINCT FROM old_session_no"

_MOVE_EVENTS = f"""
    UPDATE events SET session_no = m.session_no, session_id = m.session_id,
        session_is_matched = m.session_no IS NOT NULL
    FROM (SELECT * FROM moved_matches WHERE {_IS_MOVED}) AS m WHERE events.row_no = m.row_no
"""

_MOVE_PURCHASES = f"""
    UPDATE purchases SET session_no = m.session_no
    FROM (SELECT * FROM moved_matches WHERE {_IS_MOVED}) AS m WHERE purchases.row_no = m.row_no
"""

_INSERT = """
    INSERT INTO sessionless_events (row_no, player_no, event_time, session_no)
    SELECT row_no, player_no, event_time, session_no FROM moved_matches
"""

_MOVE_SESSIONLESS = f"""
    UPDATE sessionless_events SET session_no = m.session_no
    FROM (SELECT * FROM moved_matches WHERE {_IS_MOVED}) AS m WHERE sessionless_events.row_no = m.row_no
"""


def _counts(source: str, session: str, sign: int, condition: str) -> str:
    return f"""
    SELECT m.{session} AS session_no, {sign} * count(*) AS events, {sign} * {TRANSACTIONS} AS transactions,
        ({sign} * {REVENUE})::DECIMAL(38,6) AS revenue_usd
    FROM moved_matches AS m JOIN (SELECT row_no, category, event_id, amount, amount_usd FROM {source}) AS e
        ON e.row_no = m.row_no
    WHERE m.{session} IS NOT NULL AND {condition} GROUP BY m.{session}
    """


def _summed(parts: str) -> str:
    return (
        "SELECT session_no, sum(events)::BIGINT AS events, sum(transactions)::BIGINT AS transactions,"
        f" sum(revenue_usd)::DECIMAL(38,6) AS revenue_usd FROM ({parts}) GROUP BY session_no"
    )


_IS_MOVED_ROW = "m.session_no IS DISTINCT FROM m.old_session_no"
_MOVED_COUNTS = _summed(
    f"{_counts('events', 'session_no', 1, _IS_MOVED_ROW)} UNION ALL"
    f" {_counts('events', 'old_session_no', -1, _IS_MOVED_ROW)}"
)
_FOUND_COUNTS = _summed(_counts("batch", "session_no", 1, "true"))
_ALL_COUNTS = _summed(_counts("events", "session_no", 1, "true"))


def move(transaction: Transaction, found: pa.Table) -> None:
    """Carry a new answer to stored events and to the counts of both sessions."""
    if not pc.any(pc.not_equal(found["session_no"].fill_null(0), found["old_session_no"].fill_null(0))).as_py():
        return
    transaction.register("moved_matches", found)
    transaction.register("matched_counts", transaction.read(_MOVED_COUNTS))
    sessions.add_matched(transaction)
    transaction.write(_MOVE_EVENTS)
    transaction.write(_MOVE_PURCHASES)
    transaction.write(_MOVE_SESSIONLESS)


def replace(transaction: Transaction, found: pa.Table) -> None:
    """Carry the answer to stored events, to sessions that count none of them yet, and to sessionless_events."""
    if found.num_rows == 0:
        return
    transaction.register("moved_matches", found)
    transaction.register("matched_counts", transaction.read(_ALL_COUNTS))
    sessions.add_matched(transaction)
    transaction.write(_MOVE_EVENTS)
    transaction.write(_INSERT)
