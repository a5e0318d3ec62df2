"""Everything of a deleted game leaves the store, and nothing of it comes back."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from questlog.model.record import Position
from questlog.store.contract import PlayerErasure, PlayerProperties
from questlog.store.duckdb.connection import EngineSettings
from questlog.store.duckdb.store import DuckDBStore
from tests.support.histories import history, load_all
from tests.support.staged import NOON, batch

_SMALL = EngineSettings(memory_limit_mb=256, threads=1)


def _rows_of(store: DuckDBStore, game_id: int) -> dict[str, int]:
    names = store.query("SELECT DISTINCT table_name AS name FROM duckdb_columns() WHERE column_name = 'game_id'", {})
    counts = {
        name: store.query(f"SELECT count(*) AS n FROM {name} WHERE game_id = $game", {"game": game_id})["n"][0].as_py()  # noqa: S608 - ours
        for name in names["name"].to_pylist()
        if name != "deleted_games"
    }
    return {name: count for name, count in counts.items() if count}


def _others(store: DuckDBStore) -> dict[str, list[Any]]:
    tables = ("events", "players", "sessions", "player_days", "event_days", "field_values", "value_bins")
    return {name: store.query(f"FROM {name} WHERE game_id <> 1 ORDER BY ALL", {}).to_pylist() for name in tables}


def _delete(store: DuckDBStore, game_id: int, most: int) -> None:
    while store.delete_game(game_id, most).left:
        pass


@pytest.mark.parametrize("most", [7, 10**6])
def test_nothing_of_a_deleted_game_is_left_and_the_others_stay(tmp_path: Path, most: int) -> None:
    store = DuckDBStore(tmp_path, _SMALL)
    rows = history(1, 150)
    load_all(store, rows, 1)
    store.load(
        batch(
            rejects=[{}, {"game_id": 2}],
            properties=[PlayerProperties(1, "someone", NOON, "{}")],
            erasures=[PlayerErasure(1, "player-2", NOON), PlayerErasure(1, "nobody", NOON)],
        ),
        NOON,
    )
    store.set_time_zone(1, "Asia/Tokyo", lambda _table, _share: None)
    others = _others(store)
    _delete(store, 1, most)
    assert _rows_of(store, 1) == {}
    assert store.query("SELECT DISTINCT game_id FROM players", {}).num_rows >= 1
    assert (
        store.query("FROM player_event_totals WHERE player_no NOT IN (SELECT player_no FROM players)", {}).num_rows == 0
    )
    assert _others(store) == others
    assert store.deleted_games() == {1: True}
    assert sum(store.erasures_left) == 0
    for index in store._indexes:
        for run in index._runs:
            assert not ((run.entries.keys.domain & 0xFFFFFFF) == 1).any()
    store.close()


@pytest.mark.parametrize("is_half_done", [True, False])
@pytest.mark.parametrize("is_index_lost", [True, False])
def test_what_the_journal_still_has_of_it_is_not_loaded_again(
    tmp_path: Path, is_half_done: bool, is_index_lost: bool
) -> None:
    store = DuckDBStore(tmp_path, _SMALL)
    row = {"player_id": "p", "session_id": "s", "client_event_id": "x"}
    store.load(batch([row, {"player_id": "p"}, row | {"game_id": 2}]), NOON)
    store.delete_game(1, 1 if is_half_done else 10)
    store.close()
    if is_index_lost:
        shutil.rmtree(tmp_path / "key-indexes")
    store = DuckDBStore(tmp_path, _SMALL)
    again = batch(
        [row, row | {"game_id": 2, "client_event_id": "y"}],
        [{}, {"game_id": 2}],
        properties=[PlayerProperties(1, "p", NOON, "{}")],
        erasures=[PlayerErasure(1, "p", NOON)],
        positions={1: Position(1, 1, 9)},
    )
    result = store.load(again, NOON)
    assert (result.stored, result.rejected, result.duplicates) == (1, 1, 0)
    assert store.positions() == {1: Position(1, 1, 9)}
    _delete(store, 1, 10)
    store.rebuild(lambda _table, _share: None)
    assert _rows_of(store, 1) == {}
    assert store.query("SELECT game_id, events FROM players", {}).to_pylist() == [{"game_id": 2, "events": 2}]
    store.close()
