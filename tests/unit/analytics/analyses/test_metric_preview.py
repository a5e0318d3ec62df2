"""A metric that is not saved gives the numbers that it gives once it is saved."""

import datetime as dt

import msgspec
import pytest

from questlog.analytics.analyses import metric_preview
from questlog.analytics.analyses.metric_preview import MetricPreview
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics import metric_query
from questlog.analytics.question.definitions import CustomMetric, CustomMetricKind
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, EventMatch, Granularity, Operator, Period, Query
from tests.support.asked import rows_of
from tests.support.staged import DAY, NOON

_PERIOD = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 3))
ROWS = [
    {"player_id": "a", "event_id": "boss", "value": 2.0, "event_time": NOON, "platform": "ios"},
    {"player_id": "b", "event_id": "boss", "value": 3.0, "event_time": NOON, "platform": "android"},
    {"player_id": "a", "event_id": "boss", "value": 5.0, "event_time": NOON + DAY, "platform": "ios"},
    {"player_id": "a", "event_id": "other", "value": 7.0, "event_time": NOON + DAY, "platform": "ios"},
]


@pytest.mark.parametrize(
    ("kind", "values", "total"), [("count", [2, 1, 0], 3), ("sum", [5, 5, 0], 10), ("binomial", [2, 1, 0], 2)]
)
def test_it_is_counted_as_a_saved_one(context: Context, kind: str, values: list[int], total: int) -> None:
    metric = CustomMetric(CustomMetricKind(kind), EventMatch("design", "boss"))
    found = metric_preview.answer(MetricPreview(metric, _PERIOD), context)
    assert [row["preview"] for row in rows_of(found)] == values
    assert found.totals is not None
    assert found.totals.to_pylist()[0]["preview"] == total
    known = msgspec.structs.replace(context, custom_metrics={"mine": metric})
    saved = metric_query.answer(Query(("mine",), _PERIOD, Granularity.DAY, totals=True), known)
    assert [row["mine"] for row in rows_of(saved)] == values


def test_a_filter_holds_beside_that_of_the_metric(context: Context) -> None:
    metric = CustomMetric(
        CustomMetricKind.COUNT, EventMatch("design", filter=Condition("value", Operator.GREATER, (2,)))
    )
    question = MetricPreview(metric, _PERIOD, Granularity.ALL, Condition("platform", values=("ios",)))
    assert [row["preview"] for row in rows_of(metric_preview.answer(question, context))] == [2]


def test_an_event_that_cannot_be_is_refused(context: Context) -> None:
    metric = CustomMetric(CustomMetricKind.COUNT, EventMatch("desing"))
    with pytest.raises(InvalidQuery) as refused:
        metric_preview.answer(MetricPreview(metric, _PERIOD), context)
    assert (refused.value.field, refused.value.nearest) == ("metric.event.category", "design")
