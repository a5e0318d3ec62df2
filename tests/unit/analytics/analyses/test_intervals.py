"""What shares and means divide, and their intervals, in every analysis that has some: on both engines."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from questlog.analytics.analyses import cohorts, funnel, progression, retention
from questlog.analytics.analyses.cohort_members import Form
from questlog.analytics.analyses.cohorts import Cohort
from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.analyses.progression import Progression
from questlog.analytics.analyses.retention import Retention
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics import metric_query
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.query import EventMatch, Granularity, Period, Query
from tests.support.staged import DAY as DAY_US
from tests.support.staged import MINUTE, NOON

PERIOD = Period(dt.date(2025, 12, 30), dt.date(2025, 12, 30))
FIRST = NOON - 2 * DAY_US
PLAYERS = ("ada", "bob", "cy", "dot")
START, COMPLETE = "Start:world01", "Complete:world01"
ROWS: list[dict[str, Any]] = [
    *({"category": "user", "player_id": name, "event_time": FIRST} for name in PLAYERS),
    {"category": "user", "player_id": "ada", "event_time": FIRST + DAY_US},
    {
        "category": "business",
        "player_id": "ada",
        "event_time": FIRST + MINUTE,
        "amount": 500,
        "currency": "USD",
        "amount_usd": Decimal(5),
        "receipt_state": "unchecked",
    },
    *({"category": "progression", "event_id": START, "player_id": name, "event_time": FIRST} for name in PLAYERS),
    {
        "category": "progression",
        "event_id": COMPLETE,
        "player_id": "ada",
        "event_time": FIRST + MINUTE,
        "attempt_num": 3,
        "score": 10.0,
    },
]
ONE_OF_FOUR = (1, 4, pytest.approx(0.0455872608), pytest.approx(0.6993581574))
"""Wilson's interval of 1 of 4, by hand: (0.25 + z²/8 ± z √(0.1875/4 + z²/64)) ÷ (1 + z²/4)."""


def parts_of(told: Answer, name: str, place: int = 0) -> tuple[object, ...]:
    """The value's four columns in a row; each column has a meaning."""
    assert [column.name for column in told.columns] == told.table.column_names
    row = told.table.slice(place, 1).to_pylist()[0]
    numerator, denominator, low, high = (row[f"{name}_{part}"] for part in ("numerator", "denominator", "low", "high"))
    if row[name] is not None:
        assert row[name] == pytest.approx(float(numerator) / denominator)
    return numerator, denominator, low, high


def test_of_metrics(context: Context) -> None:
    question = Query(("dau", "conversion", "churn_d1", "arpdau"), PERIOD, Granularity.ALL, intervals=True, totals=True)
    told = metric_query.answer(question, context)
    assert parts_of(told, "conversion") == ONE_OF_FOUR
    assert parts_of(told, "churn_d1") == (3, 4, pytest.approx(1 - 0.6993581574), pytest.approx(1 - 0.0455872608))
    assert parts_of(told, "arpdau") == (5, 4, None, None)
    assert not any(name.startswith("dau_") for name in told.table.column_names)
    assert told.totals is not None
    assert told.totals.column_names == told.table.column_names


@pytest.mark.parametrize("form", Form)
def test_of_retention(form: Form, context: Context) -> None:
    told = retention.answer(Retention(PERIOD, ages=1, form=form, intervals=True), context)
    assert parts_of(told, "share", 1) == ONE_OF_FOUR
    assert told.totals is not None
    assert told.totals["share_high"].to_pylist() == [1.0, pytest.approx(0.6993581574)]


def test_of_days_that_have_not_passed(context: Context) -> None:
    [*_, last] = retention.answer(Retention(PERIOD, ages=9, intervals=True), context).table.to_pylist()
    assert (last["share_numerator"], last["share_denominator"]) == (None, 4)
    assert (last["share_low"], last["share_high"]) == (None, None)


def test_of_cohorts(context: Context) -> None:
    told = cohorts.answer(Cohort(PERIOD, ages=0, intervals=True), context)
    assert parts_of(told, "ltv") == (5, 4, None, None)
    assert parts_of(told, "sessions_total_per_player") == (0, 4, None, None)


def test_of_funnels(context: Context) -> None:
    steps = (EventMatch("progression", START), EventMatch("progression", COMPLETE), EventMatch("design"))
    told = funnel.answer(Funnel(steps, PERIOD, intervals=True), context)
    assert parts_of(told, "from_previous") == (None, None, None, None)
    assert parts_of(told, "from_first") == (4, 4, pytest.approx(0.5101091635), 1.0)
    assert parts_of(told, "from_previous", 1) == ONE_OF_FOUR
    assert parts_of(told, "from_first", 2) == (0, 4, 0.0, pytest.approx(1 - 0.5101091635))
    by_country = funnel.answer(Funnel(steps, PERIOD, group_by=("country",), intervals=True), context)
    assert parts_of(by_country, "from_first", 1) == ONE_OF_FOUR


def test_of_levels(context: Context) -> None:
    told = progression.answer(Progression(PERIOD, intervals=True), context)
    assert parts_of(told, "completion_rate") == ONE_OF_FOUR
    assert parts_of(told, "attempts_to_complete") == (3, 1, None, None)
    assert parts_of(told, "complete_score") == (10, 1, None, None)
    assert parts_of(told, "fail_rate") == (0, 1, 0.0, pytest.approx(0.7934506857))


def test_without_intervals_answers_are_as_they_were(context: Context) -> None:
    told = metric_query.answer(Query(("conversion",), PERIOD, Granularity.ALL), context)
    assert told.table.column_names == ["conversion"]
