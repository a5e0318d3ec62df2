"""The combinations of dimension values of a player's day: counted by one dimension or several, whatever the batches."""

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from questlog.store.duckdb.rollups.player_day_values import ALL_FIRST, batch_keys
from questlog.store.duckdb.store import DuckDBStore
from questlog.store.schema import DIMENSIONS
from questlog.store.value_keys import VALUES_KEY, values_keys
from tests.support.histories import history, load_all
from tests.support.staged import DAY, NOON, batch, events


def _of(build: str | None, platform: str | None = "ios", **more: Any) -> dict[str, Any]:
    return {"player_id": "p", "build": build, "platform": platform, **more}


def _rows(store: DuckDBStore) -> list[tuple[str | None, str | None, int, int, bool]]:
    found = store.query("SELECT build, platform, events, first_of, is_only FROM player_day_values", {}).to_pylist()
    return [(row["build"], row["platform"], row["events"], row["first_of"], row["is_only"]) for row in found]


_BUILD, _PLATFORM = (1 << DIMENSIONS.index(name) for name in ("build", "platform"))


@pytest.mark.parametrize("size", [1, 2, 5])
def test_each_combination_says_which_values_it_is_the_first_of(tmp_path: Path, size: int) -> None:
    store = DuckDBStore(tmp_path)
    rows = [_of("1"), _of("2"), _of("1"), _of("2", None), _of(None, None)]
    for start in range(0, len(rows), size):
        store.load(batch(rows[start : start + size]), NOON)
    assert _rows(store) == [
        ("1", "ios", 2, ALL_FIRST, False),
        ("2", "ios", 1, _BUILD, False),
        ("2", None, 1, _PLATFORM, False),
        (None, None, 1, _BUILD, False),
    ]
    store.close()


def test_a_day_with_one_combination_says_so(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    for day in (0, 0, 1):
        store.load(batch([_of("1", event_time=NOON + day * DAY)] * 2), NOON)
    assert _rows(store) == [("1", "ios", 4, ALL_FIRST, True), ("1", "ios", 2, ALL_FIRST, True)]
    store.close()


@pytest.mark.parametrize("seed", range(3))
def test_players_by_dimension_are_the_rows_with_its_bit(tmp_path: Path, seed: int) -> None:
    store = DuckDBStore(tmp_path)
    load_all(store, history(seed, 200), seed)
    for place, name in enumerate(DIMENSIONS):
        by_bit = f"""
            SELECT game_id, day, {name}, count(*) AS players FROM player_day_values
            WHERE player_no IS NOT NULL AND first_of >> {place} & 1 = 1 GROUP BY ALL ORDER BY ALL
        """  # noqa: S608 - names of ours
        by_events = f"""
            SELECT game_id, event_time::DATE AS day, {name}, count(DISTINCT player_no) AS players FROM events
            WHERE player_no IS NOT NULL GROUP BY ALL ORDER BY ALL
        """  # noqa: S608 - names of ours
        assert store.query(by_bit, {}).to_pylist() == store.query(by_events, {}).to_pylist(), name
    alone = "SELECT count(*) AS n FROM player_day_values WHERE is_only"
    counted = "SELECT count(*) AS n FROM (SELECT 1 FROM player_day_values GROUP BY player_day_no HAVING count(*) = 1)"
    assert store.query(alone, {}).to_pylist() == store.query(counted, {}).to_pylist()
    store.close()


def test_keys_are_the_same_in_python_and_in_sql(tmp_path: Path) -> None:
    pick = random.Random(1)
    texts = [None, "", "-", "a", "ab", "1:a", "é🎮", "a\0b", "x" * 300]
    rows = [{name: pick.choice(texts) for name in DIMENSIONS} for _ in range(500)]
    columns = [pa.array([row[name] for row in rows], pa.string()) for name in DIMENSIONS]
    staged = events(rows)
    encoded = {name: staged[name].combine_chunks().dictionary_encode() for name in DIMENSIONS}
    store = DuckDBStore(tmp_path)
    store.load(batch(rows), NOON)
    keys = f"SELECT {VALUES_KEY} AS key FROM events ORDER BY row_no"  # noqa: S608 - an expression of ours
    in_sql = store.query(keys, {})["key"].to_pylist()
    assert in_sql == values_keys(columns).tolist() == batch_keys(staged, encoded).tolist()
    assert len(set(in_sql)) == len({tuple(row.values()) for row in rows})
    store.close()


def test_money_of_ads_and_kinds_are_added_up(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path)
    for category in ("design", "error", "design"):
        store.load(batch([_of("1", category=category, ad_revenue_usd=None)]), NOON)
    found = store.query("SELECT events, kinds, ad_revenue_usd::DOUBLE AS usd FROM player_day_values", {}).to_pylist()
    assert found == [{"events": 3, "kinds": 1 | 4, "usd": 0.0}]
    store.close()
