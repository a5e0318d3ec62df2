"""The tasks that delete what games do not keep: when, how much at a time, and what happens when it fails."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from questlog.control.errors import ControlUnavailable
from questlog.loader.maintenance.games import DeleteGames, ExpireEvents
from questlog.loader.maintenance.maintenance import Maintenance
from questlog.loader.maintenance.task import TaskState
from questlog.model.calendar import zone_named
from questlog.store.contract import Cancellation, Piece, StoreFailed
from tests.support.loading import FakeClock, FakeStore
from tests.support.staged import DAY, MINUTE, NOON


class Deleted(NamedTuple):
    game_id: int


class FakePolicies:
    def __init__(self, days: Mapping[int, int] | None = None, deleted: Sequence[int] = ()) -> None:
        self.days = dict(days or {})
        self.deleted = list(deleted)
        self.without_identities: list[int] = []
        self.is_away = False

    def keep_days(self) -> Mapping[int, int]:
        if self.is_away:
            raise ControlUnavailable("away")
        return self.days

    def deleted_games(self) -> Sequence[Deleted]:
        if self.is_away:
            raise ControlUnavailable("away")
        return [Deleted(game_id) for game_id in self.deleted]

    def delete_identities_of(self, game_id: int) -> int:
        self.without_identities.append(game_id)
        return 0


class GamesStore(FakeStore):
    """Has so many events to expire of each game, and so many rows of deleted games."""

    def __init__(self, clock: FakeClock, old: Mapping[int, int] | None = None, rows: int = 0) -> None:
        super().__init__()
        self.clock = clock
        self.old = dict(old or {})
        self.rows = rows
        self.took_us = 0
        self.broken: set[int] = set()
        self.cuts: list[tuple[int, dt.date]] = []
        self.asked: list[int] = []
        self.before: dict[int, int] = {}
        self.gone: dict[int, bool] = {}

    def expired_before(self) -> Mapping[int, int]:
        return self.before

    def expire_events(
        self, game_id: int, first_day: dt.date, most_events: int, cancellation: Cancellation | None = None
    ) -> Piece:
        assert cancellation is not None
        if game_id in self.broken:
            raise StoreFailed("no space")
        self.clock.time_us += self.took_us
        self.cuts.append((game_id, first_day))
        self.asked.append(most_events)
        done = min(self.old[game_id], most_events)
        self.old[game_id] -= done
        if not self.old[game_id]:
            self.before[game_id] = zone_named(self.zones.get(game_id, "UTC")).bounds(first_day, first_day)[0]
        return Piece(done, self.old[game_id])

    def deleted_games(self) -> Mapping[int, bool]:
        return self.gone

    def delete_game(self, game_id: int, most_rows: int, cancellation: Cancellation | None = None) -> Piece:
        assert cancellation is not None
        if game_id in self.broken:
            raise StoreFailed("no space")
        self.clock.time_us += self.took_us
        done = min(self.rows, most_rows)
        self.rows -= done
        self.gone[game_id] = not self.rows
        return Piece(done, self.rows)


def test_old_days_expire_once_a_day_in_the_zone_of_the_game() -> None:
    clock = FakeClock(NOON)
    store = GamesStore(clock, {1: 10, 2: 10, 3: 10})
    store.zones = {2: "Pacific/Kiritimati"}
    maintenance = Maintenance([ExpireEvents(store, FakePolicies({1: 30, 2: 1}))], clock)
    for _ in range(4 * 24 * 6):
        maintenance.run(store)
        clock.time_us += 10 * MINUTE
    of_one = [day for game_id, day in store.cuts if game_id == 1]
    assert of_one == [dt.date(2025, 12, 2) + dt.timedelta(days=day) for day in range(5)]
    # There it is the second of January already.
    assert next(day for game_id, day in store.cuts if game_id == 2) == dt.date(2026, 1, 1)
    assert {game_id for game_id, _ in store.cuts} == {1, 2}


def test_much_to_expire_is_done_within_the_budget_a_piece_at_a_time() -> None:
    clock = FakeClock(NOON)
    store = GamesStore(clock, {1: 1_000_000})
    store.took_us = 400_000
    maintenance = Maintenance([ExpireEvents(store, FakePolicies({1: 30}))], clock)
    turns = 0
    while maintenance.is_due:
        began_us = clock.time_us
        maintenance.run(store)
        assert clock.time_us - began_us <= 1_000_000
        turns += 1
    assert store.old == {1: 0}
    assert turns > 3
    assert store.asked[:3] == [50_000, 25_000, 12_500]


def test_a_game_whose_events_cannot_expire_keeps_no_other_from_it_and_is_tried_again() -> None:
    clock = FakeClock(NOON)
    store = GamesStore(clock, {1: 5, 2: 5})
    store.broken = {1}
    maintenance = Maintenance([ExpireEvents(store, FakePolicies({1: 1, 2: 1}))], clock)
    assert not maintenance.run(store)
    assert store.old == {1: 5, 2: 0}
    [status] = maintenance.status()
    assert (status.state, status.error) == (TaskState.FAILED, "StoreFailed: no space")
    clock.time_us += 2 * MINUTE
    assert not maintenance.is_due
    store.broken.clear()
    clock.time_us += 10 * MINUTE
    assert maintenance.run(store)
    assert store.old == {1: 0, 2: 0}


def test_everything_of_a_deleted_game_goes_and_then_its_identities() -> None:
    clock = FakeClock(NOON)
    store = GamesStore(clock, rows=200_000)
    store.took_us = 300_000
    policies = FakePolicies(deleted=[7])
    maintenance = Maintenance([DeleteGames(store, policies)], clock)
    maintenance.run(store)
    assert (store.gone, policies.without_identities) == ({7: False}, [])
    while maintenance.is_due:
        maintenance.run(store)
    assert (store.gone, policies.without_identities) == ({7: True}, [7])
    clock.time_us += DAY
    assert not maintenance.is_due


def test_identities_that_were_left_at_a_kill_go_after_the_next_start() -> None:
    clock = FakeClock(NOON)
    store, policies = GamesStore(clock), FakePolicies(deleted=[7, 8])
    store.gone = {7: True, 8: True}
    Maintenance([DeleteGames(store, policies)], clock).run(store)
    assert policies.without_identities == [7, 8]


def test_a_game_that_cannot_be_deleted_keeps_no_other_from_it() -> None:
    clock = FakeClock(NOON)
    store, policies = GamesStore(clock), FakePolicies(deleted=[7, 8])
    store.broken = {7}
    maintenance = Maintenance([DeleteGames(store, policies)], clock)
    assert not maintenance.run(store)
    clock.time_us += MINUTE
    assert not maintenance.run(store)
    assert policies.without_identities == [8]


def test_a_deleted_game_does_not_expire() -> None:
    clock = FakeClock(NOON)
    store = GamesStore(clock, {1: 5})
    store.gone = {1: True}
    assert not Maintenance([ExpireEvents(store, FakePolicies({1: 1}))], clock).is_due


def test_while_games_cannot_be_read_nothing_is_deleted() -> None:
    clock = FakeClock(NOON)
    store = GamesStore(clock, {1: 5})
    policies = FakePolicies({1: 1}, [7])
    policies.is_away = True
    maintenance = Maintenance([DeleteGames(store, policies), ExpireEvents(store, policies)], clock)
    assert not maintenance.is_due
    policies.is_away = False
    clock.time_us += 2 * MINUTE
    assert maintenance.is_due
