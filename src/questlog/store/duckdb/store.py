"""DuckDBStore: the store's contract on one DuckDB file and four key indexes beside it."""

import contextlib
import datetime as dt
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from questlog.model.calendar import UTC, zone_named
from questlog.model.reasons import Reason
from questlog.model.record import Position
from questlog.model.times import DEFAULT_EARLIEST_US
from questlog.store.contract import (
    Batch,
    BatchRefused,
    Cancellation,
    ChangeCancelled,
    ErasuresLeft,
    Expiry,
    LoadResult,
    Piece,
    Progress,
    QueryAborted,
    RejectedFilter,
    SqlParameters,
    StoreFailed,
)
from questlog.store.duckdb import deletion, erasures, event_expiry, load, migrating, rebuild, reprice
from questlog.store.duckdb.checkpointer import Checkpointer
from questlog.store.duckdb.connection import EngineSettings, new_cursor, open_engine
from questlog.store.duckdb.days import LocalDays, StoredDays
from questlog.store.duckdb.erasures import Erased, NotedErasure
from questlog.store.duckdb.event_expiry import Cut, Expired
from questlog.store.duckdb.expiry import expire_rejected, expire_resends
from questlog.store.duckdb.failures import OutOfMemory, failure
from questlog.store.duckdb.families import token_keys
from questlog.store.duckdb.indexes import abandon_indexes, close_indexes, complete_sessions, open_indexes, suspicion
from questlog.store.duckdb.rebuild import Rollups
from questlog.store.duckdb.rollups import properties
from questlog.store.duckdb.rollups.field_values import KnownValues
from questlog.store.duckdb.rollups.value_counts import Compaction
from questlog.store.duckdb.rules import Rules, SessionRules
from questlog.store.duckdb.sql import DuckDBReading, SqlRunner
from questlog.store.duckdb.staging import Counters, Known, NewKeys, Staged, stage
from questlog.store.duckdb.transaction import Transaction
from questlog.store.integration_reads import replayable
from questlog.store.key_index import KeyIndex
from questlog.store.keys import hashed_text, text_keys
from questlog.store.repricing import PriceChange, Prices, Repricing

_T = TypeVar("_T")
KEYS_NAME, _OLD_KEYS_NAME = "key-indexes", "keys"
_DAY_S = 86_400
_US = 1_000_000

_EVENTS_BY_DAY = """
    SELECT day, sum(events)::BIGINT AS events FROM event_days WHERE game_id = $game_id AND day < $first_day
    GROUP BY day ORDER BY day
"""
_HAS_EVENTS = "SELECT 1 FROM event_days WHERE game_id = $game_id LIMIT 1"

_log = structlog.get_logger(__name__)


