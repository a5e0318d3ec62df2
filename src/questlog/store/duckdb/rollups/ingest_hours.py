"""The ingest_hours table: received = stored + rejected + duplicates, per game, hour, source, SDK and build."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from questlog.store.duckdb.groups import I64, grouped
from questlog.store.duckdb.transaction import Transaction
from questlog.store.keys import hashed_text

ORIGIN = ("source", "sdk_version", "build")
"""Columns that say where events come from."""

COUNTED = ("game_id", "received_at", *ORIGIN)
"""Columns that rows are counted by."""

_HOUR_US = 3_600_000_000
_HOURS = 1 << 32
_KINDS = ("stored", "rejected", "duplicates", "rejected_requests")
_SIGN = 1 << 63


def update(transaction: Transaction, counts: pa.Table) -> None:
    """Add counts (as `hour_counts` makes them)."""
    if counts.num_rows == 0:
        return
    transaction.register("batch_hours", counts)
    names = ", ".join(counts.column_names)
    sums = ", ".join(f"{name} = ingest_hours.{name} + excluded.{name}" for name in ("received", *_KINDS))
    transaction.write(
        f"INSERT INTO ingest_hours ({names}) SELECT * FROM batch_hours"
        f" ON CONFLICT (ingest_hour_no) DO UPDATE SET {sums}"
    )


def hour_counts(rows: pa.Table, kinds: npt.NDArray[np.int64], sign: int = 1) -> pa.Table:
    """Count rows with the columns `COUNTED` by game, hour and origin.

    `kinds` says for each row which of stored (0), rejected (1), duplicate (2) or rejected request (3) it is. With a
    `sign` of -1, what was counted before is taken back.
    """
    games = rows["game_id"].to_numpy().astype(np.int64)
    hours = _microseconds(rows) // _HOUR_US
    _, _, codes = grouped(games * _HOURS + hours)
    for name in ORIGIN:
        encoded = rows[name].combine_chunks().dictionary_encode()
        known = len(encoded.dictionary)
        codes = codes * (known + 1) + encoded.indices.fill_null(known).to_numpy(zero_copy_only=False)
    _, firsts, places = grouped(codes)
    counts = np.bincount(places * len(_KINDS) + kinds, minlength=len(firsts) * len(_KINDS)).reshape(-1, len(_KINDS))
    counts = sign * counts
    games, hours = games[firsts], hours[firsts]
    origins = {name: rows[name].combine_chunks().take(pa.array(firsts)) for name in ORIGIN}
    columns = {
        "ingest_hour_no": pa.array(_numbers(games, hours, origins), pa.int64()),
        "game_id": pa.array(games.astype(np.int32)),
        "hour": pa.array((hours * _HOUR_US).astype("datetime64[us]")),
        "received": pa.array(counts[:, :-1].sum(axis=1)),
        **{name: pa.array(np.ascontiguousarray(counts[:, place])) for place, name in enumerate(_KINDS)},
    }
    return pa.table(columns | origins)


def _numbers(games: I64, hours: I64, origins: dict[str, pa.Array]) -> list[int]:
    texts = zip(games.tolist(), hours.tolist(), *(column.to_pylist() for column in origins.values()), strict=True)
    return [hashed_text("\0".join("" if part is None else str(part) for part in row))[0] - _SIGN for row in texts]


def _microseconds(rows: pa.Table) -> I64:
    return np.asarray(rows["received_at"].cast(pa.int64()).to_numpy(), np.int64)
