import gc
import itertools
import threading
import time
from collections.abc import Callable

import pytest

from questlog.loader.decoding import Decoding
from questlog.loader.loop import BatchLimits, Loader
from questlog.loader.money import Converter
from questlog.loader.rebuild import RebuildState
from questlog.model.record import Kind, Position
from questlog.rates.rates import Rates
from questlog.store.contract import Batch, BatchRefused, Cancellation, LoadResult, Progress, StoreFailed
from tests.support.loading import FAKE_SOURCES, NOW_US, FakeClock, FakeJournal, FakeStore, envelope

DECODING = Decoding(FAKE_SOURCES, Converter(Rates()), 10_000)
HOUR_US = 3_600_000_000


@pytest.fixture(name="journal")
def _journal() -> FakeJournal:
    return FakeJournal()


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    return FakeClock()


def loader_of(journal: FakeJournal, store: FakeStore, clock: FakeClock, pace: BatchLimits | None = None) -> Loader:
    return Loader(journal, store, DECODING, clock, pace or BatchLimits())


def fill(journal: FakeJournal, *ids: str, writer: int = 1) -> None:
    """One record with one event each."""
    for event_id in ids:
        journal.append(envelope(), [{"event_id": event_id}], writer)


def poisoned_by(*ids: str) -> Callable[[Batch], None]:
    """The store that cannot hold these events."""

    def refuse(batch: Batch) -> None:
        if set(ids) & set(batch.events["event_id"].to_pylist()):
            raise BatchRefused("conversion failed")

    return refuse


def test_every_record_is_loaded_once_and_positions_follow(journal: FakeJournal, clock: FakeClock) -> None:
    store = FakeStore()
    loader = loader_of(journal, store, clock)
    fill(journal, "a", "b")
    fill(journal, "x", writer=2)
    loader.step()
    fill(journal, "c")
    loader.step()
    loader.step()
    assert store.event_ids() == ["a", "b", "x", "c"]
    assert store.kept_positions == {1: Position(1, 1, 300), 2: Position(2, 1, 100)}
    assert len(store.batches) == 2


def test_a_restart_goes_on_where_the_store_is(journal: FakeJournal, clock: FakeClock) -> None:
    store = FakeStore()
    fill(journal, "a", "b")
    loader_of(journal, store, clock).step()
    fill(journal, "c")
    loader_of(journal, store, clock).step()
    assert store.event_ids() == ["a", "b", "c"]


def test_a_batch_holds_about_as_many_events_as_allowed(journal: FakeJournal, clock: FakeClock) -> None:
    store = FakeStore()
    for _ in range(5):
        journal.append(envelope(), [{"event_id": "a"}, {"event_id": "b"}])
    loader_of(journal, store, clock, BatchLimits(batch_events=3)).step()
    assert [batch.events.num_rows for batch in store.batches] == [4, 4, 2]
    assert [batch.positions[1].offset for batch in store.batches] == [200, 400, 500]


def test_a_batch_holds_about_as_many_bytes_as_allowed(journal: FakeJournal, clock: FakeClock) -> None:
    store = FakeStore()
    fill(journal, "a", "b", "c", "d")
    size = len(journal.entries[0].record or b"")
    loader = loader_of(journal, store, clock, BatchLimits(batch_bytes=2 * size))
    assert loader.step()
    assert store.event_ids() == ["a", "b"]
    assert not loader.step()
    assert store.event_ids() == ["a", "b", "c", "d"]


def test_little_work_waits_for_the_next_tick(journal: FakeJournal, clock: FakeClock) -> None:
    fill(journal, "a")
    assert not loader_of(journal, FakeStore(), clock).step()


def test_a_thousand_erasures_are_no_thousand_batches(journal: FakeJournal, clock: FakeClock) -> None:
    store = FakeStore()
    fill(journal, "before")
    for number in range(1000):
        journal.append(envelope(Kind.PLAYER_ERASURE, player_id=f"player-{number}"))
    fill(journal, "after")
    loader_of(journal, store, clock).step()
    assert [batch.events["event_id"].to_pylist() for batch in store.batches] == [["before", "after"]]
    assert [len(batch.erasures) for batch in store.batches] == [1000]
    assert store.unerased == 0


