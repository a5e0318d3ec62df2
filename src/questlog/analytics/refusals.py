"""What cannot be asked of a metric: a granularity or a dimension that its numbers do not have."""

from collections.abc import Sequence

from questlog.analytics.context import Context
from questlog.analytics.dimensions import SEGMENT, check_event_dimension, check_filter
from questlog.analytics.measures import Base
from questlog.analytics.metrics import Metric
from questlog.analytics.problems import QuestionRefused, unknown
from questlog.analytics.query import Query


def check_metrics(question: Query, metrics: Sequence[Metric], context: Context) -> None:
    """Raises `QuestionRefused` naming what is at fault."""
    for place, metric in enumerate(metrics):
        has_window = any(measure.base is Base.WINDOWS for measure in metric.measures)
        if question.granularity.is_within_a_day and has_window:
            detail = f"{metric.name!r} is a number of whole days, and cannot be asked by {question.granularity}"
            raise QuestionRefused(f"metrics[{place}]", detail, "day")

    def check(field: str, name: str) -> None:
        check_event_dimension(field, name)
        if name.startswith(SEGMENT) and name.removeprefix(SEGMENT) not in context.segments:
            raise unknown(field, "segment", name.removeprefix(SEGMENT), context.segments)

    for place, name in enumerate(question.group_by):
        check(f"group_by[{place}]", name)
    check_filter("filter", question.filter, check)
