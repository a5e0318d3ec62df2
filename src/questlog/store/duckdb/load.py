"""The steps of one load transaction."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from questlog.model.reasons import Reason
from questlog.model.record import Position
from questlog.store.contract import STAGED_REJECTED, Batch, LoadResult
from questlog.store.duckdb.rollups import event_days, ingest_hours, player_event_totals, players, sessions
from questlog.store.duckdb.staging import Counters, Staged
from questlog.store.duckdb.transaction import Transaction

_STORED, _REJECTED, _DUPLICATE, _REQUEST = range(4)


def load_events(transaction: Transaction, staged: Staged) -> None:
    """Insert the events and everything that is computed from them."""
    if staged.events.num_rows == 0:
        return
    if staged.names.num_rows:
        transaction.register("batch_names", staged.names)
        transaction.write("INSERT INTO event_names SELECT * FROM batch_names")
    transaction.register("batch", staged.events)
    sessions.update(transaction)
    transaction.write("INSERT INTO events SELECT * FROM batch")
    players.update(transaction)
    event_days.update(transaction)
    player_event_totals.update(transaction)


def load_rejected(transaction: Transaction, rejected: pa.Table, last_no: int) -> None:
    """Keep what was rejected."""
    if rejected.num_rows == 0:
        return
    numbers = pa.array(np.arange(last_no + 1, last_no + 1 + rejected.num_rows))
    transaction.register("batch_rejected", rejected.add_column(0, "rejected_no", numbers))
    transaction.write("INSERT INTO rejected_events SELECT * FROM batch_rejected")


def erased_rejects(events: pa.Table) -> pa.Table:
    """The rejected rows that events of erased players leave: that there was one, and nothing of it."""
    count = events.num_rows
    columns = {
        "game_id": events["game_id"],
        "received_at": events["received_at"],
        "source": events["source"],
        "api_key_name": events["api_key_name"],
        "is_whole_request": pa.array(np.zeros(count, np.bool_)),
        "reason": pa.array([str(Reason.PLAYER_ERASED)] * count, pa.string()),
        "detail": pa.array(["the player was erased"] * count, pa.string()),
        "raw": pa.array([""] * count, pa.string()),
    }
    nulls = pa.nulls(count, pa.string())
    return pa.table([columns.get(name, nulls) for name in STAGED_REJECTED.names], schema=STAGED_REJECTED)


def count_hours(transaction: Transaction, batch: Batch, staged: Staged) -> LoadResult:
    """Count how the events of the batch ended."""
    kinds = np.where(staged.is_duplicate, _DUPLICATE, np.where(staged.is_erased, _REJECTED, _STORED))
    is_request = batch.rejected["is_whole_request"].to_numpy()
    rejected_kinds = np.where(is_request, _REQUEST, _REJECTED)
    games = np.concatenate([batch.events["game_id"].to_numpy(), batch.rejected["game_id"].to_numpy()])
    times = np.concatenate([_microseconds(batch.events), _microseconds(batch.rejected)])
    all_kinds = np.concatenate([kinds, rejected_kinds]).astype(np.int64)
    ingest_hours.update(transaction, ingest_hours.hour_counts(games.astype(np.int64), times, all_kinds))
    stored, rejected, duplicates, _ = np.bincount(all_kinds, minlength=4).tolist()
    return LoadResult(stored=stored, duplicates=duplicates, rejected=rejected)


def _microseconds(rows: pa.Table) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.asarray(rows["received_at"].cast(pa.int64()).to_numpy(), np.int64)


def save_positions(transaction: Transaction, positions: Mapping[int, Position]) -> None:
    """Remember how far each writer's journal is loaded with this batch."""
    for position in positions.values():
        parameters = {"writer": position.writer, "segment": position.segment, "offset": position.offset}
        transaction.write("DELETE FROM positions WHERE writer = $writer", {"writer": position.writer})
        transaction.write("INSERT INTO positions VALUES ($writer, $segment, $offset)", parameters)


def save_counters(transaction: Transaction, counters: Counters) -> None:
    """Remember the last numbers given out."""
    assignments = ", ".join(f"{name} = ${name}" for name in counters._fields)
    transaction.write(f"UPDATE counters SET {assignments}", counters._asdict())
