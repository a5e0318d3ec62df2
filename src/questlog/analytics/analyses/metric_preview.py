"""The answer to a custom metric before it is saved."""

from collections.abc import Mapping

import msgspec

from questlog.analytics.analyses.cohort_members import check_match
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics import metric_query
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.question.examples import CUSTOM_METRIC, JANUARY, Example
from questlog.analytics.question.query import Compare, Filter, Granularity, Period, Query

NAME = "preview"
"""The metric's name in the answer."""


class MetricPreview(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A custom metric that is not saved, over time.

    The answer is that of a `query` for it with totals; the metric's column is `preview`.
    """

    metric: CustomMetric
    period: Period
    granularity: Granularity = Granularity.DAY
    filter: Filter | None = None
    compare: Compare | None = None

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        check_match("metric.event", self.metric.event, segments)
        metric_query.checked(self.query, segments, {NAME: self.metric})

    @property
    def query(self) -> Query:
        """The same question for a saved metric."""
        return Query(
            metrics=(NAME,),
            period=self.period,
            granularity=self.granularity,
            filter=self.filter,
            compare=self.compare,
            totals=True,
        )


def answer(question: MetricPreview, context: Context) -> Answer:
    """The metric over time. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    custom = {**context.custom_metrics, NAME: question.metric}
    return metric_query.answer(question.query, msgspec.structs.replace(context, custom_metrics=custom))


ANALYSIS = Analysis(
    "metric-preview",
    MetricPreview,
    answer,
    "A custom metric that is not saved, over time.",
    page="reference/analyses/metric-preview.md",
    examples=(Example("Bosses killed on iOS, day by day", {"metric": CUSTOM_METRIC.body, "period": JANUARY}),),
)
