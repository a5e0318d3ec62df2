"""Deleting what is older, or more, than is to be kept."""

from questlog.store.contract import Expiry
from questlog.store.duckdb.event_ids import RESEND_WINDOW_S
from questlog.store.duckdb.transaction import Transaction

_DAY_US = 86_400_000_000
_KEEP_RESENDS_S = 2 * RESEND_WINDOW_S


def expire_rows(transaction: Transaction, expiry: Expiry, now_us: int) -> None:
    """Keep rejected events for some days, and of each game only the newest ones; resend keys while they are used."""
    transaction.write(
        "DELETE FROM rejected_events WHERE received_at < make_timestamp($before)",
        {"before": now_us - expiry.rejected_days * _DAY_US},
    )
    transaction.write(
        "DELETE FROM resend_keys WHERE received_s < $before", {"before": now_us // 1_000_000 - _KEEP_RESENDS_S}
    )
    transaction.write(
        "DELETE FROM rejected_events WHERE rejected_no IN (SELECT rejected_no FROM"
        " (SELECT rejected_no, row_number() OVER (PARTITION BY game_id ORDER BY rejected_no DESC) AS place"
        " FROM rejected_events) WHERE place > $kept)",
        {"kept": expiry.rejected_rows_per_game},
    )