@pytest.mark.parametrize("place", range(7))
def test_a_record_that_cannot_be_stored_is_found_and_kept_as_rejected(
    journal: FakeJournal, clock: FakeClock, place: int
) -> None:
    ids = list("abcdefg")
    store = FakeStore(poisoned_by(ids[place]))
    fill(journal, *ids)
    loader = loader_of(journal, store, clock)
    loader.step()
    assert store.event_ids() == [each for each in ids if each != ids[place]]
    [row] = store.rejected()
    assert (row["reason"], row["raw"]) == ("corrupt_record", f'[{{"event_id": "{ids[place]}"}}]')
    assert store.kept_positions == {1: Position(1, 1, 700)}
    assert loader.is_ready
    assert loader.counters.refused_records == 1


def test_a_value_that_arrow_cannot_hold_is_found_in_the_same_way(journal: FakeJournal, clock: FakeClock) -> None:
    store = FakeStore()
    fill(journal, "a", "b")
    journal.append(envelope(), [{"event_id": "ok"}, {"amount": 2**64}])
    fill(journal, "c")
    loader_of(journal, store, clock).step()
    assert store.event_ids() == ["a", "b", "c"]
    assert [row["reason"] for row in store.rejected()] == ["corrupt_record"]


def test_when_nothing_can_be_stored_the_loader_stops_rejecting(journal: FakeJournal, clock: FakeClock) -> None:
    ids = [f"e{number}" for number in range(150)]
    store = FakeStore(poisoned_by(*ids))
    fill(journal, *ids)
    loader = loader_of(journal, store, clock)
    for _ in range(5):
        loader.step()
    assert len(store.rejected()) == 100
    assert not loader.is_ready
    store.refuse = poisoned_by()
    loader.step()
    assert store.event_ids() == ids[100:]
    assert loader.is_ready


@pytest.mark.parametrize("error", [StoreFailed("disk full"), OSError("gone"), RuntimeError("a bug")])
def test_a_failure_of_the_store_skips_nothing(journal: FakeJournal, clock: FakeClock, error: Exception) -> None:
    def fail(batch: Batch) -> None:
        raise error

    store = FakeStore(fail)
    loader = loader_of(journal, store, clock)
    fill(journal, "a", "b")
    loader.step()
    loader.step()
    assert not loader.is_ready
    assert loader.counters.error == f"{type(error).__name__}: {error}"
    assert loader.counters.errors == 2
    assert not store.batches
    store.refuse = poisoned_by()
    loader.step()
    assert loader.is_ready
    assert loader.counters.error is None
    assert store.event_ids() == ["a", "b"]


def test_a_batch_that_was_committed_although_the_store_failed_is_not_loaded_twice(
    journal: FakeJournal, clock: FakeClock
) -> None:
    class ForgetfulStore(FakeStore):
        """Commits its first batch and says that it did not."""

        def load(self, batch: Batch, now_us: int) -> LoadResult:
            result = super().load(batch, now_us)
            if len(self.batches) == 1:
                raise StoreFailed("the connection broke after the commit")
            return result

    store = ForgetfulStore()
    fill(journal, "a")
    loader = loader_of(journal, store, clock)
    loader.step()
    fill(journal, "b")
    loader.step()
    assert store.event_ids() == ["a", "b"]


def test_a_journal_that_cannot_be_read_is_tried_again(journal: FakeJournal, clock: FakeClock) -> None:
    store = FakeStore()
    journal.error = OSError("input/output error")
    loader = loader_of(journal, store, clock)
    fill(journal, "a")
    loader.step()
    assert not loader.is_ready
    journal.error = None
    loader.step()
    assert store.event_ids() == ["a"]


def test_pauses_grow_while_it_fails_and_end_with_the_failure(journal: FakeJournal, clock: FakeClock) -> None:
    pauses: list[float] = []

    class Impatient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0.0)
            if len(pauses) == 8:
                journal.error = None
            if len(pauses) == 9:
                self.set()
            return self.is_set()

    journal.error = OSError("input/output error")
    loader = loader_of(journal, FakeStore(), clock, BatchLimits(tick_ms=40))
    loader._is_stopping = Impatient()
    loader.run()
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 0.04]


