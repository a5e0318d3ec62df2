"""A player with several values on one day is one player where these values are one group: `(other)`."""

import datetime as dt
from collections.abc import Iterator

import pytest

from questlog.analytics.question.query import Condition, Granularity, Operator, Period, Query
from questlog.analytics.runner import Analytics, Definitions
from tests.support.engines import BothEngines, ExactOnly, embedded_store
from tests.support.loading import FakeClock
from tests.support.staged import HOUR, NOON, batch, new_id

DAY = dt.date(2026, 1, 1)
ONE_DAY = Period(DAY, DAY)
ROWS = [
    {
        "client_event_id": new_id(),
        "player_id": player,
        "event_time": NOON + hour * HOUR,
        "received_at": NOON + hour * HOUR,
        "build": build,
        "platform": "ios",
    }
    # ann plays with all builds of the day, bob and cid with the most frequent one.
    for player, builds in (("ann", "1.0 1.1 1.2 1.3"), ("bob", "1.0"), ("cid", "1.0"))
    for hour, build in enumerate(builds.split())
]


@pytest.fixture(scope="module")
def engines() -> Iterator[BothEngines]:
    with embedded_store() as store:
        store.load(batch(ROWS), NOON + 9 * HOUR)
        yield BothEngines(store)


@pytest.fixture(params=["duckdb", "clickhouse"])
def engine(engines: BothEngines, request: pytest.FixtureRequest) -> ExactOnly:
    found: ExactOnly = getattr(engines, request.param)
    return found


def dau_by_build(engine: ExactOnly, limits: dict[str, int], **asked: object) -> list[tuple[str, int]]:
    analytics = Analytics(engine, FakeClock(NOON + 9 * HOUR), lambda _: Definitions(), limits)
    question = Query(("dau", "wau"), ONE_DAY, group_by=("build",), **asked)  # type: ignore[arg-type]
    rows = analytics.ask(1, question).table.to_pylist()
    assert [row["wau"] for row in rows] == [row["dau"] for row in rows]
    return [(row["build"], row["dau"]) for row in rows]


@pytest.mark.parametrize("granularity", [Granularity.DAY, Granularity.WEEK, Granularity.ALL])
def test_above_the_greatest_groups(engine: ExactOnly, granularity: Granularity) -> None:
    assert dau_by_build(engine, {}, top=1, granularity=granularity) == [("1.0", 3), ("(other)", 1)]


@pytest.mark.parametrize("granularity", [Granularity.DAY, Granularity.ALL])
def test_above_a_limit_of_cardinality(engine: ExactOnly, granularity: Granularity) -> None:
    assert dau_by_build(engine, {"build": 2}, granularity=granularity) == [("(other)", 1), ("1.0", 3), ("1.1", 1)]


def test_with_a_filter_beside(engine: ExactOnly) -> None:
    some = Condition("build", Operator.IS_NOT, ("1.0",))
    assert dau_by_build(engine, {}, top=1, filter=some) == [("1.1", 1), ("(other)", 1)]
