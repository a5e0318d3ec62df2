"""From metrics, buckets and groups to the parts that the engine answers."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import ibis.expr.types as ir
import msgspec
import pyarrow as pa

from questlog.analytics.engine.context import Context
from questlog.analytics.metrics import (
    activity,
    cohort_days,
    condensed,
    event_rows,
    event_sums,
    moments,
    purchases,
    sample_tables,
    session_lengths,
    value_counts,
    windows,
)
from questlog.analytics.metrics.measures import Base, Measure
from questlog.analytics.metrics.parts import OF_COHORTS, Kept, Part, group_column, measure_column, most_rows
from questlog.analytics.metrics.series import column_of
from questlog.analytics.question.problems import too_many_rows
from questlog.analytics.question.query import EventMatch, Filter, Granularity, Period
from questlog.analytics.selection.buckets import with_starts
from questlog.analytics.selection.cardinality import CardinalityCap, capped_dimensions
from questlog.analytics.selection.dimensions import SEGMENT, referenced_dimensions
from questlog.analytics.selection.named_events import named_events
from questlog.analytics.selection.rows import Scope

_OF_VALUE_COUNTS = (Base.VALUE_SUMS, Base.VALUE_QUANTILES)
_NO_DAY = dt.date(1970, 1, 1)


def _as_answered(_part: Part, rows: pa.Table) -> pa.Table:
    return rows


class Way(msgspec.Struct, frozen=True):
    """How the measures of a base are asked for, and what is made of the engine's rows, of at most so many.

    Of more rows the question is refused; or asked of the measures' own base, where the way stands in place of it.
    """

    build: Callable[[Part], ir.Table]
    finish: Callable[[Part, pa.Table], pa.Table] = _as_answered
    max_counts: int = 0
    stands_in: bool = False


WAYS: Mapping[Base, Way] = {
    Base.ACTIVITY: Way(activity.build),
    Base.MOMENTS: Way(moments.build),
    Base.FIRST_SEEN: Way(purchases.build_new),
    Base.WINDOWS: Way(windows.build, windows.finish, windows.MAX_COUNTS),
    Base.COHORTS: Way(cohort_days.build),
    Base.SURVIVAL: Way(cohort_days.build_survival),
    Base.SESSIONS: Way(session_lengths.build),
    Base.PURCHASES: Way(purchases.build),
    Base.OWN_PURCHASES: Way(purchases.build_own),
    Base.FIRST_PURCHASES: Way(purchases.build_first),
    Base.EVENTS: Way(event_rows.build),
    Base.EVENT_SUMS: Way(event_sums.build),
    Base.SAMPLES: Way(sample_tables.build, sample_tables.finish, sample_tables.MAX_ROWS),
    Base.VALUE_SUMS: Way(value_counts.build_sums),
    Base.VALUE_QUANTILES: Way(
        value_counts.build_quantiles, value_counts.finish_quantiles, value_counts.MAX_NUMBERS, stands_in=True
    ),
}
"""How each base is asked."""


class Asked(msgspec.Struct, frozen=True):
    """Measures of a period, by bucket and group."""

    measures: tuple[Measure, ...]
    period: Period
    granularity: Granularity
    group_by: tuple[str, ...] = ()
    filter: Filter | None = None
    kept: Kept | None = None


def answered(asked: Asked, context: Context) -> Sequence[pa.Table]:
    """A table for each part: `bucket`, the groups, and the columns of its measures (`series.column_of`).

    Raises `InvalidQuery` for an answer of too many rows, `QueryAborted` when the engine refuses.
    """
    names = {measure: column_of(place) for place, measure in enumerate(asked.measures)}
    return [_answer(part, names, context) for part in _parts(asked, context)]


def _parts(asked: Asked, context: Context) -> Sequence[Part]:
    names = referenced_dimensions(asked.filter) | frozenset(asked.group_by)
    grouped: dict[tuple[Base, str], list[Measure]] = {}
    for measure in asked.measures:
        base = _base(measure, names, asked.granularity)
        grouped.setdefault((base, _apart(base, measure)), []).append(measure)
    return [
        Part(
            base,
            scope_of(context, asked.period, names | _names_of_matches(measures)),
            tuple(measures),
            asked.granularity,
            asked.group_by,
            asked.filter,
            asked.kept,
            context.player_bound,
            context.today if base in OF_COHORTS else _NO_DAY,
            _capped(base, asked, context),
            named_events(context, _matches(base, measures)),
        )
        for (base, _), measures in grouped.items()
    ]


def _base(measure: Measure, names: frozenset[str], granularity: Granularity) -> Base:
    """What to ask of: sums and counts per day where they are enough; within a day there are none."""
    base = _by_own_dimensions(measure) if names & purchases.WHAT_HAPPENED else measure.base
    if base in (Base.EVENTS, Base.SAMPLES) and value_counts.are_enough(measure, names, granularity):
        return Base.VALUE_QUANTILES if value_counts.is_quantile(measure) else Base.VALUE_SUMS
    if base in (Base.EVENTS, Base.OWN_PURCHASES) and event_sums.are_enough(measure, names, granularity):
        return Base.EVENT_SUMS
    if base is Base.EVENTS and activity.knows_players_of(measure, names, granularity):
        return Base.ACTIVITY
    return _within_a_day(measure) if base is Base.ACTIVITY and granularity.is_within_a_day else base


def _apart(base: Base, measure: Measure) -> str:
    """What must be asked by itself."""
    return value_counts.field_of(measure) if base in _OF_VALUE_COUNTS else measure.part


def _within_a_day(measure: Measure) -> Base:
    if measure.state is not None:
        return Base.PURCHASES
    if measure.name in session_lengths.NAMES:
        return Base.SESSIONS
    return Base.FIRST_SEEN if measure.name == "new" else Base.MOMENTS


def _by_own_dimensions(measure: Measure) -> Base:
    """Where a dimension says what happened, money goes by what happened."""
    if measure.base is Base.ACTIVITY and measure.name in purchases.OWN:
        return Base.OWN_PURCHASES
    if measure.base is Base.ACTIVITY and measure.name == "ad_revenue":
        return Base.EVENTS
    return measure.base


def _matches(base: Base, measures: Sequence[Measure]) -> frozenset[EventMatch]:
    """The events that are looked at one by one."""
    if base in (Base.EVENTS, Base.SAMPLES):
        return frozenset(measure.match for measure in measures)
    is_looked_at = base in (Base.OWN_PURCHASES, Base.MOMENTS, Base.PURCHASES)
    is_looked_at |= base is Base.FIRST_PURCHASES and any(measure.state for measure in measures)
    return purchases.PURCHASES if is_looked_at else frozenset()


def _capped(base: Base, asked: Asked, context: Context) -> tuple[CardinalityCap, ...]:
    """The dimensions to cap, on all days whose rows count."""
    period = windows.looked_at(asked.period, asked.granularity) if base is Base.WINDOWS else asked.period
    return capped_dimensions(context, asked.group_by, period)


def _names_of_matches(measures: Sequence[Measure]) -> frozenset[str]:
    return referenced_dimensions(*(measure.match.filter for measure in measures))


def scope_of(context: Context, period: Period, names: frozenset[str]) -> Scope:
    """The game's rows of a period; the segments only where a dimension is one."""
    if not any(name.startswith(SEGMENT) for name in names):
        return Scope(context.game_id, period)
    return Scope(context.game_id, period, tuple(sorted(context.segments.items())), context.today)


def _way(part: Part, context: Context) -> Way:
    is_condensed = part.base is Base.EVENTS and condensed.is_possible(part)
    if is_condensed and condensed.is_worth_it(context.run_once(condensed.sample, condensed.sampled(part))):
        return Way(condensed.build)
    return WAYS[part.base]


def _answer(part: Part, names: Mapping[Measure, str], context: Context) -> pa.Table:
    way = _way(part, context)
    rows = context.run(way.build, part)
    if way.max_counts and rows.num_rows > way.max_counts:
        if not way.stands_in:
            raise too_many_rows("group_by", way.max_counts)
        return _answer(msgspec.structs.replace(part, base=part.measures[0].base), names, context)
    rows = with_starts(way.finish(part, rows), part.granularity)
    if rows.num_rows > most_rows(part):
        raise too_many_rows("group_by", most_rows(part))
    keys = [] if part.granularity is Granularity.ALL else ["bucket"]
    keys += [group_column(place) for place in range(len(part.group_by))]
    columns = {name: rows[name] for name in keys}
    for place, measure in enumerate(part.measures):
        columns[names[measure]] = rows[measure_column(place)].cast(measure.unit.arrow)
    return pa.table(columns)
