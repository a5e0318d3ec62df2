"""The economy: the same on both engines, and what somebody with the events at hand would add up."""

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.analytics.analyses.economy import Balances, Economy, Largest, Part, answer, balances
from questlog.analytics.analyses.economy_rows import COLUMNS, Level
from questlog.analytics.analyses.histogram import Histogram
from questlog.analytics.engine.context import Context
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, Granularity, Operator, Period
from tests.support.asked import column, context_of, rows_of
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, MANY, NOW, History, histories, load
from tests.support.oracle.game import Stored, game
from tests.support.oracle.zones import moment
from tests.support.staged import DAY, NOON, new_id

FIRST, LAST = dt.date(2026, 1, 1), dt.date(2026, 1, 2)
PERIOD = Period(FIRST, LAST)


def event(player: str | None, event_id: str, value: float | None, at: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "client_event_id": new_id(),
        "category": "resource",
        "player_id": player,
        "event_id": event_id,
        "value": value,
        "event_time": NOON + at,
        "platform": "ios",
        "country": "DE",
        **fields,
    }


ROWS = [
    event("ann", "Source:gold:quest:q1", 100.0),
    event("ann", "Source:gold:quest:q2", -5.0),  # as sent
    event("ann", "Sink:gold:shop:sword", -30.0),
    event("bob", "Sink:gold:shop:sword", 20.0, DAY, country="FR"),
    event("bob", "Source:gold:shop:sword", 7.0, DAY, country="FR"),
    event("bob", "Source:gems:daily", 3.0, DAY, country="FR"),
    event("cid", "Sink:gold:shop:axe", None, DAY, country=None),
    event(None, "Source:gold:quest:q1", 1.5, DAY),
    event("ann", "Source:gold:quest:q1", 1000.0, -DAY),
    event("ann", "Source:gold:quest:q1", 1.0, category="design"),
    event("ann", "Source:gold:quest:q1", 1.0, game_id=2),
    event("ann", "Source:gold:quest:q1", 1e308, game_id=7),
    event("ann", "Source:gold:quest:q1", 1e308, game_id=7),
]


def ask(context: Context, **asked: Any) -> list[dict[str, Any]]:
    return rows_of(answer(Economy(**{"period": PERIOD, **asked}), context))


def owned(context: Context, **asked: Any) -> list[dict[str, Any]]:
    return rows_of(balances(Balances(**{"day": LAST, **asked}), context))


@pytest.mark.parametrize("condition", [None, Condition("platform", Operator.IS, ("ios",))])
def test_a_currency_has_what_flows_in_and_out(context: Context, condition: Condition | None) -> None:
    gems, gold = ask(context, filter=condition)
    assert gold == {
        "currency": "gold", "source": 103.5, "sink": 50.0, "flow": 53.5, "sources": 4, "sinks": 3,
        "economy_players": 3, "source_per_player": 34.5, "sink_per_player": 50 / 3, "flow_per_player": 53.5 / 3,
    }  # fmt: skip
    assert (gems["currency"], gems["source"], gems["sinks"], gems["economy_players"]) == ("gems", 3.0, 0, 1)


def test_items_are_told_apart_by_all_parts_of_their_id(context: Context) -> None:
    rows = ask(context, by=Level.ITEM_ID, parts=(Part.FLOWS,))
    assert column(rows, "currency", "item_type", "item_id", "source", "sink") == [
        ("gems", "daily", None, 3.0, 0.0),
        ("gold", "quest", "q1", 101.5, 0.0),
        ("gold", "quest", "q2", -5.0, 0.0),
        ("gold", "shop", "axe", 0.0, 0.0),
        ("gold", "shop", "sword", 7.0, 50.0),
    ]
    of_gold = ask(context, by=Level.ITEM_TYPE, currency="gold", parts=(Part.PLAYERS,))
    assert column(of_gold, "item_type", "economy_players") == [("quest", 1), ("shop", 3)]


