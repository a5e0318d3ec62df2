"""Rollups kept while loading are the same as rollups computed again, whatever the history."""

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from questlog.store.contract import PlayerErasure, PlayerProperties
from questlog.store.duckdb.store import DuckDBStore
from tests.support.staged import DAY, HOUR, MINUTE, NOON, SECOND, batch, new_id

_ROLLUPS = {
    "sessions": "session_no",
    "players": "player_no",
    "player_days": "player_day_no",
    "event_days": "event_day_no",
    "player_event_totals": "player_event_no",
    "sessionless_events": "row_no",
    "events": "row_no",
}


def _history(seed: int, count: int) -> list[dict[str, Any]]:
    """Events of two games and few players: late, repeated, over midnight, with and without sessions."""
    pick = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for place in range(count):
        game = pick.choice([1, 2])
        player = f"player-{pick.randrange(5)}"
        session = pick.randrange(6)
        time = NOON + pick.randrange(3) * DAY + pick.randrange(14 * 60) * MINUTE + place * SECOND
        source = pick.choice(["gameanalytics", "satori_client", "satori_server"])
        row: dict[str, Any] = {
            "game_id": game,
            "source": source,
            "client_event_id": new_id(),
            "received_at": NOON + 4 * DAY + place * SECOND,
            "event_time": time,
            "offset": place,
            "player_id": player,
            "session_id": f"session-{session}",
            "platform": pick.choice(["ios", "android", None]),
            "country": pick.choice(["DE", "FR", None]),
            "build": pick.choice(["1.0", "1.1"]),
        }
        if source == "gameanalytics":
            row |= pick.choice(
                [
                    {"category": "design", "event_id": "a:b", "value": pick.randrange(100)},
                    {"category": "session_end", "length_s": pick.randrange(5000)},
                    {"category": "business", "event_id": "x:y", "amount": 99, "amount_usd": "0.990000"},
                    {"category": "impression", "ad_revenue_usd": "0.010000"},
                ]
            )
        else:
            row |= {"category": "custom", "event_id": pick.choice(["jump", "purchaseCompleted"]), "value": 250.0}
            row |= {"session_issued_at": time - 5 * MINUTE} if pick.random() < 0.2 else {}
            if row["event_id"] == "purchaseCompleted":
                row |= {"amount": 250, "amount_usd": "2.500000"}
            if source == "satori_server":
                row |= pick.choice([{"session_id": None}, {"session_id": None, "player_id": None}, {}])
        rows.append(row)
        if pick.random() < 0.1:
            rows.append(rows[pick.randrange(len(rows))])
    return rows


def _load(store: DuckDBStore, rows: list[dict[str, Any]], seed: int) -> None:
    pick = random.Random(seed)
    start = 0
    while start < len(rows):
        end = start + pick.randrange(1, 40)
        store.load(batch(_money(rows[start:end])), NOON)
        start = end


def _money(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: Decimal(value) if name.endswith("_usd") else value for name, value in row.items()} for row in rows]


def _ignore(table: str, share: float) -> None:
    pass


def _tables(store: DuckDBStore) -> dict[str, list[dict[str, Any]]]:
    tables = {}
    for table, key in _ROLLUPS.items():
        tables[table] = store.query(f"FROM {table} ORDER BY {key}", {}).to_pylist()
    return tables


@pytest.mark.parametrize("seed", range(4))
def test_rebuilt_rollups_are_the_ones_kept_while_loading(tmp_path: Path, seed: int) -> None:
    store = DuckDBStore(tmp_path)
    _load(store, _history(seed, 150), seed)
    store.load(batch(properties=[PlayerProperties(1, "player-1", NOON, '{"default":{}}')]), NOON)
    kept = _tables(store)
    seen: list[tuple[str, float]] = []
    store.rebuild(lambda table, share: seen.append((table, share)))
    rebuilt = _tables(store)
    for table in _ROLLUPS:
        assert rebuilt[table] == kept[table], table
    assert ("sessions", 1.0) in seen
    store.close()


@pytest.mark.parametrize("seed", range(4))
def test_sessions_of_events_do_not_depend_on_the_order_of_loading(tmp_path: Path, seed: int) -> None:
    rows = _history(seed, 100)
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)
    answers = []
    for name, history in (("one", rows), ("other", shuffled)):
        store = DuckDBStore(tmp_path / name)
        _load(store, history, seed)
        found = store.query("SELECT event_uuid::VARCHAR AS id, session_id, session_is_matched FROM events", {})
        answers.append({row["id"]: (row["session_id"], row["session_is_matched"]) for row in found.to_pylist()})
        store.close()
    assert answers[0] == answers[1]
    assert any(is_matched for _, is_matched in answers[0].values())


@pytest.mark.parametrize("seed", range(4))
def test_an_erased_player_leaves_what_would_be_there_without_it(tmp_path: Path, seed: int) -> None:
    rows = _history(seed, 120)
    erased = DuckDBStore(tmp_path / "erased")
    _load(erased, rows, seed)
    until = NOON + 4 * DAY + 60 * SECOND
    erased.load(batch(erasures=[PlayerErasure(1, "player-2", until)]), NOON)
    gone = erased.query(
        "SELECT count(*) AS n FROM events WHERE game_id = 1 AND player_id = 'player-2'"
        " AND received_at <= make_timestamp($until)",
        {"until": until},
    )
    assert gone.to_pylist() == [{"n": 0}]
    kept = _tables(erased)
    erased.rebuild(_ignore)
    rebuilt = _tables(erased)
    for table in _ROLLUPS:
        assert rebuilt[table] == kept[table], table
    again = erased.load(batch(_money([row for row in rows if row["received_at"] <= until][:5])), NOON)
    assert again.stored == 0
    erased.close()


def test_an_empty_store_can_be_rebuilt(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    store.rebuild(_ignore)
    assert store.query("SELECT * FROM players", {}).num_rows == 0
    store.close()


def test_a_history_has_all_kinds_of_change() -> None:
    rows = _history(0, 300)
    times = [row["event_time"] for row in rows]
    assert times != sorted(times)
    assert len({row["client_event_id"] for row in rows}) < len(rows)
    assert any(time % DAY < HOUR for time in times)
    assert isinstance(batch(_money(rows)).events, pa.Table)
