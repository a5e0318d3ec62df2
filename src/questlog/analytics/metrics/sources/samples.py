"""The tables of samples that SDKs send in health events: how long which frame rate or share of memory was seen.

An entry's place is the value - frames per second from 0, per cent from 0 - and the entry how many samples had it
(spec GameAnalytics §3.11). They go by the events' own dimensions.
"""

from collections.abc import Mapping

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from questlog.analytics.engine.functions import attribute
from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sources.events import meant
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, measure_column, with_groups
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.event_ids import matches
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.groups import group_codes
from questlog.analytics.selection.rows import events_with
from questlog.store.distributions import DISTRIBUTIONS, MOST_ENTRIES, MOST_SAMPLES, Form

MAX_ROWS = 2_000_000
"""A question with more buckets, groups and values is refused."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


_TABLES = frozenset(each.field for each in DISTRIBUTIONS if each.form is Form.TABLE)
_ANSWERED = frozenset({Quantity.SAMPLE_SUM, Quantity.SAMPLE_COUNT, Quantity.SAMPLE_QUANTILE})


def can_answer(measure: Measure, _: MetricRequest) -> bool:
    """Whether it is about samples that events have in tables."""
    return measure.quantity in _ANSWERED and measure.field in _TABLES


def table_of(measure: Measure) -> str:
    """The attribute that has the table: each is asked by itself."""
    return measure.field


def build(query: SubQuery) -> ir.Table:
    """The `samples` of each bucket, group and `value`; all measures are of one table."""
    measure, selection = query.measures[0], query.selection
    rows = events_with(selection, query.dimensions)
    rows = rows.filter(matches(measure.match, rows, query.event_ids), predicate(selection.filter, rows))
    rows = with_groups(query, rows)
    bucket = query.days.bucket_of(rows.event_time, query.granularity)
    keys = {} if bucket is None else {"bucket": bucket}
    keys |= {name: rows[name] for name in query.group_columns}
    rows = entries(rows, keys, table_of(measure))
    return rows.group_by(*keys, "value").aggregate(samples=rows.samples.sum()).limit(MAX_ROWS + 1)


def entries(rows: ir.Table, keys: Mapping[str, ir.Value], table: str) -> ir.Table:
    """The entries of a table in the events' attributes: the keys, `value`, and how many `samples` had it."""
    text = attribute(rows.attributes, table).fill_null("")
    rows = rows.select(**keys, text=text).filter(lambda each: each.text.startswith("["))
    entry = rows.text.substr(1, rows.text.length() - 2).split(",")
    rows = rows.mutate(entry=entry).drop("text").unnest("entry", offset="value")
    rows = rows.mutate(samples=rows.entry.try_cast("float64"))
    is_number = rows.samples.between(1, MOST_SAMPLES) & (rows.samples == rows.samples.floor())
    return rows.filter(rows["value"] < MOST_ENTRIES, is_number).drop("entry")


def finish(query: SubQuery, rows: pa.Table) -> pa.Table:
    """The sums, counts and quantiles of each bucket and group."""
    keys = [] if query.granularity is Granularity.ALL else ["bucket"]
    keys += query.group_columns
    number, groups = group_codes(rows, keys)
    samples = np.zeros((groups.num_rows, MOST_ENTRIES))
    samples[number, rows["value"].to_numpy()] = rows["samples"].to_numpy()
    columns = {name: groups[name] for name in keys}
    for place, measure in enumerate(query.measures):
        columns[measure_column(place)] = pa.array(_of_samples(measure, samples), pa.float64(), from_pandas=True)
    return pa.table(columns)


def _of_samples(measure: Measure, samples: Floats) -> Floats:
    """The measure of each row of samples by value; a quantile is not a number where there are none."""
    if measure.quantity is Quantity.SAMPLE_SUM:
        total: Floats = samples @ np.arange(MOST_ENTRIES)
        return total
    counts: Floats = samples.sum(axis=1)
    if measure.quantity is Quantity.SAMPLE_COUNT:
        return counts
    ends = np.cumsum(samples, axis=1)
    position = np.maximum(counts - 1, 0) * measure.share
    low, high = (_value_at(ends, np.floor(position)), _value_at(ends, np.ceil(position)))
    between: Floats = low + (high - low) * (position - np.floor(position))
    return np.where(counts > 0, between, np.nan)


def _value_at(ends: Floats, position: Floats) -> Ints:
    """The value of the sample at a position from 0, of each row."""
    found: Ints = np.sum(ends <= position[:, None], axis=1)
    return found


SOURCE = Source("events", can_answer, build, finish, part=table_of, matches=meant, max_rows=MAX_ROWS)