def test_counters_tell_what_was_loaded_and_how_old_it_was(journal: FakeJournal, clock: FakeClock) -> None:
    clock.time_us = NOW_US + 1_500_000
    journal.append(envelope(received_at=NOW_US), [{"event_id": "a"}, {"drop": True}])
    journal.append(envelope(received_at=NOW_US + 1_000_000), [{"event_id": "b"}])
    journal.append(envelope(), {"no": "list"})
    loader = loader_of(journal, FakeStore(), clock)
    loader.step()
    counters = loader.counters
    assert counters.events[1, "gameanalytics"].stored == 2
    assert counters.events[1, "gameanalytics"].rejected_requests == 1
    assert (counters.newest_age_ms, counters.oldest_age_ms) == (500.0, 1500.0)
    assert (counters.newest_received_at, counters.loaded_at) == (NOW_US + 1_000_000, NOW_US + 1_500_000)
    assert (counters.batches, counters.last_batch_events, counters.lag_bytes) == (1, 2, 0)


def test_counters_tell_up_to_when_all_is_loaded(journal: FakeJournal, clock: FakeClock) -> None:
    store = FakeStore()
    loader = loader_of(journal, store, clock)
    assert loader.counters.complete_through is None
    fill(journal, "a")
    loader.step()
    assert loader.counters.complete_through == NOW_US
    clock.time_us += 1_000_000
    loader.step()
    assert loader.counters.complete_through == NOW_US + 1_000_000

    def fail(_: Batch) -> None:
        raise StoreFailed("no")

    store.refuse = fail
    fill(journal, "b")
    clock.time_us += 1_000_000
    loader.step()
    assert loader.counters.complete_through == NOW_US + 1_000_000


