"""Paths: what players do next after an event, or before it, as flows from node to node (metrics.md §5)."""

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from typing import Annotated

import ibis.expr.types as ir
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta

from questlog.analytics.analyses.cohort_members import check_match
from questlog.analytics.analyses.funnel import Step, alternatives, starts_of
from questlog.analytics.analyses.funnel_attempts import is_next
from questlog.analytics.analyses.funnel_rows import FunnelRows, Unit, event_count, step_events
from questlog.analytics.analyses.path_matching import (
    END,
    Flow,
    PathEvents,
    PathRules,
    Walked,
    flows,
    most_frequent,
    node_counts,
    walked,
)
from questlog.analytics.analyses.split import check_split
from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import JANUARY, Example
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import EventMatch, Filter, Granularity, Period
from questlog.analytics.selection.cardinality import OTHER
from questlog.analytics.selection.dimensions import referenced_dimensions
from questlog.analytics.selection.selection import select

MAX_DEPTH = 5
MAX_WINDOW_S = 31 * 86_400
MOST_NODES = 50
MAX_PARTS = 5
_ROWS_AT_ONCE = 4_000_000
"""Of more events, players are taken a part at a time: an event takes about 200 bytes while paths are followed."""
_DAY_S = 86_400
_FIRST_DAY = dt.date(1970, 1, 1)
_NO_FLOW = Flow(0, np.zeros(0, np.int64))


class Direction(enum.StrEnum):
    """Which way to look from an event."""

    AFTER = "after"
    BEFORE = "before"


class Paths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What players do after an event, or before it.

    A path begins with an event `anchor` of the period; without `anchor`, with the first event of the session (with
    `direction` = `before`, the last one). It continues with the player's next (or earlier) events, for at most `depth`
    steps and `window_s` seconds (inclusive) from the anchor; with `within` = `sessions`, only in the same session.
    `events` are the events that count as steps (default: all); anchors always count. `filter` applies to anchor and
    steps. Several events in a row at one node are one step, unless `repeats` is true.

    A node is a category and the first `parts` parts of the event id (default: all). At each step, the `max_nodes`
    most frequent nodes are shown; all others are `(other)`.

    The answer has a row for each `step` (1 = first), `from` and `to`, with `paths`, `players`, and `share`: paths ÷ all
    paths from that node. `to` is null where a path ends. The totals have all `paths` and their `players`.
    """

    period: Period
    anchor: Step | None = None
    direction: Direction = Direction.AFTER
    depth: Annotated[int, Meta(ge=1, le=MAX_DEPTH)] = 3
    within: Unit = Unit.SESSIONS
    window_s: Annotated[int, Meta(ge=1, le=MAX_WINDOW_S)] = _DAY_S
    events: Step | None = None
    parts: Annotated[int, Meta(ge=0, le=MAX_PARTS)] | None = None
    repeats: bool = False
    max_nodes: Annotated[int, Meta(ge=1, le=MOST_NODES)] = 10
    filter: Filter | None = None

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        self.period.check()
        check_split(segments, self.filter)
        for field, step in (("anchor", self.anchor), ("events", self.events)):
            for place, match in enumerate(alternatives(step) if step is not None else ()):
                check_match(f"{field}[{place}]" if isinstance(step, tuple) else field, match, segments)
        if self.anchor is None and self.within is Unit.PLAYERS:
            raise InvalidQuery(
                "anchor",
                "`within` = `players` needs an `anchor`, because only sessions have a first and a last event",
                "sessions",
            )


def answer(question: Paths, context: Context) -> Answer:
    """The flows, step by step, the greatest first. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    rows = _rows_of(question, context)
    labels, node_of = _nodes(question, context)
    parts = _parts(rows, context)
    walks = (_walked(question, each, node_of, context) for each in parts)
    known = list(walks) if len(parts) == 1 else None  # of more, the paths are followed twice: they fill the memory
    counts = np.zeros((question.depth + 1, len(labels)), np.int64)
    for each in known or walks:
        counts += node_counts(each, len(labels))
    kept = most_frequent(counts, question.max_nodes)
    told: dict[tuple[int, int, int], Flow] = {}
    total = _NO_FLOW
    for each in known or (_walked(question, each, node_of, context) for each in parts):
        total = total.plus(Flow(each.node.shape[1], np.unique(each.player)))
        for key, flow in flows(each, kept, len(labels)).items():
            told[key] = told.get(key, _NO_FLOW).plus(flow)
    totals = pa.table({"paths": [total.paths], "players": [len(total.players)]})
    return Answer(_table(told, labels), _COLUMNS, totals=totals, data_version=context.data_version)


