"""Tasks between batches: none keeps the others or loading from going on; each says how it is; all end when asked."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from questlog.loader.decoding import Decoding
from questlog.loader.loop import BatchLimits, Loader, Upkeep
from questlog.loader.maintenance.erase import ErasePlayers
from questlog.loader.maintenance.maintenance import Maintenance
from questlog.loader.maintenance.task import MaintenanceStatus, TaskState, Turn
from questlog.loader.money import Converter
from questlog.loader.rebuild import RebuildState
from questlog.loader.reprice import RepriceQuestion, RepriceState
from questlog.model.record import Kind
from questlog.rates.rates import Rates
from questlog.store.contract import (
    Cancellation,
    ChangeCancelled,
    ErasuresLeft,
    Piece,
    Progress,
    QueryAborted,
    StoreFailed,
)
from questlog.store.repricing import Prices, Repricing
from tests.support.loading import FAKE_SOURCES, NOW_US, FakeClock, FakeJournal, FakeStore, envelope

SECOND_US = 1_000_000


class FakeTask:
    """Does what it is told to."""

    unit = "things"
    budget_s: float | None = 1.0

    def __init__(
        self,
        name: str,
        work: Callable[[Turn], None] = lambda _: None,
        period_s: float | None = None,
        budget_s: float | None = 1.0,
    ) -> None:
        self.name = name
        self.work = work
        self.period_s = period_s
        self.budget_s = budget_s
        self.runs = 0
        self.is_wanted = True

    def has_work(self, now_us: int) -> bool:  # noqa: ARG002 - the protocol's
        return self.is_wanted

    def run(self, turn: Turn) -> None:
        self.runs += 1
        self.work(turn)


def fails(_: Turn) -> None:
    raise RuntimeError("a bug")


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    return FakeClock()


def status_of(maintenance: Maintenance, name: str) -> MaintenanceStatus:
    [status] = [each for each in maintenance.status() if each.name == name]
    return status


def loader_of(store: FakeStore, clock: FakeClock, *kinds: Kind) -> Loader:
    journal = FakeJournal()
    for number, kind in enumerate(kinds):
        journal.append(envelope(kind, player_id=f"player-{number}"), [])
    return Loader(journal, store, Decoding(FAKE_SOURCES, Converter(Rates({})), 10_000), clock, BatchLimits())


def test_a_task_that_fails_backs_off_and_the_others_go_on(clock: FakeClock) -> None:
    broken, other = FakeTask("broken", fails), FakeTask("other")
    maintenance = Maintenance([broken, other], clock)
    ran_at = []
    for second in range(40):
        if maintenance.is_due:
            before = broken.runs
            maintenance.run(FakeStore())
            if broken.runs > before:
                ran_at.append(second)
        clock.time_us += SECOND_US
    assert ran_at == [0, 5, 15, 35]
    assert other.runs == 40
    status = status_of(maintenance, "broken")
    assert (status.state, status.failures, status.error) == (TaskState.FAILED, 4, "RuntimeError: a bug")
    assert status.next_at == NOW_US + (35 + 40) * SECOND_US


def test_a_task_that_succeeds_again_is_as_if_it_had_never_failed(clock: FakeClock) -> None:
    task = FakeTask("task", fails)
    maintenance = Maintenance([task], clock)
    assert not maintenance.run(FakeStore())
    task.work = lambda turn: turn.note(3, 4)
    clock.time_us += 5 * SECOND_US
    assert maintenance.run(FakeStore())
    status = status_of(maintenance, "task")
    assert (status.state, status.failures, status.error, status.next_at) == (TaskState.IDLE, 0, None, None)
    assert (status.runs, status.done, status.left, status.unit) == (2, 3, 4, "things")


def test_a_periodic_task_is_run_once_a_period(clock: FakeClock) -> None:
    task = FakeTask("task", period_s=60.0)
    maintenance = Maintenance([task], clock)
    ran_at = []
    for second in range(200):
        before = task.runs
        maintenance.run(FakeStore())
        if task.runs > before:
            ran_at.append(second)
        clock.time_us += SECOND_US
    assert ran_at == [60, 120, 180]


def test_a_clock_that_is_set_back_does_not_put_a_task_off(clock: FakeClock) -> None:
    task = FakeTask("task", period_s=60.0)
    maintenance = Maintenance([task], clock)
    clock.time_us -= 1000 * SECOND_US
    assert maintenance.is_due


def test_a_task_says_how_it_is_while_it_runs(clock: FakeClock) -> None:
    seen: list[MaintenanceStatus] = []

    def looks(turn: Turn) -> None:
        turn.note(1, 2)
        clock.time_us += SECOND_US // 2
        assert not turn.is_over
        seen.append(status_of(maintenance, "task"))
        clock.time_us += SECOND_US // 2
        assert turn.is_over

    maintenance = Maintenance([FakeTask("task", looks)], clock)
    assert maintenance.is_due
    assert status_of(maintenance, "task").state is TaskState.WAITING
    maintenance.run(FakeStore())
    [running] = seen
    assert (running.state, running.last_began_at, running.done, running.left) == (TaskState.RUNNING, NOW_US, 1, 2)
    status = status_of(maintenance, "task")
    assert (status.last_ended_at, status.took_ms) == (NOW_US + SECOND_US, 1000.0)


def test_a_task_that_runs_is_ended_by_its_name_or_by_stopping(clock: FakeClock) -> None:
    def endless(turn: Turn) -> None:
        begun.set()
        while not turn.is_over:
            assert not ended.wait(0.001)
        raise ChangeCancelled

    for end in (lambda made: made.cancel("task"), Maintenance.stop):
        begun, ended = threading.Event(), threading.Event()
        maintenance = Maintenance([FakeTask("task", endless, budget_s=None)], clock)
        thread = threading.Thread(target=maintenance.run, args=(FakeStore(),))
        thread.start()
        assert begun.wait(10)
        assert not maintenance.cancel("other")
        end(maintenance)
        thread.join(10)
        assert not thread.is_alive()
        status = status_of(maintenance, "task")
        assert (status.state, status.failures) == (TaskState.IDLE, 0)
        assert end is not Maintenance.stop or not maintenance.is_due


def test_the_loader_tells_of_its_tasks_and_of_those_elsewhere(clock: FakeClock) -> None:
    other = MaintenanceStatus("rates", "tables")
    decoding = Decoding(FAKE_SOURCES, Converter(Rates({})), 10_000)
    loader = Loader(
        FakeJournal(), FakeStore(), decoding, clock, BatchLimits(), upkeep=Upkeep(elsewhere=lambda: [other])
    )
    assert [status.name for status in loader.maintenance.status()] == [
        "erase players",
        "rebuild",
        "reprice",
        "replay",
        "expire rejected events",
        "expire keys of events",
        "expire journal segments",
        "checkpoint",
        "rates",
    ]


class Unerasable(FakeStore):
    """Cannot erase some players, by the place of their erasure."""

    def __init__(self, *places: int) -> None:
        super().__init__()
        self.noted: list[int] = []
        self.failed: list[int] = []
        self.erased: list[int] = []
        self.tried: list[int] = []
        self.places = set(places)

    def note(self, count: int) -> None:
        self.noted.extend(range(count))

    @property
    def erasures_left(self) -> ErasuresLeft:
        return ErasuresLeft(len(self.noted), len(self.failed))

    def erase(self, most: int, cancellation: Cancellation | None = None) -> Piece:  # noqa: ARG002 - the contract's
        chosen = self.noted[:most] or self.failed[:1]
        self.tried.append(len(chosen))
        if self.places & set(chosen):
            if len(chosen) == 1:
                self.noted = [one for one in self.noted if one not in chosen]
                self.failed = [one for one in self.failed if one not in chosen] + chosen
            raise StoreFailed("cannot be erased")
        self.erased += chosen
        self.noted = [one for one in self.noted if one not in chosen]
        self.failed = [one for one in self.failed if one not in chosen]
        return Piece(len(chosen), len(self.noted))


def test_a_player_who_cannot_be_erased_keeps_no_other_from_being_erased(clock: FakeClock) -> None:
    store = Unerasable(7, 500)
    store.note(1000)
    maintenance = Maintenance([ErasePlayers(store)], clock)
    for _ in range(100):
        maintenance.run(store)
    assert sorted(store.erased) == sorted(set(range(1000)) - {7, 500})
    assert store.failed == [7, 500]
    status = status_of(maintenance, "erase players")
    assert not maintenance.is_due
    store.places.clear()
    clock.time_us += 3600 * SECOND_US
    for _ in range(3):
        maintenance.run(store)
    assert len(store.erased) == 1000
    assert status.error is None or "cannot be erased" in status.error


def test_groups_of_erasures_grow_while_they_are_quick_and_shrink_when_they_are_not(clock: FakeClock) -> None:
    class Slow(Unerasable):
        per_group_us = 0

        def erase(self, most: int, cancellation: Cancellation | None = None) -> Piece:
            clock.time_us += self.per_group_us
            return super().erase(most, cancellation)

    store = Slow()
    store.note(5000)
    task = ErasePlayers(store)
    Maintenance([task], clock).run(store)
    assert store.tried == [256, 512, 1024, 2048, 1160]
    store.per_group_us = 2 * SECOND_US
    store.tried.clear()
    store.note(9000)
    maintenance = Maintenance([task], clock)
    while maintenance.is_due:
        maintenance.run(store)
    assert store.tried == [4096, 2048, 1024, 512, 256, 256, 256, 256, 256, 40]


def test_a_failing_erasure_does_not_stop_loading(clock: FakeClock) -> None:
    store = Unerasable(0)
    store.note(1)
    loader = loader_of(store, clock, *[Kind.GAMEANALYTICS_EVENTS] * 3)
    for _ in range(10):
        loader.step()
    assert loader.is_ready
    assert store.kept_positions[1].offset == 300


class Endless(FakeStore):
    """Works until it is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()

    def _work(self, cancellation: Cancellation | None) -> None:
        assert cancellation is not None
        self.begun.set()
        try:
            for _ in range(20_000):
                cancellation.check()
                threading.Event().wait(0.001)
        except QueryAborted as error:
            raise ChangeCancelled from error

    def rebuild(self, progress: Progress, cancellation: Cancellation | None = None) -> None:
        progress("players", 0.5)
        self._work(cancellation)

    def reprice(
        self,
        question: Repricing,
        prices: Prices,
        progress: Callable[[float], None],
        cancellation: Cancellation | None = None,
    ) -> Any:
        del question, prices
        progress(0.5)
        self._work(cancellation)


