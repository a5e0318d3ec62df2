"""Old events go, and with them every row by day; players and cohorts stay; a rebuild changes nothing."""

import datetime as dt
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from questlog.store.contract import PlayerErasure
from questlog.store.duckdb.connection import EngineSettings
from questlog.store.duckdb.store import DuckDBStore
from tests.support.histories import ADDED_UP, history, load_all
from tests.support.staged import DAY, HOUR, NOON, batch, erase_all

_SMALL = EngineSettings(memory_limit_mb=256, threads=1)
_TODAY = dt.date(2026, 1, 1)
_MIDNIGHT = NOON - 12 * HOUR
_BY_DAY = ("player_days", "player_day_values", "purchases", "event_days", "value_counts", "value_bins", "field_values")
_KEYS = {
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


def _tables(store: DuckDBStore) -> dict[str, list[dict[str, Any]]]:
    tables = {name: store.query(f"FROM {name} ORDER BY {key}", {}).to_pylist() for name, key in _KEYS.items()}
    return tables | {"value_counts": store.query(f"{ADDED_UP} ORDER BY ALL", {}).to_pylist()}


def _assert_as_rebuilt(store: DuckDBStore) -> None:
    kept = _tables(store)
    store.rebuild(lambda _table, _share: None)
    rebuilt = _tables(store)
    for table, rows in kept.items():
        assert rows == rebuilt[table], table


def _expire(store: DuckDBStore, game_id: int, first_day: dt.date, most: int = 10**9) -> int:
    events = 0
    while True:
        piece = store.expire_events(game_id, first_day, most)
        events += piece.done
        if not piece.left:
            return events


def _without_sessions(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: row[name] for name in row if name not in {"sessions", "playtime_s"}} for row in rows]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_what_stays_is_what_it_was_and_what_a_rebuild_makes(tmp_path: Path, seed: int, zone: str) -> None:
    store = DuckDBStore(tmp_path, _SMALL)
    store.set_time_zone(1, zone, lambda _table, _share: None)
    load_all(store, history(seed, 150), seed)
    days = [row["day"] for row in store.query("SELECT DISTINCT day FROM event_days ORDER BY day", {}).to_pylist()]
    before = _tables(store)
    for place in (len(days) // 3, len(days) // 2):
        first = days[place]
        _expire(store, 1, first, most=random.Random(seed).choice([1, 20, 10**6]))
        after = _tables(store)
        assert after["players"] == before["players"]
        assert after["player_event_totals"] == before["player_event_totals"]
        for table in (*_BY_DAY, "sessions"):
            assert all(row["day"] >= first for row in after[table] if row["game_id"] == 1), table
        for table in ("player_day_values", "event_days", "value_counts", "value_bins", "field_values"):
            left = [row for row in before[table] if row["game_id"] != 1 or row["day"] >= first]
            assert after[table] == left, table
        left = [row for row in before["player_days"] if row["game_id"] != 1 or row["day"] >= first]
        assert _without_sessions(after["player_days"]) == _without_sessions(left)
        _assert_as_rebuilt(store)
    load_all(store, history(seed + 50, 60), seed)
    _assert_as_rebuilt(store)
    store.load(batch(erasures=[PlayerErasure(1, "player-1", NOON + 90 * DAY)]), NOON)
    erase_all(store)
    _assert_as_rebuilt(store)
    store.set_time_zone(1, "America/New_York", lambda _table, _share: None)
    _assert_as_rebuilt(store)
    store.close()


def test_a_player_who_comes_back_is_not_new(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path, _SMALL)
    bought = {"category": "business", "amount": 5, "amount_usd": Decimal("0.050000")}
    old = {"player_id": "p", "session_id": "s", "platform": "ios", "build": "1", "event_time": NOON - 40 * DAY}
    store.load(batch([old, old | bought]), NOON)
    assert _expire(store, 1, _TODAY) == 2
    assert store.query("FROM events", {}).num_rows + store.query("FROM sessions", {}).num_rows == 0
    store.load(batch([{"player_id": "p", "session_id": "t", "platform": "android", "build": "2"}]), NOON)
    [day] = store.query("SELECT day, is_new, first_day, prev_day FROM player_days", {}).to_pylist()
    first = _TODAY - dt.timedelta(days=40)
    assert day == {"day": _TODAY, "is_new": False, "first_day": first, "prev_day": first}
    facts = "SELECT events, sessions, transactions, revenue_usd, build, first_day, last_day FROM players"
    assert store.query(facts, {}).to_pylist() == [
        {
            "events": 3,
            "sessions": 2,
            "transactions": 1,
            "revenue_usd": Decimal("0.05"),
            "build": "1",
            "first_day": first,
            "last_day": _TODAY,
        }
    ]
    _assert_as_rebuilt(store)
    store.close()


def test_a_session_over_the_cut_begins_with_its_first_event_that_stays(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path, _SMALL)
    session = {"source": "satori_client", "category": "custom", "event_id": "x", "player_id": "p", "session_id": "s"}
    times = [_MIDNIGHT - HOUR, _MIDNIGHT + HOUR, _MIDNIGHT + 2 * HOUR]
    created = {"session_issued_at": _MIDNIGHT - 2 * HOUR}
    store.load(batch([session | created | {"event_time": time} for time in times]), NOON)
    _expire(store, 1, _TODAY)
    sessions = "SELECT epoch_us(start_time) AS start, day, events, length_s::BIGINT AS s FROM sessions"
    assert store.query(sessions, {}).to_pylist() == [{"start": times[1], "day": _TODAY, "events": 2, "s": 3600}]
    assert store.query("SELECT sessions, playtime_s::BIGINT AS s FROM players", {}).to_pylist() == [
        {"sessions": 1, "s": 4 * 3600}
    ]
    assert store.query("SELECT day, sessions FROM player_days", {}).to_pylist() == [{"day": _TODAY, "sessions": 1}]
    _assert_as_rebuilt(store)
    store.close()


@pytest.mark.parametrize("is_reopened", [True, False])
def test_what_arrives_late_and_is_older_is_dropped_with_its_reason(tmp_path: Path, is_reopened: bool) -> None:
    store = DuckDBStore(tmp_path, _SMALL)
    store.load(batch([{"player_id": "p", "event_time": NOON - DAY}]), NOON)
    _expire(store, 1, _TODAY)
    if is_reopened:
        store.close()
        store = DuckDBStore(tmp_path, _SMALL)
    rows: list[dict[str, Any]] = [{"player_id": "p", "event_time": time} for time in (_MIDNIGHT - 1, _MIDNIGHT)]
    result = store.load(batch([*rows, rows[0] | {"game_id": 2}]), NOON)
    assert (result.stored, result.rejected) == (2, 1)
    assert store.query("SELECT game_id, reason, raw FROM rejected_events", {}).to_pylist() == [
        {"game_id": 1, "reason": "expired", "raw": ""}
    ]
    assert store.expired_before() == {1: _MIDNIGHT}
    store.close()


def test_rejected_events_and_hours_of_old_days_go_too(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path, _SMALL)
    times = [{"received_at": NOON - DAY}, {"received_at": NOON}]
    store.load(batch([time | {"event_time": NOON} for time in times], times), NOON)
    _expire(store, 1, _TODAY)
    assert store.query("SELECT epoch_us(received_at) AS t FROM rejected_events", {}).to_pylist() == [{"t": NOON}]
    assert store.query("SELECT epoch_us(hour) AS t FROM ingest_hours", {}).to_pylist() == [{"t": NOON}]
    store.close()


def test_few_days_go_at_a_time(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path, _SMALL)
    store.load(
        batch([{"player_id": "p", "event_time": NOON - day * DAY} for day in range(1, 6) for _ in range(10)]), NOON
    )
    assert store.expire_events(1, _TODAY, 15) == (20, 30)
    assert store.expire_events(1, _TODAY, 1) == (10, 20)
    assert store.expire_events(1, _TODAY, 10**9) == (20, 0)
    assert store.expire_events(1, _TODAY, 10**9) == (0, 0)
    store.close()
