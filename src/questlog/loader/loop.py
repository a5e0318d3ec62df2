"""From the journal to the store: reads on, loads, and never skips a record."""

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, Protocol

import structlog

from questlog.journal.contract import Entry, JournalReader
from questlog.loader.batch import BatchBuilder, ValuesRefused
from questlog.loader.completeness import Completeness
from questlog.loader.counters import CounterBook, Loaded, LoaderCounters
from questlog.loader.decoding import Decoding
from questlog.loader.maintenance.checkpoint import Checkpoint
from questlog.loader.maintenance.erase import ErasePlayers
from questlog.loader.maintenance.expire import ExpireRows, ExpireSegments
from questlog.loader.maintenance.games import DeleteGames, ExpireEvents, GamePolicies
from questlog.loader.maintenance.maintenance import Maintenance
from questlog.loader.maintenance.requested_erasures import ErasureRequests, RequestedErasures
from questlog.loader.maintenance.task import MaintenanceStatus, Task
from questlog.loader.rebuild import Rebuild
from questlog.loader.replay import Replay
from questlog.loader.reprice import Reprice
from questlog.loader.time_zones import GameZones, TimeZones
from questlog.model.clock import Clock
from questlog.model.record import Position
from questlog.store.contract import Batch, BatchRefused, Expiry, Loading, StoreFailed

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
# A batch costs much that does not depend on its size: little loading for little to load, but never long to wait.
_LEAST_SHARE_OF_REST = 10
_LONGEST_TICK_MS = 1000
_MOST_REFUSED_IN_A_ROW = 100
# Storing waits for the engine half of the time; with fewer events, handing over costs more than it gains.
_WORTH_A_THREAD = 5_000
_READ_ON_EVERY_S = 0.025

_log = structlog.get_logger(__name__)


class BatchLimits(NamedTuple):
    """How much is loaded at once and how often. `keep_s`: how long loaded journal segments stay.

    A step follows the last after `tick_ms`, or later: after ten times as long as that one took, up to a second.
    """

    tick_ms: int = 250
    batch_bytes: int = 33_554_432
    batch_events: int = 50_000
    keep_s: float = 86_400.0
    expiry: Expiry = Expiry()


class Upkeep(NamedTuple):
    """What maintenance asks besides the store: games' time zones, what games keep, players to erase, other threads.

    `elsewhere` tells how those tasks go, to be shown with the loader's own.
    """

    zones: GameZones | None = None
    policies: GamePolicies | None = None
    elsewhere: Callable[[], Sequence[MaintenanceStatus]] = lambda: ()
    erasures: ErasureRequests | None = None


class CommitListener(Protocol):
    """What follows the store: told of each committed batch, and given time to catch up after it and at every tick."""

    def note(self, batch: Batch) -> None:
        """The batch is committed."""
        ...

    def catch_up(self) -> None:
        """Do what the batches noted ask for, or some of it."""
        ...