def _rows_of(question: Paths, context: Context) -> FunnelRows:
    """What is asked of the engine: events from a window before the period to a window after it."""
    days = dt.timedelta(days=-(-question.window_s // _DAY_S) + 1)  # a day can be an hour shorter
    read = Period(max(question.period.start - days, _FIRST_DAY), question.period.end + days)
    anchor, events = (
        alternatives(EventMatch() if each is None else each) for each in (question.anchor, question.events)
    )
    steps = (anchor, events) if question.anchor is not None else (events,)
    names = referenced_dimensions(*(match.filter for matches in steps for match in matches))
    return FunnelRows(
        select(context, read, question.filter, names=names),
        question.period,
        steps,
        (),
        question.within,
        is_strict=False,
        columns=("player_no", "row_no", "event_no"),
    )


def _parts(rows: FunnelRows, context: Context) -> Sequence[FunnelRows]:
    """The same for one part of the players after another."""
    [events] = context.run(event_count, rows)["events"].to_pylist()
    parts = max(1, -(-(events or 0) // _ROWS_AT_ONCE))
    return [msgspec.structs.replace(rows, parts=parts, part=part) for part in range(parts)]


def _nodes(question: Paths, context: Context) -> tuple[list[str], pa.Table]:
    """The nodes' names in order, and the number of each event's node."""
    names = context.run(event_names_of, context.game_id)
    texts = [_label(row["category"], row["event_id"], question.parts) for row in names.to_pylist()]
    labels = sorted(set(texts))
    places = {text: place for place, text in enumerate(labels)}
    return labels, pa.table({"event_no": names["event_no"], "node": [places[text] for text in texts]})


def _label(category: str, event_id: str | None, parts: int | None) -> str:
    told = [] if event_id is None else event_id.split(":")[:parts]
    return f"{category} {':'.join(told)}" if told else category


def _walked(question: Paths, rows: FunnelRows, node_of: pa.Table, context: Context) -> Walked:
    """The paths of one part of the players."""
    found = context.run(step_events, rows)
    time, number, bits = found["time"].to_numpy().view(np.int64), found["row_no"].to_numpy(), found["steps"].to_numpy()
    unit = found["unit"].to_numpy()
    sign = -1 if question.direction is Direction.BEFORE else 1
    if question.anchor is None:
        order = np.lexsort((sign * number, sign * time, unit))
        is_first = np.zeros(len(unit), np.bool_)
        is_first[order[is_next(unit[order])]] = True
    else:
        is_first = bits & 1 != 0
    starts, _ = starts_of(question.period, Granularity.ALL, context.zone)
    place = pc.index_in(found["event_no"], value_set=node_of["event_no"].combine_chunks())
    node = node_of["node"].take(place).to_numpy()
    events = PathEvents(unit, found["player_no"].to_numpy(), time, number, node, is_first & (starts.of(time) >= 0))
    context.cancellation.check()
    rules = PathRules(question.depth, question.window_s * 1_000_000, not question.repeats, sign < 0)
    return walked(events, rules)


def _table(told: Mapping[tuple[int, int, int], Flow], labels: Sequence[str]) -> pa.Table:
    names: Sequence[str | None] = [*labels, OTHER, None]  # the last one is `END`
    of: dict[tuple[int, int], int] = {}
    for (step, before, _), flow in told.items():
        of[step, before] = of.get((step, before), 0) + flow.paths
    rows = [
        {
            "step": step,
            "from": names[before],
            "to": names[after],
            "paths": flow.paths,
            "players": len(flow.players),
            "share": flow.paths / of[step, before],
        }
        for (step, before, after), flow in sorted(told.items(), key=_in_order)
    ]
    return pa.Table.from_pylist(rows, _SCHEMA)


def _in_order(told: tuple[tuple[int, int, int], Flow]) -> tuple[int, ...]:
    """The greatest flows of a step first, paths that end last."""
    (step, before, after), flow = told
    return step, -flow.paths, before, after == END, after


def event_names_of(game_id: int) -> ir.Table:
    """The names of a game's events, with their numbers."""
    names = tables.event_names
    return names.filter(names.game_id == game_id).select("event_no", "category", "event_id").order_by("event_no")


_COLUMNS = (
    AnswerColumn("step", "", "number of the step; 1 = from the first node of a path to the next one"),
    AnswerColumn("from", "", "category and event id before the step; `(other)`: not one of the most frequent"),
    AnswerColumn(
        "to",
        "",
        "category and event id after the step (with `direction` = `before`: the earlier one); null: the path ends",
    ),
    AnswerColumn("paths", "paths", "paths that took this step"),
    AnswerColumn("players", "players", "distinct players of these paths"),
    AnswerColumn("share", "share", "paths ÷ all paths at `from` before this step"),
)
_SCHEMA = pa.schema(
    [
        ("step", pa.int64()),
        ("from", pa.string()),
        ("to", pa.string()),
        ("paths", pa.int64()),
        ("players", pa.int64()),
        ("share", pa.float64()),
    ]
)

_DESIGN = [{"category": "design"}, {"category": "progression"}, {"category": "business"}]

ANALYSIS = Analysis(
    "paths",
    Paths,
    answer,
    "What players do after an event, or before it, step by step.",
    page="reference/analyses/paths.md",
    is_savable=True,
    examples=(
        Example(
            "What players do after they failed a level",
            {
                "period": JANUARY,
                "anchor": {"category": "progression", "event_id": "Fail", "is_prefix": True},
                "events": _DESIGN,
                "depth": 3,
            },
        ),
        Example(
            "What led to a purchase, within an hour",
            {
                "period": JANUARY,
                "anchor": {"category": "business"},
                "direction": "before",
                "within": "players",
                "window_s": 3600,
                "parts": 1,
            },
        ),
    ),
)
