"""Who belongs to which cohort, and who was active when: the engine's half of retention and cohorts (metrics.md §5)."""

import enum
from collections.abc import Callable, Hashable, Mapping
from typing import Annotated

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa
from msgspec import Meta

from questlog.analytics.engine import tables
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.sub_query import MAX_ROWS
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import (
    Compare,
    EventMatch,
    Filter,
    Granularity,
    GroupBy,
    Period,
    check_one_group,
    check_periods,
    check_size,
)
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.cardinality import shown, with_shown
from questlog.analytics.selection.dimensions import (
    check_event_dimension,
    check_installed_dimension,
    player_day,
    referenced_dimensions,
)
from questlog.analytics.selection.filters import check_filter, id_matches, predicate
from questlog.analytics.selection.rows import events_with, installed_with
from questlog.analytics.selection.segment_rules import with_segments
from questlog.analytics.selection.selection import ALL_TIME, Selection, select, with_caps

FIRST_DAY, LAST_DAY = ALL_TIME.start, ALL_TIME.end

_LONGEST = {Granularity.DAY: 1, Granularity.WEEK: 7, Granularity.MONTH: 31}
_LONG_PERIOD_DAYS = 400
_MOST_ROWS = 2_000_000


MAX_AGES = 730
_DEFAULT_AGES = {Granularity.DAY: 30, Granularity.WEEK: 12, Granularity.MONTH: 12}


class Form(enum.StrEnum):
    """How the cohorts are shown."""

    TRIANGLE = "triangle"  # one by one
    CURVE = "curve"  # added up


MOST_CELLS = {Form.TRIANGLE: MAX_ROWS, Form.CURVE: 5_000_000}


class CohortStart(enum.StrEnum):
    """What makes a player one of a cohort, where that is no event of the game's own."""

    FIRST_SEEN = "first_seen"
    FIRST_PURCHASE = "first_purchase"


CohortBy = CohortStart | EventMatch
"""An `EventMatch` means its first occurrence of all time."""


class Cohorts(msgspec.Struct, frozen=True):
    """The players whose cohort begins in the selection's period, cut into days, weeks or months.

    Its filter and its group, at most one, are of the players: dimensions at install (what players do not carry: of
    their first event), properties, segments. Later than `last_age_days` after a player's first day nothing
    matters; None where that would not make the answer much smaller.
    """

    selection: Selection
    by: CohortBy
    granularity: Granularity
    last_age_days: int | None = None

    @property
    def installed(self) -> Period:
        """The days on which its players can have been first seen."""
        period = self.selection.period
        return period if self.by is CohortStart.FIRST_SEEN else Period(FIRST_DAY, period.end)

    @property
    def is_plain(self) -> bool:
        """Whether player days alone say who belongs to it."""
        return self.by is CohortStart.FIRST_SEEN and self.selection.is_plain

    @property
    def keys(self) -> list[str]:
        """The columns that say which cohort a row is about."""
        return ["cohort", "group"] if self.selection.group_by else ["cohort"]


class CohortQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every question about cohorts says of them."""

    period: Period
    granularity: Granularity = Granularity.DAY
    cohort: CohortBy = CohortStart.FIRST_SEEN
    ages: Annotated[int, Meta(ge=0, le=MAX_AGES)] | None = None
    group_by: GroupBy = ()
    filter: Filter | None = None
    form: Form = Form.TRIANGLE
    compare: Compare | None = None

    @property
    def last_age(self) -> int:
        """The last age of the answer."""
        return _DEFAULT_AGES[self.granularity] if self.ages is None else self.ages

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        check_periods(self.period, self.compare)
        if self.granularity not in (Granularity.DAY, Granularity.WEEK, Granularity.MONTH):
            raise InvalidQuery(
                "granularity", f"cohorts have the granularity day, week or month, not {self.granularity}", "day"
            )
        check_size(self.filter)
        check = with_segments(check_installed_dimension, segments)
        check_filter("filter", self.filter, check)
        check_one_group(self.group_by)
        for place, name in enumerate(self.group_by):
            check(f"group_by[{place}]", name)
        if isinstance(self.cohort, EventMatch):
            check_match("cohort", self.cohort, segments)

    def cohorts(self, context: Context) -> Cohorts:
        """The same for the engine, once it was checked."""
        events = referenced_dimensions(self.cohort.filter) if isinstance(self.cohort, EventMatch) else frozenset()
        selection = select(context, self.period, self.filter, self.group_by, names=events)
        last = days_of_ages(self.granularity, self.last_age) if self.period.days > _LONG_PERIOD_DAYS else None
        asked = Cohorts(selection, self.cohort, self.granularity, last_age_days=last)
        return msgspec.structs.replace(asked, selection=with_caps(selection, asked.installed, context))


def days_of_ages(granularity: Granularity, ages: int) -> int:
    """So many days after its player's first no day is of an age that is asked for."""
    return (ages + 1) * _LONGEST[granularity]


