"""Rollups by the days of a game's time zone, kept while loading and computed again."""

from pathlib import Path
from typing import Any

import pytest

from questlog.model.calendar import EPOCH, UnknownZone, zone_named
from questlog.store.duckdb.store import DuckDBStore
from tests.support.histories import ADDED_UP, history, load_all
from tests.support.staged import DAY, HOUR, MINUTE, NOON, SECOND, batch

_BY_DAY = (
    "sessions",
    "players",
    "player_days",
    "player_day_values",
    "purchases",
    "event_days",
    "value_bins",
    "field_values",
)
_ZONES = ("Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia")


def _ignore(table: str, share: float) -> None:
    pass


def _tables(store: DuckDBStore) -> dict[str, list[str]]:
    rows = {table: store.query(f"FROM {table}", {}).to_pylist() for table in _BY_DAY}
    rows["value_counts"] = store.query(ADDED_UP, {}).to_pylist()
    return {table: sorted(map(str, found)) for table, found in rows.items()}


def _days(store: DuckDBStore, table: str) -> list[str]:
    rows = store.query(f"SELECT DISTINCT day::VARCHAR AS day FROM {table} ORDER BY 1", {})  # noqa: S608 - ours
    return rows["day"].to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("zone", _ZONES)
def test_a_game_that_changes_its_zone_has_what_one_has_that_always_had_it(tmp_path: Path, zone: str) -> None:
    rows = history(7, 150)
    seen: list[tuple[str, float]] = []
    always, later = DuckDBStore(tmp_path / "always"), DuckDBStore(tmp_path / "later")
    always.set_time_zone(1, zone, _ignore)
    for store in (always, later):
        load_all(store, rows, 7)
    before = _tables(later)
    later.set_time_zone(1, zone, lambda table, share: seen.append((table, share)))
    assert _tables(later) == _tables(always) != before
    assert ("player_days", 0.0) in seen or ("players", 0.0) in seen
    assert later.time_zones() == {1: zone}
    always.rebuild(_ignore)
    assert _tables(later) == _tables(always)
    later.set_time_zone(1, "UTC", _ignore)
    assert _tables(later) == before
    for store in (always, later):
        store.close()


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("Europe/Berlin", "2026-03-28T22:59:59", "2026-03-28"),
        ("Europe/Berlin", "2026-03-28T23:00:00", "2026-03-29"),
        ("Europe/Berlin", "2026-03-29T21:59:59", "2026-03-29"),  # of 23 hours
        ("Europe/Berlin", "2026-03-29T22:00:00", "2026-03-30"),
        ("Europe/Berlin", "2026-10-25T22:59:59", "2026-10-25"),  # of 25 hours
        ("Europe/Berlin", "2026-10-25T23:00:00", "2026-10-26"),
        ("Asia/Kathmandu", "2026-01-01T18:14:59", "2026-01-01"),
        ("Asia/Kathmandu", "2026-01-01T18:15:00", "2026-01-02"),
        ("Pacific/Apia", "2011-12-30T09:59:59", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00:00", "2011-12-31"),  # there was no 30th
    ],
)
def test_an_event_is_of_its_local_day_in_every_table(tmp_path: Path, zone: str, moment: str, day: str) -> None:
    store = DuckDBStore(tmp_path)
    store.set_time_zone(1, zone, _ignore)
    [time] = store.query("SELECT epoch_us($moment::TIMESTAMP) AS t", {"moment": moment})["t"].to_pylist()
    event: dict[str, Any] = {"player_id": "p", "session_id": "s", "event_time": time, "build": "1", "value": 1.0}
    bought = {**event, "category": "business", "amount": 5}
    store.load(batch([event, bought, {**event, "game_id": 2}]), NOON)
    for table in ("sessions", "player_days", "player_day_values", "event_days", "field_values", "value_counts"):
        assert _days(store, f"{table} WHERE game_id = 1") == [day], table
        assert _days(store, f"{table} WHERE game_id = 2") == [moment[:10]], table
    assert _days(store, "purchases") == [day]
    player = store.query("SELECT first_day::VARCHAR AS a, last_day::VARCHAR AS b FROM players WHERE game_id = 1", {})
    assert player.to_pylist() == [{"a": day, "b": day}]
    store.close()


def test_days_in_sql_and_in_the_calendar_are_the_same(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    times = [NOON - 16 * 365 * DAY + place * (37 * HOUR + 13 * MINUTE + 7 * SECOND) for place in range(3700)]
    for game_id, name in enumerate(_ZONES, 1):
        store.load(batch([{"game_id": game_id, "player_id": "p", "event_time": time} for time in times]), NOON)
        store.set_time_zone(game_id, name, _ignore)
        expected = {(zone_named(name).day_of(time) - EPOCH).days for time in times}
        days = "SELECT day - DATE '1970-01-01' AS day FROM player_days WHERE game_id = $game_id"
        found = store.query(days, {"game_id": game_id})
        assert set(found["day"].to_pylist()) == expected, name
    store.close()


def test_a_zone_that_there_is_not_changes_nothing(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    with pytest.raises(UnknownZone, match="Europe/Berlin"):
        store.set_time_zone(1, "Europe/Berlim", _ignore)
    assert store.time_zones() == {}
    store.close()


def test_zones_are_known_after_opening_again(tmp_path: Path) -> None:
    late = {"player_id": "p", "event_time": NOON + 11 * HOUR + 30 * MINUTE}
    store = DuckDBStore(tmp_path)
    store.set_time_zone(1, "Europe/Berlin", _ignore)
    store.close()
    store = DuckDBStore(tmp_path)
    store.load(batch([late]), NOON)
    assert _days(store, "player_days") == ["2026-01-02"]
    store.close()
