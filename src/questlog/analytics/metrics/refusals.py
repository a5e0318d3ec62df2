"""What cannot be asked of a metric: a granularity or a dimension that its numbers do not have."""

from collections.abc import Sequence

from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.measures import Base, Measure
from questlog.analytics.metrics.metrics import Group, Metric
from questlog.analytics.metrics.purchases import WHAT_HAPPENED
from questlog.analytics.question.problems import QuestionRefused
from questlog.analytics.question.query import EventMatch, Query
from questlog.analytics.selection.dimensions import check_event_dimension, check_filter, names_in
from questlog.analytics.selection.filters import check_values
from questlog.analytics.selection.segment_rules import check_members


def check_metrics(question: Query, metrics: Sequence[Metric], context: Context) -> None:
    """Raises `QuestionRefused` naming what is at fault."""
    for place, name in enumerate(question.group_by):
        check_event_dimension(f"group_by[{place}]", name)
        check_members(f"group_by[{place}]", [name], context.segments)
    check_filter("filter", question.filter, check_event_dimension)
    check_values(question.filter)
    check_members("filter", names_in(question.filter), context.segments)
    for place, metric in enumerate(metrics):
        _check_buckets(f"metrics[{place}]", metric, question)
        _check_dimensions(f"metrics[{place}]", metric, question)
        for measure in metric.measures:
            _check_match(f"metrics[{place}]", measure.match, context)


def _check_buckets(field: str, metric: Metric, question: Query) -> None:
    has_window = any(measure.base is Base.WINDOWS for measure in metric.measures)
    if question.granularity.is_within_a_day and has_window:
        detail = f"{metric.name!r} is a number of whole days, and cannot be asked by {question.granularity}"
        raise QuestionRefused(field, detail, "day")


def _check_dimensions(field: str, metric: Metric, question: Query) -> None:
    """Purchases split by what was bought have no players to be compared with who did not buy it."""
    if metric.group is not Group.MONEY:
        return
    happened = sorted((names_in(question.filter) | frozenset(question.group_by)) & WHAT_HAPPENED)
    if happened and any(map(_is_of_all_players, metric.measures)):
        detail = f"{metric.name!r} is about all players, and {happened[0]!r} about single purchases"
        raise QuestionRefused(field, detail)


def _is_of_all_players(measure: Measure) -> bool:
    if measure.base is Base.ACTIVITY:
        return measure.name in {"active", "player_days"}
    return measure.base in (Base.FIRST_PURCHASES, Base.COHORTS)


def _check_match(field: str, match: EventMatch, context: Context) -> None:
    """A saved metric may be about what is there no longer."""
    check_filter(f"{field}.event.filter", match.filter, check_event_dimension)
    check_values(match.filter, f"{field}.event.filter")
    check_members(f"{field}.event.filter", names_in(match.filter), context.segments)
