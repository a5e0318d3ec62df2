"""Explore: any event tree (metrics.md §5). Ids are split at `:`; every node has the numbers of all that is below it."""

import enum
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta

from questlog.analytics.analyses import explore_rows
from questlog.analytics.analyses.explore_rows import Tree
from questlog.analytics.analyses.explore_table import tree_table
from questlog.analytics.analyses.histogram import Bins, Histogram, check_comparable, counts, histogram_table
from questlog.analytics.analyses.split import (
    BUCKET,
    GROUP,
    answer_of,
    check_split,
    group_columns,
    standing_groups,
    with_top_groups,
)
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.engine.functions import are_kept_bitmaps, fits_bitmaps
from questlog.analytics.engine.growing import added_up
from questlog.analytics.metrics.result import with_plain_numbers
from questlog.analytics.metrics.sub_query import MAX_ROWS, OTHER
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import JANUARY, Example
from questlog.analytics.question.problems import InvalidQuery, check_word, too_many_rows
from questlog.analytics.question.query import (
    Compare,
    Filter,
    Granularity,
    GroupBy,
    Name,
    Period,
    Top,
    check_buckets,
    check_distinct,
    check_one_group,
    check_periods,
)
from questlog.analytics.selection.buckets import with_starts
from questlog.analytics.selection.cardinality import id_dimensions
from questlog.analytics.selection.selection import caps_of, select, zone_asked
from questlog.model.taxonomy import CATEGORIES
from questlog.store.distributions import APP_MEMORY_USED, BOOT_TIMES, FRAME_RATES, MEMORY_USED, Distribution
from questlog.store.schema import DIMENSIONS

MAX_DEPTH = 5
MAX_NODES = 50
NodePath = Annotated[str, Meta(max_length=1_024)]


class Measure(enum.StrEnum):
    """The numbers of a node. Counts and sums are cheap; players, median and p95 read the events."""

    COUNT = "count"
    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    MEDIAN = "median"
    P95 = "p95"
    PLAYERS = "players"


class Numbers(enum.StrEnum):
    """What a histogram is of: the events' `value`, or what SDKs measured of the game's health."""

    VALUE = "value"
    BOOT_TIME = "boot_time"  # ms
    FPS = "fps"
    MEMORY_USED = "memory_used"  # %
    APP_MEMORY_USED = "app_memory_used"  # %


_SAMPLED = {
    Numbers.BOOT_TIME: BOOT_TIMES,
    Numbers.FPS: FRAME_RATES,
    Numbers.MEMORY_USED: MEMORY_USED,
    Numbers.APP_MEMORY_USED: APP_MEMORY_USED,
}

CHEAP = (Measure.COUNT, Measure.SUM, Measure.MEAN, Measure.MIN, Measure.MAX)


