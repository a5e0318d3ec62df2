"""Funnels: how many get from one event to the next, how fast, and who does not (metrics.md §5)."""

import enum
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Annotated

import ibis
import ibis.expr.types as ir
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta

from questlog.analytics.analyses.cohort_members import check_match
from questlog.analytics.analyses.funnel_answers import DROPPED_COLUMNS, Counted, first_dropped, steps_answer
from questlog.analytics.analyses.funnel_matching import Attempts, Ints, Matching, Order, best_attempts
from questlog.analytics.analyses.funnel_ties import MAX_STEPS
from questlog.analytics.analyses.split import check_split
from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.plan import scope_of
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import JANUARY, PURCHASE, Example
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import EventMatch, Filter, Name, Period
from questlog.analytics.selection.cardinality import CardinalityCap, capped_dimensions, shown, warnings, with_shown
from questlog.analytics.selection.dimensions import referenced_dimensions
from questlog.analytics.selection.filters import id_matches, predicate
from questlog.analytics.selection.rows import Scope, events_with

MAX_WINDOW_S = 366 * 86_400
MAX_DROPPED = 10_000
_ROWS_AT_ONCE = 8_000_000
"""Of more events, players are taken a part at a time: an event takes about 125 bytes while they are matched."""


class Unit(enum.StrEnum):
    """What a funnel counts."""

    PLAYERS = "players"
    SESSIONS = "sessions"

    @property
    def number(self) -> str:
        """The events' column with its number."""
        return "session_no" if self is Unit.SESSIONS else "player_no"


class Funnel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many get from step to step. Only events of players, in the period, count.

    An attempt begins with an event of step 1 and has `window_s` seconds, the last one included; what an attempt and
    its order are is said in `funnel_matching`. A player (or session) converts by the attempt that reaches furthest, of
    those by the earliest. `filter` is of the events that can be steps; with `strict` also other events come between.
    Groups of `group_by` are by the event of step 1 of that attempt; of several in its microsecond the least value
    counts. With `top`, the groups that are not among the `top` with the most step 1 are one, `(other)`.

    The answer has one row for each group and step: `step` (from 1), `event`, `count`, `from_previous`, `from_first`,
    and the medians `median_from_previous_s` and `median_from_first_s` over those who reached the step. The totals are
    the same over all groups. With `dropped_after`, it has instead those who reached that step and not the next, the
    first `limit` of them from the latest attempt on.
    """

    steps: Annotated[tuple[EventMatch, ...], Meta(min_length=2, max_length=MAX_STEPS)]
    period: Period
    window_s: Annotated[int, Meta(ge=1, le=MAX_WINDOW_S)] = 7 * 86_400
    order: Order = Order.ORDERED
    count: Unit = Unit.PLAYERS
    group_by: Name | None = None
    top: Annotated[int, Meta(ge=1, le=1_000)] | None = None
    filter: Filter | None = None
    dropped_after: Annotated[int, Meta(ge=1, le=MAX_STEPS - 1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_DROPPED)] = 100

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        self.period.check()
        for place, step in enumerate(self.steps):
            check_match(f"steps[{place}]", step, segments)
        check_split(segments, self.filter, self.group_by)
        if self.dropped_after is not None and self.dropped_after >= len(self.steps):
            last = len(self.steps) - 1
            raise InvalidQuery("dropped_after", f"after step {self.dropped_after} there is no other", str(last))


class Asked(msgspec.Struct, frozen=True):
    """What is asked of the engine: the events that are steps, of one of `parts` of the players or sessions."""

    scope: Scope
    steps: tuple[EventMatch, ...]
    filter: Filter | None
    unit: Unit
    is_strict: bool
    group_by: str | None
    capped: tuple[CardinalityCap, ...] = ()
    parts: int = 1
    part: int = 0

    @property
    def names(self) -> frozenset[str]:
        """The events' dimensions that it needs."""
        return referenced_dimensions(self.filter, *(step.filter for step in self.steps)) | (
            {self.group_by} if self.group_by else frozenset()
        )


