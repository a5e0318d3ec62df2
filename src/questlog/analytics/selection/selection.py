"""Which rows of a game a question is about, and how they are grouped: one value that all questions share."""

import datetime as dt
from collections.abc import Collection, Iterable

import msgspec

from questlog.analytics.engine.context import Built, Context
from questlog.analytics.question.definitions import InCell, SegmentDefinition
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Filter, Period
from questlog.analytics.selection.buckets import LocalDays
from questlog.analytics.selection.cardinality import CardinalityCap, capped_dimensions
from questlog.analytics.selection.dimensions import SEGMENT, referenced_dimensions
from questlog.analytics.selection.segment_rules import Segments, cells_in, segment_names
from questlog.model.calendar import UTC, Zone

TopGroups = tuple[tuple[str | None, ...], ...]
"""The groups that stand by themselves, as texts; all others are one, `(other)`."""

NO_DAY = dt.date(1970, 1, 1)

ALL_TIME = Period(dt.date(1970, 1, 1), dt.date(2200, 12, 31))
"""The days on which there can be events: clocks that show an earlier day are wrong."""


class Selection(msgspec.Struct, frozen=True):
    """Whose rows, of which local days, which pass a filter, in which groups.

    The SQL of an expression is kept by its selection: what a question does not need is left at its default, so that
    many questions share one text. `caps` are the dimensions that have more values than their limit; `segments` and
    `today` are for dimensions `segment.NAME`, `today` also for cohorts; `cells` are those that the segments which it
    needs are made of. `player_bound` is above every player number.
    The days that tables carry are of the `stored_zone`, which the days of segments are of too.
    """

    game_id: int
    period: Period
    zone: Zone = UTC
    stored_zone: Zone = UTC
    filter: Filter | None = None
    group_by: tuple[str, ...] = ()
    top: TopGroups | None = None
    caps: tuple[CardinalityCap, ...] = ()
    segments: Segments = ()
    today: dt.date = NO_DAY
    cells: tuple[tuple[InCell, Built], ...] = ()
    player_bound: int = 0

    @property
    def days(self) -> LocalDays:
        """The period's days in the zone."""
        return LocalDays(self.period, self.zone, self.is_stored_zone)

    @property
    def is_stored_zone(self) -> bool:
        """Whether the days that tables carry are those of the question."""
        return self.zone == self.stored_zone

    @property
    def dimensions(self) -> frozenset[str]:
        """The dimensions that its filter and its groups need."""
        return referenced_dimensions(self.filter) | frozenset(self.group_by)

    @property
    def is_plain(self) -> bool:
        """Whether it is all rows of the period, without groups."""
        return self.filter is None and not self.group_by

    def over(self, period: Period) -> "Selection":
        """The same of other days."""
        return msgspec.structs.replace(self, period=period)

    def with_top(self, top: TopGroups) -> "Selection":
        """The same where only these groups stand by themselves."""
        return msgspec.structs.replace(self, top=top)


def zone_asked(name: str | None, context: Context) -> Zone:
    """The zone whose days a question is about: the game's, or UTC. Raises `InvalidQuery`."""
    if name is None or name == context.zone.name:
        return context.zone
    if name != UTC.name:
        said = f"days are of the game's zone, {context.zone.name}, or of UTC; {name[:100]!r} is neither"
        raise InvalidQuery("time_zone", said, context.zone.name)
    return UTC


def select(
    context: Context,
    period: Period,
    condition: Filter | None = None,
    group_by: tuple[str, ...] = (),
    *,
    zone: Zone | None = None,
    names: Collection[str] = (),
) -> Selection:
    """The game's rows of the period. `zone` is the game's unless it is said; `names` are other dimensions needed.

    Raises `QueryAborted`: which dimensions are capped is asked of the engine.
    """
    zone = context.zone if zone is None else zone
    needed = referenced_dimensions(condition) | frozenset(group_by) | frozenset(names)
    has_segments = any(name.startswith(SEGMENT) for name in needed)
    selection = Selection(
        context.game_id,
        period,
        zone,
        context.zone,
        condition,
        group_by,
        segments=tuple(sorted(context.segments.items())) if has_segments else (),
        today=context.today_in(zone) if has_segments else NO_DAY,
        cells=_cells_of(needed, context) if has_segments else (),
        player_bound=context.player_bound,
    )
    return with_caps(selection, period, context)


def _cells_of(dimensions: Collection[str], context: Context) -> tuple[tuple[InCell, Built], ...]:
    named = [context.segments[name] for name in segment_names(dimensions) if name in context.segments]
    return cells_found(named, context)


def cells_found(definitions: Iterable[SegmentDefinition], context: Context) -> tuple[tuple[InCell, Built], ...]:
    """What finds the players of each cell that the definitions are made of. Raises `InvalidQuery`, `QueryAborted`."""
    return tuple((rule, context.players_of_cell(rule.of, context)) for rule in cells_in(definitions, context.segments))


def with_caps(selection: Selection, period: Period, context: Context) -> Selection:
    """The selection with the groups that have to be capped on any day of the period. Raises `QueryAborted`."""
    caps = caps_of(selection.over(period), selection.group_by, context)
    return selection if caps == selection.caps else msgspec.structs.replace(selection, caps=caps)


def caps_of(selection: Selection, names: Collection[str], context: Context) -> tuple[CardinalityCap, ...]:
    """Those of the dimensions that have to be capped. Raises `QueryAborted`.

    Limits are by days of the game's zone: a question in another one sees all values.
    """
    return capped_dimensions(context, names, selection.period) if selection.is_stored_zone else ()
