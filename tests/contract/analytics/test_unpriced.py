"""Every answer about money that leaves purchases out says how many and in which currencies, on both engines."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from questlog.analytics.analyses.cohorts import Cohort
from questlog.analytics.analyses.realtime import Realtime, Span
from questlog.analytics.question.definitions import CustomMetric, CustomMetricKind
from questlog.analytics.question.query import Comparison, Condition, EventMatch, Granularity, Operator, Period, Query
from questlog.analytics.runner import Analytics, Definitions
from tests.support.answers import answers
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import GAME
from tests.support.loading import FakeClock
from tests.support.staged import DAY, batch, new_id

FIRST = dt.date(2026, 1, 5)
FIRST_US = (FIRST - dt.date(1970, 1, 1)).days * DAY
NOW = FIRST_US + 40 * DAY
FIRST_WEEK = Period(FIRST, FIRST + dt.timedelta(days=6))
SECOND_WEEK = Period(FIRST + dt.timedelta(days=7), FIRST + dt.timedelta(days=13))


def event(player: str, day: int, **fields: Any) -> dict[str, Any]:
    return {
        "game_id": GAME, "player_id": player, "session_id": f"{player}-{day}", "client_event_id": new_id(),
        "event_time": FIRST_US + day * DAY + DAY // 2, "received_at": FIRST_US + day * DAY + DAY // 2,
        "category": "business", "event_id": "gems:small", "platform": "ios", "receipt_state": "unchecked", **fields,
    }  # fmt: skip


def priced(player: str, day: int, **fields: Any) -> dict[str, Any]:
    return event(player, day, amount=1000, currency="USD", amount_usd=Decimal("10.000000"), **fields)


def unpriced(player: str, day: int, currency: str = "TWD", amount: int = 32_000, **fields: Any) -> dict[str, Any]:
    return event(player, day, amount=amount, currency=currency, **fields)


ROWS = [
    priced("us", 0),
    unpriced("tw", 0),
    unpriced("tw", 1, amount=-32_000),
    unpriced("tw", 2, "twd", platform="android", receipt_state="valid"),
    unpriced("vn", 3, "VND", event_id="hats:red"),
    event("free", 3, amount=0, currency="VND"),
    event("test", 3, category="custom", event_id="purchaseCompleted"),
    unpriced("vn", 9, "VND"),
    unpriced("vn", 20, "VND"),
    priced("us", 8),
]
SAVED = Definitions(
    custom_metrics={"hats": CustomMetric(CustomMetricKind.REVENUE, EventMatch("business", "hats", is_prefix=True))}
)


@pytest.fixture(scope="module", name="engines")
def _engines() -> Iterator[BothEngines]:
    with embedded_store() as store:
        store.load(batch([{**row, "offset": place} for place, row in enumerate(ROWS)]), NOW)
        yield BothEngines(store)


def warned(engines: BothEngines, question: msgspec.Struct, now_us: int = NOW) -> list[tuple[str, str]]:
    """Field and text up to the advice of each warning, the same on both engines."""
    told = [
        [
            (each.field, each.detail.partition(". With")[0])
            for each in answer.warnings
            if "purchases and refunds" in each.detail
        ]
        for _, answer in answers(engines, question, SAVED, now_us)
    ]
    assert told[0] == told[1]
    return told[0]


def left_out(parts: str, when: str = "") -> str:
    return f"purchases and refunds{when} have no price in US dollars and are left out: {parts}"


def asked(*metrics: str, period: Period = FIRST_WEEK, **others: Any) -> Query:
    return Query(metrics, period, others.pop("granularity", Granularity.ALL), **others)


@pytest.mark.parametrize(
    "metric", ["revenue", "gross_revenue", "refunded", "total_revenue", "arpdau", "arppu", "revenue_per_transaction"]
)
def test_what_has_no_price_is_counted_by_currency(engines: BothEngines, metric: str) -> None:
    assert warned(engines, asked(metric)) == [(metric, f"4 of 5 {left_out('3 in TWD, 1 in VND')}")]


@pytest.mark.parametrize(
    "metric", ["transactions", "paying_players", "conversion", "refunds", "dau", "ad_revenue", "retention_d1"]
)
def test_what_leaves_nothing_out_warns_of_nothing(engines: BothEngines, metric: str) -> None:
    assert warned(engines, asked(metric)) == []


def test_several_metrics_are_told_once(engines: BothEngines) -> None:
    query = asked("dau", "arppu", "revenue", granularity=Granularity.DAY, group_by=("platform",), top=1, totals=True)
    assert warned(engines, query) == [("arppu", f"4 of 5 {left_out('3 in TWD, 1 in VND')}")]


def test_only_what_the_filter_lets_pass_counts(engines: BothEngines) -> None:
    android = Condition("platform", Operator.IS, ("android",))
    assert warned(engines, asked("revenue", filter=android)) == [("revenue", f"1 of 1 {left_out('1 in TWD')}")]
    windows = Condition("platform", Operator.IS, ("windows",))
    assert warned(engines, asked("revenue", filter=windows)) == []


def test_only_receipts_in_the_state_count(engines: BothEngines) -> None:
    assert warned(engines, asked("revenue_valid")) == [("revenue_valid", f"1 of 1 {left_out('1 in TWD')}")]
    assert warned(engines, asked("revenue_invalid")) == []


def test_the_period_that_is_compared_with_has_a_warning_too(engines: BothEngines) -> None:
    query = asked("revenue", period=SECOND_WEEK, compare=Comparison.PREVIOUS_PERIOD)
    assert warned(engines, query) == [
        ("revenue", f"1 of 2 {left_out('1 in VND')}"),
        ("revenue", f"4 of 5 {left_out('3 in TWD, 1 in VND', ' of the period that is compared with')}"),
    ]


def test_days_on_which_all_have_a_price_are_not_warned_of(engines: BothEngines) -> None:
    day = FIRST + dt.timedelta(days=8)
    assert warned(engines, asked("revenue", period=Period(day, day))) == []


def test_a_day_within_is_looked_at_hour_by_hour(engines: BothEngines) -> None:
    query = asked("revenue", period=Period(FIRST, FIRST), granularity=Granularity.HOUR)
    assert warned(engines, query) == [("revenue", f"1 of 2 {left_out('1 in TWD')}")]


def test_a_cohorts_purchases_count_up_to_the_day_that_is_asked_for(engines: BothEngines) -> None:
    assert warned(engines, asked("ltv_d1")) == [("ltv_d1", f"3 of 4 {left_out('2 in TWD, 1 in VND')}")]
    assert warned(engines, asked("ltv_d7")) == [("ltv_d7", f"5 of 6 {left_out('3 in TWD, 2 in VND')}")]
    told = warned(engines, asked("revenue", "ltv_d1", "ltv_d2"))
    assert [field for field, _ in told] == ["revenue", "ltv_d1"]


def test_a_games_own_metric_leaves_out_of_its_events_only(engines: BothEngines) -> None:
    assert warned(engines, asked("hats")) == [("hats", f"1 of 1 {left_out('1 in VND')}")]


@pytest.mark.parametrize(
    ("granularity", "ages", "parts"),
    [
        (Granularity.DAY, 1, "3 of 4: 2 in TWD, 1 in VND"),
        (Granularity.DAY, 6, "5 of 6: 3 in TWD, 2 in VND"),
        (Granularity.WEEK, 0, "4 of 5: 3 in TWD, 1 in VND"),
        (Granularity.WEEK, 2, "6 of 8: 3 in TWD, 3 in VND"),
        (Granularity.MONTH, 0, "6 of 8: 3 in TWD, 3 in VND"),
    ],
)
def test_cohorts_leave_out_what_was_paid_up_to_the_last_age(
    engines: BothEngines, granularity: Granularity, ages: int, parts: str
) -> None:
    count, _, currencies = parts.partition(": ")
    assert warned(engines, Cohort(FIRST_WEEK, granularity, ages=ages)) == [
        ("revenue", f"{count} {left_out(currencies)}")
    ]


def test_cohorts_of_days_without_a_purchase_warn_of_nothing(engines: BothEngines) -> None:
    assert warned(engines, Cohort(Period(FIRST - dt.timedelta(days=9), FIRST - dt.timedelta(days=1)))) == []


@pytest.mark.parametrize(
    ("hour", "told"),
    [
        (3 * 24 + 11, [("revenue", f"1 of 1 {left_out('1 in TWD')}")]),
        (3 * 24 + 12, [("revenue", f"1 of 1 {left_out('1 in VND')}")]),
        (
            9 * 24 + 18,
            [("revenue", f"1 of 1 {left_out('1 in VND')}"), ("week_ago_revenue", f"1 of 1 {left_out('1 in TWD')}")],
        ),
        (12 * 24, []),
    ],
)
@pytest.mark.parametrize("condition", [None, Condition("category", Operator.IS, ("business",))])
def test_realtime_warns_of_what_its_hours_leave_out(
    engines: BothEngines, hour: int, told: list[tuple[str, str]], condition: Condition | None
) -> None:
    now_us = FIRST_US + hour * DAY // 24 + 1
    assert warned(engines, Realtime(Span.DAY, condition), now_us) == told


def test_many_currencies_are_told_by_the_greatest(engines: BothEngines) -> None:
    del engines
    rows = [unpriced("a", 0, code) for code in ("TWD", "VND", "ARS", "CLP", "COP", "UAH", "PEN", "VND")]
    with embedded_store() as store:
        store.load(batch([{**row, "offset": place} for place, row in enumerate(rows)]), NOW)
        told = warned(BothEngines(store), asked("revenue"))
    parts = "2 in VND, 1 in ARS, 1 in CLP, 1 in COP, 1 in PEN, 2 in 2 other currencies"
    assert told == [("revenue", f"8 of 8 {left_out(parts)}")]


def test_the_advice_names_the_command_and_the_settings(engines: BothEngines) -> None:
    for _, answer in answers(engines, asked("revenue"), now_us=NOW):
        [told] = answer.warnings
        assert "`questlog reprice`" in told.detail
        assert "money.wide_rates" in told.detail


def test_what_is_priced_by_approximate_rates_is_told(engines: BothEngines) -> None:
    del engines
    rows = [
        unpriced("a", 0, "TWD"),
        event("b", 0, amount=32_000, currency="TWD", amount_usd=Decimal("10.000000")),
        event("c", 0, amount=32_000, currency="TWD", amount_usd=Decimal("10.000000"), platform="android"),
        event("d", 0, amount=100, currency="RUB", amount_usd=Decimal("0.010000")),
        priced("us", 0),
    ]
    first_day = FIRST_US // DAY
    approximate = {"TWD": 0, "RUB": first_day + 30, "VND": 0}
    with embedded_store() as store:
        store.load(batch([{**row, "offset": place} for place, row in enumerate(rows)]), NOW)
        for engine in BothEngines(store):
            analytics = Analytics(engine, FakeClock(NOW), lambda _: Definitions(), approximate_from=lambda: approximate)
            told = [each.detail.partition(". With")[0] for each in analytics.ask(GAME, asked("revenue")).warnings]
            near = "purchases and refunds are priced by approximate exchange rates"
            assert told == [f"1 of 5 {left_out('1 in TWD')}", f"2 of 5 {near}: 2 in TWD"]
            later = Period(FIRST, FIRST + dt.timedelta(days=60))
            told = [each.detail for each in analytics.ask(GAME, asked("revenue", period=later)).warnings]
            assert told[1] == f"3 of 5 {near}: 2 in TWD, 1 in RUB"
            android = Condition("platform", Operator.IS, ("android",))
            told = [each.detail for each in analytics.ask(GAME, asked("revenue", filter=android)).warnings]
            assert told == [f"1 of 1 {near}: 1 in TWD"]
            assert analytics.ask(GAME, asked("transactions")).warnings == ()
