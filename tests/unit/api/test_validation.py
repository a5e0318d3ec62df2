from typing import Any

import pytest

from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.query import Query
from questlog.api.validation import Fault, NotOfType, converted

PERIOD = {"start": "2025-01-01", "end": "2025-01-31"}
QUERY = {"metrics": ["dau"], "period": PERIOD}
OPERATORS = {"type": "condition", "dimension": "country"}


def fault(value: object, wanted: type[Any] = Query) -> Fault:
    with pytest.raises(NotOfType) as refused:
        converted(value, wanted)
    return refused.value.fault


def test_what_is_of_the_type_is_converted() -> None:
    assert converted(QUERY, Query).period.days == 31


@pytest.mark.parametrize(
    ("value", "field", "nearest"),
    [
        ({**QUERY, "granularity": "dayly"}, "granularity", "day"),
        ({**QUERY, "metric": ["dau"]}, "metric", "metrics"),
        ({**QUERY, "period": {**PERIOD, "begin": "2025-01-01"}}, "period.begin", None),
        ({**QUERY, "filter": {"type": "conditions"}}, "filter.type", "condition"),
        ({**QUERY, "filter": {**OPERATORS, "operator": "is-not"}}, "filter.operator", "is_not"),
        ({**QUERY, "filter": {**OPERATORS, "value": ["DE"]}}, "filter.value", "values"),
        (
            {**QUERY, "filter": {"type": "all", "filters": [OPERATORS, {**OPERATORS, "operator": "matchs"}]}},
            "filter.filters[1].operator",
            "matches",
        ),
        ({**QUERY, "compare": "previous_perio"}, "compare", "previous_period"),
    ],
)
def test_a_wrong_word_is_named_with_the_nearest_right_one(value: object, field: str, nearest: str | None) -> None:
    found = fault(value)
    assert (found.field, found.nearest) == (field, nearest)
    assert found.detail.startswith("there is no such ")


def test_where_nothing_is_near_all_that_there_is_is_told() -> None:
    assert fault({**QUERY, "granularity": "xyz"}).detail == (
        "there is no such value: 'xyz'; there are minute, hour, day, week, month, all"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"period": PERIOD}, Fault("", "the field `metrics` is missing")),
        ({**QUERY, "metrics": []}, Fault("metrics", "must be a list of length >= 1")),
        ({**QUERY, "metrics": ["dau", 7]}, Fault("metrics[1]", "must be a text, not a whole number")),
        ({**QUERY, "period": {**PERIOD, "end": "31.1."}}, Fault("period.end", "must be a date like 2026-01-31")),
        ([], Fault("", "must be an object, not a list")),
    ],
)
def test_other_faults_are_told_with_their_field(value: object, expected: Fault) -> None:
    assert fault(value) == expected


def test_definitions_nest_as_deep_as_they_like() -> None:
    rule = {"type": "all", "rules": [{"type": "not", "rule": {"type": "did", "event": {"categry": "business"}}}]}
    assert fault({"rule": rule}, SegmentDefinition) == Fault(
        "rule.rules[0].rule.event.categry", "there is no such field: 'categry'", "category"
    )
