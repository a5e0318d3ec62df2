"""Means and quantiles from how often which number was there on a day, where no event has to be looked at.

Bins tell in which of them a quantile lies (store/distributions.py); only the numbers of those are put in order.
"""

from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from questlog.analytics.engine import tables
from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, measure_column
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.groups import group_codes

Ints = npt.NDArray[np.int64]

MAX_NUMBERS = 2_000_000
"""Of more numbers in the bins that matter, the engine takes the quantile itself, from the events."""

_ALL = ibis.literal(0, "int64")


def can_answer_sums(measure: Measure, request: MetricRequest) -> bool:
    """Whether it is a sum or a count of a distribution's numbers, of all events."""
    return measure.quantity in (Quantity.SAMPLE_SUM, Quantity.SAMPLE_COUNT) and _is_of_all(request)


def can_answer_quantiles(measure: Measure, request: MetricRequest) -> bool:
    """Whether it is a quantile of a distribution's numbers, of all events."""
    return measure.quantity is Quantity.SAMPLE_QUANTILE and _is_of_all(request)


def field_of(measure: Measure) -> str:
    """The distribution: each is asked by itself."""
    return measure.field


def _is_of_all(request: MetricRequest) -> bool:
    return not request.dimensions and request.is_by_stored_day


def build_sums(query: SubQuery) -> ir.Table:
    """The measures that are sums, all of one field, by bucket."""
    bins = _numbers(tables.value_bins, query)
    sums = {measure_column(place): _sum(bins, each) for place, each in enumerate(query.measures)}
    if query.granularity is Granularity.ALL:
        return bins.aggregate(**sums)
    return bins.group_by("bucket").aggregate(**sums)


def build_quantiles(query: SubQuery) -> ir.Table:
    """The numbers that the quantiles lie among, all of one field.

    Beside each: how many numbers of its bucket are `before` its bin, and how many there are in all.
    """
    bins = _numbers(tables.value_bins, query)
    bins = bins.group_by("bucket", "bin").aggregate(samples=bins.samples.sum().cast("int64"))
    of_bucket, up_to = (ibis.window(group_by="bucket"), ibis.cumulative_window(group_by="bucket", order_by="bin"))
    bins = bins.mutate(total=bins.samples.sum().over(of_bucket), end=bins.samples.sum().over(up_to))
    bins = bins.mutate(before=bins.end - bins.samples)
    places = [(bins.total - 1).cast("float64") * each.share for each in query.measures]
    needed = bins.filter(reduce(or_, ((bins.end > at.floor()) & (bins.before <= at.ceil()) for at in places)))
    needed = needed.select("bucket", "bin", "before", "total")
    return (
        _numbers(tables.value_counts, query)
        .inner_join(needed, ["bucket", "bin"])
        .select("bucket", "before", "total", "value", "samples")
        .limit(MAX_NUMBERS + 1)
    )


def finish_quantiles(query: SubQuery, rows: pa.Table) -> pa.Table:
    """The quantiles of each bucket: the values at the two places that each lies between, in proportion."""
    if rows.num_rows == 0:
        nothing = [None] if query.granularity is Granularity.ALL else []
        empty = {measure_column(place): pa.array(nothing, pa.float64()) for place in range(len(query.measures))}
        return pa.table(empty | ({} if nothing else {"bucket": rows["bucket"]}))
    number, groups = group_codes(rows, ["bucket"])
    value = rows["value"].to_numpy()
    by_value = np.argsort(value)
    order = by_value[np.argsort(number[by_value], kind="stable")]
    number, value = number[order], value[order]
    before, total, samples = (rows[name].to_numpy()[order] for name in ("before", "total", "samples"))
    firsts = np.flatnonzero(np.diff(number, prepend=-1))
    totals = total[firsts]
    starts = np.cumsum(totals) - totals  # the buckets one after another: a place in all of them
    ends = starts[number] + before + _within_bins(number, before, samples)
    columns = {} if query.granularity is Granularity.ALL else {"bucket": groups["bucket"]}
    for place, measure in enumerate(query.measures):
        at = (totals - 1) * measure.share
        below = np.floor(at)
        low, high = (
            value[np.searchsorted(ends, starts + to.astype(np.int64), side="right")] for to in (below, np.ceil(at))
        )
        between = low * (1 - (at - below)) + high * (at - below)
        columns[measure_column(place)] = pa.array(np.where(low == high, low, between), pa.float64())
    return pa.table(columns)


def _within_bins(number: Ints, before: Ints, samples: Ints) -> Ints:
    """How many samples there are up to and with each number of its bin. `before` is another in each bin of a bucket."""
    up_to = np.cumsum(samples)
    is_first = (np.diff(number, prepend=-1) != 0) | (np.diff(before, prepend=-1) != 0)
    firsts = np.flatnonzero(is_first)
    sizes = np.diff(firsts, append=len(number))
    within: Ints = up_to - np.repeat(up_to[firsts] - samples[firsts], sizes)
    return within


def _numbers(rows: ir.Table, query: SubQuery) -> ir.Table:
    rows = rows.filter(
        rows.game_id == query.selection.game_id,
        rows.field == query.measures[0].field,
        query.days.holds_day(rows.day),
        predicate(query.selection.filter, rows),
    )
    bucket = bucket_of_day(rows.day, query.granularity)
    return rows.mutate(bucket=_ALL if bucket is None else bucket)


def _sum(bins: ir.Table, measure: Measure) -> ir.Scalar:
    return bins.value_sum.sum() if measure.quantity is Quantity.SAMPLE_SUM else bins.samples.sum().cast("float64")


SUMS = Source("value_bins", can_answer_sums, build_sums, part=field_of)
QUANTILES = Source(
    "value_counts", can_answer_quantiles, build_quantiles, finish_quantiles, part=field_of, max_rows=MAX_NUMBERS
)