def test_the_largest_come_first_and_only_so_many(context: Context) -> None:
    rows = ask(context, by=Level.ITEM_ID, largest=Largest.SINK, items=2, granularity=Granularity.DAY)
    assert column(rows, "bucket", "item_id", "sink") == [
        (FIRST, "sword", 30.0),
        (LAST, "sword", 20.0),
        (LAST, None, 0.0),
    ]


def test_a_bucket_has_the_flows_of_its_time(context: Context) -> None:
    rows = ask(context, currency="gold", granularity=Granularity.DAY)
    assert column(rows, "bucket", "flow", "economy_players") == [(FIRST, 65.0, 1), (LAST, -11.5, 2)]
    rows = ask(context, currency="gold", granularity=Granularity.HOUR, parts=(Part.FLOWS,))
    assert column(rows, "bucket", "flow") == [
        (moment(NOON + 1 * DAY - DAY), 65.0),
        (moment(NOON + 2 * DAY - DAY), -11.5),
    ]


def test_flows_are_split_by_a_dimension(context: Context) -> None:
    rows = ask(context, currency="gold", group_by=("country",), top=2)
    assert column(rows, "country", "source", "sink", "economy_players") == [
        ("DE", 96.5, 30.0, 1),
        ("FR", 7.0, 20.0, 1),
        ("(other)", 0.0, 0.0, 1),
    ]


def test_a_group_that_is_called_as_another_column_says_so(context: Context) -> None:
    rows = ask(context, parts=(Part.FLOWS,), group_by=("source",))
    assert column(rows, "by_source", "currency", "source") == [
        ("gameanalytics", "gems", 3.0),
        ("gameanalytics", "gold", 103.5),
    ]


@pytest.mark.parametrize("condition", [None, Condition("platform", Operator.IS, ("ios",))])
def test_a_part_above_the_limit_of_a_day_is_other(context: Context, condition: Condition | None) -> None:
    limited = msgspec.structs.replace(context, limits={"resource_item_id": 1, "business_item_id": 0}, data_version=1)
    found = answer(Economy(PERIOD, Level.ITEM_ID, currency="gold", filter=condition), limited)
    rows = found.table.to_pylist()
    assert column(rows, "item_type", "item_id", "source", "sink", "economy_players") == [
        ("quest", "(other)", -3.5, 0.0, 1),
        ("quest", "q1", 100.0, 0.0, 1),
        ("shop", "(other)", 0.0, 30.0, 2),
        ("shop", "sword", 7.0, 20.0, 1),
    ]
    assert [warned.field for warned in found.warnings] == ["item_id"]
    by_day = answer(Economy(PERIOD, Level.ITEM_ID, granularity=Granularity.DAY), limited).table.to_pylist()
    assert sum(row["flow"] for row in by_day) == 56.5


def test_a_balance_is_of_all_time(context: Context) -> None:
    gems, gold = owned(context)
    assert gold == {
        "currency": "gold", "players": 3, "total": 1052.0, "mean": 1052 / 3, "min": -13.0, "max": 1065.0,
        "p05": pytest.approx(-11.7), "p25": -6.5, "median": 0.0, "p75": 532.5, "p95": pytest.approx(958.5),
    }  # fmt: skip
    assert gems["median"] == 3.0
    assert column(owned(context, day=FIRST), "currency", "players", "total") == [("gold", 1, 1065.0)]


def test_balances_of_players_who_pass_a_filter(context: Context) -> None:
    rows = owned(context, currency="gold", filter=Condition("country", Operator.IS, ("FR",)))
    assert column(rows, "players", "total") == [(1, -13.0)]


