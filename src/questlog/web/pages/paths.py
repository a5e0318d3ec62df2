"""Paths: what players do next after an event, or did before it. For an analyst."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from questlog.analytics.analyses.funnel import Step
from questlog.analytics.analyses.funnel_rows import Unit
from questlog.analytics.analyses.paths import MAX_DEPTH, MAX_PARTS, MAX_WINDOW_S, MOST_NODES, Direction, Paths
from questlog.analytics.selection.cardinality import OTHER
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.charts import NO_CHART, chart
from questlog.web.event_words import event_text, step_of
from questlog.web.pages.funnels import window_s_of
from questlog.web.reports import Report
from questlog.web.tables import table_of
from questlog.web.translations import mark
from questlog.web.view import View

_DEPTH, _TOP = 3, 8
_DEFAULT_WINDOW = "24h"
_DAY_S = 86_400


class Wanted(NamedTuple):
    """What an address says of paths."""

    anchor_text: str
    anchor: Step | None
    events_text: str
    events: Step | None
    direction: Direction
    depth: int
    within: Unit
    window: str
    window_s: int
    parts: int | None
    top: int
    has_repeats: bool
    problems: tuple[str, ...]


class NextRow(NamedTuple):
    """What comes next after the first event, as it is drawn."""

    name: str
    is_end: bool
    is_other: bool
    url: str | None
    paths: str
    players: str
    share: float
    share_text: str


def wanted(view: View) -> Wanted:
    """The paths that an address asks for."""
    own, problems = view.own, list[str]()
    window = own.get("window", _DEFAULT_WINDOW)
    window_s = window_s_of(window, MAX_WINDOW_S)
    if window_s is None:
        problems.append(f"a window is 30 s, 10 min, 2 h or 7 d, at most 31 d, not {window[:40]!r}")
    anchor = step_of(own.get("anchor", ""))
    within = own.get("within", "")
    return Wanted(
        anchor_text=own.get("anchor", ""),
        anchor=anchor,
        events_text=own.get("events", ""),
        events=step_of(own.get("events", "")),
        direction=Direction.BEFORE if own.get("direction") == Direction.BEFORE else Direction.AFTER,
        depth=_number(own.get("depth", ""), MAX_DEPTH) or _DEPTH,
        # Only sessions have a first event.
        within=Unit.PLAYERS if within == Unit.PLAYERS and anchor is not None else Unit.SESSIONS,
        window=window if window_s else _DEFAULT_WINDOW,
        window_s=window_s or _DAY_S,
        parts=_number(own.get("parts", ""), MAX_PARTS),
        top=_number(own.get("top", ""), MOST_NODES) or _TOP,
        has_repeats=own.get("repeats") == "yes",
        problems=tuple(problems),
    )


def _questions(view: View) -> Mapping[str, msgspec.Struct]:
    of = wanted(view)
    return {
        "paths": Paths(
            period=view.period,
            anchor=of.anchor,
            direction=of.direction,
            depth=of.depth,
            within=of.within,
            window_s=of.window_s,
            events=of.events,
            parts=of.parts,
            repeats=of.has_repeats,
            max_nodes=of.top,
            filter=view.filter,
        )
    }


def node_url(view: View, node: str | None) -> str | None:
    """The paths from this node on; None for what is no node."""
    if node is None or node == OTHER:
        return None
    category, _, event_id = node.partition(" ")
    of = wanted(view)
    below = ":*" if of.parts and event_id.count(":") + 1 == of.parts else ""
    return view.with_own(anchor=event_text(category, f"{event_id}{below}" if event_id else None))


def _draw_flow(asked: Asked) -> Drawing:
    rows = asked.answer.table.to_pylist()
    if not rows:
        return NO_CHART
    spec = _sankey(asked, rows)
    [totals] = asked.answer.totals.to_pylist() if asked.answer.totals is not None else [{}]
    said = asked.translate("{paths} paths of {players} players.")
    summary = said.format(
        paths=asked.formats.number(totals.get("paths")), players=asked.formats.number(totals.get("players"))
    )
    table = table_of(asked.answer, asked.formats, asked.translate, bars=("paths",))
    return chart(spec, table, summary)


def _sankey(asked: Asked, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Nodes by step, in columns; of paths that lead to an event, the last column is the event."""
    of = wanted(asked.view)
    nodes: dict[str, dict[str, Any]] = {}
    links = []

    def node(step: int, name: str | None) -> str:
        key = f"{step} {name or ''}"
        column = step if of.direction is Direction.AFTER else of.depth - step
        label = asked.translate(mark("(ends here)") if step else mark("(any)")) if name is None else name
        nodes.setdefault(key, {"name": key, "label": label, "depth": column, "link": node_url(asked.view, name)})
        return key

    for row in rows:
        ends = (node(row["step"] - 1, row["from"]), node(row["step"], row["to"]))
        source, target = ends if of.direction is Direction.AFTER else reversed(ends)
        links.append({"source": source, "target": target, "value": row["paths"]})
    return {"kind": "sankey", "unit": "paths", "nodes": list(nodes.values()), "links": links}


def _draw_next(asked: Asked) -> Drawing:
    of, view = wanted(asked.view), asked.view
    rows = [row for row in asked.answer.table.to_pylist() if row["step"] == 1]
    total = sum(row["paths"] for row in rows)
    by_node: dict[str | None, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_node.setdefault(row["to"], []).append(row)
    shown = [
        NextRow(
            name=name or "",
            is_end=name is None,
            is_other=name == OTHER,
            url=node_url(view, name),
            paths=asked.formats.number(sum(row["paths"] for row in found)),
            players=asked.formats.number(found[0]["players"]) if len(found) == 1 else "",
            share=sum(row["paths"] for row in found) / total,
            share_text=asked.formats.share(sum(row["paths"] for row in found) / total),
        )
        for name, found in by_node.items()
    ]
    shown.sort(key=lambda row: -row.share)
    return Drawing("cards/next_events.html", {"rows": shown, "wanted": of}, is_empty=not shown)


_EMPTY = mark("No such path in this period. Choose an event to begin with, or a longer window.")

REPORT = Report(
    "paths",
    "What do players do next?",
    (
        Card(
            "paths.flow",
            mark("Paths"),
            _questions,
            _draw_flow,
            span=12,
            height=Height.TALL,
            help=mark("A click on an event begins there."),
            empty=_EMPTY,
        ),
        Card("paths.next", mark("The step next to the event"), _questions, _draw_next, span=12, empty=_EMPTY),
    ),
    template="paths.html",
    values=lambda view: {"wanted": wanted(view)},
)


def _number(text: str, most: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= most else None
