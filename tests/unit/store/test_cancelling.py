"""A long change ends soon after it is asked to, and leaves the store as it was."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from questlog.store.contract import Cancellation, ChangeCancelled, PlayerErasure
from questlog.store.duckdb.store import DuckDBStore
from questlog.store.repricing import Repricing
from tests.support.histories import history, load_all
from tests.support.staged import NOON, batch


class _Free:
    """Prices everything at nothing."""

    def amounts_usd(self, amounts: pa.Array, currencies: pa.Array, days: Any) -> pa.Array:
        del currencies, days
        return pa.array(np.zeros(len(amounts), np.int64)).cast(pa.decimal128(18, 6))

    revenues_usd = amounts_usd


def _rebuild(store: DuckDBStore, cancellation: Cancellation) -> None:
    store.rebuild(lambda _table, _share: None, cancellation)


def _set_time_zone(store: DuckDBStore, cancellation: Cancellation) -> None:
    store.set_time_zone(1, "Asia/Tokyo", lambda _table, _share: None, cancellation)


def _reprice(store: DuckDBStore, cancellation: Cancellation) -> None:
    store.reprice(Repricing(), _Free(), lambda _share: None, cancellation)


def _erase(store: DuckDBStore, cancellation: Cancellation) -> None:
    store.erase(10, cancellation)


CHANGES: Mapping[str, Callable[[DuckDBStore, Cancellation], None]] = {
    "rebuild": _rebuild,
    "set_time_zone": _set_time_zone,
    "reprice": _reprice,
    "erase": _erase,
}


def _everything(store: DuckDBStore) -> dict[str, list[Any]]:
    names = store.query("SELECT table_name AS name FROM duckdb_tables() WHERE database_name = 'questlog'", {})
    return {name: store.query(f"FROM {name} ORDER BY ALL", {}).to_pylist() for name in names["name"].to_pylist()}


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> DuckDBStore:
    store = DuckDBStore(tmp_path)
    load_all(store, history(0, 100), 0)
    store.load(batch(erasures=[PlayerErasure(1, "player-2", NOON)]), NOON)
    return store


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_was_cancelled_before_it_began_does_nothing(store: DuckDBStore, name: str) -> None:
    before, cancellation = _everything(store), Cancellation()
    cancellation.cancel()
    with pytest.raises(ChangeCancelled):
        CHANGES[name](store, cancellation)
    assert _everything(store) == before
    store.close()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_ends_at_whichever_statement_it_is_and_nothing_is_changed(
    store: DuckDBStore, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _everything(store)
    write, never = store._loader.write, "SELECT count(*) FROM range(1000000) a, range(10000000) b"
    for stop_at in (1, 2) if name == "reprice" else (1, 3, 6):
        cancellation, calls = Cancellation(), 0

        def write_long(
            statement: str, parameters: Any = None, cancellation: Any = cancellation, at: int = stop_at
        ) -> None:
            nonlocal calls
            calls += 1
            if calls == at:
                threading.Timer(0.05, cancellation.cancel).start()
                write(never)
            write(statement, parameters)

        monkeypatch.setattr(store._loader, "write", write_long)
        with pytest.raises(ChangeCancelled):
            CHANGES[name](store, cancellation)
        monkeypatch.undo()
        assert _everything(store) == before
    assert store.load(batch([{"player_id": "someone"}]), NOON).stored == 1
    CHANGES[name](store, Cancellation())
    store.close()
