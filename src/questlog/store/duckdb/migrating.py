"""What the migration to version 6 computes after its tables are there: times of events, then every rollup.

Each step is one transaction that takes the step's row from `unfinished`. A migration that was killed goes on with the
step it was at when the store is opened again.
"""

import time
from collections.abc import Callable

import structlog

from questlog.store.contract import Progress
from questlog.store.duckdb.staging import Counters
from questlog.store.duckdb.transaction import Transaction

EVENTS, ROLLUPS = "events", "rollups"
STEPS = (EVENTS, ROLLUPS)
"""In order."""

_TELL_EVERY_S = 5.0
_SHARES = {
    EVENTS: 0.05,
    "sessions": 0.25,
    "sessionless_events": 0.05,
    "players": 0.40,
    "purchases": 0.02,
    "event_days": 0.05,
    "field_values": 0.08,
    "value_counts": 0.10,
}
"""About how much of the time each table takes; a dict is in the order of the work."""

_log = structlog.get_logger(__name__)


class Estimate:
    """Logs how far the work is and how long it will take still, every few seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began = self._told = now()

    def note(self, table: str, share: float) -> None:
        """`share` (0 to 1) of the table is done."""
        names = list(_SHARES)
        done = sum(_SHARES[name] for name in names[: names.index(table)]) + _SHARES[table] * share
        now = self._now()
        if now - self._told < _TELL_EVERY_S:
            return
        self._told = now
        left_s = round((now - self._began) * (1 - done) / done) if done else None
        _log.info("migrating the store to version 6", table=table, percent=round(100 * done), left_s=left_s)


_AHEAD = """
    CREATE OR REPLACE TEMP TABLE ahead AS
    SELECT row_no, epoch_us(received_at) AS received_us, epoch_us(client_time) - max(epoch_us(client_time)) OVER (
            PARTITION BY writer, segment, record_offset, player_id) + epoch_us(received_at) AS moved_us
    FROM events WHERE client_time > received_at + INTERVAL 10 MINUTE
"""

_EVENTS = (
    _AHEAD,
    """
    UPDATE events SET event_time = make_timestamp(CASE WHEN moved_us >= $earliest_us THEN moved_us ELSE received_us END)
    FROM ahead WHERE ahead.row_no = events.row_no
    """,
    "UPDATE events SET event_time = received_at WHERE client_time < make_timestamp($earliest_us)",
    "UPDATE events SET session_issued_at = NULL WHERE session_issued_at < make_timestamp($earliest_us)",
    "UPDATE events SET session_expires_at = NULL WHERE session_expires_at < make_timestamp($earliest_us)",
    "UPDATE events SET session_no = NULL WHERE player_no IS NULL AND session_no IS NOT NULL",
    "DROP TABLE ahead",
)


def redo_events(transaction: Transaction, earliest_us: int, progress: Progress) -> None:
    """Give stored events the times and the sessions that version 6 would give them (metrics.md §§1 and 2)."""
    for place, statement in enumerate(_EVENTS):
        transaction.write(statement, {"earliest_us": earliest_us} if "$earliest_us" in statement else None)
        progress(EVENTS, (place + 1) / len(_EVENTS))


def finishing(transaction: Transaction, step: str, work: Callable[[Counters], Counters], last: Counters) -> Counters:
    """Do a step, and remember in the same transaction that it is done."""
    last = work(last)
    transaction.write("DELETE FROM unfinished WHERE step = $step", {"step": step})
    return last
