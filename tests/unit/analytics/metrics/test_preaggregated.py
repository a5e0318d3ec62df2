"""Events with the same attributes are added up first, where a sample says that many have the same."""

import datetime as dt
import json
from typing import Any

import msgspec
import pytest

from questlog.analytics.engine.context import Context
from questlog.analytics.metrics import metric_query, planner
from questlog.analytics.metrics.sources import preaggregated
from questlog.analytics.question.query import Condition, Granularity, Not, Operator, Period, Query
from tests.support.asked import context_of, rows_of
from tests.support.engines import BothEngines, ExactOnly, embedded_store
from tests.support.staged import DAY, NOON, batch


def _event(place: int, category: str, event_id: str | None, **fields: Any) -> dict[str, Any]:
    attributes = [{}, {"mode": "easy"}, {"mode": "hard", "level": 3}, {"mode": None}, {"mode": [1]}, None][place % 6]
    text = None if attributes is None else json.dumps(attributes)
    row = {"category": category, "event_id": event_id, "attributes": text, "player_id": f"player-{place % 4}"}
    return {**row, "event_time": NOON + place % 3 * DAY, **fields}


ROWS = [
    *(
        _event(place, "design", f"a:{place % 5}", value=None if place % 7 == 0 else (place - 20) / 4)
        for place in range(40)
    ),
    *(
        _event(place, "resource", ("Sink:gem:hat:red", "Source:gem:hat:red")[place % 2], value=place - 10)
        for place in range(20)
    ),
    *(_event(place, "error", None) for place in range(15)),
]
WEEK = Period(dt.date(2025, 12, 31), dt.date(2026, 1, 6))
METRICS = ("design_count", "design_sum", "design_mean", "design_min", "design_max", "source", "sink", "errors")
MODE = "attributes.mode"
QUESTIONS = [
    Query(METRICS, WEEK, Granularity.DAY, (MODE,), totals=True),
    Query(METRICS, WEEK, Granularity.ALL, (MODE, "attributes.level"), top=2),
    Query(METRICS[:1], WEEK, Granularity.WEEK, (MODE,)),
    Query(METRICS[:5], WEEK, Granularity.ALL, ("design_02", MODE)),
    Query(METRICS[:5], WEEK, Granularity.DAY, (), Condition(MODE, Operator.IS, ("easy",))),
    Query(("errors",), WEEK, Granularity.ALL, ("category",), Not(Condition(MODE, Operator.IS_SET))),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
def test_the_numbers_are_the_same(
    question: Query, context: Context, engine: ExactOnly, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(is_worth_it: bool) -> list[dict[str, Any]]:
        forced = msgspec.structs.replace(preaggregated.SOURCE, is_worth_it=lambda *_: is_worth_it)
        sources = [forced if each.build is preaggregated.build else each for each in planner.SOURCES]
        monkeypatch.setattr(planner, "SOURCES", sources)
        engine.statements.clear()
        found = metric_query.answer(question, context)
        return sorted([*rows_of(found), *(found.totals.to_pylist() if found.totals else [])], key=repr)

    one_by_one = asked(is_worth_it=False)
    assert not _is_preaggregated(engine)
    assert asked(is_worth_it=True) == one_by_one != []
    assert _is_preaggregated(engine)


@pytest.mark.parametrize(("texts", "is_taken"), [(3, True), (5_000, False)])
def test_a_sample_tells(texts: int, is_taken: bool) -> None:
    rows = [
        {"category": "design", "event_id": "a", "attributes": f'{{"mode":{place % texts}}}'}
        for place in range(preaggregated.SAMPLED)
    ]
    with embedded_store() as store:
        store.load(batch(rows), NOON)
        engine = BothEngines(store).duckdb
        found = metric_query.answer(Query(("design_count",), WEEK, Granularity.ALL, (MODE,)), context_of(engine))
    assert len(rows_of(found)) == texts
    assert _is_preaggregated(engine) == is_taken


def test_few_events_are_read_one_by_one(context: Context, engine: ExactOnly) -> None:
    engine.statements.clear()
    metric_query.answer(QUESTIONS[0], context)
    assert not _is_preaggregated(engine)


def _is_preaggregated(engine: ExactOnly) -> bool:
    return any('"value_abs_sum"' in statement and '"attributes"' in statement for statement in engine.statements)
