"""A tree of event ids in the engine: which events are at a node, and what is counted there.

Nodes are numbered by the least event number below them. An id that is null or empty is at the root alone.
"""

from collections import defaultdict
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from questlog.analytics.analyses.histogram import Bins, bin_keys
from questlog.analytics.analyses.split import Split, folded, greatest_groups, named_rows, rows_of
from questlog.analytics.engine import tables
from questlog.analytics.engine.functions import player_bytes, player_set, union_size
from questlog.analytics.engine.growing import newer, set_sizes, union_of
from questlog.analytics.metrics.sources.events import boot_ms
from questlog.analytics.metrics.sources.samples import entries
from questlog.analytics.metrics.sub_query import MAX_ROWS, OTHER
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.cardinality import id_dimensions
from questlog.analytics.selection.shown_names import names_of, shown_names
from questlog.store.distributions import Distribution, Form

TOGETHER = -1
"""The level of what all nodes asked for have together."""

_EVENT_COLUMNS = ("event_no", "event_time", "player_no", "value")
_LAST_PART = "[^:]+$"


class Tree(Split, frozen=True):
    """The nodes of a category's event ids: those of `nodes` ("" is the root), and `depth` levels below each.

    Where ids or their parts have `caps`, what is above the limit is shown as `(other)` among its siblings.
    """

    category: str
    nodes: tuple[str, ...]
    depth: int

    @property
    def levels(self) -> range:
        """The levels that nodes of the tree can have; a single node asked for is `TOGETHER`, and not among them."""
        asked = [level_of(node) for node in self.nodes]
        first = min(asked) if len(asked) > 1 else asked[0] + 1
        return range(max(first, 1), max(asked) + self.depth + 1)


def level_of(node: str) -> int:
    """How many parts a node's path has."""
    return len(node.split(":")) if node else 0


def by_day(tree: Tree, granularity: Granularity) -> ir.Table:
    """Counts and sums of the nodes, from the counts per id and day: all events of the period."""
    days = tables.event_days
    is_meant = tree.selection.days.holds_day(days.day) & (days.category == tree.category)
    days = days.filter(days.game_id == tree.selection.game_id, is_meant)
    keys = _bucketed(bucket_of_day(days.day, granularity))
    counted = days.group_by(**{name: days[name] for name in tree.keys}, **keys).aggregate(
        events=days.events.sum(),
        value_count=days.value_count.sum(),
        value_sum=days.value_sum.sum(),
        value_min=days.value_min.min(),
        value_max=days.value_max.max(),
    )
    return _added_up(tree, counted, tuple(keys))


def by_event(tree: Tree, granularity: Granularity) -> ir.Table:
    """The same from the events themselves."""
    rows = _of_tree(tree.unfolded)
    keys = _keys(tree, rows, granularity)
    counted = rows.group_by(**{name: rows[name] for name in tree.keys}, **keys).aggregate(
        events=rows.count(),
        value_count=rows.value.count(),
        value_sum=rows.value.sum(),
        value_min=rows.value.min(),
        value_max=rows.value.max(),
    )
    return _added_up(tree, folded(tree.selection, counted), tuple(keys))


def classes(tree: Tree) -> ir.Table:
    """One row: the number of the smallest parts that nodes of the tree are made of."""
    named = _named(tree)
    return named.aggregate(classes=named.class_no.nunique())


def players(tree: Tree, granularity: Granularity, has_few: bool) -> ir.Table:
    """Distinct players of the nodes; `has_few`: there are so few groups that a bitmap for each is faster."""
    rows = _of_tree(tree)
    keys = _keys(tree, rows, granularity)
    placed = _placed(tree)
    if has_few:
        sets = rows.group_by(class_no=rows.class_no, **keys).aggregate(
            players=player_set(rows.player_no, tree.selection.player_bound)
        )
        at_nodes = sets.inner_join(placed, sets.class_no == placed.name_no)
        return _grouped(at_nodes, tuple(keys), players=union_size(at_nodes.players))
    at_nodes = rows.select("name_no", "player_no", **keys).inner_join(placed, "name_no")
    counted = at_nodes.group_by("level", "node_no", *keys).aggregate(players=at_nodes.player_no.nunique())
    return _with_names(tree, counted, tuple(keys))


