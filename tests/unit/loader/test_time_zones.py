"""The time zones of games come into the store while it loads."""

from collections.abc import Mapping

from questlog.control.errors import ControlUnavailable
from questlog.loader.decoding import Decoding
from questlog.loader.loop import BatchLimits, Loader, Upkeep
from questlog.loader.maintenance.task import TaskState
from questlog.loader.money import Converter
from questlog.loader.rebuild import RebuildState
from questlog.rates.rates import Rates
from questlog.store.contract import Cancellation, Progress, StoreFailed
from tests.support.loading import FAKE_SOURCES, FakeClock, FakeJournal, FakeStore
from tests.support.staged import SECOND as SECOND_US


class FakeZones:
    def __init__(self) -> None:
        self.zones: dict[int, str] = {}
        self.is_away = False

    def time_zones(self) -> Mapping[int, str]:
        if self.is_away:
            raise ControlUnavailable("away")
        return dict(self.zones)


def loader_of(store: FakeStore, zones: FakeZones, clock: FakeClock) -> Loader:
    decoding = Decoding(FAKE_SOURCES, Converter(Rates({})))
    return Loader(FakeJournal(), store, decoding, clock, BatchLimits(), upkeep=Upkeep(zones))


def test_a_changed_zone_is_stored_within_a_second_and_told_like_a_rebuild() -> None:
    store, zones, clock = FakeStore(), FakeZones(), FakeClock()
    loader = loader_of(store, zones, clock)
    loader.step()
    assert (store.zones, loader.rebuild.status.state) == ({}, RebuildState.NONE)
    zones.zones = {1: "Europe/Berlin", 2: "UTC"}
    clock.time_us += SECOND_US
    loader.step()
    assert store.zones == {1: "Europe/Berlin"}
    assert loader.rebuild.status.state is RebuildState.DONE
    zones.zones = {1: "UTC", 2: "UTC"}
    clock.time_us += SECOND_US
    loader.step()
    assert store.zones == {1: "UTC"}


def test_zones_that_were_changed_while_nothing_ran_are_stored_at_the_start() -> None:
    store, zones = FakeStore(), FakeZones()
    store.zones, zones.zones = {1: "Asia/Tokyo"}, {1: "Asia/Kathmandu"}
    loader_of(store, zones, FakeClock()).step()
    assert store.zones == {1: "Asia/Kathmandu"}


def test_while_they_cannot_be_read_loading_goes_on() -> None:
    store, zones, clock = FakeStore(), FakeZones(), FakeClock()
    loader = loader_of(store, zones, clock)
    zones.is_away = True
    loader.step()
    assert loader.is_ready
    zones.is_away, zones.zones = False, {1: "Asia/Tokyo"}
    clock.time_us += SECOND_US
    loader.step()
    assert store.zones == {1: "Asia/Tokyo"}


class PartlyFull(FakeStore):
    """Cannot compute one game's days again."""

    broken: int | None = 1

    def set_time_zone(
        self, game_id: int, name: str, progress: Progress, cancellation: Cancellation | None = None
    ) -> None:
        if game_id == self.broken:
            raise StoreFailed("no space")
        super().set_time_zone(game_id, name, progress, cancellation)


def test_a_zone_that_could_not_be_stored_is_tried_again_and_loading_goes_on() -> None:
    store, zones, clock = PartlyFull(), FakeZones(), FakeClock()
    zones.zones = {1: "Asia/Tokyo"}
    loader = loader_of(store, zones, clock)
    loader.step()
    assert (loader.is_ready, loader.rebuild.status.state) == (True, RebuildState.FAILED)
    store.broken = None
    loader.step()
    assert store.zones == {}
    clock.time_us += 5 * SECOND_US
    loader.step()
    assert (loader.is_ready, store.zones) == (True, {1: "Asia/Tokyo"})


def test_a_zone_that_cannot_be_stored_keeps_no_other_games_from_changing_theirs() -> None:
    store, zones, clock = PartlyFull(), FakeZones(), FakeClock()
    zones.zones = {1: "Asia/Tokyo", 2: "Europe/Berlin"}
    loader = loader_of(store, zones, clock)
    loader.step()
    assert store.zones == {2: "Europe/Berlin"}
    zones.zones |= {3: "Asia/Kolkata"}
    clock.time_us += SECOND_US
    loader.step()
    assert store.zones == {2: "Europe/Berlin", 3: "Asia/Kolkata"}
    [status] = [each for each in loader.maintenance.status() if each.name == "time zones"]
    assert (status.state, status.error, status.failures) == (TaskState.IDLE, None, 0)
