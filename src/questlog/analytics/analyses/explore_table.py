"""The rows of a tree's answer: the engine's answers put together, empty buckets filled, shares, order."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from questlog.analytics.analyses.explore_rows import TOGETHER, Tree, level_of
from questlog.analytics.analyses.split import standing_groups
from questlog.analytics.metrics.result import with_plain_numbers
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.buckets import LocalDays, Start, start_type

Place = tuple[Start | None, str | None]
"""A bucket and a group."""


class Node(NamedTuple):
    """A node of the tree; what all nodes asked for have together is at the level `TOGETHER`."""

    level: int
    path: str


Rows = dict[Place, dict[Node, dict[str, Any]]]
_TOGETHER = Node(TOGETHER, "")
_NOTHING: Mapping[str, Any] = {"events": 0, "value_count": 0, "value_sum": 0.0, "players": 0}


def tree_table(tree: Tree, granularity: Granularity, parts: Sequence[pa.Table]) -> pa.Table:
    """All columns that an answer may have. The first part says which rows there are."""
    rows = _rows(tree, parts)
    if not tree.selection.group_by:
        for bucket in _starts(tree.selection.days, granularity):
            rows.setdefault((bucket, None), {}).setdefault(_TOGETHER, {})
    places = {group: place for place, group in enumerate(standing_groups(tree.selection))}
    ordered = sorted(rows, key=lambda place: (place[0] or dt.date.min, places.get(place[1], len(places))))
    found = [_row(tree, place, node, rows[place]) for place in ordered for node in _in_order(rows[place])]
    table = pa.Table.from_pylist(found, _schema(granularity))
    group = with_plain_numbers(table["group"], "".join(tree.selection.group_by))
    return table.set_column(table.column_names.index("group"), "group", group)


def _rows(tree: Tree, parts: Sequence[pa.Table]) -> Rows:
    rows: Rows = {}
    for part in parts:
        for row in part.to_pylist():
            node = Node(row.pop("level"), row.pop("node"))
            if _is_of(tree, node):
                place = (row.pop("bucket", None), row.pop("group", None))
                rows.setdefault(place, {}).setdefault(node, {}).update(row)
    if "" in tree.nodes and len(tree.nodes) > 1:
        for nodes in rows.values():
            nodes[Node(0, "")] = nodes[_TOGETHER]
    return rows


def _starts(days: LocalDays, granularity: Granularity) -> Sequence[Start | None]:
    return [None] if granularity is Granularity.ALL else [bucket.start for bucket in days.buckets(granularity)]


def _is_of(tree: Tree, node: Node) -> bool:
    """Whether the node is one of those asked for, or few enough levels below one."""
    if node.level == TOGETHER:
        return True
    return any(
        0 <= node.level - level_of(asked) <= tree.depth and (not asked or f"{node.path}:".startswith(f"{asked}:"))
        for asked in tree.nodes
    )


def _in_order(nodes: Mapping[Node, Mapping[str, Any]]) -> list[Node]:
    return sorted(nodes, key=lambda node: (node.level, -int(nodes[node].get("events", 0)), node.path))


def _row(tree: Tree, place: Place, node: Node, nodes: Mapping[Node, Mapping[str, Any]]) -> dict[str, Any]:
    found = {**_NOTHING, **nodes[node]}
    count, values, total = int(found["events"]), int(found["value_count"]), float(found["value_sum"] or 0)
    median, p95 = found.get("quantiles") or (None, None)
    above = _above(node, nodes)
    all_of = int(nodes[above].get("events", 0)) if above else 0
    is_single = node.level == TOGETHER and len(tree.nodes) == 1
    level = level_of(tree.nodes[0]) if is_single else node.level
    return {
        "bucket": place[0],
        "group": place[1],
        "node": tree.nodes[0] if is_single else None if node.level == TOGETHER else node.path,
        "parent": node.path.rpartition(":")[0] if node.level > 0 else None,
        "level": None if level == TOGETHER else level,
        "count": count,
        "sum": total,
        "mean": total / values if values else None,
        "min": found.get("value_min"),
        "max": found.get("value_max"),
        "median": median,
        "p95": p95,
        "players": int(found["players"]),
        "share": count / all_of if all_of else None,
    }


def _above(node: Node, nodes: Mapping[Node, Any]) -> Node | None:
    """The node's parent where it is in the answer, else what all nodes have together."""
    if node.level == TOGETHER:
        return None
    parent = Node(node.level - 1, node.path.rpartition(":")[0])
    return parent if parent in nodes else _TOGETHER


def _schema(granularity: Granularity) -> pa.Schema:
    numbers = ("sum", "mean", "min", "max", "median", "p95")
    return pa.schema(
        [
            ("bucket", start_type(granularity)),
            *((name, pa.string()) for name in ("group", "node", "parent")),
            *((name, pa.int64()) for name in ("level", "count", "players")),
            *((name, pa.float64()) for name in (*numbers, "share")),
        ]
    )