def test_balances_in_bins(context: Context) -> None:
    rows = owned(context, currency="gold", histogram=Histogram(bins=2))
    assert column(rows, "low", "high", "players", "share") == [
        (-13.0, 526.0, 2, 2 / 3),
        (526.0, 1065.0, 1, 1 / 3),
    ]
    assert owned(context, currency="silver", histogram=Histogram(bins=2)) == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"period": Period(LAST, FIRST)}, "period.end"),
        ({"items": 3}, "items"),
        ({"group_by": ("contry",)}, "group_by[0]"),
        ({"parts": (Part.FLOWS, Part.FLOWS)}, "parts[1]"),
    ],
)
def test_what_cannot_be_asked_is_named(asked: dict[str, Any], field: str, engines: BothEngines) -> None:
    with pytest.raises(InvalidQuery) as refused:
        ask(context_of(engines.duckdb), **asked)
    assert refused.value.field == field


def test_sums_beyond_all_numbers_are_an_answer_and_have_no_bins_of_their_own(context: Context) -> None:
    """Any finite amount is taken from a game."""
    context = msgspec.structs.replace(context, game_id=7)
    [row] = owned(context)
    assert (row["players"], row["max"]) == (1, math.inf)
    with pytest.raises(InvalidQuery, match="edges"):
        owned(context, currency="gold", histogram=Histogram())
    rows = owned(context, currency="gold", histogram=Histogram(edges=(0.0, 1.0)))
    assert column(rows, "low", "players") == [(None, 0), (0.0, 0), (1.0, 1)]


def test_a_histogram_is_of_one_currency(engines: BothEngines) -> None:
    with pytest.raises(InvalidQuery, match="currency"):
        owned(context_of(engines.duckdb), histogram=Histogram())


# ------------------------------------------------------------------------------------------------------------ property


@FEW
@given(history=histories(("resources", "resources")), level=st.sampled_from(Level))
def test_flows_are_what_adding_up_gives(history: History, level: Level) -> None:
    _compare(history, level)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@MANY
@given(history=histories(("resources", "resources")), level=st.sampled_from(Level))
def test_flows_are_what_adding_up_gives_at_length(history: History, level: Level) -> None:
    _compare(history, level)


def _compare(history: History, level: Level) -> None:
    period = Period(dt.date(2025, 12, 28), dt.date(2026, 1, 3))
    known = [event for event in game(history, NOW).events if event.sent.category == "resource"]
    flows = _flows([event for event in known if period.start <= event.day <= period.end], len(COLUMNS[level]))
    left = _left([event for event in known if event.day <= period.end])
    with embedded_store() as store:
        load(store, history)
        for engine in BothEngines(store):
            rows = answer(Economy(period, level), context_of(engine)).table.to_pylist()
            found = {tuple(row[name] for name in COLUMNS[level]): _told(row) for row in rows}
            assert found == flows
            rows = balances(Balances(period.end), context_of(engine)).table.to_pylist()
            assert {row["currency"]: (row["players"], row["total"]) for row in rows} == left


def _told(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("sources", "sinks", "source", "sink", "economy_players"))


def _flows(events: Sequence[Stored], parts: int) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for item in {_item(event, parts) for event in events}:
        of_item = [event for event in events if _item(event, parts) == item]
        sources, sinks = ([event for event in of_item if event.parts[0] == flow] for flow in ("Source", "Sink"))
        players = {event.player for event in of_item} - {None}
        source, sink = (
            sum(event.sent.value or 0 for event in sources),
            sum(abs(event.sent.value or 0) for event in sinks),
        )
        found[item] = (len(sources), len(sinks), source, sink, len(players))
    return found


def _item(event: Stored, parts: int) -> tuple[str, ...]:
    return event.parts[1 : parts + 1]


def _left(events: Sequence[Stored]) -> dict[str, tuple[int, float]]:
    found = {}
    for currency in {event.parts[1] for event in events if event.player is not None}:
        of_it = [event for event in events if event.parts[1] == currency and event.player is not None]
        signed = [
            (event.sent.value or 0) if event.parts[0] == "Source" else -abs(event.sent.value or 0) for event in of_it
        ]
        found[currency] = (len({event.player for event in of_it}), sum(signed))
    return found
