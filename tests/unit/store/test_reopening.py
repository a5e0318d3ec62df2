"""A database that could not be written is opened anew, with nothing lost or doubled, once the disk has room again."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from questlog.model.record import Position
from questlog.store.contract import Batch, Cancellation, StoreFailed
from questlog.store.duckdb.connection import EngineSettings
from questlog.store.duckdb.store import DuckDBStore
from questlog.store.key_index import KeyIndex
from questlog.store.keys import Keys
from tests.support.staged import NOON, batch

EVENTS = 2000


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow beyond a block."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def numbered(number: int) -> Batch:
    """A batch of its own events, with which the journal has been loaded to `number`."""
    rows = [{"client_event_id": f"{number}-{place}", "player_id": f"p{place % 50}"} for place in range(EVENTS)]
    return batch(rows, positions={0: Position(0, 1, number)})


def loaded_to(store: DuckDBStore) -> int:
    return store.positions()[0].offset


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    # Small enough for a checkpoint with every batch: one that fails makes the engine give the database up.
    made = DuckDBStore(tmp_path, EngineSettings(checkpoint_mb=0))
    made.load(numbered(1), NOON)
    yield made
    made.close()


def test_after_a_full_disk_loading_goes_on_where_it_was(store: DuckDBStore) -> None:
    with full_disk(), pytest.raises(StoreFailed):
        store.load(numbered(2), NOON)
    done = loaded_to(store)
    assert done in {1, 2}
    for number in range(done + 1, 5):
        assert store.load(numbered(number), NOON).stored == EVENTS
    assert store.load(numbered(2), NOON).duplicates == EVENTS
    counts = store.query(
        "SELECT count(*) AS events, count(DISTINCT row_no) AS rows, count(DISTINCT player_no) AS players FROM events",
        {},
    )
    assert counts.to_pylist() == [{"events": 4 * EVENTS, "rows": 4 * EVENTS, "players": 50}]


def test_a_store_that_cannot_be_opened_anew_yet_is_tried_again(store: DuckDBStore, tmp_path: Path) -> None:
    database = tmp_path / "events.duckdb"
    with full_disk(), pytest.raises(StoreFailed):
        store.load(numbered(2), NOON)
    kept = database.rename(tmp_path / "away")
    database.mkdir()
    for _ in range(2):
        with pytest.raises(StoreFailed):
            store.positions()
        with pytest.raises(StoreFailed):
            store.query("SELECT 1 AS one FROM counters", {})
        with pytest.raises(StoreFailed):
            store.sql("SELECT 1 AS one", 10, Cancellation())
        with pytest.raises(StoreFailed), store.reading(Cancellation()):
            pass
    database.rmdir()
    kept.rename(database)
    assert loaded_to(store) in {1, 2}
    assert store.query("SELECT 1 AS one FROM counters", {}).to_pylist() == [{"one": 1}]


def test_a_key_index_on_a_full_disk_keeps_its_keys_and_writes_them_later(tmp_path: Path) -> None:
    index = KeyIndex(tmp_path, flush_count=EVENTS)
    numbers = np.arange(EVENTS, dtype=np.uint64)
    keys = Keys(numbers, numbers, np.ones(EVENTS, np.uint32))
    with full_disk():
        index.insert(keys, numbers.astype(np.uint32), EVENTS)
        index.abandon()
        assert index.lookup(keys)[1].all()
        assert list(tmp_path.glob("*.run")) == []
    index.close()
    assert KeyIndex(tmp_path).covered == EVENTS


def test_closing_a_store_on_a_full_disk_loses_no_key(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    store.load(numbered(1), NOON)
    with full_disk():
        store.close()
    store = DuckDBStore(tmp_path)
    assert store.load(numbered(1), NOON).duplicates == EVENTS
    store.close()