@pytest.mark.parametrize("what", ["rebuild", "reprice"])
def test_stopping_the_loader_ends_what_runs(clock: FakeClock, what: str) -> None:
    store = Endless()
    loader = loader_of(store, clock)
    if what == "rebuild":
        loader.rebuild.request()
    else:
        assert loader.reprice.request(RepriceQuestion())
    loader.start()
    assert store.begun.wait(10)
    loader.stop()
    state = getattr(loader, what).status.state
    assert state in (RebuildState.CANCELLED, RepriceState.CANCELLED)


@pytest.mark.parametrize("what", ["rebuild", "reprice"])
def test_what_waits_or_runs_can_be_cancelled_and_loading_goes_on(clock: FakeClock, what: str) -> None:
    store = Endless()
    loader = loader_of(store, clock, Kind.GAMEANALYTICS_EVENTS)
    task: Any = getattr(loader, what)

    def request() -> None:
        task.request(*([RepriceQuestion()] if what == "reprice" else []))

    assert not task.cancel()
    request()
    assert task.cancel()
    assert task.status.state.value == "cancelled"
    request()
    loader.start()
    try:
        assert store.begun.wait(10)
        assert task.cancel()
        for _ in range(10_000):
            if store.batches and task.status.state.value == "cancelled":
                break
            threading.Event().wait(0.001)
    finally:
        loader.stop()
    assert task.status.state.value == "cancelled"
    assert len(store.batches) == 1
    assert loader.is_ready


def test_a_follower_that_fails_stops_neither_loading_nor_the_others(clock: FakeClock) -> None:
    class Broken:
        def note(self, batch: Any) -> None:
            pass

        def catch_up(self) -> None:
            raise RuntimeError("a bug")

    class Other(Broken):
        ticks = 0

        def catch_up(self) -> None:
            self.ticks += 1

    other = Other()
    journal, store = FakeJournal(), FakeStore()
    journal.append(envelope(), [{"event_id": "a"}])
    decoding = Decoding(FAKE_SOURCES, Converter(Rates({})), 10_000)
    loader = Loader(journal, store, decoding, clock, BatchLimits(), [Broken(), other])
    loader.step()
    loader.step()
    assert loader.is_ready
    assert store.event_ids() == ["a"]
    assert other.ticks == 3
