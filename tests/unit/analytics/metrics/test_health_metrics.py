"""Frames per second, memory and boot times, from the tables that SDKs send."""

import datetime as dt
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from questlog.analytics.metrics.sources.value_counts import MAX_NUMBERS
from questlog.analytics.question.query import Granularity, Period, Query
from questlog.analytics.runner import Analytics, Definitions
from tests.support.engines import BothEngines, embedded_store
from tests.support.loading import FakeClock
from tests.support.staged import DAY, NOON, batch, new_id

GAME = 1
DAYS = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 2))
NAMES = ("fps", "fps_p5", "fps_median", "fps_p95")


def event(category: str, device: str, attributes: object, at: int = 0) -> dict[str, Any]:
    text = attributes if isinstance(attributes, str) else json.dumps(attributes)
    return {
        "client_event_id": new_id(),
        "player_id": "ann",
        "category": category,
        "device": device,
        "event_time": NOON + at,
        "received_at": NOON + at,
        "attributes": text,
    }


def fps(**samples: int) -> dict[str, list[int]]:
    table = [0] * 121
    for value, count in samples.items():
        table[int(value.removeprefix("at_"))] = count
    return {"fps_data_table": table}


ROWS = [
    event("health", "phone", fps(at_30=7, at_60=3)),
    event("health", "phone", fps(at_59=1, at_120=2)),
    event("health", "pad", fps(at_0=1), at=DAY),
    event("health", "pad", fps(), at=DAY),
    event("health", "odd", '{"fps_data_table":"none"}'),
    event("health", "odd", '{"fps_data_table":[]}'),
    event("health", "odd", '{"fps_data_table":[null,-3,{"a":1},"4",2e10,2.0]}'),
    event("health", "odd", {"fps_data_table": [0] * 200 + [5]}),
    event("health", "phone", {"memory_sys_data_table": [0, 1], "memory_app_data_table": [2]}),
    event("design", "phone", fps(at_1=99)),
    event("sdk_init", "phone", {"app_boot_time": 100}),
    event("sdk_init", "phone", {"app_boot_time": 201}),
    event("sdk_init", "pad", {"app_boot_time": None}),
    event("sdk_init", "pad", {"app_boot_time": "soon"}),
]


@pytest.fixture(scope="module")
def engines() -> Iterator[BothEngines]:
    with embedded_store() as store:
        store.load(batch(ROWS), NOON + DAY)
        yield BothEngines(store)


@pytest.fixture(params=["duckdb", "clickhouse"])
def analytics(engines: BothEngines, request: pytest.FixtureRequest) -> Analytics:
    return Analytics(getattr(engines, request.param), FakeClock(NOON + DAY), lambda _: Definitions())


def expected(*samples: int) -> list[float]:
    quantiles = [float(np.quantile(samples, share)) for share in (0.05, 0.5, 0.95)]
    return [float(np.mean(samples)), *quantiles]


def test_frame_rates_are_of_all_samples(analytics: Analytics) -> None:
    table = analytics.ask(GAME, Query(NAMES, DAYS, Granularity.ALL, ("device",))).table
    rows = {row["device"]: [row[name] for name in NAMES] for row in table.to_pylist()}
    assert rows["phone"] == pytest.approx(expected(*[30] * 7, *[60] * 3, 59, 120, 120))
    assert rows["pad"] == [0, 0, 0, 0]
    assert rows["odd"] == [5, 5, 5, 5]  # nothing but the entry at place 5 is a number of samples


def test_a_day_without_samples_has_no_frame_rate(analytics: Analytics) -> None:
    days = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 3))
    table = analytics.ask(GAME, Query(("fps_median",), days)).table
    assert table["fps_median"].to_pylist() == [30.0, 0.0, None]


def test_numbers_that_are_too_many_to_be_put_in_order_are_the_engines_work() -> None:
    with embedded_store() as store:
        store.load(batch([event("design", "phone", {}) | {"value": 7.0}]), NOON)
        numbers = f"range({MAX_NUMBERS + 1}) AS series(number)"
        many = f"SELECT 1, DATE '2026-01-01', 'design_value', 70000, number, 1 FROM {numbers}"  # noqa: S608
        for statement in (
            f"INSERT INTO value_counts {many}",
            "INSERT INTO value_bins VALUES (9, 1, DATE '2026-01-01', 'design_value', 70000, 5000000, 5e15)",
        ):
            store._transact(partial(store._loader.write, statement))
        analytics = Analytics(store, FakeClock(NOON), lambda _: Definitions())
        table = analytics.ask(GAME, Query(("design_median", "design_p95"), DAYS)).table
        assert table["design_median"].to_pylist() == table["design_p95"].to_pylist() == [7.0, None]


def test_many_samples_of_a_damaged_table_are_counted_all_the_same() -> None:
    days = 3_600
    rows = [event("health", "phone", fps(at_30=1), at=day * DAY) for day in range(days)]
    damaged = json.dumps({"fps_data_table": [10**9] * 121})
    with embedded_store() as store:
        store.load(batch([*rows, event("health", "phone", damaged, at=-DAY)]), NOON + DAY)
        count = "UPDATE value_bins SET samples = samples * 24000 WHERE samples > 1"
        for statement in (count, count.replace("value_bins", "value_counts")):
            store._transact(partial(store._loader.write, statement))
        period = Period(dt.date(2025, 12, 31), dt.date(2025, 12, 31) + dt.timedelta(days=days))
        analytics = Analytics(store, FakeClock(NOON + days * DAY), lambda _: Definitions())
        values = analytics.ask(GAME, Query(("fps_median",), period)).table["fps_median"].to_pylist()
        assert values == [60.0, *[30.0] * days]


def test_a_quantile_between_huge_numbers_is_between_them() -> None:
    with embedded_store() as store:
        store.load(batch([event("design", "phone", {}) | {"value": value} for value in (-1.7e308, 1.7e308)]), NOON)
        analytics = Analytics(store, FakeClock(NOON), lambda _: Definitions())
        assert analytics.ask(GAME, Query(("design_median",), DAYS)).table["design_median"].to_pylist() == [0.0, None]


def test_memory_and_boot_times(analytics: Analytics) -> None:
    names = ("memory_used", "app_memory_used", "boot_time", "boot_time_median", "boot_time_p95", "health_players")
    [row] = analytics.ask(GAME, Query(names, DAYS, Granularity.ALL)).table.to_pylist()
    assert row == {
        "memory_used": 1.0,
        "app_memory_used": 0.0,
        "boot_time": 150.5,
        "boot_time_median": 150.5,
        "boot_time_p95": pytest.approx(195.95),
        "health_players": 1,
    }
