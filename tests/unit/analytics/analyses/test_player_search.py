"""Finding players, the same on both engines."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from questlog.analytics.analyses import player_devices, player_purchases, player_search
from questlog.analytics.analyses.player_devices import PlayerDevices
from questlog.analytics.analyses.player_purchases import PlayerPurchases
from questlog.analytics.analyses.player_search import PlayerOrder, PlayerSearch
from questlog.analytics.engine.context import Context
from questlog.analytics.question.definitions import Did, SegmentDefinition, Who
from questlog.analytics.question.problems import InvalidQuery, NothingOfThatName
from questlog.analytics.question.query import Condition, EventMatch, Operator
from questlog.store.contract import PlayerProperties
from tests.support.asked import rows_of
from tests.support.engines import BothEngines, embedded_store
from tests.support.staged import DAY, MINUTE, NOON, batch, new_id

BUYERS = SegmentDefinition(Did(EventMatch("business")))
SAVED = {"buyers": BUYERS, "germans": SegmentDefinition(Who(Condition("country", Operator.IS, ("DE",))))}


def event(at: int, player: str, **fields: Any) -> dict[str, Any]:
    return {"client_event_id": new_id(), "player_id": player, "event_time": NOON + at, "platform": "ios", **fields}


ROWS = [
    event(0, "ann", country="DE", device="pad", build="1"),
    event(MINUTE, "ann", country="DE", device="pad", build="1"),
    event(DAY, "ann", country="FR", device="phone", build="2"),
    event(DAY, "Anna", country="FR"),
    event(DAY + 1, "b[o]b", country="DE"),
    event(2 * DAY, "bob", category="business", amount=99, currency="USD", amount_usd=Decimal("0.99"), country="DE"),
    event(3 * DAY, "ann", game_id=2),
]


@pytest.fixture(scope="module")
def engines() -> Iterator[BothEngines]:
    with embedded_store() as store:
        known = PlayerProperties(1, "set", NOON, '{"default": {"level": "3"}, "custom": {"level": "4"}}')
        store.load(batch(ROWS, properties=[known]), NOON)
        yield BothEngines(store)


@pytest.fixture(params=["duckdb", "clickhouse"])
def context(request: pytest.FixtureRequest, engines: BothEngines) -> Context:
    engine = engines.duckdb if request.param == "duckdb" else engines.clickhouse
    return Context(1, engine, NOON + 3 * DAY, segments=SAVED)


def found(context: Context, **asked: Any) -> list[str]:
    answer = player_search.answer(PlayerSearch(**asked), context)
    players = [row["player_id"] for row in rows_of(answer)]
    assert answer.totals is not None
    if "limit" not in asked and "after" not in asked:
        assert answer.totals.to_pylist() == [{"players": len(players)}]
    return players


def test_who_was_active_last_comes_first_and_who_never_was_last(context: Context) -> None:
    assert found(context) == ["bob", "b[o]b", "ann", "Anna", "set"]


def test_the_beginning_of_the_id_with_any_capitals_and_signs(context: Context) -> None:
    assert found(context, prefix="ANN") == ["ann", "Anna"]
    assert found(context, prefix="nn") == []
    assert found(context, prefix="b[") == ["b[o]b"]


def test_by_property_dimension_lifetime_number_and_segment(context: Context) -> None:
    def where(dimension: str, operator: Operator, value: str | float) -> list[str]:
        return found(context, filter=Condition(dimension, operator, (value,)))

    assert where("properties.level", Operator.IS, "4") == ["set"]
    assert where("country", Operator.IS, "DE") == ["bob", "b[o]b", "ann"]
    assert where("events", Operator.GREATER, 2) == ["ann"]
    assert where("segment.buyers", Operator.IS, "yes") == ["bob"]
    assert found(context, segment="buyers") == found(context, segment=BUYERS) == ["bob"]
    assert found(context, segment="germans", filter=Condition("segment.buyers", Operator.IS, ("no",)), prefix="a") == [
        "ann"
    ]


@pytest.mark.parametrize("order", list(PlayerOrder))
def test_pages_follow_each_other_without_gap_or_repetition(context: Context, order: PlayerOrder) -> None:
    whole = found(context, order=order)
    seen: list[str] = []
    after: str | None = None
    while not seen or after is not None:
        answer = player_search.answer(PlayerSearch(order=order, limit=2, after=after), context)
        seen += answer.table["player_id"].to_pylist()
        after = answer.next
    assert seen == whole
    assert sorted(whole) == ["Anna", "ann", "b[o]b", "bob", "set"]


def test_the_greatest_come_first(context: Context) -> None:
    assert found(context, order=PlayerOrder.EVENTS)[0] == "ann"
    assert found(context, order=PlayerOrder.REVENUE)[0] == "bob"


def test_with_no_limit_only_the_number(context: Context) -> None:
    answer = player_search.answer(PlayerSearch(limit=0), context)
    assert answer.totals is not None
    assert (answer.table.num_rows, answer.totals.to_pylist()) == (0, [{"players": 5}])


@pytest.mark.parametrize(
    ("question", "field"),
    [
        (PlayerSearch(after="nobody"), "after"),
        (PlayerSearch(segment="whales"), "segment"),
        (
            PlayerSearch(segment=SegmentDefinition(Did(EventMatch("design"), operator=Operator.IN))),
            "segment.rule.operator",
        ),
        (PlayerSearch(filter=Condition("value", Operator.IS, (1,))), "filter.dimension"),
        (PlayerSearch(filter=Condition("segment.whales", Operator.IS, ("yes",))), "filter.dimension"),
    ],
)
def test_what_cannot_be_asked(context: Context, question: PlayerSearch, field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        player_search.answer(question, context)
    assert refused.value.field == field


def test_the_question_comes_as_json() -> None:
    body = {"segment": {"rule": {"type": "in_segment", "name": "buyers"}}, "order": "revenue_usd", "limit": 0}
    assert msgspec.convert(body, PlayerSearch).order is PlayerOrder.REVENUE


def test_what_a_player_played_on(context: Context) -> None:
    rows = rows_of(player_devices.answer(PlayerDevices("ann"), context))
    assert [(row["device"], row["build"], row["country"], row["events"]) for row in rows] == [
        ("phone", "2", "FR", 1),
        ("pad", "1", "DE", 2),
    ]
    noon = dt.datetime(2026, 1, 1, 12)  # noqa: DTZ001 - engines answer naive UTC
    assert (rows[1]["first_seen"], rows[1]["last_seen"]) == (noon, noon + dt.timedelta(minutes=1))
    assert rows_of(player_devices.answer(PlayerDevices("set"), context)) == []
    with pytest.raises(NothingOfThatName):
        player_devices.answer(PlayerDevices("nobody"), context)


def test_what_a_player_bought(context: Context) -> None:
    found = player_purchases.answer(PlayerPurchases("bob"), context)
    assert [(row["amount"], row["is_refund"], row["event_id"]) for row in rows_of(found)] == [(99, False, None)]
    assert found.totals is not None
    assert found.totals.to_pylist() == [{"purchases": 1}]
    assert rows_of(player_purchases.answer(PlayerPurchases("ann"), context)) == []
