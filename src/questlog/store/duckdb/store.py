"""DuckDBStore: the store's contract on one DuckDB file and four key indexes beside it."""

import contextlib
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from questlog.model.record import Position
from questlog.model.times import DEFAULT_EARLIEST_US
from questlog.store.contract import (
    Batch,
    BatchRefused,
    Cancellation,
    Expiry,
    LoadResult,
    PlayerErasure,
    Progress,
    StoreFailed,
)
from questlog.store.duckdb import erasures, load, migrating, rebuild, reprice
from questlog.store.duckdb.checkpointer import Checkpointer
from questlog.store.duckdb.connection import EngineSettings, new_cursor, open_engine
from questlog.store.duckdb.days import LocalDays, StoredDays
from questlog.store.duckdb.expiry import expire_rows
from questlog.store.duckdb.failures import OutOfMemory, failure
from questlog.store.duckdb.families import token_keys
from questlog.store.duckdb.indexes import abandon_indexes, close_indexes, complete_sessions, open_indexes
from questlog.store.duckdb.rebuild import Rollups
from questlog.store.duckdb.rollups import properties
from questlog.store.duckdb.rollups.field_values import KnownValues
from questlog.store.duckdb.rollups.value_counts import Compaction
from questlog.store.duckdb.rules import Rules, SessionRules
from questlog.store.duckdb.sql import DuckDBReading, SqlRunner
from questlog.store.duckdb.staging import Counters, Known, NewKeys, Staged, stage
from questlog.store.duckdb.transaction import Transaction
from questlog.store.key_index import KeyIndex
from questlog.store.keys import text_keys
from questlog.store.repricing import PriceChange, Prices, Repricing

_T = TypeVar("_T")
KEYS_NAME, _OLD_KEYS_NAME = "key-indexes", "keys"
_DAY_S = 86_400
_US = 1_000_000

_HAS_EVENTS = "SELECT 1 FROM event_days WHERE game_id = $game_id LIMIT 1"

_log = structlog.get_logger(__name__)


