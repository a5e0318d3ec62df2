"""How often which number was seen: frames per second, memory, boot time, values of design events (metrics.md §3)."""

import enum
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa

from questlog.analytics.analyses.histogram import Histogram, counts, histogram_table
from questlog.analytics.analyses.split import check_split
from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.engine.functions import attribute
from questlog.analytics.metrics.sources.samples import entries
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import IS_IOS, JANUARY, Example
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Filter, Period
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import events_with
from questlog.analytics.selection.selection import Selection, select
from questlog.store.distributions import APP_MEMORY_USED, BOOT_TIMES, FRAME_RATES, MEMORY_USED, Form
from questlog.store.distributions import Distribution as Stored

MAX_VALUES = 200_000
"""Numbers of a period that are told apart; of more, a question is refused."""


class Measured(enum.StrEnum):
    """Which numbers."""

    FPS = "fps"
    MEMORY_USED = "memory_used"
    APP_MEMORY_USED = "app_memory_used"
    BOOT_TIME = "boot_time"


_STORED: Mapping[Measured, Stored] = {
    Measured.FPS: FRAME_RATES,
    Measured.MEMORY_USED: MEMORY_USED,
    Measured.APP_MEMORY_USED: APP_MEMORY_USED,
    Measured.BOOT_TIME: BOOT_TIMES,
}
_UNITS = {Measured.FPS: "fps", Measured.MEMORY_USED: "%", Measured.APP_MEMORY_USED: "%", Measured.BOOT_TIME: "ms"}


class Distribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often which number of a kind was seen in the period, as a histogram.

    The answer has a row for each bin: `low`, `high`, the number of `samples`, and their `share`. A table of samples in
    a health event counts as many samples as it says. The totals are the number of `samples`.
    """

    measured: Measured
    period: Period
    filter: Filter | None = None
    histogram: Histogram = Histogram()

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        self.period.check()
        self.histogram.check("histogram")
        check_split(segments, self.filter)


def answer(question: Distribution, context: Context) -> Answer:
    """The bins, in order. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    selection = select(context, question.period, question.filter)
    build = _stored_numbers if question.filter is None and selection.days.is_stored else _numbers
    rows = context.run(build, selection, question.measured)
    if rows.num_rows > MAX_VALUES:
        raise InvalidQuery("period", "there are too many different numbers; ask for fewer days")
    found = rows.to_pylist()
    table = _NOTHING if not found else _binned(question, found)
    totals = pa.table({"samples": pa.array([sum(row["samples"] for row in found)], pa.int64())})
    unit = _UNITS[question.measured]
    columns = (
        AnswerColumn("low", unit, "lower edge of the bin, inclusive; null: no edge"),
        AnswerColumn("high", unit, "upper edge of the bin, exclusive, but inclusive for the last; null: no edge"),
        AnswerColumn("samples", "samples", "samples in the bin"),
        AnswerColumn("share", "share", "samples ÷ all samples of the period that pass the filter"),
    )
    return Answer(table, columns, totals=totals, data_version=context.data_version)


def _binned(question: Distribution, found: list[dict[str, float]]) -> pa.Table:
    values = [row["value"] for row in found]
    bins = question.histogram.bins_for(min(values), max(values))
    rows = [{"bin": None, "near": row["value"], "samples": int(row["samples"])} for row in found]
    table = histogram_table(bins, counts(rows, bins, "group", "samples"), [None])
    return table.drop_columns(["group"]).rename_columns(["low", "high", "samples", "share"])


def _stored_numbers(selection: Selection, measured: Measured) -> ir.Table:
    """How often each number was there, of all events: as it is kept by day."""
    rows = tables.value_counts
    rows = rows.filter(
        rows.game_id == selection.game_id,
        rows.field == _STORED[measured].field,
        selection.days.holds_day(rows.day),
    )
    return _by_value(rows)


def _numbers(selection: Selection, measured: Measured) -> ir.Table:
    """The same, of the events that pass the filter."""
    stored = _STORED[measured]
    rows = events_with(selection, selection.dimensions)
    rows = rows.filter(rows.category == stored.category, predicate(selection.filter, rows))
    if stored.form is Form.TABLE:
        return _by_value(entries(rows, {}, stored.field))
    number = attribute(rows.attributes, stored.field).try_cast("float64")
    return _by_value(rows.select(value=number, samples=ibis.literal(1, "int64")).filter(lambda each: each.value >= 0))


def _by_value(rows: ir.Table) -> ir.Table:
    rows = rows.select(value=rows["value"].cast("float64"), samples=rows.samples.cast("int64"))
    return rows.group_by("value").aggregate(samples=rows.samples.sum().cast("int64")).limit(MAX_VALUES + 1)


_NOTHING = pa.schema(
    [("low", pa.float64()), ("high", pa.float64()), ("samples", pa.int64()), ("share", pa.float64())]
).empty_table()

ANALYSIS = Analysis(
    "distribution",
    Distribution,
    answer,
    "How often which frame rate, share of memory or boot time was seen: a histogram.",
    page="reference/analyses/distribution.md",
    is_savable=True,
    examples=(
        Example("Frame rates in January", {"measured": "fps", "period": JANUARY}),
        Example(
            "Boot times on iOS by the second",
            {
                "measured": "boot_time",
                "period": JANUARY,
                "filter": IS_IOS,
                "histogram": {"edges": [0, 1000, 2000, 3000, 4000, 5000]},
            },
        ),
    ),
)
