"""One name for one thing: `group_by` is a list and `top` means groups, in every question that has them."""

import datetime as dt

import msgspec
import pytest

from questlog.analytics.analyses.cohorts import Cohort
from questlog.analytics.analyses.economy import Economy
from questlog.analytics.analyses.explore import Explore
from questlog.analytics.analyses.progression import Progression
from questlog.analytics.analyses.retention import Retention
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import GroupBy, Period
from questlog.analytics.registry import ANALYSES

PERIOD = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 2))
GROUPED = [
    (analysis.name, field)
    for analysis in ANALYSES
    for field in msgspec.structs.fields(analysis.question)
    if field.encode_name == "group_by"
]


@pytest.mark.parametrize(("name", "field"), GROUPED)
def test_group_by_is_a_list(name: str, field: msgspec.structs.FieldInfo) -> None:
    assert (name, field.type, field.default) == (name, GroupBy, ())


def test_most_analyses_can_be_grouped() -> None:
    assert {name for name, _ in GROUPED} >= {"query", "explore", "retention", "cohorts", "funnel", "progression"}


@pytest.mark.parametrize("question", [Explore, Retention, Cohort, Progression, Economy])
def test_an_analysis_of_one_group_says_so(
    question: type[Explore | Retention | Cohort | Progression | Economy],
) -> None:
    question(PERIOD, group_by=("country",)).check({})
    with pytest.raises(InvalidQuery, match="one dimension to group by") as refused:
        question(PERIOD, group_by=("country", "platform")).check({})
    assert refused.value.field == "group_by[1]"
