"""The time zones of games come into the store while it loads."""

from collections.abc import Mapping

from questlog.control.errors import ControlUnavailable
from questlog.loader.decoding import Decoding
from questlog.loader.loop import BatchLimits, Loader
from questlog.loader.money import Converter
from questlog.loader.rebuild import RebuildState
from questlog.rates.rates import Rates
from questlog.store.contract import Progress, StoreFailed
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
    return Loader(FakeJournal(), store, decoding, clock, BatchLimits(), zones=zones)


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


def test_a_zone_that_could_not_be_stored_is_tried_again() -> None:
    class FullStore(FakeStore):
        is_full = True

        def set_time_zone(self, game_id: int, name: str, progress: Progress) -> None:
            if self.is_full:
                raise StoreFailed("no space")
            super().set_time_zone(game_id, name, progress)

    store, zones = FullStore(), FakeZones()
    zones.zones = {1: "Asia/Tokyo"}
    loader = loader_of(store, zones, FakeClock())
    loader.step()
    assert (loader.is_ready, loader.rebuild.status.state) == (False, RebuildState.FAILED)
    store.is_full = False
    loader.step()
    assert (loader.is_ready, store.zones) == (True, {1: "Asia/Tokyo"})