def answer(question: Funnel, context: Context) -> Answer:
    """The steps, or those who dropped. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    asked = Asked(
        Scope(context.game_id, question.period),
        question.steps,
        question.filter,
        question.count,
        question.order is Order.STRICT,
        question.group_by,
    )
    capped = capped_dimensions(context, [asked.group_by] if asked.group_by else [], question.period)
    asked = msgspec.structs.replace(asked, scope=scope_of(context, question.period, asked.names), capped=capped)
    counted = _counted(question, asked, context)
    if question.dropped_after is None:
        found = steps_answer(counted, question.top)
        return msgspec.structs.replace(found, warnings=warnings(context, capped), data_version=context.data_version)
    return _dropped(question, counted.attempts, context)


def _counted(question: Funnel, asked: Asked, context: Context) -> Counted:
    """The attempt that counts of every player or session, a part of them at a time."""
    [events] = context.run(event_count, asked)["events"].to_pylist()
    parts = max(1, -(-(events or 0) // _ROWS_AT_ONCE))
    found, values = [], []
    for part in range(parts):
        rows = context.run(step_events, msgspec.structs.replace(asked, parts=parts, part=part))
        code, groups = _codes(rows["group"]) if asked.group_by else (None, None)
        matching = Matching(
            rows["unit"].to_numpy(), rows["time"].to_numpy().view(np.int64), rows["steps"].to_numpy(), code
        )
        window_us = question.window_s * 1_000_000
        attempts = best_attempts(matching, len(asked.steps), window_us, question.order, context.cancellation.check)
        found.append(attempts)
        if groups is not None:
            values.append(groups.take(pa.array(attempts.code)))
    groups = pa.chunked_array(values).combine_chunks() if values else None
    return Counted(Attempts.together(found), [label(step) for step in asked.steps], asked.unit, groups)


def _codes(column: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """Each value's place among the different values in order, null last; and these."""
    encoded = column.combine_chunks().dictionary_encode("encode")
    order = pc.sort_indices(encoded.dictionary)
    code: Ints = np.argsort(order.to_numpy())[encoded.indices.to_numpy(zero_copy_only=False)]
    return code, encoded.dictionary.take(order)


def label(step: EventMatch) -> str:
    """What a step is called in an answer: `progression Start:world01:*`."""
    event_id = f"{step.event_id}:*" if step.is_prefix else step.event_id
    return " ".join(part for part in (step.category, event_id) if part) or "any event"


def _dropped(question: Funnel, attempts: Attempts, context: Context) -> Answer:
    rows = first_dropped(attempts, question.dropped_after or 0, question.limit)
    numbers = tuple(sorted(rows["number"].to_pylist()))
    named = context.run(names_of, context.game_id, question.count, numbers)
    place = pc.index_in(rows["number"], value_set=named["number"].combine_chunks())
    columns = {name: named[name].take(place) for name in named.column_names if name != "number"}
    table = pa.table({**columns, "started_at": rows["started_at"], "reached_at": rows["reached_at"]})
    table = table.filter(table["player_id"].is_valid())
    return Answer(table, [DROPPED_COLUMNS[name] for name in table.column_names], data_version=context.data_version)


# ----------------------------------------------------------------------------------------------- asked of the engine


def event_count(asked: Asked) -> ir.Table:
    """How many events there are to look at, at most, as `events`."""
    period, days, names = asked.scope.period, tables.event_days, _named(asked)
    days = days.filter(days.game_id == asked.scope.game_id, days.day.between(period.start, period.end))
    rows = days.inner_join(names, days.event_no == names["name:no"])
    return rows.aggregate(events=rows.events.sum())


