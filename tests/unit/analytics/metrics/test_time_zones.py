"""A game in another zone can be asked by days of UTC: the same numbers as of a game in UTC."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from questlog.analytics.analyses.economy import Economy
from questlog.analytics.analyses.explore import Explore, Measure
from questlog.analytics.analyses.histogram import Histogram
from questlog.analytics.analyses.progression import Progression
from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.metrics.metric import DAY_METRICS
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, Filter, Granularity, Operator, Period, Query
from questlog.analytics.runner import Analytics, Definitions
from tests.support.engines import embedded_store
from tests.support.loading import FakeClock
from tests.support.staged import DAY, HOUR, NOON, batch

GAME = 1
NOW = NOON + 9 * DAY
ZONE = "Asia/Kathmandu"  # UTC+5:45
PERIOD = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 5))
METRICS = (*CATALOGUE, *(metric.name for metric in DAY_METRICS))


IDS = {"resource": "Source:gold:a:b", "progression": "Start:w1", "business": "shop:hat"}


def _events() -> Iterator[dict[str, Any]]:
    for place in range(60):
        kind = ("user", "design", "business", "resource", "error", "progression")[place % 6]
        yield {
            "player_id": f"player-{place % 7}",
            "session_id": f"session-{place % 7}-{place // 7}",
            "event_time": NOON + place * 3 * HOUR - DAY,
            "category": kind,
            "event_id": IDS.get(kind, "a"),
            "value": float(place) if kind in ("design", "resource") else None,
            "amount": 100 if kind == "business" else None,
            "currency": "USD" if kind == "business" else None,
            "country": ("DE", "FR", None)[place % 3],
            "attributes": ('{"mode":"easy"}', None)[place % 2],
        }


ROWS = list(_events())
SHAPES: Mapping[str, tuple[Granularity, tuple[str, ...], Filter | None]] = {
    "by day": (Granularity.DAY, (), None),
    "by hour": (Granularity.HOUR, (), None),
    "by week and country": (Granularity.WEEK, ("country",), None),
    "by age": (Granularity.ALL, ("player_age", "install_date"), None),
    "by attribute": (Granularity.DAY, ("attributes.mode",), Condition("country", Operator.IS_SET)),
}


def _analytics(zone: str) -> Iterator[Analytics]:
    with embedded_store() as store:
        if zone != "UTC":
            store.set_time_zone(GAME, zone, lambda *_: None)
        store.load(batch(ROWS), NOW)
        yield Analytics(store, FakeClock(NOW), lambda _: Definitions())


@pytest.fixture(scope="module")
def in_utc() -> Iterator[Analytics]:
    yield from _analytics("UTC")


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Analytics]:
    yield from _analytics(ZONE)


@pytest.mark.parametrize("shape", SHAPES)
def test_days_of_utc_can_be_asked_for(shape: str, in_utc: Analytics, elsewhere: Analytics) -> None:
    granularity, group_by, condition = SHAPES[shape]
    refused = {"wau", "mau", "stickiness"} if granularity is Granularity.HOUR else set()
    possible, rows = [name for name in METRICS if name not in refused], 0
    for start in range(0, len(possible), 20):
        asked = Query(tuple(possible[start : start + 20]), PERIOD, granularity, group_by, condition, time_zone="UTC")
        found, wanted = (each.ask(GAME, asked).table.to_pylist() for each in (elsewhere, in_utc))
        assert found == wanted
        rows += len(found)
    assert rows > 0


@pytest.mark.parametrize(
    "asked",
    [
        Explore(PERIOD, "resource", measures=tuple(Measure), granularity=Granularity.DAY, time_zone="UTC"),
        Explore(PERIOD, "design", histogram=Histogram(bins=3), time_zone="UTC"),
        Economy(PERIOD, granularity=Granularity.DAY, time_zone="UTC"),
        Progression(PERIOD, group_by=("country",), time_zone="UTC"),
    ],
    ids=["tree", "histogram", "items", "levels"],
)
def test_trees_items_and_levels_too(asked: msgspec.Struct, in_utc: Analytics, elsewhere: Analytics) -> None:
    found, wanted = (each.ask(GAME, asked).table.to_pylist() for each in (elsewhere, in_utc))
    assert found == wanted != []


def test_days_are_of_the_games_zone(in_utc: Analytics, elsewhere: Analytics) -> None:
    asked = Query(("events",), PERIOD)
    assert in_utc.ask(GAME, asked).table["events"].to_pylist() == [8, 8, 8, 8, 8]
    # Noon is 17:45: the event of 18:00 UTC and those until midnight are of the next day.
    assert elsewhere.ask(GAME, asked).table["events"].to_pylist() == [8, 8, 8, 8, 8]
    one_day = Query(("new_players", "dau"), Period(dt.date(2025, 12, 31), dt.date(2025, 12, 31)))
    assert in_utc.ask(GAME, one_day).table.to_pylist()[0]["dau"] == 4
    assert elsewhere.ask(GAME, one_day).table.to_pylist()[0]["dau"] == 3


@pytest.mark.parametrize("name", ["Europe/Berlin", "utc", "nowhere"])
def test_other_zones_are_refused(name: str, elsewhere: Analytics) -> None:
    with pytest.raises(InvalidQuery) as refused:
        elsewhere.ask(GAME, Query(("dau",), PERIOD, time_zone=name))
    assert (refused.value.field, refused.value.nearest) == ("time_zone", ZONE)
