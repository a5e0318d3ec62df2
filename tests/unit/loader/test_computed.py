from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from questlog.control.computed import ComputedProperty
from questlog.control.errors import ControlUnavailable
from questlog.loader.batch import BatchBuilder
from questlog.loader.computed import MARKER, ComputedPush
from questlog.loader.decoding import Decoding
from questlog.loader.money import Converter
from questlog.model.record import Kind
from questlog.rates.rates import Rates
from questlog.store.contract import Batch, StoreFailed
from questlog.store.duckdb.store import DuckDBStore
from tests.support.loading import FAKE_SOURCES, NOW_US, FakeClock, FakeJournal, FakeStore, envelope

SECOND_US = 1_000_000
Key = tuple[int, str, str]


class FakeSink:
    """Computed properties and markers in memory."""

    def __init__(self) -> None:
        self.properties: dict[Key, ComputedProperty] = {}
        self.pushes = 0
        self.markers: dict[str, int] = {}
        self.is_available = True

    def upsert_computed(self, rows: Sequence[ComputedProperty]) -> int:
        if not self.is_available:
            raise ControlUnavailable("database is locked")
        self.pushes += 1
        self.properties |= {(row.game_id, row.identity_id, row.name): row for row in rows}
        return len(rows)

    def marker(self, name: str) -> int | None:
        return self.markers.get(name)

    def set_marker(self, name: str, value: int) -> None:
        self.markers[name] = value


class World:
    """A store that batches are loaded into, and what follows it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = DuckDBStore(directory)
        self.sink = FakeSink()
        self.clock = FakeClock()
        self.push = self.new_push()

    def new_push(self) -> ComputedPush:
        return ComputedPush(self.store, self.sink, self.clock)

    def load(self, *events: Mapping[str, object], kind: Kind = Kind.SATORI_SERVER_EVENTS) -> None:
        builder = BatchBuilder(Decoding(FAKE_SOURCES, Converter(Rates()), earliest_us=0), NOW_US)
        builder.add(FakeJournal().append(envelope(kind), [{"category": "custom", **event} for event in events]))
        batch = builder.build()
        self.store.load(batch, NOW_US)
        self.push.note(batch)
        self.push.catch_up()

    def computed(self, player_id: str, name: str) -> ComputedProperty | None:
        return self.sink.properties.get((1, player_id, name))


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.store.close()


def test_totals_of_an_identitys_events_are_handed_over(world: World) -> None:
    world.load(
        {"event_id": "coinsSpent", "player_id": "ada", "value": 3.0, "client_time": 5 * SECOND_US},
        {"event_id": "coinsSpent", "player_id": "ada", "value": -1.5, "client_time": 9 * SECOND_US},
        {"event_id": "coinsSpent", "player_id": "ada", "value_text": "many", "client_time": 7 * SECOND_US},
        {"event_id": "levelStarted", "player_id": "bob", "client_time": 8 * SECOND_US},
    )
    assert world.computed("ada", "coinsSpent") == ComputedProperty(
        1, "ada", "coinsSpent", 3, 5 * SECOND_US, 9 * SECOND_US, 1.5, 3.0, -1.5
    )
    assert world.computed("bob", "levelStarted") == ComputedProperty(
        1, "bob", "levelStarted", 1, 8 * SECOND_US, 8 * SECOND_US, None, None, None
    )


def test_only_what_changed_is_handed_over_again(world: World) -> None:
    world.load({"event_id": "a", "player_id": "ada"}, {"event_id": "b", "player_id": "ada"})
    world.sink.properties.clear()
    world.clock.time_us += SECOND_US
    world.load({"event_id": "b", "player_id": "ada"})
    assert [(row.name, row.count) for row in world.sink.properties.values()] == [("b", 2)]


def test_changes_within_half_a_second_wait_for_each_other(world: World) -> None:
    world.load({"event_id": "a", "player_id": "ada"})
    world.load({"event_id": "a", "player_id": "ada"})
    assert world.computed("ada", "a") == world.sink.properties[1, "ada", "a"]
    assert world.sink.pushes == 1
    world.clock.time_us += SECOND_US // 2
    world.push.catch_up()
    assert world.sink.properties[1, "ada", "a"].count == 2
    assert world.sink.pushes == 2
    world.clock.time_us += SECOND_US
    world.push.catch_up()
    assert world.sink.pushes == 2


def test_gameanalytics_events_have_no_computed_properties(world: World) -> None:
    world.push.catch_up()
    world.clock.time_us += SECOND_US
    world.load({"event_id": "a:b", "player_id": "ada", "category": "design"}, kind=Kind.GAMEANALYTICS_EVENTS)
    assert not world.sink.properties


def test_while_the_control_database_is_away_nothing_is_lost(world: World) -> None:
    world.sink.is_available = False
    world.load({"event_id": "a", "player_id": "ada"})
    world.clock.time_us += SECOND_US
    world.load({"event_id": "b", "player_id": "ada"})
    assert not world.sink.properties
    world.sink.is_available = True
    world.clock.time_us += SECOND_US
    world.push.catch_up()
    assert {row.name for row in world.sink.properties.values()} == {"a", "b"}


def test_after_a_restart_everything_since_the_marker_is_handed_over_again(world: World) -> None:
    world.load({"event_id": "a", "player_id": "ada"})
    marked = world.sink.markers[MARKER]
    world.clock.time_us += SECOND_US
    world.load({"event_id": "b", "player_id": "ada"})
    assert world.sink.markers[MARKER] == marked
    world.sink.properties.clear()
    world.new_push().catch_up()
    assert {row.name for row in world.sink.properties.values()} == {"b"}
    assert world.sink.markers[MARKER] > marked


def test_a_marker_of_another_store_is_not_trusted(world: World) -> None:
    world.sink.markers[MARKER] = 1_000_000
    world.load({"event_id": "a", "player_id": "ada"})
    assert world.computed("ada", "a") is not None


def test_more_than_a_page_is_handed_over_in_one_go(world: World) -> None:
    world.load(*({"event_id": "a", "player_id": f"player{number}"} for number in range(10_000)))
    assert len(world.sink.properties) == 10_000
    world.clock.time_us += SECOND_US
    world.load(*({"event_id": "b", "player_id": f"player{number}"} for number in range(10_001)))
    assert len(world.sink.properties) == 20_001


def test_a_store_that_fails_is_asked_again() -> None:
    class FailingStore(FakeStore):
        def query(self, statement: str, parameters: Mapping[str, object]) -> pa.Table:
            raise StoreFailed(f"out of memory: {statement} with {parameters}")

    clock, sink = FakeClock(), FakeSink()
    push = ComputedPush(FailingStore(), sink, clock)
    push.note(Batch(pa.table({"source": ["satori_server"]}), pa.table({}), [], [], {}))
    push.catch_up()
    assert not sink.pushes
    assert not sink.markers


def test_a_clock_set_back_does_not_stop_the_handing_over(world: World) -> None:
    world.load({"event_id": "a", "player_id": "ada"})
    world.clock.time_us -= 3_600 * SECOND_US
    world.load({"event_id": "a", "player_id": "ada"})
    assert world.sink.properties[1, "ada", "a"].count == 2