def test_old_rows_and_segments_are_deleted_every_ten_minutes(journal: FakeJournal, clock: FakeClock) -> None:
    store = FakeStore()
    loader = loader_of(journal, store, clock, BatchLimits(keep_s=60.0))
    fill(journal, "a")
    loader.step()
    assert not store.expiries
    for _ in range(3):
        clock.time_us += HOUR_US // 10
        loader.step()
        loader.step()
    assert [now_us for _, now_us in store.expiries] == [NOW_US + 2 * HOUR_US // 10]
    assert journal.expired == [({1: Position(1, 1, 100)}, 60.0, NOW_US + 2 * HOUR_US // 10)]


def test_a_rebuild_is_carried_out_between_batches(journal: FakeJournal, clock: FakeClock) -> None:
    store = FakeStore()
    loader = loader_of(journal, store, clock)
    loader.step()
    assert (store.rebuilds, loader.rebuild.status.state) == (0, RebuildState.NONE)
    loader.rebuild.request()
    loader.rebuild.request()
    assert loader.rebuild.status.state is RebuildState.WAITING
    loader.step()
    loader.step()
    assert (store.rebuilds, loader.rebuild.status.state) == (1, RebuildState.DONE)


def test_a_rebuild_that_fails_says_why(journal: FakeJournal, clock: FakeClock) -> None:
    class BrokenStore(FakeStore):
        def rebuild(self, progress: Progress, cancellation: Cancellation | None = None) -> None:  # noqa: ARG002 - the contract's
            progress("players", 0.5)
            raise StoreFailed("out of memory")

    loader = loader_of(journal, BrokenStore(), clock)
    loader.rebuild.request()
    loader.step()
    assert (loader.rebuild.status.state, loader.rebuild.status.message) == (RebuildState.FAILED, "out of memory")
    assert loader.is_ready


def test_followers_see_each_committed_batch_once_and_every_tick(journal: FakeJournal, clock: FakeClock) -> None:
    class Witness:
        def __init__(self) -> None:
            self.batches: list[Batch] = []
            self.ticks = 0

        def note(self, batch: Batch) -> None:
            self.batches.append(batch)

        def catch_up(self) -> None:
            self.ticks += 1

    witness = Witness()
    store = FakeStore(poisoned_by("b"))
    fill(journal, "a", "b", "c")
    loader = Loader(journal, store, DECODING, clock, BatchLimits(), [witness])
    loader.step()
    loader.step()
    assert witness.batches == store.batches
    assert witness.ticks == len(store.batches) + 2


def test_stop_ends_after_the_batch_at_hand(journal: FakeJournal, clock: FakeClock) -> None:
    is_loading, may_end = threading.Event(), threading.Event()

    def hold(batch: Batch) -> None:
        is_loading.set()
        may_end.wait(5)

    store = FakeStore(hold)
    loader = loader_of(journal, store, clock, BatchLimits(batch_events=1))
    fill(journal, "a", "b")
    loader.start()
    assert is_loading.wait(5)
    stopper = threading.Thread(target=loader.stop)
    stopper.start()
    while not loader._is_stopping.is_set():
        time.sleep(0.001)
    may_end.set()
    stopper.join(5)
    assert store.event_ids() == ["a"]


def test_a_started_loader_loads_what_arrives(journal: FakeJournal, clock: FakeClock) -> None:
    store = FakeStore()
    loader = loader_of(journal, store, clock, BatchLimits(tick_ms=10))
    loader.start()
    try:
        for event_id in ("a", "b", "c"):
            fill(journal, event_id)
            deadline = time.monotonic() + 5
            while event_id not in store.event_ids() and time.monotonic() < deadline:
                time.sleep(0.001)
    finally:
        loader.stop()
    assert store.event_ids() == ["a", "b", "c"]


def test_loading_is_exactly_once_whatever_fails_in_between(journal: FakeJournal, clock: FakeClock) -> None:
    """Failures before and after the commit, poison and restarts, in a fixed pattern over many records."""
    turn = itertools.count()

    class Unreliable(FakeStore):
        def load(self, batch: Batch, now_us: int) -> LoadResult:
            match next(turn) % 5:
                case 1:
                    raise StoreFailed("before the commit")
                case 3:
                    super().load(batch, now_us)
                    raise StoreFailed("after the commit")
            return super().load(batch, now_us)

    store = Unreliable(poisoned_by("p1", "p2"))
    ids = [f"e{number}" for number in range(60)]
    fill(journal, *ids[:20], "p1", *ids[20:40], "p2", *ids[40:])
    for _ in range(200):
        loader_of(journal, store, clock, BatchLimits(batch_events=7)).step()
    assert store.event_ids() == ids
    assert len(store.rejected()) == 2


@pytest.mark.parametrize("error", [None, StoreFailed("disk full")])
def test_cycles_are_not_collected_during_a_batch_and_are_again_after_it(
    journal: FakeJournal, clock: FakeClock, error: StoreFailed | None
) -> None:
    was_collecting: list[bool] = []

    def look(_: Batch) -> None:
        was_collecting.append(gc.isenabled())
        if error is not None:
            raise error

    fill(journal, "a")
    loader_of(journal, FakeStore(look), clock).step()
    assert was_collecting == [False]
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("took_ms", "pause_s"), [(0, 0.25), (20, 0.23), (60, 0.54), (400, 0.6), (1000, 0.0), (3000, 0.0)]
)
def test_the_pause_is_a_multiple_of_what_a_step_took_up_to_a_second(
    journal: FakeJournal, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, took_ms: int, pause_s: float
) -> None:
    class Slow(FakeStore):
        def load(self, batch: Batch, now_us: int) -> LoadResult:
            clock.time_us += took_ms * 1000
            return super().load(batch, now_us)

    pauses: list[float] = []

    class Stopping(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0.0)
            self.set()
            return True

    fill(journal, "a")
    loader = loader_of(journal, Slow(), clock)
    monkeypatch.setattr(loader, "_is_stopping", Stopping())
    loader.run()
    assert pauses == [pytest.approx(pause_s)]


def test_a_clock_set_back_during_a_step_does_not_prolong_the_pause(journal: FakeJournal) -> None:
    class SetBack(FakeClock):
        """Loses an hour with every look."""

        def now_us(self) -> int:
            self.time_us -= HOUR_US
            return self.time_us

    store = FakeStore()
    loader = loader_of(journal, store, SetBack(), BatchLimits(tick_ms=10))
    loader.start()
    try:
        time.sleep(0.1)
        fill(journal, "late")
        for _ in range(100):
            if store.batches:
                break
            time.sleep(0.02)
    finally:
        loader.stop()
    assert store.event_ids() == ["late"]


LARGE = 50
"""Records of 100 events: so many are stored while the next are read."""


def fill_large(journal: FakeJournal, name: str) -> list[str]:
    """A large batch's records; the ids of their events."""
    ids = [f"{name}-{number}" for number in range(LARGE * 100)]
    for first in range(0, len(ids), 100):
        journal.append(envelope(), [{"event_id": event_id} for event_id in ids[first : first + 100]])
    return ids


def one_large_batch_at_a_time(journal: FakeJournal) -> BatchLimits:
    return BatchLimits(batch_bytes=sum(len(entry.record or b"") for entry in journal.entries))


def test_the_next_is_read_while_a_large_batch_is_stored(journal: FakeJournal, clock: FakeClock) -> None:
    may_end = threading.Event()

    def wait(_: Batch) -> None:
        assert may_end.wait(20)

    first = fill_large(journal, "first")
    pace = one_large_batch_at_a_time(journal)
    second = fill_large(journal, "second")
    store = FakeStore(wait)
    loader = loader_of(journal, store, clock, pace)
    assert loader.step()
    assert store.batches == []
    may_end.set()
    while loader.step():
        pass
    assert store.event_ids() == first + second


def test_what_arrives_while_a_large_batch_is_stored_is_in_one_batch(journal: FakeJournal, clock: FakeClock) -> None:
    being_stored, may_end = threading.Event(), threading.Event()

    def wait(_: Batch) -> None:
        being_stored.set()
        assert may_end.wait(20)

    def arrive() -> None:
        assert being_stored.wait(20)
        for name in names:
            time.sleep(0.03)
            fill(journal, name)
        time.sleep(0.1)
        may_end.set()

    names = [f"later-{number}" for number in range(5)]
    first = fill_large(journal, "first")
    pace = one_large_batch_at_a_time(journal)
    fill(journal, "next")
    store = FakeStore(wait)
    loader = loader_of(journal, store, clock, pace)
    arriving = threading.Thread(target=arrive)
    arriving.start()
    while loader.step():
        pass
    arriving.join()
    assert store.event_ids() == [*first, "next", *names]
    assert len(store.batches) == 2


def test_what_follows_a_large_batch_that_failed_is_not_stored_before_it(journal: FakeJournal, clock: FakeClock) -> None:
    failures = iter([StoreFailed("disk full")])

    def fail_once(_: Batch) -> None:
        for failure in failures:
            raise failure

    first = fill_large(journal, "first")
    pace = one_large_batch_at_a_time(journal)
    second = fill_large(journal, "second")
    store = FakeStore(fail_once)
    loader = loader_of(journal, store, clock, pace)
    assert loader.step()
    assert not loader.step()
    assert not loader.is_ready
    assert store.batches == []
    while loader.step():
        pass
    assert loader.is_ready
    assert store.event_ids() == first + second


def test_a_store_that_goes_on_failing_is_never_taken_for_recovered(journal: FakeJournal, clock: FakeClock) -> None:
    def fail(_: Batch) -> None:
        raise StoreFailed("disk full")

    fill_large(journal, "first")
    pace = one_large_batch_at_a_time(journal)
    fill_large(journal, "second")
    loader = loader_of(journal, FakeStore(fail), clock, pace)
    while loader.is_ready:
        loader.step()
    for _ in range(4):
        loader.step()
        assert not loader.is_ready


def test_stopping_waits_for_a_large_batch_that_is_being_stored(journal: FakeJournal, clock: FakeClock) -> None:
    first = fill_large(journal, "first")
    store = FakeStore(lambda _: time.sleep(0.2))
    loader = loader_of(journal, store, clock)
    loader.start()
    deadline = time.monotonic() + 20
    while not store.batches and time.monotonic() < deadline:
        time.sleep(0.01)
    loader.stop()
    assert store.event_ids() == first
