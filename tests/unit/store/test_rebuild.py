"""Rollups kept while loading are the same as rollups computed again, whatever the history."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from questlog.store.contract import PlayerErasure, PlayerProperties
from questlog.store.duckdb.store import DuckDBStore
from tests.support.histories import ADDED_UP, history, load_all, money
from tests.support.staged import DAY, HOUR, NOON, SECOND, batch, erase_all

_ROLLUPS = {
    "sessions": "session_no",
    "players": "player_no",
    "player_days": "player_day_no",
    "player_day_values": "player_day_no, values_key",
    "purchases": "row_no",
    "event_days": "event_day_no",
    "value_bins": "value_bin_no",
    "field_values": "game_id, day, field, value",
    "player_event_totals": "player_event_no",
    "sessionless_events": "row_no",
    "events": "row_no",
}


def _ignore(table: str, share: float) -> None:
    pass


def _tables(store: DuckDBStore) -> dict[str, list[dict[str, Any]]]:
    tables = {}
    for table, key in _ROLLUPS.items():
        tables[table] = store.query(f"FROM {table} ORDER BY {key}", {}).to_pylist()
    tables["value_counts"] = store.query(f"{ADDED_UP} ORDER BY ALL", {}).to_pylist()
    return tables


@pytest.mark.parametrize("seed", range(4))
def test_rebuilt_rollups_are_the_ones_kept_while_loading(tmp_path: Path, seed: int) -> None:
    store = DuckDBStore(tmp_path)
    load_all(store, history(seed, 150), seed)
    store.load(batch(properties=[PlayerProperties(1, "player-1", NOON, '{"default":{}}')]), NOON)
    kept = _tables(store)
    seen: list[tuple[str, float]] = []
    store.rebuild(lambda table, share: seen.append((table, share)))
    rebuilt = _tables(store)
    for table in kept:
        assert rebuilt[table] == kept[table], table
    assert ("sessions", 1.0) in seen
    store.close()


@pytest.mark.parametrize("seed", range(4))
def test_sessions_of_events_do_not_depend_on_the_order_of_loading(tmp_path: Path, seed: int) -> None:
    rows = history(seed, 100)
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    answers = []
    for name, order in (("one", rows), ("other", shuffled)):
        store = DuckDBStore(tmp_path / name)
        load_all(store, order, seed)
        found = store.query("SELECT event_uuid::VARCHAR AS id, session_id, session_is_matched FROM events", {})
        answers.append({row["id"]: (row["session_id"], row["session_is_matched"]) for row in found.to_pylist()})
        store.close()
    assert answers[0] == answers[1]
    assert any(is_matched for _, is_matched in answers[0].values())


@pytest.mark.parametrize("seed", range(4))
def test_an_erased_player_leaves_what_would_be_there_without_it(tmp_path: Path, seed: int) -> None:
    rows = history(seed, 120)
    erased = DuckDBStore(tmp_path / "erased")
    load_all(erased, rows, seed)
    until = NOON + 10 * DAY + 60 * SECOND
    erased.load(batch(erasures=[PlayerErasure(1, "player-2", until)]), NOON)
    erase_all(erased)
    gone = erased.query(
        "SELECT count(*) AS n FROM events WHERE game_id = 1 AND player_id = 'player-2'"
        " AND received_at <= make_timestamp($until)",
        {"until": until},
    )
    assert gone.to_pylist() == [{"n": 0}]
    kept = _tables(erased)
    erased.rebuild(_ignore)
    rebuilt = _tables(erased)
    for table in kept:
        assert rebuilt[table] == kept[table], table
    again = erased.load(batch(money([row for row in rows if row["received_at"] <= until][:5])), NOON)
    assert again.stored == 0
    erased.close()


def test_an_empty_store_can_be_rebuilt(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    store.rebuild(_ignore)
    assert store.query("SELECT * FROM players", {}).num_rows == 0
    store.close()


def test_a_history_has_all_kinds_of_change() -> None:
    rows = history(0, 300)
    times = [row["event_time"] for row in rows]
    assert times != sorted(times)
    assert len({row["client_event_id"] for row in rows}) < len(rows)
    assert any(time % DAY < HOUR for time in times)
    assert _has_a_server_after_a_client(rows)
    assert isinstance(batch(money(rows)).events, pa.Table)


def _has_a_server_after_a_client(rows: list[dict[str, Any]]) -> bool:
    """Whether on a player's day without a platform the last event has no country, and one before it has."""
    days: dict[tuple[int, str, int], list[dict[str, Any]]] = {}
    for row in rows:
        if row["player_id"] is not None:
            days.setdefault((row["game_id"], row["player_id"], row["event_time"] // DAY), []).append(row)
    for events in days.values():
        events.sort(key=lambda row: row["event_time"])
    return any(
        not any(row["platform"] for row in events)
        and (events[-1]["source"], events[-1]["country"]) == ("satori_server", None)
        and any(row["country"] for row in events)
        for events in days.values()
    )
