"""Explore: events from their category down to single ids, over time, by a dimension, by value. For an analyst."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from questlog.analytics.analyses.event_catalogue import EventCatalogue
from questlog.analytics.analyses.explore import MAX_NODES, Explore, Measure
from questlog.analytics.analyses.histogram import Histogram
from questlog.analytics.analyses.member_cells import MetricCell
from questlog.analytics.question.query import AllOf, Condition, Granularity, Operator, Query
from questlog.analytics.selection.cardinality import OTHER
from questlog.model.taxonomy import CATEGORIES
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.charts import NO_CHART, chart, histogram_spec, summary_of, time_series_spec
from questlog.web.event_words import event_text
from questlog.web.formats import NOTHING
from questlog.web.reports import Report
from questlog.web.tables import table_of
from questlog.web.translations import mark
from questlog.web.view import View
from questlog.web.who import who_url

_DEFAULT_CATEGORY = "design"
_BETWEEN = "\n"
_TREE = (Measure.COUNT, Measure.SUM, Measure.MEAN, Measure.MIN, Measure.MAX)
_SLOW = (Measure.PLAYERS, Measure.MEDIAN, Measure.P95)
_TREE_COLUMNS = frozenset({"node", "parent", "level", "share"})
_MOST_GROUPS = 8
_MOST_EVENTS = 50
_BINS = 24

MEASURES: Mapping[Measure, str] = {
    Measure.COUNT: mark("Events"),
    Measure.PLAYERS: mark("Players"),
    Measure.SUM: mark("Sum of values"),
    Measure.MEAN: mark("Mean value"),
    Measure.MEDIAN: mark("Median value"),
    Measure.P95: mark("95th percentile"),
    Measure.MIN: mark("Least value"),
    Measure.MAX: mark("Greatest value"),
}


class Wanted(NamedTuple):
    """What the address says: the category, the nodes (`""`: the whole category), the measure and the dimension."""

    category: str
    nodes: tuple[str, ...]
    measure: Measure
    split: str
    search: str
    has_players: bool

    @property
    def is_root(self) -> bool:
        """Whether it is the whole category."""
        return self.nodes == ("",)


class Crumb(NamedTuple):
    """A part of the path of a node, and the address of what is there."""

    text: str
    url: str


class TreeRow(NamedTuple):
    """A node below those that are chosen, as it is drawn."""

    name: str
    path: str
    url: str
    add_url: str
    who: str
    share: float
    share_text: str
    numbers: Sequence[tuple[str, str]]


def wanted(view: View) -> Wanted:
    """What an address asks for."""
    own = view.own
    category = own.get("category", _DEFAULT_CATEGORY)
    nodes = tuple(dict.fromkeys(each.strip()[:1_024] for each in own.get("nodes", "").split(_BETWEEN)))[:MAX_NODES]
    nodes = tuple(each for each in nodes if each) or ("",)
    measure = own.get("measure", "")
    return Wanted(
        category if category in CATEGORIES else _DEFAULT_CATEGORY,
        nodes,
        Measure(measure) if measure in list(Measure) else Measure.COUNT,
        own.get("split", "").strip()[:256],
        own.get("search", "").strip()[:200],
        own.get("players", "") == "yes",
    )


def _question(view: View, **changes: Any) -> Explore:
    of = wanted(view)
    question = Explore(period=view.period, category=of.category, nodes=of.nodes, filter=view.filter)
    return msgspec.structs.replace(question, **changes)


def node_url(view: View, nodes: Sequence[str], category: str | None = None) -> str:
    """The page of these nodes."""
    own = {"nodes": _BETWEEN.join(each for each in nodes if each) or None}
    return view.with_own(**own) if category is None else view.with_own(category=category, **own)


def crumbs(view: View) -> list[Crumb]:
    """The path to the node, from the category on; of several nodes none."""
    of = wanted(view)
    found = [Crumb(of.category, node_url(view, ()))]
    if len(of.nodes) == 1 and of.nodes[0]:
        parts = of.nodes[0].split(":")
        found += [Crumb(part, node_url(view, [":".join(parts[: place + 1])])) for place, part in enumerate(parts)]
    return found


def _tree_questions(view: View) -> Mapping[str, msgspec.Struct]:
    of = wanted(view)
    measures = (*_TREE, Measure.PLAYERS) if of.has_players else _TREE
    return {"tree": _question(view, measures=measures, compare=view.compare)}


def _draw_tree(asked: Asked) -> Drawing:
    of, view = wanted(asked.view), asked.view
    rows = asked.answer.table.to_pylist()
    chosen = [row for row in rows if row["node"] in (*of.nodes, None)]
    below = [row for row in rows if row["node"] not in of.nodes and row["node"] is not None]
    greatest = max((row["count"] or 0 for row in below), default=0)
    units = {column.name: column.unit for column in asked.answer.columns}
    names = [name for name in ("count", "players", "sum", "mean", "min", "max") if name in units]
    has_values = any(row.get("sum") is not None for row in rows)
    names = [name for name in names if has_values or name in {"count", "players"}]
    shown = [_row(asked, row, names, units, greatest) for row in below]
    titles = {"count": MEASURES[Measure.COUNT], "players": MEASURES[Measure.PLAYERS], "sum": MEASURES[Measure.SUM]}
    titles |= {"mean": MEASURES[Measure.MEAN], "min": MEASURES[Measure.MIN], "max": MEASURES[Measure.MAX]}
    values = {
        "rows": shown,
        "heads": [titles[name] for name in names],
        "totals": [(_text(asked, chosen[0], name, units), str(chosen[0][name] or "")) for name in names]
        if chosen
        else [],
        "wanted": of,
        "has_change": view.compared is not None,
        "players_url": view.with_own(players=None if of.has_players else "yes"),
    }
    return Drawing("cards/event_tree.html", values, is_empty=not chosen or not chosen[0]["count"])


def _row(
    asked: Asked, row: Mapping[str, Any], names: Sequence[str], units: Mapping[str, str], greatest: int
) -> TreeRow:
    of, view, path = wanted(asked.view), asked.view, row["node"]
    parent = row["parent"] or ""
    numbers = [(_text(asked, row, name, units), str(row[name] if row[name] is not None else "")) for name in names]
    if view.compared is not None:
        numbers.append((asked.formats.change(row["count"], row.get("previous_count")), ""))
    together = [each for each in of.nodes if each] if not of.is_root else []
    return TreeRow(
        name=path.removeprefix(f"{parent}:") if parent else path,
        path=path,
        url=node_url(view, [path]),
        add_url=node_url(view, [*together, path]),
        who=who_url(view, _players_of(view, of.category, path)),
        share=(row["count"] or 0) / greatest if greatest else 0.0,
        share_text=asked.formats.share(row["share"]),
        numbers=numbers,
    )


def _players_of(view: View, category: str, path: str) -> MetricCell:
    """Who has an event of the node or below it in the period."""
    conditions = [
        Condition("category", Operator.IS, (category,)),
        Condition("event_id", Operator.MATCHES, (f"^{re.escape(path)}(:|$)",)),
        *([view.filter] if view.filter is not None else []),
    ]
    return MetricCell(Query(("events",), view.period, Granularity.ALL, filter=AllOf(tuple(conditions))), "events")


def _text(asked: Asked, row: Mapping[str, Any], name: str, units: Mapping[str, str]) -> str:
    return asked.formats.value(row[name], "" if units[name] in {"events", "players"} else units[name])


def _series_questions(view: View) -> Mapping[str, msgspec.Struct]:
    of = wanted(view)
    return {
        "series": _question(
            view,
            depth=0,
            measures=(of.measure,),
            granularity=view.granularity,
            group_by=(of.split,) if of.split else (),
            top=_MOST_GROUPS,
            compare=None if of.split else view.compare,
        )
    }


def _draw_series(asked: Asked) -> Drawing:
    of, answer = wanted(asked.view), asked.answer
    group = next((column.name for column in answer.columns if column.name in {of.split, f"by_{of.split}"}), None)
    keep = [*of.nodes] if len(of.nodes) == 1 else [None]
    table = answer.table.filter([node in keep for node in answer.table["node"].to_pylist()])
    answer = msgspec.structs.replace(answer, table=table, totals=None)
    metric = of.measure.value
    spec = time_series_spec(asked, answer, metrics=(metric,), group=group if of.split else None)
    for series in spec["series"]:
        if not of.split:
            series["name"] = asked.translate(MEASURES[of.measure])
        elif series["name"] not in (NOTHING, OTHER):
            series["link"] = {"filter": asked.view.adding(of.split, series["name"])}
    columns = [name for name in answer.table.column_names if name.removeprefix("previous_") not in _TREE_COLUMNS]
    titles = {metric: MEASURES[of.measure], f"previous_{metric}": mark("Before")}
    shown = table_of(answer, asked.formats, asked.translate, columns=columns, titles=titles)
    return chart(spec, shown, summary_of(asked, spec), is_empty=not table.num_rows)


def _histogram_questions(view: View) -> Mapping[str, msgspec.Struct]:
    return {"values": _question(view, depth=0, histogram=Histogram(bins=_BINS))}


def _draw_histogram(asked: Asked) -> Drawing:
    rows = [row for row in asked.answer.table.to_pylist() if row["low"] is not None and row["high"] is not None]
    if not rows:
        return NO_CHART
    spec = histogram_spec(rows, "", "events")
    table = table_of(asked.answer, asked.formats, asked.translate, bars=("count",))
    return chart(spec, table, asked.translate("Events by value."))


def _events_questions(view: View) -> Mapping[str, msgspec.Struct]:
    of = wanted(view)
    return {"events": EventCatalogue(view.period, of.category, of.search, _MOST_EVENTS)}


def _draw_events(asked: Asked) -> Drawing:
    view = asked.view
    rows = [_event_row(asked, row) for row in asked.answer.table.to_pylist()]
    [totals] = asked.answer.totals.to_pylist() if asked.answer.totals is not None else [{"names": len(rows)}]
    values = {
        "rows": rows,
        "names": asked.formats.number(totals["names"]),
        "most": _MOST_EVENTS,
        "wanted": wanted(view),
    }
    return Drawing("cards/event_names.html", values, is_empty=not rows and not wanted(view).search)


def _event_row(asked: Asked, row: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes = [
        (each["key"], ", ".join(each["types"]), asked.formats.share(each["share"])) for each in row["attributes"]
    ]
    return {
        "name": event_text(row["category"], row["event_id"]),
        "url": node_url(asked.view, [row["event_id"] or ""], row["category"]),
        "events": asked.formats.number(row["events"]),
        "value": row["events"],
        "first_day": row["first_day"],
        "last_day": row["last_day"],
        "sdk_versions": row["sdk_versions"],
        "builds": row["builds"],
        "attributes": attributes,
    }


REPORT = Report(
    "explore",
    "What do players do?",
    (
        Card(
            "explore.series",
            mark("Over time"),
            _series_questions,
            _draw_series,
            span=12,
            takes_marks=True,
            empty=mark("No such event in this period."),
        ),
        Card(
            "explore.tree",
            mark("Event tree"),
            _tree_questions,
            _draw_tree,
            span=8,
            height=Height.TALL,
            help=mark("Ids are split at “:”. A click goes down; + adds a node to those that are shown."),
            empty=mark("No such event in this period."),
        ),
        Card(
            "explore.values",
            mark("Values"),
            _histogram_questions,
            _draw_histogram,
            span=4,
            help=mark("How many events have which value."),
            empty=mark("No event here has a value in this period."),
        ),
        Card(
            "explore.events",
            mark("All events of the category"),
            _events_questions,
            _draw_events,
            span=12,
            help=mark("With the SDKs, builds and attributes of a sample of each."),
            empty=mark("The game never sent an event of this category."),
        ),
    ),
    template="explore.html",
    values=lambda view: {
        "wanted": wanted(view),
        "crumbs": crumbs(view),
        "measures": MEASURES,
        "categories": CATEGORIES,
        "without": [
            (each, node_url(view, [other for other in wanted(view).nodes if other != each]))
            for each in wanted(view).nodes
        ],
    },
)
