"""Deleting what is older, or more, than is to be kept."""

from questlog.store.contract import Expiry
from questlog.store.duckdb.event_ids import RESEND_WINDOW_S
from questlog.store.duckdb.transaction import Transaction

_DAY_US = 86_400_000_000
_KEEP_RESENDS_S = 2 * RESEND_WINDOW_S

_MORE = """
    SELECT game_id, count(*) - $kept AS surplus FROM rejected_events GROUP BY game_id HAVING surplus > 0
"""

_DELETE_OLDEST = """
    DELETE FROM rejected_events WHERE rejected_no IN (
        SELECT rejected_no FROM rejected_events WHERE game_id = $game_id ORDER BY rejected_no LIMIT $surplus)
"""


def expire_rejected(transaction: Transaction, expiry: Expiry, now_us: int) -> None:
    """Keep rejected events for some days, and of each game only the newest ones.

    What is read is bounded by what is kept: of the days the first row groups, then one small column.
    """
    transaction.write(
        "DELETE FROM rejected_events WHERE received_at < make_timestamp($before)",
        {"before": now_us - expiry.rejected_days * _DAY_US},
    )
    for row in transaction.read(_MORE, {"kept": expiry.rejected_rows_per_game}).to_pylist():
        transaction.write(_DELETE_OLDEST, row)


def expire_resends(transaction: Transaction, now_us: int) -> None:
    """Keep the keys of requests that may come again while they are used; nothing newer is read."""
    transaction.write(
        "DELETE FROM resend_keys WHERE received_s < $before", {"before": now_us // 1_000_000 - _KEEP_RESENDS_S}
    )