class Explore(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event ids of a category as a tree, with numbers for each node.

    `nodes` are paths such as `Combat:Kill`; "" is the root, all events of the category. Several nodes are added up: an
    event below two of them counts once, and so does a player. `depth` is the number of levels below each node. With a
    `granularity` there is a row for each bucket. With `group_by` there is a row for each of the `top` most frequent
    values of a dimension, and one for all other values, `(other)`.

    With a `histogram` the answer has the number of events by `value` instead, of all nodes together; or the number of
    samples by a measurement of SDKs, in events of `sdk_init` (`boot_time`) or `health`.

    Days are of the game's time zone, or with `time_zone` "UTC" of UTC.
    """

    period: Period
    category: Name = "design"
    nodes: Annotated[tuple[NodePath, ...], Meta(min_length=1, max_length=MAX_NODES)] = ("",)
    depth: Annotated[int, Meta(ge=0, le=MAX_DEPTH)] = 1
    measures: Annotated[tuple[Measure, ...], Meta(min_length=1)] = CHEAP
    granularity: Granularity = Granularity.ALL
    group_by: GroupBy = ()
    top: Top = 10
    filter: Filter | None = None
    histogram: Histogram | None = None
    histogram_of: Numbers = Numbers.VALUE
    compare: Compare | None = None
    time_zone: Name | None = None

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        check_periods(self.period, self.compare)
        check_word("category", "category", self.category, CATEGORIES)
        check_buckets(self.period, self.granularity)
        check_distinct("nodes", self.nodes)
        check_distinct("measures", self.measures)
        check_one_group(self.group_by)
        check_split(segments, self.filter, self.group_by)
        if self.histogram is not None:
            self.histogram.check("histogram")
            check_comparable(self.compare, self.histogram, "histogram")
            if self.granularity is not Granularity.ALL:
                raise InvalidQuery(
                    "granularity", "a histogram covers the whole period and has no granularity", Granularity.ALL
                )
        sampled = _SAMPLED.get(self.histogram_of)
        if sampled is not None:
            self._check_sampled(sampled)

    def _check_sampled(self, sampled: Distribution) -> None:
        if self.histogram is None:
            raise InvalidQuery("histogram", f"{self.histogram_of} needs a `histogram` with bins or edges")
        if self.category != sampled.category:
            raise InvalidQuery("category", f"{self.histogram_of} is not in events of this category", sampled.category)
        if self.nodes != ("",):
            raise InvalidQuery("nodes", f"events of {self.category} have no ids, and no nodes below the root")


def answer(question: Explore, context: Context) -> Answer:
    """The tree, or the histogram. Raises `InvalidQuery`, `QueryAborted`.

    Columns of the tree: `bucket` (with a granularity), the dimension (with `group_by`), `node` (null: several nodes
    together), `parent`, `level` (parts of its path), the measures in the order asked for, and `share`. Rows are there
    for nodes with events, the most frequent first on each level; what was asked for comes first, and has a row in every
    bucket where nothing is grouped by.
    """
    question.check(context.segments)
    tree = tree_of(question, context)
    if question.group_by:
        found = context.standing_groups.once(lambda: context.run(explore_rows.top_groups, tree, question.top))
        tree = msgspec.structs.replace(tree, selection=with_top_groups(tree.selection, found))
    if question.histogram is None:
        return answer_of(_tree(question, tree, context), _tree_columns(question), tree, context)
    table = _histogram(tree, question.histogram, _SAMPLED.get(question.histogram_of), context)
    return answer_of(table, _histogram_columns(question), tree, context)


def tree_of(question: Explore, context: Context) -> Tree:
    """What is asked of the engine, where all groups stand by themselves. Raises `QueryAborted`."""
    depth = question.depth if question.histogram is None else 0
    zone = zone_asked(question.time_zone, context)
    selection = select(context, question.period, question.filter, question.group_by, zone=zone)
    limited = caps_of(selection, id_dimensions(question.category), context)
    caps = tuple(each for each in limited if each.category == question.category)
    return Tree(question.category, tuple(sorted(question.nodes)), depth, selection=selection, caps=caps)


def _tree(question: Explore, tree: Tree, context: Context) -> pa.Table:
    parts = [_counts(tree, question.granularity, context)]
    if Measure.PLAYERS in question.measures:
        parts.append(_players(question, tree, context))
    if {Measure.MEDIAN, Measure.P95} & set(question.measures):
        parts.append(context.run(explore_rows.quantiles, tree, question.granularity))
    for part in parts:
        if part.num_rows > MAX_ROWS:
            raise too_many_rows("depth", MAX_ROWS)
    rows = [with_starts(part, question.granularity) for part in parts]
    return tree_table(tree, question.granularity, rows)


def _players(question: Explore, tree: Tree, context: Context) -> pa.Table:
    selection, groups = tree.selection, _groups(question, tree, context)
    if context.can_keep_rows and _is_of_own_values(tree) and are_kept_bitmaps(selection.player_bound, groups):
        merge = added_up(("class_no", *_keys(question, tree)), (), ("players",))
        sets = context.run_growing(explore_rows.newer_player_sets, tree, question.granularity, merge=merge)
        return explore_rows.players_at_nodes(sets, context.run(explore_rows.nodes_of_classes, tree))
    has_few = fits_bitmaps(selection.player_bound, groups)
    return context.run(explore_rows.players, tree, question.granularity, has_few)


def _is_of_own_values(tree: Tree) -> bool:
    """Whether events count by what never changes: their own values, of which none is above a limit."""
    return not tree.caps and not tree.selection.caps and tree.selection.dimensions <= frozenset(DIMENSIONS)


def _keys(question: Explore, tree: Tree) -> tuple[str, ...]:
    return (() if question.granularity is Granularity.ALL else ("bucket",)) + tree.groups


def _groups(question: Explore, tree: Tree, context: Context) -> int:
    """About how many groups have their own count of players."""
    classes: int = context.run(explore_rows.classes, tree)["classes"][0].as_py()
    groups = len(standing_groups(tree.selection)) + 1 if question.group_by else 1
    return classes * groups * len(tree.selection.days.buckets(question.granularity))


def _counts(tree: Tree, granularity: Granularity, context: Context) -> pa.Table:
    is_by_stored_day = tree.selection.is_stored_zone and not granularity.is_within_a_day
    build = explore_rows.by_day if tree.selection.is_plain and is_by_stored_day else explore_rows.by_event
    return context.run(build, tree, granularity)


def bins_of(tree: Tree, histogram: Histogram, context: Context, sampled: Distribution | None = None) -> Bins:
    """The bins of the histogram; without edges where there is no number. Raises `InvalidQuery`, `QueryAborted`."""
    if sampled is None:
        bounds = _counts(tree, Granularity.ALL, context)
    else:
        bounds = context.run(explore_rows.bounds, tree, sampled)
    least, greatest = pc.min(bounds["value_min"]).as_py(), pc.max(bounds["value_max"]).as_py()
    if least is None:
        return Bins((), is_even=False, is_open=False)
    return histogram.bins_for(least, greatest)


def _histogram(tree: Tree, histogram: Histogram, sampled: Distribution | None, context: Context) -> pa.Table:
    bins = bins_of(tree, histogram, context, sampled)
    if not bins.edges:
        return histogram_table(bins, {}, [])
    rows = context.run(explore_rows.by_bin, tree, bins, sampled)
    if rows.num_rows > MAX_ROWS:
        raise too_many_rows("histogram", MAX_ROWS)
    found = counts(rows.to_pylist(), bins, GROUP, "events")
    present = {group for group, _ in found}
    groups: list[str | None] = [None]
    if tree.groups:
        groups = [group for group in (*standing_groups(tree.selection), OTHER) if group in present]
    table = histogram_table(bins, found, groups)
    return table.set_column(0, GROUP, with_plain_numbers(table[GROUP], "".join(tree.selection.group_by)))


_UNITS = {Measure.COUNT: "events", Measure.PLAYERS: "players"}
_DEFINITIONS = {
    Measure.COUNT: "Events of the node and of all below it.",
    Measure.SUM: "Σ value.",
    Measure.MEAN: "Mean of the values that there are.",
    Measure.MIN: "Least value.",
    Measure.MAX: "Greatest value.",
    Measure.MEDIAN: "Median of the values; of an even number, the mean of the two in the middle.",
    Measure.P95: "95th percentile of the values, interpolated between two values.",
    Measure.PLAYERS: "Distinct players.",
}


def _tree_columns(question: Explore) -> Sequence[AnswerColumn]:
    return [
        *([] if question.granularity is Granularity.ALL else [BUCKET]),
        *group_columns(question.group_by),
        AnswerColumn("node", "", "Path of the node; empty for the root, null for all nodes of the question together."),
        AnswerColumn("parent", "", "Path of the node above; null for the nodes of the question."),
        AnswerColumn("level", "", "Number of parts of the path; null for several nodes together."),
        *(AnswerColumn(measure, _UNITS.get(measure, ""), _DEFINITIONS[measure]) for measure in question.measures),
        AnswerColumn("share", "share", "Events ÷ events of the node above."),
    ]


_HISTOGRAM_COUNTS = {
    True: (
        AnswerColumn("count", "events", "Events with such a value."),
        AnswerColumn("share", "share", "Events ÷ all events with a value."),
    ),
    False: (
        AnswerColumn("count", "samples", "Samples with such a value, in all events."),
        AnswerColumn("share", "share", "Samples ÷ all samples."),
    ),
}


def _histogram_columns(question: Explore) -> Sequence[AnswerColumn]:
    return [
        *group_columns(question.group_by),
        AnswerColumn("low", "", "Lower edge, included; null: no edge."),
        AnswerColumn("high", "", "Upper edge, not included (in the last bin, included); null: no edge."),
        *_HISTOGRAM_COUNTS[question.histogram_of is Numbers.VALUE],
    ]


ANALYSIS = Analysis(
    "explore",
    Explore,
    answer,
    "An event tree, node by node, or a histogram of its values.",
    page="reference/analyses/explore.md",
    is_savable=True,
    keys=("bucket", "node", "parent", "level", "low", "high"),
    examples=(
        Example("What happens below `Combat`, two levels deep", {"period": JANUARY, "nodes": ["Combat"], "depth": 2}),
        Example(
            "A histogram of the values of one id",
            {"period": JANUARY, "nodes": ["Combat:Damage"], "histogram": {"bins": 10}},
        ),
        Example(
            "Frame rates by device",
            {
                "period": JANUARY,
                "category": "health",
                "group_by": ["device"],
                "histogram": {"edges": [0, 15, 30, 45, 60]},
                "histogram_of": "fps",
            },
        ),
        Example(
            "Progression by platform, with distinct players",
            {
                "period": JANUARY,
                "category": "progression",
                "measures": ["count", "players"],
                "group_by": ["platform"],
            },
        ),
    ),
)