def newer_player_sets(tree: Tree, granularity: Granularity) -> ir.Table:
    """`players` of the newer events of each class: see `nodes_of_classes`."""
    rows = newer(_of_tree(tree, (*_EVENT_COLUMNS, "batch_no")))
    keys = _keys(tree, rows, granularity)
    return rows.group_by(class_no=rows.class_no, **keys).aggregate(
        players=player_bytes(rows.player_no, tree.selection.player_bound)
    )


def nodes_of_classes(tree: Tree) -> ir.Table:
    """The nodes that each class is at: `level`, `node`, `class_no`."""
    placed, named = _placed(tree), _named(tree)
    return placed.inner_join(named, placed.name_no == named.class_no).select("level", "node", "class_no").distinct()


def players_at_nodes(sets: pa.Table, nodes: pa.Table) -> pa.Table:
    """As `players`, from the sets of players of the classes and the nodes that these are at."""
    at = defaultdict(list)
    for place in nodes.to_pylist():
        at[place["class_no"]].append((place["level"], place["node"]))
    keys = [name for name in sets.column_names if name not in ("class_no", "players")]
    found = defaultdict(list)
    for row in sets.to_pylist():
        for node in at[row["class_no"]]:
            found[(*node, *(row[key] for key in keys))].append(row["players"])
    columns = list(zip(*found, strict=True)) or [()] * (2 + len(keys))
    kinds = [pa.int64(), pa.string(), *(sets.schema.field(key).type for key in keys)]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, kinds, strict=True)]
    united = pa.chunked_array([pa.array(map(union_of, found.values()), pa.binary())])
    return pa.table([*arrays, set_sizes(united)], names=["level", "node", *keys, "players"])


def quantiles(tree: Tree, granularity: Granularity) -> ir.Table:
    """`quantiles`: the median and the 95th percentile of the nodes' values, exact, between two values in proportion."""
    rows = _of_tree(tree)
    keys = _keys(tree, rows, granularity)
    rows = rows.filter(rows.value.notnull()).select("name_no", "value", **keys)
    at_nodes = rows.inner_join(_placed(tree), "name_no")
    found = at_nodes.group_by("level", "node_no", *keys).aggregate(quantiles=at_nodes.value.quantile([0.5, 0.95]))
    return _with_names(tree, found, tuple(keys))


def top_groups(tree: Tree, top: int) -> ir.Table:
    """The groups with most events of the tree."""
    return greatest_groups(_of_tree(tree), top)


def bounds(tree: Tree, sampled: Distribution) -> ir.Table:
    """One row: the least and the greatest of the sampled numbers, `value_min` and `value_max`."""
    rows = _sampled(tree, sampled)
    return rows.aggregate(value_min=rows.value.min(), value_max=rows.value.max())


def by_bin(tree: Tree, bins: Bins, sampled: Distribution | None = None) -> ir.Table:
    """Events of all nodes together: `bin` and `near` (see `histogram`) of their value; or samples, of their numbers."""
    rows = valued(tree, sampled)
    keys = {name: rows[name] for name in tree.groups}
    counted = rows.count() if sampled is None else rows.samples.sum().cast("int64")
    return rows.group_by(**bin_keys(rows.value, bins), **keys).aggregate(events=counted).limit(MAX_ROWS + 1)


def valued(tree: Tree, sampled: Distribution | None) -> ir.Table:
    """The events of all nodes with a `value`; or the samples of their numbers."""
    rows = _of_tree(tree) if sampled is None else _sampled(tree, sampled)
    return rows.filter(rows.value.notnull())


def _sampled(tree: Tree, sampled: Distribution) -> ir.Table:
    """`value` and `samples` of the numbers that SDKs measured, and the groups; of all events, from sums by day."""
    selection = tree.selection
    if selection.is_plain and selection.is_stored_zone:
        days = tables.value_counts
        days = days.filter(days.game_id == selection.game_id, days.field == sampled.field)
        return days.filter(selection.days.holds_day(days.day)).select("value", "samples")
    rows = rows_of(selection, ("category", "attributes"))
    rows = rows.filter(rows.category == sampled.category)
    keys = {name: rows[name] for name in tree.groups}
    if sampled.form is Form.NUMBER:
        return rows.select(**keys, value=boot_ms(rows), samples=ibis.literal(1, "int64"))
    found = entries(rows, keys, sampled.field)
    return found.mutate(value=found["value"].cast("float64"))


def _of_tree(tree: Tree, columns: Sequence[str] = _EVENT_COLUMNS) -> ir.Table:
    """The events, with the numbers of their name and class."""
    named = _named(tree).select(*tree.keys, "name_no", "class_no")
    return named_rows(tree, columns).inner_join(named, tree.keys)


