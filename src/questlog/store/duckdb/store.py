"""DuckDBStore: the store's contract on one DuckDB file and four key indexes beside it."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from questlog.model.record import Position
from questlog.store.contract import Batch, LoadResult, QueryRefused, StoreFailed
from questlog.store.duckdb import load
from questlog.store.duckdb.connection import EngineSettings, open_engine
from questlog.store.duckdb.indexes import close_indexes, open_indexes
from questlog.store.duckdb.staging import Counters, NewKeys, Staged, stage
from questlog.store.duckdb.transaction import Transaction
from questlog.store.key_index import KeyIndex

_DAY_S = 86_400


class DuckDBStore:
    """The tables in `directory`, which is created if it is not there. Only one process can have it open.

    `dedupe_window_days` is the greatest difference of `received_at` at which a repeated id is a duplicate;
    `sessionless_grace_s` is how long after a session's last event an event without a session still belongs to it.
    Raises `StoreFailed` when the database cannot be opened.
    """

    def __init__(
        self,
        directory: Path,
        settings: EngineSettings | None = None,
        dedupe_window_days: int = 7,
        sessionless_grace_s: int = 3600,
    ) -> None:
        self._window_s = dedupe_window_days * _DAY_S
        self._grace_s = sessionless_grace_s
        self._connection = open_engine(directory, settings or EngineSettings())
        self._is_closed = False
        self._lock = threading.Lock()
        self._loader = Transaction(self._connection.cursor())
        self._counters = self._read_counters()
        self._erasures = self._read_erasures()
        self._indexes = open_indexes(directory / "keys", self._connection, self._counters, self._window_s)

    def positions(self) -> Mapping[int, Position]:
        """Where each writer's journal has been loaded to."""
        rows = self._rows("SELECT writer, segment, byte_offset FROM positions")
        return {writer: Position(writer, segment, offset) for writer, segment, offset in rows}

    def load(self, batch: Batch, now_us: int) -> LoadResult:
        """Store a batch in one transaction. Raises `StoreFailed` and stores nothing of it."""
        staged = stage(batch.events, self._indexes, self._counters, self._window_s, self._erasures)
        counters = self._counted(staged, batch)
        transaction = self._loader
        try:
            transaction.begin()
            load.load_events(transaction, staged)
            load.load_rejected(transaction, self._rejects(batch, staged), self._counters.rejected_no)
            result = load.count_hours(transaction, batch, staged)
            load.save_positions(transaction, batch.positions)
            load.save_counters(transaction, counters)
            transaction.commit()
        except duckdb.Error as error:
            transaction.rollback()
            raise StoreFailed(str(error)) from error
        self._counters = counters
        self._remember(staged, counters)
        return result

    def query(self, statement: str, parameters: Mapping[str, object]) -> pa.Table:
        """Answer one of our own statements, with named `$parameters`. Raises `StoreFailed`."""
        cursor = self._connection.cursor()
        try:
            return cursor.sql(statement, params=dict(parameters)).to_arrow_table()
        except duckdb.Error as error:
            raise StoreFailed(str(error)) from error
        finally:
            cursor.close()

    def close(self) -> None:
        """Let go of the files; idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        close_indexes(self._indexes)
        self._connection.close()

    def _counted(self, staged: Staged, batch: Batch) -> Counters:
        last = self._counters
        return Counters(
            batch_no=last.batch_no + 1,
            row_no=last.row_no + staged.events.num_rows,
            player_no=last.player_no + len(staged.new_players.payloads),
            session_no=last.session_no + len(staged.new_sessions.payloads),
            event_no=last.event_no + len(staged.new_names.payloads),
            rejected_no=last.rejected_no + batch.rejected.num_rows + int(np.count_nonzero(staged.is_erased)),
        )

    def _rejects(self, batch: Batch, staged: Staged) -> pa.Table:
        if not staged.is_erased.any():
            return batch.rejected
        erased = batch.events.filter(pa.array(staged.is_erased))
        return pa.concat_tables([batch.rejected, load.erased_rejects(erased)])

    def _remember(self, staged: Staged, counters: Counters) -> None:
        _insert(self._indexes.events, staged.new_ids, counters.row_no)
        _insert(self._indexes.players, staged.new_players, counters.player_no)
        _insert(self._indexes.sessions, staged.new_sessions, counters.session_no)
        _insert(self._indexes.event_names, staged.new_names, counters.event_no)

    def _read_counters(self) -> Counters:
        return Counters(*self._rows(f"SELECT {', '.join(Counters._fields)} FROM counters")[0])

    def _read_erasures(self) -> dict[tuple[int, tuple[int, int]], int]:
        rows = self._rows("SELECT game_id, player_hash, epoch_us(erased_at) FROM erasures")
        return {(game, divmod(player_hash.int, 1 << 64)): erased_at for game, player_hash, erased_at in rows}

    def _rows(self, statement: str) -> list[tuple[int, ...]]:
        cursor = self._connection.cursor()
        try:
            return cursor.execute(statement).fetchall()
        finally:
            cursor.close()


def _insert(index: KeyIndex, new: NewKeys, last: int) -> None:
    index.insert(new.keys, new.payloads.astype(np.uint32), last)