def step_events(asked: Asked) -> ir.Table:
    """`unit`, `time`, `steps` (bits) and with `group_by` the `group` of every event that is a step.

    For a strict funnel: of all events of those who did step 1.
    """
    rows = _matched(asked)
    if asked.group_by is not None:
        rows = with_shown(rows, asked.capped, asked.scope.game_id, rows.event_time.date())
    columns = {"unit": rows["unit"], "time": rows.event_time, "steps": rows["steps"]}
    if asked.group_by is not None:
        columns["group"] = ibis.cases(((rows["steps"] & 1) > 0, shown(rows, asked.group_by)))
    if not asked.is_strict:
        return rows.filter(rows["steps"] > 0).select(**columns)
    begun = rows.filter((rows["steps"] & 1) > 0).select(begun=rows["unit"]).distinct()
    return rows.semi_join(begun, rows["unit"] == begun.begun).select(**columns)


def names_of(game_id: int, unit: Unit, numbers: tuple[int, ...]) -> ir.Table:
    """The ids of players or sessions, with their `number`."""
    of, columns = (
        (tables.sessions, ["session_id", "player_id"]) if unit is Unit.SESSIONS else (tables.players, ["player_id"])
    )
    of = of.filter(of.game_id == game_id, of[unit.number].isin(numbers))
    return of.select(*columns, number=of[unit.number])


def _matched(asked: Asked) -> ir.Table:
    """The events that have a step's name, with the `steps` that they are."""
    events, names = events_with(asked.scope, asked.names), _named(asked)
    events = events.filter(events.player_no.notnull(), events[asked.unit.number].notnull())
    if asked.parts > 1:
        events = events.filter(events[asked.unit.number] % asked.parts == asked.part)
    rows = events.inner_join(names, events.event_no == names["name:no"])
    is_allowed = predicate(asked.filter, rows)
    if all(step.filter is None for step in asked.steps):
        steps = rows["name:steps"]
    else:
        steps = reduce(or_, (_bit(rows, place, step) for place, step in enumerate(asked.steps)))
    if asked.filter is not None:
        steps = is_allowed.ifelse(steps, 0)
    return rows.mutate(unit=rows[asked.unit.number], steps=steps.cast("int64"))


def _bit(rows: ir.Table, place: int, step: EventMatch) -> ir.IntegerValue:
    bit = 1 << place
    return (((rows["name:steps"] & bit) > 0) & predicate(step.filter, rows)).ifelse(bit, 0)


def _named(asked: Asked) -> ir.Table:
    """The numbers of the names that are looked at, with the steps that bear them: for a strict funnel all names."""
    names = tables.event_names
    names = names.filter(names.game_id == asked.scope.game_id)
    steps = reduce(or_, (_is_named(step, names).ifelse(1 << place, 0) for place, step in enumerate(asked.steps)))
    named = names.select(**{"name:no": names.event_no, "name:steps": steps})
    return named if asked.is_strict else named.filter(named["name:steps"] > 0)


def _is_named(match: EventMatch, names: ir.Table) -> ir.BooleanValue:
    is_named = ibis.literal(value=True)
    if match.category is not None:
        is_named &= names.category == match.category
    return is_named & id_matches(match, names.event_id) if match.event_id is not None else is_named


ANALYSIS = Analysis(
    "funnel",
    Funnel,
    answer,
    "How many get from step to step, how fast, and who drops.",
    page="reference/analyses/funnels.md",
    is_savable=True,
    examples=(
        Example(
            "From the tutorial to the first purchase within three days, by platform",
            {
                "period": JANUARY,
                "steps": [
                    {"category": "design", "event_id": "Tutorial:Done"},
                    {"category": "progression", "event_id": "Complete:world01", "is_prefix": True},
                    PURCHASE,
                ],
                "window_s": 259_200,
                "group_by": "platform",
            },
        ),
        Example(
            "Who began a level and did not complete it",
            {
                "period": JANUARY,
                "steps": [
                    {"category": "progression", "event_id": "Start", "is_prefix": True},
                    {"category": "progression", "event_id": "Complete", "is_prefix": True},
                ],
                "dropped_after": 1,
                "limit": 20,
            },
        ),
    ),
)
