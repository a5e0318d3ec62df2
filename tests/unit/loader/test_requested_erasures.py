"""Erasures that people asked for: noted in the store once no token is good any more, and tried until that is done."""

from collections.abc import Sequence
from typing import NamedTuple

from questlog.control.errors import ControlUnavailable
from questlog.loader.maintenance.maintenance import Maintenance
from questlog.loader.maintenance.requested_erasures import RequestedErasures
from questlog.store.contract import Batch, LoadResult, PlayerErasure, StoreFailed
from tests.support.loading import FakeClock, FakeStore


class Wanted(NamedTuple):
    game_id: int
    player_id: str


class FakeRequests:
    def __init__(self, *due: Wanted) -> None:
        self.due = list(due)
        self.forgotten: list[Wanted] = []
        self.is_away = False

    def due_erasures(self) -> Sequence[Wanted]:
        if self.is_away:
            raise ControlUnavailable("away")
        return list(self.due)

    def forget_identity(self, game_id: int, player_id: str) -> None:
        self.forgotten.append(Wanted(game_id, player_id))

    def end_erasure(self, game_id: int, player_id: str) -> None:
        self.due.remove(Wanted(game_id, player_id))


class NotingStore(FakeStore):
    def __init__(self, requests: FakeRequests) -> None:
        super().__init__()
        self.requests = requests
        self.noted: list[PlayerErasure] = []
        self.is_full = False

    def load(self, batch: Batch, now_us: int) -> LoadResult:
        del now_us
        if self.is_full:
            raise StoreFailed("no space")
        assert (batch.events.num_rows, batch.rejected.num_rows, batch.positions) == (0, 0, {})
        assert len(self.requests.forgotten) >= len(batch.erasures)
        self.noted += batch.erasures
        return LoadResult(0, 0, 0)


def test_what_is_due_is_noted_and_then_forgotten() -> None:
    clock, requests = FakeClock(), FakeRequests(Wanted(1, "ann"), Wanted(2, "bob"))
    store = NotingStore(requests)
    maintenance = Maintenance([RequestedErasures(requests)], clock)
    clock.time_us += 10_000_000
    assert maintenance.run(store)
    assert store.noted == [PlayerErasure(1, "ann", clock.time_us), PlayerErasure(2, "bob", clock.time_us)]
    assert requests.forgotten == [Wanted(1, "ann"), Wanted(2, "bob")]
    assert requests.due == []
    clock.time_us += 10_000_000
    assert maintenance.run(store)
    assert len(store.noted) == 2


def test_what_fails_is_tried_again() -> None:
    clock, requests = FakeClock(), FakeRequests(Wanted(1, "ann"))
    store = NotingStore(requests)
    maintenance = Maintenance([RequestedErasures(requests)], clock)
    clock.time_us += 10_000_000
    store.is_full = True
    assert not maintenance.run(store)
    assert requests.due == [Wanted(1, "ann")]
    store.is_full, requests.is_away = False, True
    clock.time_us += 10_000_000
    assert not maintenance.run(store)
    requests.is_away = False
    clock.time_us += 60_000_000
    assert maintenance.run(store)
    assert (len(store.noted), requests.due) == (1, [])
