"""Words of closed vocabularies are checked like the names of metrics."""

import datetime as dt
from collections.abc import Callable

import pytest

from questlog.analytics.analyses.cohort_members import check_match
from questlog.analytics.analyses.explore import Explore
from questlog.analytics.question.definitions import Did, SegmentDefinition
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import AllOf, Condition, EventMatch, Filter, Operator, Period
from questlog.analytics.selection.dimensions import check_event_dimension
from questlog.analytics.selection.filters import check_filter
from questlog.analytics.selection.segment_rules import check_segment
from questlog.model.taxonomy import VOCABULARIES

DAY = dt.date(2026, 1, 1)


def refusal(condition: Filter) -> tuple[str, str, str | None]:
    with pytest.raises(InvalidQuery) as refused:
        check_filter("filter", condition, check_event_dimension)
    return refused.value.field, refused.value.detail, refused.value.nearest


@pytest.mark.parametrize("operator", [Operator.IS, Operator.IS_NOT, Operator.IN, Operator.NOT_IN])
@pytest.mark.parametrize("dimension", VOCABULARIES)
def test_a_word_that_there_is_not_is_refused_with_the_nearest(dimension: str, operator: Operator) -> None:
    word = VOCABULARIES[dimension][-1]
    check_filter("filter", Condition(dimension, operator, (word,)), check_event_dimension)
    field, detail, nearest = refusal(Condition(dimension, operator, (f"{word}s",)))
    assert (field, nearest) == ("filter.values[0]", word)
    assert detail == f"there is no {dimension} '{word}s'"


def test_the_place_of_the_word_is_told_and_all_words_where_none_is_near() -> None:
    condition = AllOf((Condition("severity", Operator.IN, ("error", "zzz")),))
    assert refusal(condition) == (
        "filter.filters[0].values[1]",
        "there is no severity 'zzz'; allowed are debug, info, warning, error, critical",
        None,
    )


def test_what_is_no_word_is_not_checked() -> None:
    for condition in (
        Condition("category", Operator.CONTAINS, ("desi",)),
        Condition("attributes.severity", Operator.IS, ("zzz",)),
        Condition("connection_type", Operator.IS, ("satellite",)),
    ):
        check_filter("filter", condition, check_event_dimension)


MATCH = EventMatch("desing", "Combat")


@pytest.mark.parametrize(
    ("check", "field"),
    [
        (lambda: check_match("steps[1]", MATCH, {}), "steps[1].category"),
        (lambda: Explore(Period(DAY, DAY), "desing").check({}), "category"),
        (lambda: check_segment("segment", SegmentDefinition(Did(MATCH)), {}), "segment.rule.event.category"),
    ],
)
def test_categories_of_events_are_checked_wherever_an_event_is_meant(check: Callable[[], None], field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        check()
    assert (refused.value.field, refused.value.nearest) == (field, "design")
