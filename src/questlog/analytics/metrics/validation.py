"""What cannot be asked of a metric: a granularity or a dimension that its numbers do not have."""

from collections.abc import Mapping, Sequence

from questlog.analytics.metrics.measures import Quantity
from questlog.analytics.metrics.metric import Group, Metric
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Query
from questlog.analytics.selection.dimensions import WHAT_HAPPENED, check_event_dimension, referenced_dimensions
from questlog.analytics.selection.filters import check_filter
from questlog.analytics.selection.segment_rules import with_segments


def check_metrics(question: Query, metrics: Sequence[Metric], segments: Mapping[str, SegmentDefinition]) -> None:
    """Raises `InvalidQuery` naming what is at fault."""
    check = with_segments(check_event_dimension, segments)
    for place, name in enumerate(question.group_by):
        check(f"group_by[{place}]", name)
    check_filter("filter", question.filter, check)
    for place, metric in enumerate(metrics):
        _check_buckets(f"metrics[{place}]", metric, question)
        _check_dimensions(f"metrics[{place}]", metric, question)
        for measure in metric.measures:
            # A saved metric may be about what is there no longer.
            check_filter(f"metrics[{place}].event.filter", measure.match.filter, check)


def _check_buckets(field: str, metric: Metric, question: Query) -> None:
    has_window = any(measure.quantity is Quantity.PLAYERS_OF_DAYS for measure in metric.measures)
    if question.granularity.is_within_a_day and has_window:
        detail = f"{metric.name!r} is a number of whole days, and cannot be asked by {question.granularity}"
        raise InvalidQuery(field, detail, "day")


def _check_dimensions(field: str, metric: Metric, question: Query) -> None:
    """Purchases split by what was bought have no players to be compared with who did not buy it."""
    happened = sorted((referenced_dimensions(question.filter) | frozenset(question.group_by)) & WHAT_HAPPENED)
    quantities = {measure.quantity for measure in metric.measures}
    if happened and metric.group is Group.MONEY and quantities & _OF_ALL_PLAYERS:
        instead = "paying_players" if Quantity.PAYING_PLAYERS in quantities else "revenue"
        state = next((measure.state for measure in metric.measures if measure.state), None)
        detail = f"{metric.name!r} compares with all players, and {happened[0]!r} is about single events"
        raise InvalidQuery(field, detail, f"{instead}_{state}" if state else instead)


_OF_ALL_PLAYERS = frozenset({Quantity.ACTIVE_PLAYERS, Quantity.ACTIVE_PLAYER_DAYS})