class _Written(NamedTuple):
    """What storing a batch came to."""

    result: LoadResult
    counters: Counters
    new_families: NewKeys
    noted: Sequence[NotedErasure]


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
        self._unerasable: list[NotedErasure] = []
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
            self._erasures = self._read_erasures()
            self._expired_before = dict(self._rows("SELECT game_id, epoch_us(before) FROM expiries"))
            self._deleted = dict(self._rows("SELECT game_id, is_done FROM deleted_games"))
            noted = [NotedErasure(*row) for row in self._rows(erasures.NOTED)]
            self._noted = [one for one in noted if one not in self._unerasable]
            self._newest_received_us: int = self._rows("SELECT coalesce(epoch_us(max(hour)), 0) FROM ingest_hours")[0][
                0
            ]
            self._known_values = KnownValues()
            self._compaction = Compaction()
            self._indexes = open_indexes(self._directory / KEYS_NAME, self._connection, self._counters)
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
        """Store a batch in one transaction. Raises `StoreFailed` and stores nothing of it; `BatchRefused` for good.

        Its erasures are noted: what arrives later of these players is dropped, and `erase` takes what is there.
        """
        if self._deleted:
            batch = deletion.without_games(batch, self._deleted)
        try:
            staged = stage(batch, self._known(), self._window_s)
        except (pa.ArrowException, ValueError, OverflowError) as error:
            raise BatchRefused(f"the batch cannot be read: {error}") from error
        try:
            written = self._transact(lambda: self._write(batch, staged))
        except OutOfMemory:
            # A user's statement may have taken the memory: loading goes first.
            self._runner.stop_all()
            written = self._transact(lambda: self._write(batch, staged))
        self._remember(batch, staged, written)
        return written.result

    @property
    def erasures_left(self) -> ErasuresLeft:
        """How many erasures that came with batches are not carried out."""
        return ErasuresLeft(len(self._noted), len(self._unerasable))

    def erase(self, most: int, cancellation: Cancellation | None = None) -> Piece:
        """Erase up to `most` players in one transaction: those that wait; where none does, one that failed.

        Raises `StoreFailed`; where it tried one player, that one has failed.
        """
        chosen = self._noted[:most] or self._unerasable[:1]
        found: list[Erased] = []

        def erased(last: Counters) -> Counters:
            found.append(erasures.carry_out(self._rollups(), chosen, last.session_no))
            return last._replace(session_no=found[-1].session_no)

        if not chosen:
            return Piece(0, 0)
        try:
            with self._suspect_indexes():
                self._change(erased, cancellation)
                self._note_erased(chosen)
                self._forget_erased(found[-1])
        except ChangeCancelled:
            raise
        except StoreFailed:
            if len(chosen) == 1:
                self._noted, failed = self._without(chosen)
                self._unerasable = [*failed, *chosen]
            raise
        return Piece(len(chosen), sum(self.erasures_left))

    def _note_erased(self, chosen: Sequence[NotedErasure]) -> None:
        """These are carried out; where one had failed before, the others that failed may be tried again too."""
        noted, failed = self._without(chosen)
        has_failed = len(failed) < len(self._unerasable)
        self._noted, self._unerasable = ([*noted, *failed], []) if has_failed else (noted, failed)

    def _without(self, chosen: Sequence[NotedErasure]) -> tuple[list[NotedErasure], list[NotedErasure]]:
        gone = set(chosen)
        noted = [one for one in self._noted if one not in gone]
        return noted, [one for one in self._unerasable if one not in gone]

    def rebuild(self, progress: Progress, cancellation: Cancellation | None = None) -> None:
        """Compute every rollup again from the events, in one transaction. Raises `StoreFailed` and changes nothing."""
        with self._suspect_indexes():
            self._change(lambda last: rebuild.rebuild(self._rollups(), last, progress), cancellation)
            complete_sessions(self._indexes.sessions, self._connection, self._counters, is_anew=True)

    def reprice(
        self,
        question: Repricing,
        prices: Prices,
        progress: Callable[[float], None],
        cancellation: Cancellation | None = None,
    ) -> Sequence[PriceChange]:
        """Value stored purchases and ad revenues again, and every rollup with them, in one transaction.

        Returns what changes, by currency. `progress` gets the share done. Raises `StoreFailed` and changes nothing.
        """
        changes: list[PriceChange] = []

        def repriced(last: Counters) -> Counters:
            changes.extend(reprice.reprice(self._rollups(), question, prices, last.row_no, progress))
            return last

        if question.is_dry_run:
            self._transact(lambda: repriced(self._counters), cancellation)
        else:
            self._change(repriced, cancellation)
        return changes

    def time_zones(self) -> Mapping[int, str]:
        """The time zone that each game's local days are of; a game that is not there has UTC."""
        return dict(self._rows("SELECT game_id, time_zone FROM game_zones"))

    def set_time_zone(
        self, game_id: int, name: str, progress: Progress, cancellation: Cancellation | None = None
    ) -> None:
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

        self._change(changed, cancellation)
        self._days = days
        self._known_values.forget()

    def rejected_events(self, which: RejectedFilter, after_no: int, most: int) -> pa.Table:
        """Rejected events that can be decoded again, in the order of their numbers, after a number."""
        return replayable(self.query, which, after_no, most)

    def expire_rejected(self, expiry: Expiry, now_us: int) -> None:
        """Delete rejected events that are older or more than `expiry` allows. Raises `StoreFailed`."""
        self._transact(lambda: expire_rejected(self._loader, expiry, now_us))

    def expire_keys(self, expiry: Expiry, now_us: int) -> None:
        """Forget keys of events that no repeated one is compared with any more. Raises `StoreFailed`."""
        self._transact(lambda: expire_resends(self._loader, now_us))
        if self._newest_received_us:
            # What a late journal brings is compared too: count from the newest hour, and leave a day's margin.
            newest_s = min(self._newest_received_us, now_us) // _US
            self._indexes.events.expire(max(0, newest_s - (expiry.dedupe_window_days + 1) * _DAY_S))

    def expired_before(self) -> Mapping[int, int]:
        """Before when (UTC microseconds) a game's events have expired, by game."""
        return dict(self._expired_before)

    def expire_events(
        self, game_id: int, first_day: dt.date, most_events: int, cancellation: Cancellation | None = None
    ) -> Piece:
        """Delete what a game has before a day of its zone, of the oldest days first, in one transaction.

        Not many more than `most_events` events at once, but a day at least. Raises `StoreFailed` and changes nothing.
        """
        zone = zone_named(self.time_zones().get(game_id, UTC.name))
        days = self.query(_EVENTS_BY_DAY, {"game_id": game_id, "first_day": first_day})
        cut_day, left = _oldest_days(days, first_day, most_events)
        cut = Cut(game_id, cut_day, zone.bounds(cut_day, cut_day)[0])
        found: list[Expired] = []

        def expired(last: Counters) -> Counters:
            found.append(event_expiry.expire(self._rollups(), cut, last.session_no))
            return last._replace(session_no=found[-1].session_no)

        with self._suspect_indexes():
            self._change(expired, cancellation)
            self._expired_before[game_id] = cut.starts_us
            self._forget_tokens(found[-1].tokens)
            self._known_values.forget()
        return Piece(found[-1].events, left)

    def deleted_games(self) -> Mapping[int, bool]:
        """The games that were deleted, and whether all of their rows are."""
        return dict(self._deleted)

    def delete_game(self, game_id: int, most_rows: int, cancellation: Cancellation | None = None) -> Piece:
        """Delete some of a game's rows in one transaction; from the first one on, nothing of it is loaded any more.

        Counts rows; none are left when `deleted_games` says so. Raises `StoreFailed` and changes nothing.
        """
        if game_id not in self._deleted:
            self._transact(lambda: deletion.note(self._loader, game_id), cancellation)
            self._deleted[game_id] = False
        piece = self._transact(lambda: deletion.delete_some(self._loader, game_id, most_rows), cancellation)
        if piece.left:
            return piece
        for index in self._indexes:
            index.remove_domain(game_id)
        self._change(lambda last: deletion.finish(self._loader, game_id, last), cancellation)
        self._deleted[game_id] = True
        self._noted = [NotedErasure(*row) for row in self._rows(erasures.NOTED)]
        self._erasures = self._read_erasures()
        self._expired_before.pop(game_id, None)
        self._days = LocalDays(dict(self.time_zones()))
        self._known_values.forget()
        return piece

    @property
    def is_checkpoint_due(self) -> bool:
        """Whether the log has grown so long that it should be written into the tables."""
        return self._wal.is_due

    def checkpoint(self) -> None:
        """Write the log into the tables, if questions leave a moment for it."""
        self._wal.checkpoint()

    def sql(
        self,
        statement: str,
        max_rows: int,
        cancellation: Cancellation,
        game_ids: Collection[int] | None = None,
        parameters: SqlParameters | None = None,
    ) -> pa.Table:
        """Answer one read-only statement of a user, unless cancelled. Raises `QueryAborted`, `StoreFailed`."""
        return self._runner.answer(statement, max_rows, cancellation, game_ids, parameters)

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

    def _write(self, batch: Batch, staged: Staged) -> "_Written":
        """The steps of loading, in order."""
        transaction = self._loader
        has_sessionless = self._has_sessionless or load.may_be_sessionless(staged.events)
        rules = Rules(self._days, self._session_rules)
        loaded = load.load_events(transaction, staged, rules, has_sessionless, self._compaction)
        counters = staged.counters._replace(session_no=loaded.last_session_no)
        properties.update(transaction, batch.properties, staged.property_players)
        load.load_rejected(transaction, self._rejects(batch, staged), self._counters.rejected_no)
        if batch.replayed is not None:
            load.take_back_rejected(transaction, batch.replayed)
        noted = erasures.note(transaction, batch.erasures)
        result = load.count_hours(transaction, batch, staged)
        load.save_positions(transaction, batch.positions)
        load.save_counters(transaction, counters)
        return _Written(result, counters, loaded.new_families, noted)

    def _known(self) -> Known:
        return Known(
            self._indexes, self._counters, self._erasures, self._known_values, self._days, self._expired_before
        )

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

    def _transact(self, work: Callable[[], _T], cancellation: Cancellation | None = None) -> _T:
        is_committing = False
        cancellation = cancellation or Cancellation()
        try:
            with cancellation.stopping(self._loader.interrupt):
                self._loader.begin()
                result = work()
            is_committing = True
            self._loader.commit()
        except QueryAborted as error:  # cancelled before it began
            raise ChangeCancelled(str(error)) from error
        except Exception as error:
            self._loader.rollback()
            if cancellation.is_cancelled and not is_committing:
                raise ChangeCancelled("it was cancelled") from error
            if not isinstance(error, duckdb.Error):
                raise
            failed = failure(error)
            is_known = isinstance(failed, BatchRefused | OutOfMemory) or not is_committing
            self._needs_reopen = not (is_known and self._loader.is_usable())
            raise failed from error
        except BaseException:
            self._loader.rollback()
            raise
        return result

    def _change(self, work: Callable[[Counters], Counters], cancellation: Cancellation | None = None) -> None:
        """Change what was loaded before, in a transaction with a number of its own: answers may be others from now.

        `work` gets the last numbers given out, and returns them after it.
        """

        def changed() -> Counters:
            counters = work(self._counters._replace(batch_no=self._counters.batch_no + 1))
            load.save_counters(self._loader, counters)
            return counters

        self._counters = self._transact(changed, cancellation)

    @contextlib.contextmanager
    def _suspect_indexes(self) -> Iterator[None]:
        """While inside, a crash leaves indexes that may not agree with the tables: they are then made anew.

        The same after an error once the tables were changed.
        """
        with suspicion(self._directory / KEYS_NAME) as suspect:
            before = self._counters
            try:
                yield
            except StoreFailed:
                suspect.is_confirmed = self._needs_reopen or self._counters is not before
                raise
            except BaseException:
                suspect.is_confirmed = True
                raise
            finally:
                self._needs_reopen = self._needs_reopen or suspect.is_confirmed

    def _forget_erased(self, erased: Erased) -> None:
        """Take the keys of players who are not there any more out of the indexes."""
        self._forget_tokens(erased.tokens)
        self._known_values.forget()
        players = erased.players.combine_chunks()
        if players.num_rows:
            games = np.asarray(players["game_id"].to_numpy(), np.int32)
            self._indexes.players.remove(text_keys(players["player_id"].combine_chunks(), games))

    def _forget_tokens(self, lost: pa.Table) -> None:
        """Take the keys of sessions that are no token's any more out of the index."""
        tokens = lost.combine_chunks()
        if pc.any(tokens["is_named"]).as_py():
            complete_sessions(self._indexes.sessions, self._connection, self._counters, is_anew=True)
        elif tokens.num_rows:
            games = tokens["game_id"].to_numpy()
            self._indexes.sessions.remove(token_keys(games, tokens["session_id"].combine_chunks()))

    def _rejects(self, batch: Batch, staged: Staged) -> pa.Table:
        rows = [batch.rejected]
        for dropped, reason, detail in (
            (staged.is_erased, Reason.PLAYER_ERASED, "the player was erased"),
            (staged.is_expired, Reason.EXPIRED, "the event is older than the game keeps its events"),
        ):
            if dropped.any():
                rows.append(load.dropped_rejects(batch.events.filter(pa.array(dropped)), reason, detail))
        return pa.concat_tables(rows) if len(rows) > 1 else batch.rejected

    def _remember(self, batch: Batch, staged: Staged, written: "_Written") -> None:
        """Bring what is kept in memory up to date with what was committed."""
        counters = self._counters = written.counters
        self._has_sessionless = self._has_sessionless or load.may_be_sessionless(staged.events)
        self._known_values.remember(staged.new_values)
        _insert(self._indexes.events, staged.new_ids, counters.row_no)
        _insert(self._indexes.players, staged.new_players, counters.player_no)
        _insert(self._indexes.sessions, written.new_families, counters.session_no)
        _insert(self._indexes.event_names, staged.new_names, counters.event_no)
        self._newest_received_us = max(self._newest_received_us, written.result.newest_received_us)
        self._noted.extend(written.noted)
        for one in batch.erasures:
            player = (one.game_id, hashed_text(one.player_id))
            self._erasures[player] = max(self._erasures.get(player, one.received_at), one.received_at)

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


def _oldest_days(days: pa.Table, first_day: dt.date, most_events: int) -> tuple[dt.date, int]:
    """The first day that stays when the oldest days with about so many events go, and how many events are left."""
    taken, counts = 0, days["events"].to_pylist()
    for place, day in enumerate(days["day"].to_pylist()):
        if taken >= most_events:
            return day, sum(counts[place:])
        taken += counts[place]
    return first_day, 0


def _insert(index: KeyIndex, new: NewKeys, last: int) -> None:
    index.insert(new.keys, new.payloads.astype(np.uint32), last)