class DuckDBStore:
    """The tables in `directory`, which is created if it is not there. Only one process can have it open.

    `dedupe_window_days` is the greatest difference of `received_at` at which a repeated id is a duplicate;
    `sessionless_grace_s` is how long after a session's last event an event without a session still belongs to it;
    with more than `reuse_gap_s` between two events of a session there are two. `earliest_us` is what a migration takes
    for the earliest time of an event (`event.earliest_time`).
    Raises `StoreFailed` when the database cannot be opened.
    """

    def __init__(
        self,
        directory: Path,
        settings: EngineSettings | None = None,
        dedupe_window_days: int = 7,
        sessionless_grace_s: int = 3600,
        reuse_gap_s: int = 43_200,
        earliest_us: int = DEFAULT_EARLIEST_US,
    ) -> None:
        self._directory = directory
        self._settings = settings or EngineSettings()
        self._window_s = dedupe_window_days * _DAY_S
        self._session_rules = SessionRules(sessionless_grace_s, reuse_gap_s * _US)
        self._earliest_us = earliest_us
        self._is_closed = False
        self._open()

    def _open(self) -> None:
        """Open the database, and learn from its tables what is kept in memory. Raises `StoreFailed`."""
        self._connection = open_engine(self._directory, self._settings)
        try:
            self._runner = SqlRunner(self._connection, self._settings.memory_limit_mb // 2)
            self._loader = Transaction(new_cursor(self._connection))
            self._wal = Checkpointer(self._directory, self._connection, self._runner, self._settings.checkpoint_mb)
            self._counters = self._read_counters()
            self._days = LocalDays(dict(self._rows("SELECT game_id, time_zone FROM game_zones")))
            self._finish_migration()
            self._has_sessionless = bool(self._rows("SELECT 1 FROM sessionless_events LIMIT 1"))
            is_cut_short = bool(self._rows("SELECT 1 FROM erasures WHERE NOT is_done LIMIT 1"))
            if is_cut_short:
                self._carry_out_erasures()
            self._erasures = self._read_erasures()
            self._unerased: list[PlayerErasure] = []
            self._known_values = KnownValues()
            self._compaction = Compaction()
            self._indexes = open_indexes(self._directory / KEYS_NAME, self._connection, self._counters, is_cut_short)
        except BaseException:
            self._connection.close()
            raise
        self._needs_reopen = False

    def positions(self) -> Mapping[int, Position]:
        """Where each writer's journal has been loaded to. After a failure of the engine, opens the database anew.

        Once DuckDB could not write a database, on a full disk for example, it refuses every statement on it for good,
        and whether the last transaction is stored is only known after opening it again. Raises `StoreFailed`.
        """
        if self._needs_reopen:
            self._reopen()
        rows = self._rows("SELECT writer, segment, byte_offset FROM positions")
        return {writer: Position(writer, segment, offset) for writer, segment, offset in rows}

    def load(self, batch: Batch, now_us: int) -> LoadResult:  # noqa: ARG002 - the contract's; rows say when they came
        """Store a batch in one transaction. Raises `StoreFailed` and stores nothing of it; `BatchRefused` for good."""
        if self._unerased:
            self._erase()
        try:
            staged = stage(batch, self._known(), self._window_s)
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise BatchRefused(f"the batch cannot be read: {error}") from error
        try:
            result, counters, families = self._transact(lambda: self._write(batch, staged))
        except OutOfMemory:
            # A user's statement may have taken the memory: loading goes first.
            self._runner.stop_all()
            result, counters, families = self._transact(lambda: self._write(batch, staged))
        self._remember(staged, counters, families)
        self._wal.checkpoint_if_needed()
        if batch.erasures:
            self._erasures = self._read_erasures()
            self._unerased.extend(batch.erasures)
            # The batch is stored whatever happens now; what fails is tried again before the next one, and when opening.
            with contextlib.suppress(StoreFailed):
                self._erase()
        return result

    def rebuild(self, progress: Progress) -> None:
        """Compute every rollup again from the events, in one transaction. Raises `StoreFailed` and changes nothing."""
        self._change(lambda last: rebuild.rebuild(self._rollups(), last, progress))
        complete_sessions(self._indexes.sessions, self._connection, self._counters, is_anew=True)

    def reprice(self, question: Repricing, prices: Prices, progress: Callable[[float], None]) -> Sequence[PriceChange]:
        """Value stored purchases and ad revenues again, and every rollup with them, in one transaction.

        Returns what changes, by currency. `progress` gets the share done. Raises `StoreFailed` and changes nothing.
        """
        changes: list[PriceChange] = []

        def repriced(last: Counters) -> Counters:
            changes.extend(reprice.reprice(self._rollups(), question, prices, last.row_no, progress))
            return last

        if question.is_dry_run:
            self._transact(lambda: repriced(self._counters))
        else:
            self._change(repriced)
        return changes

    def time_zones(self) -> Mapping[int, str]:
        """The time zone that each game's local days are of; a game that is not there has UTC."""
        return dict(self._rows("SELECT game_id, time_zone FROM game_zones"))

    def set_time_zone(self, game_id: int, name: str, progress: Progress) -> None:
        """Compute what a game has by day again, by days of the time zone `name`, in one transaction.

        `progress` is told as by `rebuild`. Raises `UnknownZone`, and `StoreFailed` and changes nothing.
        """
        zones = {**self.time_zones(), game_id: name}
        days = LocalDays(zones)

        def changed(last: Counters) -> Counters:
            if self._loader.read(_HAS_EVENTS, {"game_id": game_id}).num_rows:
                rebuild.move_days(self._rollups(days), last, game_id, progress)
            self._loader.write("DELETE FROM game_zones WHERE game_id = $game_id", {"game_id": game_id})
            self._loader.write("INSERT INTO game_zones VALUES ($game, $name)", {"game": game_id, "name": name})
            return last

        self._change(changed)
        self._days = days
        self._known_values.forget()

    def expire(self, expiry: Expiry, now_us: int) -> None:
        """Delete what is older or more than `expiry` allows. Raises `StoreFailed`."""
        self._transact(lambda: expire_rows(self._loader, expiry, now_us))
        newest = self._rows("SELECT epoch_us(max(hour)) FROM ingest_hours")[0][0]
        if newest is not None:
            # What a late journal brings is compared too: count from the newest hour, and leave a day's margin.
            before = min(newest, now_us) // 1_000_000 - (expiry.dedupe_window_days + 1) * _DAY_S
            self._indexes.events.expire(max(0, before))

    def sql(
        self, statement: str, max_rows: int, cancellation: Cancellation, game_ids: Collection[int] | None = None
    ) -> pa.Table:
        """Answer one read-only statement of a user, unless cancelled. Raises `QueryAborted`, `StoreFailed`."""
        return self._runner.answer(statement, max_rows, cancellation, game_ids)

    def reading(self, cancellation: Cancellation) -> AbstractContextManager[DuckDBReading]:
        """One state of the data for all statements of a question. Raises `QueryAborted`, `StoreFailed`."""
        return self._runner.reading(cancellation)

    def stop_questions(self) -> int:
        """Interrupt whatever is being read now, and raise `QueryAborted` there. Returns how many those are."""
        return self._runner.stop_all()

    def query(self, statement: str, parameters: Mapping[str, object]) -> pa.Table:
        """Answer one of our own statements, with named `$parameters`. Raises `StoreFailed`."""
        with self._cursor() as cursor:
            return cursor.sql(statement, params=dict(parameters)).to_arrow_table()

    def close(self) -> None:
        """Let go of the files; idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        close_indexes(self._indexes)
        self._connection.close()

    def _write(self, batch: Batch, staged: Staged) -> tuple[LoadResult, Counters, NewKeys]:
        """The steps of loading, in order."""
        transaction = self._loader
        has_sessionless = self._has_sessionless or load.may_be_sessionless(staged.events)
        rules = Rules(self._days, self._session_rules)
        loaded = load.load_events(transaction, staged, rules, has_sessionless, self._compaction)
        counters = staged.counters._replace(session_no=loaded.last_session_no)
        properties.update(transaction, batch.properties, staged.property_players)
        load.load_rejected(transaction, self._rejects(batch, staged), self._counters.rejected_no)
        erasures.remember(transaction, batch.erasures)
        result = load.count_hours(transaction, batch, staged)
        load.save_positions(transaction, batch.positions)
        load.save_counters(transaction, counters)
        return result, counters, loaded.new_families

    def _known(self) -> Known:
        return Known(self._indexes, self._counters, self._erasures, self._known_values, self._days)

    def _rollups(self, days: LocalDays | None = None) -> Rollups:
        return Rollups(self._loader, StoredDays(self._loader, days or self._days), self._session_rules)

    def _finish_migration(self) -> None:
        """Do what a migration has left to do. Raises `StoreFailed`."""
        left = {step for (step,) in self._rows("SELECT step FROM unfinished")}
        progress = migrating.Estimate().note

        def redo_events(last: Counters) -> Counters:
            migrating.redo_events(self._loader, self._earliest_us, progress)
            return last

        def rebuild_all(last: Counters) -> Counters:
            return rebuild.rebuild(self._rollups(), last, progress)

        steps = {migrating.EVENTS: redo_events, migrating.ROLLUPS: rebuild_all}
        for step in (step for step in migrating.STEPS if step in left):
            self._change(partial(migrating.finishing, self._loader, step, steps[step]))
        if left:
            shutil.rmtree(self._directory / _OLD_KEYS_NAME, ignore_errors=True)

    def _reopen(self) -> None:
        abandon_indexes(self._indexes)
        self._connection.close()
        self._open()
        _log.warning("store opened again after a failure")

    def _transact(self, work: Callable[[], _T]) -> _T:
        try:
            self._loader.begin()
            result = work()
            self._loader.commit()
        except duckdb.Error as error:
            self._loader.rollback()
            failed = failure(error)
            self._needs_reopen = not isinstance(failed, BatchRefused | OutOfMemory)
            raise failed from error
        except BaseException:
            self._loader.rollback()
            raise
        return result

    def _change(self, work: Callable[[Counters], Counters]) -> None:
        """Change what was loaded before, in a transaction with a number of its own: answers may be others from now.

        `work` gets the last numbers given out, and returns them after it.
        """

        def changed() -> Counters:
            counters = work(self._counters._replace(batch_no=self._counters.batch_no + 1))
            load.save_counters(self._loader, counters)
            return counters

        self._counters = self._transact(changed)

    def _carry_out_erasures(self) -> pa.Table:
        """Erase the players noted. Returns the session ids (with `game_id`) that are no token's any more."""
        lost: list[pa.Table] = []

        def erased(last: Counters) -> Counters:
            session_no, ids = erasures.carry_out(self._rollups(), last.session_no)
            lost.append(ids)
            return last._replace(session_no=session_no)

        self._change(erased)
        return lost[-1]

    def _erase(self) -> None:
        """Erase the players noted, and their keys where nothing is left of them."""
        lost = self._carry_out_erasures().combine_chunks()
        if pc.any(lost["is_named"]).as_py():
            complete_sessions(self._indexes.sessions, self._connection, self._counters, is_anew=True)
        elif lost.num_rows:
            games = lost["game_id"].to_numpy()
            self._indexes.sessions.remove(token_keys(games, lost["session_id"].combine_chunks()))
        self._known_values.forget()
        while self._unerased:
            erasure = self._unerased.pop()
            player = {"game_id": erasure.game_id, "player_id": erasure.player_id}
            left = "SELECT 1 FROM players WHERE game_id = $game_id AND player_id = $player_id"
            if self.query(left, player).num_rows == 0:
                texts, games = pa.array([erasure.player_id]), np.array([erasure.game_id], np.int32)
                self._indexes.players.remove(text_keys(texts, games))

    def _rejects(self, batch: Batch, staged: Staged) -> pa.Table:
        if not staged.is_erased.any():
            return batch.rejected
        erased = batch.events.filter(pa.array(staged.is_erased))
        return pa.concat_tables([batch.rejected, load.erased_rejects(erased)])

    def _remember(self, staged: Staged, counters: Counters, families: NewKeys) -> None:
        """Bring what is kept in memory up to date with what was committed."""
        self._counters = counters
        self._has_sessionless = self._has_sessionless or load.may_be_sessionless(staged.events)
        self._known_values.remember(staged.new_values)
        _insert(self._indexes.events, staged.new_ids, counters.row_no)
        _insert(self._indexes.players, staged.new_players, counters.player_no)
        _insert(self._indexes.sessions, families, counters.session_no)
        _insert(self._indexes.event_names, staged.new_names, counters.event_no)

    def _read_counters(self) -> Counters:
        return Counters(*self._rows(f"SELECT {', '.join(Counters._fields)} FROM counters")[0])

    def _read_erasures(self) -> dict[tuple[int, tuple[int, int]], int]:
        rows = self._rows("SELECT game_id, player_hash, max(epoch_us(erased_at)) FROM erasures GROUP BY ALL")
        return {(game, divmod(player_hash.int, 1 << 64)): erased_at for game, player_hash, erased_at in rows}

    def _rows(self, statement: str) -> list[Any]:
        with self._cursor() as cursor:
            return cursor.execute(statement).fetchall()

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for the calling thread; the engine's errors in the contract's words."""
        try:
            with contextlib.closing(new_cursor(self._connection)) as cursor:
                yield cursor
        except duckdb.Error as error:
            raise StoreFailed(str(error)) from error


def _insert(index: KeyIndex, new: NewKeys, last: int) -> None:
    index.insert(new.keys, new.payloads.astype(np.uint32), last)