def rows_of(context: Context, build: Callable[..., ir.Table], question: Hashable) -> pa.Table:
    """The engine's rows. Raises `InvalidQuery` for more than can be looked at, `QueryAborted`."""
    rows = context.run(_limited, build, question)
    if rows.num_rows > _MOST_ROWS:
        raise InvalidQuery("period", "there are too many cohorts and groups; ask for fewer days or groups")
    return rows


def _limited(build: Callable[..., ir.Table], question: Hashable) -> ir.Table:
    return build(question).limit(_MOST_ROWS + 1)


def of_ages(cohorts: Cohorts, rows: ir.Table, day: ir.DateColumn, first: ir.DateColumn) -> ir.Table:
    """The rows whose day is not later than the last age after the first."""
    if cohorts.last_age_days is None:
        return rows
    return rows.filter(day.delta(first, unit="day") <= cohorts.last_age_days)


def check_match(field: str, match: EventMatch, segments: Mapping[str, SegmentDefinition]) -> None:
    """Raises `InvalidQuery` for an event that cannot be meant in a game with these segments."""
    match.check(field)
    check_filter(f"{field}.filter", match.filter, with_segments(check_event_dimension, segments))


def members(cohorts: Cohorts) -> ir.Table:
    """`player_no`, the day `from` which one belongs to the `cohort` (its start), `last_day` and, if asked, `group`."""
    selection, days = cohorts.selection, cohorts.selection.days
    players = installed_with(selection.over(cohorts.installed), selection.dimensions)
    players = players.filter(predicate(selection.filter, players))
    if isinstance(cohorts.by, EventMatch):
        first = _first_occurrence(selection, cohorts.by)
        players = players.inner_join(first, players.player_no == first["first:no"])
        day = players["first:day"]
    else:
        day = player_day(players, cohorts.by, days)
    players = players.filter(days.holds_day(day))
    players = players.mutate(**{"from": day, "cohort": bucket_of_day(day, cohorts.granularity)})
    for name in selection.group_by:
        players = with_shown(players, selection.caps, selection.game_id, player_day(players, "first_seen", days))
        players = players.mutate(group=shown(players, name))
    players = players.mutate(last_day=player_day(players, "last_seen", days))
    return players.select("player_no", "last_day", "from", *cohorts.keys)


def with_sizes(cohorts: Cohorts, rows: ir.Table) -> ir.Table:
    """Rows of cohort, group, `at` and `players`, and for the size of each cohort and group one without `at`.

    In one statement, so that both are of the same moment.
    """
    belonging = members(cohorts)
    found = belonging.group_by(cohorts.keys).aggregate(players=belonging.count())
    found = found.mutate(at=ibis.null("date"))
    missing = {name: ibis.null(rows[name].type()) for name in rows.columns if name not in found.columns}
    return rows.union(found.mutate(**missing).select(*rows.columns))


def meant_events(selection: Selection, match: EventMatch) -> ir.Table:
    """The players' events of the period that are meant."""
    events = events_with(selection, referenced_dimensions(match.filter))
    events = events.filter(events.player_no.notnull(), predicate(match.filter, events))
    if match.category is None and match.event_id is None:
        return events
    names = tables.event_names
    names = names.filter(names.game_id == selection.game_id)
    if match.category is not None:
        names = names.filter(names.category == match.category)
    if match.event_id is not None:
        names = names.filter(id_matches(match, names.event_id))
    return events.filter(events.event_no.isin(names.event_no))


def player_days_of(game_id: int) -> ir.Table:
    """The player days of the game's players."""
    days = tables.player_days
    return days.filter(days.game_id == game_id, days.player_no.notnull())


def _first_occurrence(selection: Selection, match: EventMatch) -> ir.Table:
    """The local days of first occurrences in the period."""
    events = meant_events(selection.over(Period(FIRST_DAY, selection.period.end)), match)
    first = events.group_by("player_no").aggregate(first=events.event_time.min())
    first = first.filter(selection.days.holds(first["first"]))
    return first.select(**{"first:no": first.player_no, "first:day": selection.days.day_of(first["first"])})
