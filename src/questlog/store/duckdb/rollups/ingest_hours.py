"""The ingest_hours table: received = stored + rejected + duplicates, per game and hour of receipt."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from questlog.store.duckdb.groups import grouped
from questlog.store.duckdb.transaction import Transaction

_HOUR_US = 3_600_000_000
_HOURS = 1 << 32
_KINDS = ("stored", "rejected", "duplicates", "rejected_requests")


def update(transaction: Transaction, counts: pa.Table) -> None:
    """Add counts (as `hour_counts` makes them)."""
    if counts.num_rows == 0:
        return
    transaction.register("batch_hours", counts)
    names = ", ".join(("ingest_hour_no", "game_id", "hour", "received", *_KINDS))
    sums = ", ".join(f"{name} = ingest_hours.{name} + excluded.{name}" for name in ("received", *_KINDS))
    transaction.write(
        f"INSERT INTO ingest_hours ({names}) SELECT game_id * {_HOURS} + epoch(hour)::BIGINT // 3600, game_id, hour,"
        f" stored + rejected + duplicates, {', '.join(_KINDS)} FROM batch_hours"
        f" ON CONFLICT (ingest_hour_no) DO UPDATE SET {sums}"
    )


def hour_counts(
    games: npt.NDArray[np.int64], received_at: npt.NDArray[np.int64], kinds: npt.NDArray[np.int64]
) -> pa.Table:
    """Count rows by game and hour. `kinds` says for each row which of stored (0), rejected (1), duplicate (2) or
    rejected request (3) it is; `received_at` is in UTC microseconds.
    """
    hours = received_at // _HOUR_US
    _, firsts, places = grouped(games * _HOURS + hours)
    counts = np.bincount(places * len(_KINDS) + kinds, minlength=len(firsts) * len(_KINDS)).reshape(-1, len(_KINDS))
    columns = {
        "game_id": pa.array(games[firsts]),
        "hour": pa.array((hours[firsts] * _HOUR_US).astype("datetime64[us]")),
    }
    return pa.table(columns | {name: pa.array(counts[:, place]) for place, name in enumerate(_KINDS)})
