"""Answers compared with another period: each number is the one that the answer for its own period has."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from questlog.analytics.analyses.cohort_members import Form
from questlog.analytics.analyses.cohorts import Cohort
from questlog.analytics.analyses.comparison import answered
from questlog.analytics.analyses.economy import Economy, Largest
from questlog.analytics.analyses.economy_rows import Level
from questlog.analytics.analyses.explore import Explore
from questlog.analytics.analyses.funnel import Funnel, StepTimes
from questlog.analytics.analyses.histogram import Histogram
from questlog.analytics.analyses.progression import Progression
from questlog.analytics.analyses.retention import Retention
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Compare, Comparison, EventMatch, Granularity, Period
from questlog.analytics.registry import ANALYSES
from tests.support.asked import rows_of
from tests.support.staged import DAY, NOON

_NOW = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 2))
_PREVIOUS = Comparison.PREVIOUS_PERIOD
_OWN = Period(dt.date(2025, 12, 31), dt.date(2026, 1, 1))  # of the same length, and it overlaps


def event(day: int, player: str, category: str, event_id: str, **fields: Any) -> dict[str, Any]:
    told = {"player_id": player, "event_time": NOON + day * DAY, "category": category, "event_id": event_id}
    return {"session_id": player, **told, **fields}


ROWS = [
    event(0, "a", "design", "x:y", value=1.0, country="DE"),
    event(0, "b", "design", "x:y", value=5.0, country="FR"),
    event(1, "b", "design", "x:z", value=2.0, country="FR"),
    event(-1, "a", "design", "x:y", value=3.0, country="US"),
    event(-2, "c", "design", "x:gone", value=7.0, country="US"),
    event(-2, "c", "design", "x:gone", value=7.0, country="US"),
    event(-1, "c", "design", "x:y", value=1.0, country="FR"),
    event(0, "a", "progression", "Start:w:1"),
    event(1, "a", "progression", "Complete:w:1"),
    event(-2, "c", "progression", "Start:w:1", country="DE"),
    event(-1, "c", "progression", "Start:w:2"),
    event(0, "a", "resource", "Source:gold:shop:sword", value=10.0),
    event(0, "a", "resource", "Source:gold:shop:bow", value=5.0),
    event(-1, "c", "resource", "Source:gold:shop:bow", value=7.0),
    event(-1, "c", "resource", "Sink:gold:shop:axe", value=2.0),
]
_STEPS = (EventMatch("progression", "Start", is_prefix=True), EventMatch("progression", "Complete", is_prefix=True))


def ask(question: msgspec.Struct, context: Context) -> Answer:
    return answered(analysis_of(question), question, context)


def analysis_of(question: msgspec.Struct) -> Analysis:
    return next(each for each in ANALYSES if each.question is type(question))


def alone(question: Any, period: Period, context: Context) -> list[dict[str, Any]]:
    of_period = msgspec.structs.replace(question, compare=None, period=period)
    return rows_of(analysis_of(question).answer(of_period, context))


_QUESTIONS = [
    (Explore(_NOW, nodes=("x",), compare=_PREVIOUS), ("node",)),
    (Explore(_NOW, nodes=("x",), granularity=Granularity.DAY, compare=_PREVIOUS), ("bucket", "node")),
    (Explore(_NOW, histogram=Histogram(edges=(0.0, 2.0, 4.0)), compare=_PREVIOUS), ("low", "high")),
    (Progression(_NOW, depth=2, compare=_PREVIOUS), ("level",)),
    (Economy(_NOW, Level.ITEM_ID, compare=_PREVIOUS), ("item_id",)),
    (Funnel(_STEPS, _NOW, compare=_PREVIOUS), ("step",)),
    (
        Funnel(_STEPS, _NOW, granularity=Granularity.DAY, group_by=("country",), compare=_PREVIOUS),
        ("bucket", "country", "step"),
    ),
    (Funnel(_STEPS, _NOW, times=StepTimes(edges=(0.0, 86_400.0)), compare=_PREVIOUS), ("low_s", "high_s")),
    (Retention(_NOW, ages=1, compare=_PREVIOUS), ("cohort", "age")),
    (Retention(_NOW, ages=1, form=Form.CURVE, group_by=("country",), compare=_PREVIOUS), ("group", "age")),
    (Cohort(_NOW, ages=1, form=Form.CURVE, compare=_PREVIOUS), ("age",)),
]


@pytest.mark.parametrize("compare", [_PREVIOUS, _OWN])
@pytest.mark.parametrize(("question", "keys"), _QUESTIONS)
def test_each_row_has_the_numbers_of_the_previous_one_of_the_same_keys(
    question: Any, keys: tuple[str, ...], compare: Compare, context: Context
) -> None:
    question = msgspec.structs.replace(question, compare=compare)
    rows = rows_of(ask(question, context))
    compared = _NOW.compared(compare)
    now, before = (alone(question, period, context) for period in (_NOW, compared))
    shift = _NOW.start - compared.start
    previous = {key_of(row, keys, shift): row for row in before}
    assert [key_of(row, keys) for row in rows[: len(now)]] == [key_of(row, keys) for row in now]
    gone = set(previous) - {key_of(row, keys) for row in now}
    assert {key_of(row, keys) for row in rows[len(now) :]} == gone
    for place, row in enumerate(rows):
        told = {name: value for name, value in row.items() if not name.startswith("previous_")}
        assert place >= len(now) or told == now[place]
        was = previous.get(key_of(row, keys), {})
        for name in row:
            if name.startswith("previous_"):
                assert row[name] == was.get(name.removeprefix("previous_")), (name, row)
    assert any(name.startswith("previous_") for name in rows[0])


def key_of(row: Mapping[str, Any], keys: tuple[str, ...], shift: dt.timedelta = dt.timedelta()) -> tuple[Any, ...]:
    return tuple(row[name] + shift if name in ("bucket", "cohort") else row[name] for name in keys)


def test_the_groups_are_those_of_this_period(context: Context) -> None:
    question = Explore(_NOW, nodes=("x",), depth=0, group_by=("country",), top=1, compare=_PREVIOUS)
    rows = rows_of(ask(question, context))
    told = [(row["country"], row["count"], row["previous_count"]) for row in rows]
    assert told == [("FR", 2, 1), ("(other)", 1, 3)]
    grouped = Funnel(
        (EventMatch("design"), EventMatch("business")), _NOW, group_by=("country",), top=1, compare=_PREVIOUS
    )
    told = [
        (row["country"], row["count"], row["previous_count"])
        for row in rows_of(ask(grouped, context))
        if row["step"] == 1
    ]
    assert told == [("DE", 1, None), ("(other)", 1, 2)]


@pytest.mark.parametrize(
    ("compared", "previous"),
    [
        (Period(dt.date(2025, 12, 31), dt.date(2025, 12, 31)), [2, None]),
        (Period(dt.date(2025, 12, 30), dt.date(2026, 1, 1)), [2, 2]),
    ],
)
def test_buckets_of_periods_of_unequal_length_are_compared_by_their_order(
    compared: Period, previous: list[int | None], context: Context
) -> None:
    question = Explore(_NOW, nodes=("x",), depth=0, granularity=Granularity.DAY, compare=compared)
    assert [row["previous_count"] for row in rows_of(ask(question, context))] == previous


def test_the_greatest_items_are_those_of_this_period(context: Context) -> None:
    question = Economy(_NOW, Level.ITEM_ID, largest=Largest.SOURCE, items=2, compare=_PREVIOUS)
    rows = rows_of(ask(question, context))
    assert [(row["item_id"], row["source"], row["previous_source"]) for row in rows] == [
        ("sword", 10.0, None),
        ("bow", 5.0, 7.0),
    ]


def test_totals_are_compared_too(context: Context) -> None:
    totals = ask(Funnel(_STEPS, _NOW, granularity=Granularity.DAY, compare=_PREVIOUS), context).totals
    assert totals is not None
    assert [(row["step"], row["count"], row["previous_count"]) for row in totals.to_pylist()] == [(1, 1, 1), (2, 1, 0)]


@pytest.mark.parametrize(
    ("question", "field"),
    [
        (Explore(_NOW, histogram=Histogram(), compare=_PREVIOUS), "histogram.edges"),
        (Funnel(_STEPS, _NOW, times=StepTimes(), compare=_PREVIOUS), "times.edges"),
        (Funnel(_STEPS, _NOW, dropped_after=1, compare=_PREVIOUS), "compare"),
    ],
)
def test_what_cannot_be_compared(question: Any, field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        question.check({})
    assert refused.value.field == field
