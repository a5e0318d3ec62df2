"""The answer to a `Query`: metrics over time, by dimensions (metrics.md §§3, 4)."""

from collections.abc import Mapping, Sequence

import msgspec
import pyarrow as pa

from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.metrics.comparison import beside
from questlog.analytics.metrics.intervals import divided, divides, interval_columns, interval_values
from questlog.analytics.metrics.metrics import Metric, metric_named
from questlog.analytics.metrics.parts import Kept, group_column
from questlog.analytics.metrics.plan import Asked, answered
from questlog.analytics.metrics.refusals import check_metrics
from questlog.analytics.metrics.series import PREVIOUS, Shape, column_of, put_together
from questlog.analytics.metrics.top import greatest, in_order, with_plain_numbers
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.question.examples import IS_IOS, JANUARY, Example
from questlog.analytics.question.query import Comparison, Granularity, Query
from questlog.analytics.selection.cardinality import capped_dimensions, warnings
from questlog.analytics.selection.dimensions import meaning_of

_BUCKET = AnswerColumn("bucket", "", "Start of the bucket, UTC; also where the bucket begins before the period.")


def answer(question: Query, context: Context) -> Answer:
    """The metrics. Raises `InvalidQuery` for what cannot be asked, `QueryAborted` for what takes too long."""
    metrics = checked(question, context.segments, context.custom_metrics)
    kept = _kept(question, metrics, context) if question.top and question.group_by else None
    return Answer(
        table=_table(question, metrics, kept, context),
        columns=_columns(question, metrics),
        warnings=warnings(context, capped_dimensions(context, question.group_by, question.period)),
        totals=_table(_total(question), metrics, None, context) if question.totals else None,
        data_version=context.data_version,
    )


def checked(
    question: Query, segments: Mapping[str, SegmentDefinition], custom: Mapping[str, CustomMetric]
) -> Sequence[Metric]:
    """The metrics that are asked for. Raises `InvalidQuery` for what cannot be asked."""
    question.check()
    metrics = [
        metric_named(f"metrics[{place}]", name, CATALOGUE, custom) for place, name in enumerate(question.metrics)
    ]
    check_metrics(question, metrics, segments)
    return metrics


def _table(question: Query, metrics: Sequence[Metric], kept: Kept | None, context: Context) -> pa.Table:
    shape = _shape(question, metrics)
    rows = _rows(question, shape, kept, context)
    if kept:
        rows = in_order(rows, shape.keys, kept, shape.groups)
    columns = [rows["bucket"]] if "bucket" in shape.keys else []
    for place, name in enumerate(question.group_by):
        columns.append(with_plain_numbers(rows[group_column(place)], name))
    for metric in metrics:
        columns.append(_values(metric, shape, rows))
        if shape.previous is not None:
            columns.append(_values(metric, shape, rows, PREVIOUS))
        if question.intervals:
            columns += _interval(metric, shape, rows)
    return pa.Table.from_arrays(columns, [column.name for column in _columns(question, metrics)])


def _shape(question: Query, metrics: Sequence[Metric]) -> Shape:
    measures = tuple(dict.fromkeys(measure for metric in metrics for measure in metric.measures))
    previous = question.period.before if question.compare is Comparison.PREVIOUS_PERIOD else None
    return Shape(question.period, question.granularity, len(question.group_by), measures, previous)


def _rows(question: Query, shape: Shape, kept: Kept | None, context: Context) -> pa.Table:
    asked = Asked(shape.measures, question.period, question.granularity, question.group_by, question.filter, kept)
    parts = list(answered(asked, context))
    if shape.previous is not None:
        before = answered(msgspec.structs.replace(asked, period=shape.previous), context)
        parts += [beside(shape, rows) for rows in before]
    return put_together(shape, parts)


def _values(metric: Metric, shape: Shape, rows: pa.Table, prefix: str = "") -> pa.ChunkedArray:
    places = {measure: place for place, measure in enumerate(shape.measures)}
    return metric.formula(*(rows[f"{prefix}{column_of(places[measure])}"] for measure in metric.measures))


def _interval(metric: Metric, shape: Shape, rows: pa.Table) -> Sequence[pa.ChunkedArray]:
    """Numerator, denominator and interval of a share or mean; nothing of other metrics."""
    places = {measure: place for place, measure in enumerate(shape.measures)}
    parts = divided(metric.formula, [rows[column_of(places[measure])] for measure in metric.measures])
    return () if parts is None else interval_values(*parts, metric.unit)


def _kept(question: Query, metrics: Sequence[Metric], context: Context) -> Kept:
    """The greatest groups by the first metric; if it alone does not know enough groups, those of the others too."""
    top = question.top or 0
    whole = msgspec.structs.replace(question, granularity=Granularity.ALL, compare=None)
    kept: Kept = ()
    for known in (metrics[:1], metrics):
        shape = _shape(whole, known)
        rows = _rows(whole, shape, (), context)
        kept = greatest(rows, _values(metrics[0], shape, rows), shape.groups, top)
        if len(kept) == top or len(metrics) == 1:
            break
    return kept


def _total(question: Query) -> Query:
    """The whole period without groups."""
    return msgspec.structs.replace(question, granularity=Granularity.ALL, group_by=(), top=None)


def _columns(question: Query, metrics: Sequence[Metric]) -> Sequence[AnswerColumn]:
    columns = [] if question.granularity is Granularity.ALL else [_BUCKET]
    columns += [AnswerColumn(_group_name(name, question), "", meaning_of(name)) for name in question.group_by]
    for metric in metrics:
        columns.append(AnswerColumn(metric.name, metric.unit, metric.definition))
        if question.compare is not None:
            described = f"{metric.name} of the previous period of the same length: {metric.definition}"
            columns.append(AnswerColumn(f"previous_{metric.name}", metric.unit, described))
        if question.intervals and divides(metric.formula):
            columns += interval_columns(metric.name, metric.unit)
    return columns


def _group_name(dimension: str, question: Query) -> str:
    """The dimension's name; `by_NAME` where a metric of that name is asked for too: `source` is both."""
    return f"by_{dimension}" if dimension in question.metrics else dimension


ANALYSIS = Analysis(
    "query",
    Query,
    answer,
    "Metrics over time, by dimensions.",
    page="reference/metrics.md",
    is_savable=True,
    check=checked,
    examples=(
        Example("Players and revenue, day by day", {"metrics": ["dau", "revenue"], "period": JANUARY}),
        Example(
            "The five countries with the most revenue, beside the month before",
            {
                "metrics": ["revenue", "paying_players", "arppu"],
                "period": JANUARY,
                "granularity": "all",
                "group_by": ["country"],
                "top": 5,
                "compare": "previous_period",
                "totals": True,
            },
        ),
        Example(
            "Day-1 and day-7 retention on iOS, week by week",
            {
                "metrics": ["new_players", "retention_d1", "retention_d7"],
                "period": JANUARY,
                "granularity": "week",
                "filter": IS_IOS,
            },
        ),
    ),
)