class Loader:
    """Loads the journal into the store, from one thread.

    Every record is in exactly one committed batch: the store commits rows and positions together, and after any failure
    the loader goes on from the positions that the store says it has. A large batch is stored by a second thread while
    the next is read and decoded; two batches are never stored at the same time, nor out of order.
    """

    def __init__(
        self,
        reader: JournalReader,
        store: Loading,
        decoding: Decoding,
        clock: Clock,
        pace: BatchLimits,
        followers: Sequence[CommitListener] = (),
        upkeep: Upkeep | None = None,
    ) -> None:
        self._reader = reader
        self._store = store
        self._decoding = decoding
        self._clock = clock
        self._pace = pace
        self._followers = followers
        self.rebuild = Rebuild()
        self.reprice = Reprice(decoding.converter)
        self.replay = Replay(decoding, self._note)
        upkeep = upkeep or Upkeep()
        self.maintenance = Maintenance(self._tasks(upkeep), clock, upkeep.elsewhere)
        self._book = CounterBook()
        self._completeness = Completeness()
        self._positions: dict[int, Position] | None = None
        self._read_to: Mapping[int, Position] = {}
        self._storing = ThreadPoolExecutor(1, "storing")
        self._being_stored: Future[None] | None = None
        self._handed_over_s = 0.0
        self._refused_in_a_row = 0
        self._failures = 0
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def _tasks(self, upkeep: Upkeep) -> Sequence[Task]:
        """What is done between batches, in this order."""
        of_games: list[Task] = []
        if upkeep.zones is not None:
            of_games.append(TimeZones(upkeep.zones, self.rebuild, self._clock))
        if upkeep.policies is not None:
            of_games += [DeleteGames(self._store, upkeep.policies), ExpireEvents(self._store, upkeep.policies)]
        expiry = self._pace.expiry
        requested = [] if upkeep.erasures is None else [RequestedErasures(upkeep.erasures)]
        return (
            *requested,
            ErasePlayers(self._store),
            *of_games,
            self.rebuild,
            self.reprice,
            self.replay,
            ExpireRows("expire rejected events", lambda turn: turn.store.expire_rejected(expiry, turn.now_us)),
            ExpireRows("expire keys of events", lambda turn: turn.store.expire_keys(expiry, turn.now_us)),
            ExpireSegments(self._reader, lambda: self._positions, self._pace.keep_s),
            Checkpoint(self._store),
        )

    @property
    def counters(self) -> LoaderCounters:
        """What it has done so far; from any thread."""
        return self._book.now

    @property
    def is_ready(self) -> bool:
        """Whether the last attempt to load succeeded; `counters.error` says why not."""
        return self._book.now.error is None

    def start(self) -> None:
        """Load in a thread of its own until `stop`."""
        self._thread = threading.Thread(target=self.run, name="loader")
        self._thread.start()

    def stop(self) -> None:
        """Let the batch at hand end, then return. What is not loaded yet is loaded after the next start.

        Maintenance that runs is ended within seconds, with nothing changed.
        """
        self._is_stopping.set()
        self.maintenance.stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def run(self) -> None:
        """Load until `stop` is called."""
        while not self._is_stopping.is_set():
            began = self._clock.now_us()
            has_more = self.step()
            self._is_stopping.wait(0.0 if has_more else self._pause_s(began))
        self._storing.shutdown()

    def step(self) -> bool:
        """Load what there is, once. Returns whether there is so much that the next step should follow at once.

        Raises nothing: a failure shows in `counters`, and the same records are tried again.
        """
        try:
            if self._positions is None:
                self._maintain()
            has_more = self._load_next()
            if self._being_stored is None:
                self._catch_up()
            # What a batch asks for, an erasure for example, is done at once; what is left of it is next.
            self._maintain()
        except Exception as error:  # noqa: BLE001 - the thread's boundary: whatever fails, loading goes on later
            self._fail(error)
            return False
        self._recover()
        return has_more or self.maintenance.is_due

    def _maintain(self) -> None:
        """Do what is due between two batches. Whether the last one that failed is stored is for the store to say."""
        if self.maintenance.is_due:
            self._wait_until_stored()
            if not self.maintenance.run(self._store):
                self._positions = None

    def _load_next(self) -> bool:
        """Load what there is. The last batch may still be being stored when this returns true."""
        if self._positions is None:
            self._positions = dict(self._store.positions())
            self._read_to = self._positions
        entries = self._reader.read(self._read_to, self._pace.batch_bytes)
        with _garbage_left_alone():
            batches = self._load_in_batches(entries)
        left_bytes = self._reader.lag_bytes(self._read_to)
        read_bytes = sum(len(entry.record or b"") for entry in entries)
        is_much = batches > 1 or read_bytes * 2 >= self._pace.batch_bytes or self._being_stored is not None
        has_more = left_bytes > 0 and is_much
        if not has_more:
            self._wait_until_stored()
        self._book.set_lag(self._reader.lag_bytes(self._positions))
        now_us, unread = self._clock.now_us(), self._reader.unread(self._positions)
        self._book.set_complete_through(self._completeness.note(now_us, unread, self._positions))
        return has_more

    def _load_in_batches(self, entries: Sequence[Entry]) -> int:
        """Load the entries in order, in as few batches as the bounds allow. Returns how many.

        What arrives while the last batch is being stored is read and decoded at once, and loaded with these entries: a
        batch costs as much as thousands of events before it has any.
        """
        batches = 0
        builder = self._new_builder()
        while True:
            for entry in entries:
                builder.add(entry)
                if builder.event_count >= self._pace.batch_events or builder.is_closed:
                    self._load_beside(builder)
                    batches += 1
                    if self._is_stopping.is_set():
                        return batches
                    builder = self._new_builder()
            if not self._may_grow():
                break
            entries = self._reader.read({**self._read_to, **builder.positions}, self._pace.batch_bytes)
        if builder.entries:
            self._load_beside(builder)
            batches += 1
        return batches

    def _may_grow(self) -> bool:
        """Wait a moment; whether a batch should go on growing: the last one is being stored, or was begun just now."""
        if self._being_stored is None or self._is_stopping.wait(_READ_ON_EVERY_S):
            return False
        return not self._being_stored.done() or time.monotonic() - self._handed_over_s < _LONGEST_TICK_MS / 1000

    def _load_beside(self, builder: BatchBuilder) -> None:
        """Load a batch after the last one; a large one while the next is read and decoded.

        Not after a failure: a step that only hands over would count as a recovery.
        """
        self._wait_until_stored()
        self._read_to = {**self._read_to, **builder.positions}
        if builder.event_count >= _WORTH_A_THREAD and not self._failures:
            self._handed_over_s = time.monotonic()
            self._being_stored = self._storing.submit(self._load, builder)
        else:
            self._load(builder)

    def _wait_until_stored(self) -> None:
        """Wait for the batch that is being stored. Raises what storing it raised."""
        being_stored, self._being_stored = self._being_stored, None
        if being_stored is not None:
            being_stored.result()

    def _load(self, builder: BatchBuilder) -> None:
        """Load a batch; if its own values are at fault, its halves, down to the record that is."""
        try:
            self._commit(builder)
        except (BatchRefused, ValuesRefused) as error:
            entries = builder.entries
            if len(entries) == 1:
                self._load_refused(entries[0], error)
                return
            middle = len(entries) // 2
            self._load(self._builder_of(entries[:middle]))
            self._load(self._builder_of(entries[middle:]))
        else:
            self._refused_in_a_row = 0

    def _load_refused(self, entry: Entry, error: Exception) -> None:
        """Keep as rejected a record that cannot be stored; when many in a row cannot, the fault is not theirs."""
        if self._refused_in_a_row >= _MOST_REFUSED_IN_A_ROW:
            raise StoreFailed(f"{self._refused_in_a_row} records in a row cannot be stored: {error}") from error
        builder = self._new_builder()
        builder.add_refused(entry, str(error))
        self._commit(builder)
        self._refused_in_a_row += 1
        self._book.count_refused()
        _log.error("record refused", writer=entry.start.writer, segment=entry.start.segment, offset=entry.start.offset)

    def _commit(self, builder: BatchBuilder) -> None:
        began = self._clock.now_us()
        batch = builder.build()
        result = self._store.load(batch, began)
        now_us = self._clock.now_us()
        self._positions = {**(self._positions or {}), **batch.positions}
        self._book.count_batch(Loaded(batch, result, now_us, now_us - began, builder.received_between))
        self._note(batch)
        self._catch_up()

    def _note(self, batch: Batch) -> None:
        for follower in self._followers:
            follower.note(batch)

    def _catch_up(self) -> None:
        """Give the followers time. One that fails keeps neither the others nor loading from going on."""
        for follower in self._followers:
            try:
                follower.catch_up()
            except Exception as error:  # noqa: BLE001 - a follower's boundary
                _log.error("a follower of the store fails", follower=type(follower).__name__, error=str(error))

    def _builder_of(self, entries: Sequence[Entry]) -> BatchBuilder:
        builder = self._new_builder()
        for entry in entries:
            builder.add(entry)
        return builder

    def _new_builder(self) -> BatchBuilder:
        return BatchBuilder(self._decoding, self._clock.now_us())

    def _fail(self, error: Exception) -> None:
        told = f"{type(error).__name__}: {error}"
        if told != self._book.now.error:
            _log.error("loading stands still", error=told)
        self._failures += 1
        self._book.fail(told)
        self._leave_being_stored()
        self._positions = None  # whether the last batch was committed is for the store to say

    def _leave_being_stored(self) -> None:
        """Let what is being stored end; another failure has been told already."""
        with contextlib.suppress(Exception):
            self._wait_until_stored()

    def _recover(self) -> None:
        if self._failures:
            _log.info("loading goes on", failures=self._failures)
            self._failures = 0
            self._book.recover()

    def _pause_s(self, began_us: int) -> float:
        if self._failures:
            return float(min(_FIRST_PAUSE_S * 2 ** (self._failures - 1), _LONGEST_PAUSE_S))
        elapsed_ms = max(self._clock.now_us() - began_us, 0) / 1000  # the clock may have been set back
        due_ms = max(self._pace.tick_ms, min(_LEAST_SHARE_OF_REST * elapsed_ms, _LONGEST_TICK_MS))
        return max(due_ms - elapsed_ms, 0.0) / 1000


@contextlib.contextmanager
def _garbage_left_alone() -> Iterator[None]:
    """No cycle collection: of a batch's millions of objects none is in a cycle, and looking costs a quarter more."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
