"""Which source answers which measure: the first of the list that can. No other place chooses access paths."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import pyarrow as pa

from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.measures import Measure
from questlog.analytics.metrics.metric import Metric
from questlog.analytics.metrics.result import column_of
from questlog.analytics.metrics.sources import (
    cohorts,
    event_days,
    events,
    player_day_values,
    player_days,
    preaggregated,
    purchases,
    samples,
    sessions,
    value_counts,
    windows,
)
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, measure_column, most_rows
from questlog.analytics.question.problems import too_many_rows
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.buckets import with_starts
from questlog.analytics.selection.event_ids import event_ids
from questlog.analytics.selection.selection import with_caps

SOURCES: Sequence[Source] = (
    player_days.SOURCE,
    player_day_values.SOURCE,
    windows.BY_PLAYERS,
    windows.BY_VALUES,
    windows.BY_EVENTS,
    cohorts.PLAYERS,
    cohorts.RETURNS,
    cohorts.RETURNS_BY_EVENTS,
    cohorts.REVENUE,
    purchases.SOURCE,
    purchases.FIRST,
    sessions.SOURCE,
    event_days.SOURCE,
    value_counts.SUMS,
    value_counts.QUANTILES,
    preaggregated.SOURCE,
    samples.SOURCE,
    events.SOURCE,
)
"""In the order in which they are asked: the cheapest first."""


class Answered(msgspec.Struct, frozen=True):
    """The rows of a source: `bucket`, the groups, and the columns of its measures (`result.column_of`)."""

    source: str
    rows: pa.Table


class _Asked(NamedTuple):
    metrics: Sequence[Metric]
    context: Context


def answered(request: MetricRequest, metrics: Sequence[Metric], context: Context) -> Sequence[Answered]:
    """What each source answers for these metrics; the context's trace keeps which source answered which.

    Raises `InvalidQuery` for an answer of too many rows, `QueryAborted`.
    """
    return _answered(request, request.measures, SOURCES, _Asked(metrics, context))


def planned(
    request: MetricRequest, measures: Sequence[Measure], sources: Sequence[Source]
) -> Sequence[tuple[Source, tuple[Measure, ...]]]:
    """The measures by source and statement. Every measure has a source that can answer it."""
    grouped: dict[tuple[int, str], list[Measure]] = {}
    for measure in measures:
        place = next(place for place, source in enumerate(sources) if source.can_answer(measure, request))
        grouped.setdefault((place, sources[place].part(measure)), []).append(measure)
    return [(sources[place], tuple(some)) for (place, _), some in grouped.items()]


def _answered(
    request: MetricRequest, measures: Sequence[Measure], sources: Sequence[Source], asked: _Asked
) -> list[Answered]:
    found = []
    for source, some in planned(request, measures, sources):
        query = _sub_query(request, source, some, asked.context)
        rows = _rows(source, query, asked)
        if rows is not None:
            found.append(Answered(source.name, _columns(request, source, query, rows)))
            continue
        later = [each for each in sources[sources.index(source) + 1 :] if _can_answer_all(each, some, request)]
        if not later:
            raise too_many_rows("group_by", source.max_rows or 0)
        found += _answered(request, some, later, asked)
    return found


def _rows(source: Source, query: SubQuery, asked: _Asked) -> pa.Table | None:
    """The engine's rows; None where another source is the better one."""
    if not source.is_worth_it(query, asked.context):
        return None
    names = [metric.name for metric in asked.metrics if not set(query.measures).isdisjoint(metric.measures)]
    with asked.context.trace.answering(source.name, names):
        rows = asked.context.run(source.build, query)
    return rows if source.max_rows is None or rows.num_rows <= source.max_rows else None


def _sub_query(request: MetricRequest, source: Source, measures: tuple[Measure, ...], context: Context) -> SubQuery:
    """With what has to be asked of the engine first: numbers of events, and values above their limits."""
    query = SubQuery(request.selection, measures, request.granularity)
    selection = with_caps(request.selection, source.looked_at(query), context)
    return msgspec.structs.replace(query, selection=selection, event_ids=event_ids(context, source.matches(query)))


def _can_answer_all(source: Source, measures: Sequence[Measure], request: MetricRequest) -> bool:
    return all(source.can_answer(measure, request) for measure in measures)


def _columns(request: MetricRequest, source: Source, query: SubQuery, rows: pa.Table) -> pa.Table:
    """The rows under the names that the whole request gives to the measures."""
    rows = with_starts(source.finish(query, rows), query.granularity)
    if rows.num_rows > most_rows(query):
        raise too_many_rows("group_by", most_rows(query))
    keys = [] if query.granularity is Granularity.ALL else ["bucket"]
    columns = {name: rows[name] for name in (*keys, *query.group_columns)}
    for place, measure in enumerate(query.measures):
        name = column_of(request.measures.index(measure))
        columns[name] = rows[measure_column(place)].cast(measure.unit.arrow)
    return pa.table(columns)
