"""How often which number was there, by day: what loading keeps is what the events say."""

import datetime as dt
import math
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questlog.store.distributions import DISTRIBUTIONS
from questlog.store.duckdb.rollups.value_counts import BIN_SQL, Compaction
from questlog.store.duckdb.store import DuckDBStore
from tests.support.histories import BOOTS, HEALTH
from tests.support.staged import DAY, NOON, batch, new_id

GAME, OTHER_GAME = 1, 2


def event(category: str, at: int = 0, **fields: object) -> dict[str, Any]:
    own = {"game_id": GAME, "client_event_id": new_id(), "category": category, "player_id": "ann"}
    return own | {"event_time": NOON + at, "received_at": NOON + at} | fields


def counted(store: DuckDBStore, field: str, game: int = GAME) -> dict[tuple[int, float], int]:
    rows = store.query(
        "SELECT (day - DATE '2026-01-01')::BIGINT AS day, value, samples FROM value_counts"
        " WHERE field = $field AND game_id = $game",
        {"field": field, "game": game},
    )
    found: Counter[tuple[int, float]] = Counter()
    for row in rows.to_pylist():
        found[row["day"], row["value"]] += row["samples"]
    return dict(found)


def test_values_of_design_events_are_counted_by_game_and_day(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    store.load(batch([event("design", value=value) for value in (2.5, 2.5, -1.0, None)]), NOON)
    store.load(batch([event("design", value=2.5), event("design", DAY, value=2.5)]), NOON)
    store.load(batch([event("design", value=9.0, game_id=OTHER_GAME), event("resource", value=4.0)]), NOON)
    assert counted(store, "design_value") == {(0, 2.5): 3, (0, -1.0): 1, (1, 2.5): 1}
    assert counted(store, "design_value", OTHER_GAME) == {(0, 9.0): 1}
    store.close()


def test_a_zero_with_a_sign_is_a_zero(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    store.load(batch([event("design", value=value) for value in (0.0, -0.0)]), NOON)
    [row] = store.query("SELECT value, bin, samples FROM value_counts", {}).to_pylist()
    assert row == {"value": 0.0, "bin": 0, "samples": 2}
    assert math.copysign(1, row["value"]) == 1
    store.close()


def test_tables_of_samples_count_their_whole_numbers(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    store.load(batch([event("health", attributes=text) for text in HEALTH]), NOON)
    store.load(batch([event("design", attributes=HEALTH[3])]), NOON)
    assert counted(store, "fps_data_table") == {(0, 0): 3, (0, 1): 2, (0, 3): 1, (0, 4): 3, (0, 120): 1}
    assert counted(store, "memory_sys_data_table") == {(0, 0): 1}
    assert counted(store, "memory_app_data_table") == {(0, 2): 3}
    store.close()


def test_boot_times_that_are_numbers_are_counted(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    store.load(batch([event("sdk_init", attributes=text) for text in (*BOOTS, *BOOTS)]), NOON)
    assert counted(store, "app_boot_time") == {(0, 250): 2, (0, 1250): 2}
    store.close()


def test_bins_hold_what_their_numbers_come_to(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    for values in ((300, 301, 301), (303, 303.5, 304), (-300, -301)):
        store.load(batch([event("design", value=float(value)) for value in values]), NOON)
    rows = store.query("SELECT samples, value_sum FROM value_bins ORDER BY bin", {}).to_pylist()
    # Between 256 and 512 a bin is four wide; below zero the order is the other way round.
    assert [(row["samples"], row["value_sum"]) for row in rows] == [(2, -601), (5, 1508.5), (1, 304)]
    store.close()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBStore]:
    store = DuckDBStore(tmp_path_factory.mktemp("store"))
    yield store
    store.close()


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False), min_size=2, max_size=20))
def test_a_greater_number_is_never_in_a_lower_bin(engine: DuckDBStore, numbers: list[float]) -> None:
    binned = f"SELECT value, {BIN_SQL} AS bin FROM (SELECT unnest($numbers::DOUBLE[]) + 0.0 AS value) ORDER BY value"  # noqa: S608
    rows = engine.query(binned, {"numbers": numbers})
    bins = rows["bin"].to_pylist()
    assert bins == sorted(bins)
    for row in rows.to_pylist():
        [bits] = struct.unpack("<q", struct.pack("<d", abs(row["value"])))
        assert row["bin"] == (bits >> 46 if row["value"] >= 0 else -1 - (bits >> 46))


def test_rows_of_a_day_are_added_up_once_they_are_many(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    store._compaction = Compaction(least=20)
    for number in range(30):
        at = DAY if number % 10 == 0 else 0
        store.load(batch([event("design", at, value=float(value)) for value in (1, 2, 3)]), NOON)
        [rows] = store.query("SELECT count(*) AS n FROM value_counts", {})["n"].to_pylist()
        assert rows <= 20 + 3 + 9
    assert counted(store, "design_value") == {
        **{(0, value): 27 for value in (1, 2, 3)},
        **{(1, value): 3 for value in (1, 2, 3)},
    }
    kept = store.query("SELECT bin, samples FROM value_bins ORDER BY day, bin", {}).to_pylist()
    store.rebuild(lambda _table, _share: None)
    assert store.query("SELECT bin, samples FROM value_bins ORDER BY day, bin", {}).to_pylist() == kept
    store.close()


def test_a_day_is_folded_when_it_has_got_as_many_rows_as_it_had() -> None:
    folding = Compaction(least=3)
    two = pa.table({"day": pa.array([dt.date(2026, 1, 1)] * 2)})
    assert folding.due(two) == []
    assert folding.due(two) == [dt.date(2026, 1, 1)]
    folding._added.clear()
    folding._kept[dt.date(2026, 1, 1)] = 6
    assert [len(folding.due(two)) for _ in range(3)] == [0, 0, 1]


def test_numbers_of_kinds_have_names_of_their_own() -> None:
    assert len({sampled.field for sampled in DISTRIBUTIONS}) == len(DISTRIBUTIONS) <= 8
