"""Funnels in the engine: the events that are steps, as numbers (metrics.md §5)."""

import enum
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir
import msgspec

from questlog.analytics.engine import tables
from questlog.analytics.engine.growing import newer
from questlog.analytics.question.query import EventMatch, Period
from questlog.analytics.selection.cardinality import shown, with_shown
from questlog.analytics.selection.dimensions import referenced_dimensions
from questlog.analytics.selection.filters import id_matches, predicate
from questlog.analytics.selection.rows import events_with
from questlog.analytics.selection.selection import Selection
from questlog.store.schema import DIMENSIONS

EXCLUDED_FROM = 10
"""The first bit of exclusions in `steps`; those below are steps."""
MAX_EXCLUSIONS = 5
GROUPS = "group:"
"""What the columns of groups begin with; their place follows."""

Matches = tuple[EventMatch, ...]
"""Events of which each will do."""


class Unit(enum.StrEnum):
    """What a funnel counts."""

    PLAYERS = "players"
    SESSIONS = "sessions"

    @property
    def number(self) -> str:
        """The events' column with its number."""
        return "session_no" if self is Unit.SESSIONS else "player_no"


class FunnelRows(msgspec.Struct, frozen=True):
    """The events that are steps or exclusions, of one of `parts` of the players or sessions.

    `selection` is of the days to read; attempts begin in `period`. `columns` are read as well.
    """

    selection: Selection
    period: Period
    steps: tuple[Matches, ...]
    exclusions: tuple[Matches, ...]
    unit: Unit
    is_strict: bool
    parts: int = 1
    part: int = 0
    columns: tuple[str, ...] = ()

    @property
    def matches(self) -> tuple[tuple[int, EventMatch], ...]:
        """All events that are looked for, each with the bit that it is in `steps`."""
        steps = [(1 << place, match) for place, matches in enumerate(self.steps) for match in matches]
        excluded = [(1 << EXCLUDED_FROM + place, match) for place, ms in enumerate(self.exclusions) for match in ms]
        return (*steps, *excluded)

    @property
    def names(self) -> frozenset[str]:
        """The events' dimensions that it needs."""
        return self.selection.dimensions | referenced_dimensions(*(match.filter for _, match in self.matches))

    @property
    def is_of_own_values(self) -> bool:
        """Whether it can be said of each event for itself, and never changes: not of sessions, nor of other tables."""
        is_of_events = not self.selection.caps and self.names <= frozenset(DIMENSIONS)
        return is_of_events and self.unit is Unit.PLAYERS and not self.is_strict

    @property
    def is_by_name(self) -> bool:
        """Whether the names of events alone say which steps they are."""
        return self.selection.filter is None and all(match.filter is None for _, match in self.matches)


def event_count(rows: FunnelRows) -> ir.Table:
    """How many events there are to look at, at most, as `events`."""
    days, names, selection = tables.event_days, _named(rows), rows.selection
    days = days.filter(days.game_id == selection.game_id, selection.days.holds_day(days.day))
    found = days.inner_join(names, days.event_no == names["name:no"])
    return found.aggregate(events=found.events.sum())


def step_events(asked: FunnelRows) -> ir.Table:
    """`unit`, `time`, `steps` (bits) and a column for each group (null: no step 1) of every event that is looked for.

    For a strict funnel: of all events of those who did step 1.
    """
    return _step_events(asked, events_with(asked.selection, asked.names))


def newer_step_events(asked: FunnelRows) -> ir.Table:
    """The same of newer events, where it is `is_of_own_values`."""
    return _step_events(asked, newer(events_with(asked.selection, asked.names)))


def _step_events(asked: FunnelRows, events: ir.Table) -> ir.Table:
    rows, selection = _matched(asked, events), asked.selection
    if selection.caps:
        rows = with_shown(rows, selection.caps, selection.game_id, selection.days.day_of(rows.event_time))
    columns = {"unit": rows["unit"], "time": rows.event_time, "steps": rows["steps"]}
    columns |= {name: rows[name] for name in asked.columns}
    for place, name in enumerate(selection.group_by):
        columns[f"{GROUPS}{place}"] = ibis.cases(((rows["steps"] & 1) > 0, shown(rows, name)))
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


def _matched(asked: FunnelRows, events: ir.Table) -> ir.Table:
    """Those of the events that have a name that is looked for, with the `steps` that they are."""
    names = _named(asked)
    events = events.filter(events.player_no.notnull(), events[asked.unit.number].notnull())
    if asked.parts > 1:
        events = events.filter(events[asked.unit.number] % asked.parts == asked.part)
    rows = events.inner_join(names, events.event_no == names["name:no"])
    if asked.is_by_name:
        steps = rows["name:bits"]
    else:
        steps = reduce(or_, (_bit(rows, place, bit, match) for place, (bit, match) in enumerate(asked.matches)))
    if asked.selection.filter is not None:
        steps &= predicate(asked.selection.filter, rows).ifelse(-1, -1 << EXCLUDED_FROM)
    return rows.mutate(unit=rows[asked.unit.number], steps=steps.cast("int64"))


def _bit(rows: ir.Table, place: int, bit: int, match: EventMatch) -> ir.IntegerValue:
    is_named = (rows["name:bits"] & (1 << place)) > 0
    return (is_named & predicate(match.filter, rows)).ifelse(bit, 0).cast("int64")


def _named(asked: FunnelRows) -> ir.Table:
    """The numbers of the names that are looked at, with bits: for a strict funnel all names.

    The bits are those of `steps`, or the places of the matches, where a name alone does not say what an event is.
    """
    names = tables.event_names
    names = names.filter(names.game_id == asked.selection.game_id)
    found = (
        _is_named(match, names).ifelse(bit if asked.is_by_name else 1 << place, 0).cast("int64")
        for place, (bit, match) in enumerate(asked.matches)
    )
    named = names.select(**{"name:no": names.event_no, "name:bits": reduce(or_, found)})
    return named if asked.is_strict else named.filter(named["name:bits"] > 0)


def _is_named(match: EventMatch, names: ir.Table) -> ir.BooleanValue:
    is_named = ibis.literal(value=True)
    if match.category is not None:
        is_named &= names.category == match.category
    return is_named & id_matches(match, names.event_id) if match.event_id is not None else is_named