def _named(tree: Tree) -> ir.Table:
    """The ids of the tree, split; ids of one class are at the same nodes, all that the tree has."""
    names = names_of(tree.selection.game_id, tree.category)
    names = names.mutate(path=names.event_id.fill_null(""))
    if "" not in tree.nodes:
        is_below = [(names.path == node) | names.path.startswith(f"{node}:") for node in tree.nodes]
        names = names.filter(ibis.or_(*is_below))
    names = _with_shown_paths(tree, names)
    names = names.mutate(parts=names.path.split(":"))
    deepest = max([*tree.levels, *map(level_of, tree.nodes)])
    of_class = _prefix(names, deepest)
    least = names.name_no.min().over(ibis.window(group_by=of_class))
    return names.select(*tree.keys, "name_no", "path", "parts", class_no=least)


def _with_shown_paths(tree: Tree, names: ir.Table) -> ir.Table:
    """Names with their `name_no`, and with `(other)` in their path for what is above a limit."""
    places = {each.dimension: id_dimensions(tree.category)[each.dimension] for each in tree.caps}
    columns = {dimension: f"shown:{place}" for dimension, place in places.items()}
    parts = names.path.split(":")
    values = {
        columns[name]: names.event_id if place is None else parts[place].nullif("") for name, place in places.items()
    }
    names = shown_names(names.mutate(**values), columns, tree.selection, tree.caps)
    for name, place in places.items():
        is_above = (names[columns[name]] == OTHER).fill_null(False)
        part, before = (_LAST_PART, "") if place is None else (f"^((?:[^:]*:){{{place}}})[^:]*", r"\1")
        names = names.mutate(path=is_above.ifelse(names.path.re_replace(part, f"{before}{OTHER}"), names.path))
    return names


def _prefix(names: ir.Table, level: int) -> ir.Value:
    return names.parts[:level].join(":") if level else ibis.literal("")


def _placed(tree: Tree) -> ir.Table:
    """`level`, `node`, `node_no` of every id at every node of the tree that it is at."""
    named = _named(tree)
    least = named.name_no.min().over(ibis.window())
    together = named.select(
        *tree.keys, "name_no", level=ibis.literal(TOGETHER, "int64"), node=ibis.literal(""), node_no=least
    )
    levels = [_at_level(tree, named, level) for level in tree.levels]
    return ibis.union(together, *levels) if levels else together


def _at_level(tree: Tree, named: ir.Table, level: int) -> ir.Table:
    deep = named.filter(named.parts.length() >= level, named.path != "")
    deep = deep.mutate(node=_prefix(deep, level))
    least = deep.name_no.min().over(ibis.window(group_by=deep.node))
    return deep.select(*tree.keys, "name_no", level=ibis.literal(level, "int64"), node="node", node_no=least)


def _added_up(tree: Tree, counted: ir.Table, keys: tuple[str, ...]) -> ir.Table:
    at_nodes = counted.inner_join(_placed(tree), tree.keys)
    return _grouped(
        at_nodes,
        keys,
        events=at_nodes.events.sum(),
        value_count=at_nodes.value_count.sum(),
        value_sum=at_nodes.value_sum.sum(),
        value_min=at_nodes.value_min.min(),
        value_max=at_nodes.value_max.max(),
    )


def _grouped(at_nodes: ir.Table, keys: tuple[str, ...], **aggregates: ir.Scalar) -> ir.Table:
    return at_nodes.group_by("level", "node", *keys).aggregate(**aggregates).limit(MAX_ROWS + 1)


def _with_names(tree: Tree, counted: ir.Table, keys: tuple[str, ...]) -> ir.Table:
    """Rows by the nodes' numbers, with their paths."""
    placed = _placed(tree).select("level", "name_no", "node")
    named = counted.inner_join(placed, ["level", counted.node_no == placed.name_no])
    return named.select("level", "node", *keys, *(set(counted.columns) - {"level", "node_no", *keys}))


def _keys(tree: Tree, rows: ir.Table, granularity: Granularity) -> dict[str, ir.Value]:
    return _bucketed(tree.selection.days.bucket_of(rows.event_time, granularity)) | {
        name: rows[name] for name in tree.groups
    }


def _bucketed(bucket: ir.Value | None) -> dict[str, ir.Value]:
    return {} if bucket is None else {"bucket": bucket}
