"""The answer to a `Query`: metrics over time, by dimensions (metrics.md §§3, 4)."""

from collections.abc import Mapping, Sequence

import msgspec
import pyarrow as pa

from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.metrics.intervals import divided, divides, interval_columns, interval_values
from questlog.analytics.metrics.measures import BY_AGE, counted_under
from questlog.analytics.metrics.metric import Metric, metric_named
from questlog.analytics.metrics.planner import answered
from questlog.analytics.metrics.result import (
    PREVIOUS,
    ResultShape,
    align_periods,
    column_of,
    in_order,
    merge,
    top_n,
    with_plain_numbers,
)
from questlog.analytics.metrics.sub_query import MetricRequest, group_column
from questlog.analytics.metrics.unpriced import unpriced_warnings
from questlog.analytics.metrics.validation import check_metrics
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import CustomMetric, SegmentDefinition
from questlog.analytics.question.examples import IS_IOS, JANUARY, Example
from questlog.analytics.question.query import Granularity, Query
from questlog.analytics.selection.cardinality import warnings
from questlog.analytics.selection.dimensions import meaning_of, referenced_dimensions
from questlog.analytics.selection.selection import Selection, TopGroups, select, zone_asked

_BUCKET = AnswerColumn(
    "bucket", "", "First day of the bucket, also where that is before the period; of an hour or minute its start, UTC."
)


def answer(question: Query, context: Context) -> Answer:
    """The metrics. Raises `InvalidQuery` for what cannot be asked, `QueryAborted` for what takes too long."""
    metrics = checked(question, context.segments, context.custom_metrics)
    selection = _selection(question, metrics, context)
    if question.top and question.group_by:
        selection = selection.with_top(_top_groups(question, metrics, selection, context))
    return Answer(
        table=_table(question, metrics, selection, context),
        columns=_columns(question, metrics),
        warnings=(
            *warnings(context, selection.caps),
            *unpriced_warnings(context, metrics, selection, question.compared_period),
        ),
        totals=_totals(question, metrics, selection, context) if question.totals else None,
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


def _selection(question: Query, metrics: Sequence[Metric], context: Context) -> Selection:
    matches = {measure.match for metric in metrics for measure in metric.measures}
    names = referenced_dimensions(*(match.filter for match in matches))
    zone = zone_asked(question.time_zone, context)
    selection = select(context, question.period, question.filter, question.group_by, zone=zone, names=names)
    is_of_age = any(measure.quantity in BY_AGE for metric in metrics for measure in metric.measures)
    return msgspec.structs.replace(selection, today=context.today_in(selection.zone)) if is_of_age else selection


def _table(question: Query, metrics: Sequence[Metric], selection: Selection, context: Context) -> pa.Table:
    shape = _shape(question, metrics, selection)
    rows = _rows(shape, metrics, selection, context)
    if selection.top:
        rows = in_order(rows, shape, selection.top)
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


def _shape(question: Query, metrics: Sequence[Metric], selection: Selection) -> ResultShape:
    measures = tuple(dict.fromkeys(measure for metric in metrics for measure in metric.measures))
    compared = question.compared_period
    previous = None if compared is None else selection.over(compared).days
    return ResultShape(selection.days, question.granularity, len(question.group_by), measures, previous)


def _rows(shape: ResultShape, metrics: Sequence[Metric], selection: Selection, context: Context) -> pa.Table:
    request = MetricRequest(shape.measures, selection, shape.granularity)
    tables = [each.rows for each in answered(request, metrics, context)]
    if shape.previous is not None:
        before = msgspec.structs.replace(request, selection=selection.over(shape.previous.period))
        tables += [align_periods(shape, each.rows) for each in answered(before, metrics, context)]
    return merge(shape, tables)


def _values(metric: Metric, shape: ResultShape, rows: pa.Table, prefix: str = "") -> pa.ChunkedArray:
    places = {measure: place for place, measure in enumerate(shape.measures)}
    return metric.formula(*(rows[f"{prefix}{column_of(places[measure])}"] for measure in metric.measures))


def _interval(metric: Metric, shape: ResultShape, rows: pa.Table) -> Sequence[pa.ChunkedArray]:
    """Numerator, denominator and interval of a share or mean; nothing of other metrics."""
    places = {measure: place for place, measure in enumerate(shape.measures)}
    parts = divided(metric.formula, [rows[column_of(places[measure])] for measure in metric.measures])
    return () if parts is None else interval_values(*parts, metric.unit)


def _top_groups(question: Query, metrics: Sequence[Metric], selection: Selection, context: Context) -> TopGroups:
    """The greatest groups by the first metric; if it alone does not know enough groups, those of the others too."""
    most = question.top or 0
    whole = msgspec.structs.replace(question, granularity=Granularity.ALL, compare=None)
    found: TopGroups = ()
    for known in (metrics[:1], metrics):
        shape = _shape(whole, known, selection)
        rows = _rows(shape, known, selection.with_top(()), context)
        found = top_n(rows, _values(metrics[0], shape, rows), shape.groups, most)
        if len(found) == most or len(metrics) == 1:
            break
    return found


def _totals(question: Query, metrics: Sequence[Metric], selection: Selection, context: Context) -> pa.Table:
    """The whole period without groups."""
    whole = msgspec.structs.replace(question, granularity=Granularity.ALL, group_by=(), top=None)
    selection = msgspec.structs.replace(selection, group_by=(), top=None, caps=())
    return _table(whole, metrics, selection, context)


def _columns(question: Query, metrics: Sequence[Metric]) -> Sequence[AnswerColumn]:
    columns = [] if question.granularity is Granularity.ALL else [_BUCKET]
    columns += [AnswerColumn(_group_name(name, question), "", meaning_of(name)) for name in question.group_by]
    for metric in metrics:
        definition = metric.definition
        if question.group_by or question.filter is not None:
            definition = " ".join(dict.fromkeys((definition, *(counted_under(m.quantity) for m in metric.measures))))
        columns.append(AnswerColumn(metric.name, metric.unit, definition))
        if question.compare is not None:
            described = f"{metric.name} of the period that is compared with: {definition}"
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
            "The five countries with the most revenue, compared with the month before",
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
