"""Funnels: how many get from one event to the next, how fast, and who does not (metrics.md §5)."""

import datetime as dt
import enum
from collections.abc import Mapping
from typing import Annotated

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta

from questlog.analytics.analyses.cohort_members import check_match
from questlog.analytics.analyses.funnel_answers import (
    CONVERSIONS,
    DROPPED_COLUMNS,
    Counted,
    conversion_parts,
    first_dropped,
    group_places,
    steps_answer,
    times_answer,
)
from questlog.analytics.analyses.funnel_attempts import Attempts, Excluded, Matching, Order, Rules, Starts
from questlog.analytics.analyses.funnel_matching import best_attempts
from questlog.analytics.analyses.funnel_rows import (
    EXCLUDED_FROM,
    GROUPS,
    MAX_EXCLUSIONS,
    FunnelRows,
    Matches,
    Unit,
    event_count,
    names_of,
    newer_step_events,
    step_events,
)
from questlog.analytics.analyses.funnel_ties import MAX_STEPS
from questlog.analytics.analyses.histogram import Histogram, check_comparable
from questlog.analytics.analyses.split import check_split
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.engine.growing import together
from questlog.analytics.metrics.intervals import with_intervals
from questlog.analytics.metrics.significance import compared_with_others
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import JANUARY, PURCHASE, Example
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import (
    Compare,
    EventMatch,
    Filter,
    Granularity,
    GroupBy,
    Period,
    Top,
    check_distinct,
    check_periods,
)
from questlog.analytics.selection.buckets import start_of
from questlog.analytics.selection.cardinality import warnings
from questlog.analytics.selection.dimensions import referenced_dimensions
from questlog.analytics.selection.selection import select
from questlog.model.calendar import Zone

MAX_WINDOW_S = 366 * 86_400
MAX_DROPPED = 10_000
MAX_ALTERNATIVES = 10
_MOST_MATCHES = 60  # each is a bit of a number
_ROWS_AT_ONCE = 8_000_000
"""Of more events, players are taken a part at a time: an event takes about 125 bytes while they are matched."""
_DAY_S = 86_400

Step = EventMatch | Annotated[tuple[EventMatch, ...], Meta(min_length=1, max_length=MAX_ALTERNATIVES)]
"""An event, or several of which each will do."""


class Exclusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event that ends attempts, after step `after_step` and before the next; anywhere in an attempt without it."""

    event: Step
    after_step: Annotated[int, Meta(ge=1, le=MAX_STEPS - 1)] | None = None


class Since(enum.StrEnum):
    """From when on a time is taken."""

    FIRST = "first"
    PREVIOUS = "previous"


class StepTimes(Histogram, frozen=True, forbid_unknown_fields=True):
    """How long it took to a step, the last unless it is said, in seconds `since` the first or the previous step."""

    step: Annotated[int, Meta(ge=2, le=MAX_STEPS)] | None = None
    since: Since = Since.FIRST


class Funnel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many players get from step to step. Events without a player do not count.

    An attempt begins with an event of step 1 in the period, and has `window_s` seconds (inclusive), also after the
    period. A player (or session) counts with the attempt that reaches the furthest step; of several, the earliest.
    With a `granularity`, each day, week or month counts the attempts that begin in it. `filter` selects the events
    that count as steps; with `order` = `strict`, other events still come between them. `exclusions` end attempts. The
    groups of `group_by` are the values of the attempt's event of step 1; if several such events have the same time,
    the least value counts. With `top`, only the `top` groups with the most at step 1 are shown; all others are
    `(other)`.

    The answer has one row for each bucket, group and step: `bucket`, the dimensions, `step` (1 = first), `event`,
    `count`, `from_previous`, `from_first`, the median times `median_from_previous_s` and `median_from_first_s` of those
    who reached the step, and `open`: those of `count` who can still reach the next step. The totals are the same over
    all buckets and groups. With `times`, the answer is a histogram of the time to a step. With `dropped_after`, it
    lists the players who reached that step but not the next: the latest attempts first, at most `limit`. With
    `intervals`, both conversions are followed by `…_numerator`, `…_denominator`, and the ends of the 95 % interval,
    `…_low` and `…_high`; with groups also by `…_p_value`, the significance of the difference to all other groups.
    """

    steps: Annotated[tuple[Step, ...], Meta(min_length=2, max_length=MAX_STEPS)]
    period: Period
    window_s: Annotated[int, Meta(ge=1, le=MAX_WINDOW_S)] = 7 * _DAY_S
    order: Order = Order.ORDERED
    count: Unit = Unit.PLAYERS
    exclusions: Annotated[tuple[Exclusion, ...], Meta(max_length=MAX_EXCLUSIONS)] = ()
    granularity: Granularity = Granularity.ALL
    group_by: GroupBy = ()
    top: Top | None = None
    filter: Filter | None = None
    times: StepTimes | None = None
    dropped_after: Annotated[int, Meta(ge=1, le=MAX_STEPS - 1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_DROPPED)] = 100
    compare: Compare | None = None
    intervals: bool = False

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        check_periods(self.period, self.compare)
        self._check_events(segments)
        check_distinct("group_by", self.group_by)
        check_split(segments, self.filter, self.group_by)
        if self.granularity.is_within_a_day:
            raise InvalidQuery(
                "granularity", f"a funnel has the granularity day, week or month, not {self.granularity}", "day"
            )
        last = len(self.steps)
        if self.dropped_after is not None and self.dropped_after >= last:
            raise InvalidQuery(
                "dropped_after",
                f"step {self.dropped_after} is the last step, so no player can drop out after it",
                str(last - 1),
            )
        if self.times is not None:
            self.times.check("times")
            check_comparable(self.compare, self.times, "times")
            if self.times.step is not None and self.times.step > last:
                raise InvalidQuery("times.step", f"there is no step {self.times.step}", str(last))
        if self.compare is not None and self.dropped_after is not None:
            raise InvalidQuery("compare", "`compare` works for counts and times, not with `dropped_after`")
        if self.granularity is not Granularity.ALL and (self.times is not None or self.dropped_after is not None):
            raise InvalidQuery(
                "granularity",
                "`times` and `dropped_after` cover the whole period and have no granularity",
                Granularity.ALL,
            )
        if self.times is not None and self.dropped_after is not None:
            raise InvalidQuery("times", "`times` and `dropped_after` cannot be used together")

    def _check_events(self, segments: Mapping[str, SegmentDefinition]) -> None:
        steps = {f"steps[{place}]": step for place, step in enumerate(self.steps)}
        excluded = {f"exclusions[{place}].event": each.event for place, each in enumerate(self.exclusions)}
        for field, step in (steps | excluded).items():
            for place, match in enumerate(alternatives(step)):
                check_match(field if isinstance(step, EventMatch) else f"{field}[{place}]", match, segments)
        if sum(len(alternatives(step)) for step in (steps | excluded).values()) > _MOST_MATCHES:
            raise InvalidQuery("steps", f"steps and exclusions have more than {_MOST_MATCHES} events")
        for place, each in enumerate(self.exclusions):
            if each.after_step is not None and each.after_step >= len(self.steps):
                said = f"step {each.after_step} is the last step, so no step follows it"
                raise InvalidQuery(f"exclusions[{place}].after_step", said, str(len(self.steps) - 1))


def answer(question: Funnel, context: Context) -> Answer:
    """The steps, the times, or those who dropped. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    rows = _rows_of(question, context)
    found = counted(question, rows, context)
    if question.dropped_after is not None:
        return _dropped(question, found.attempts, context)
    if question.times is not None:
        step = (question.times.step or len(question.steps)) - 1
        since = 0 if question.times.since is Since.FIRST else step - 1
        told = times_answer(found, question.top, step, since, question.times)
    else:
        told = steps_answer(found, question.top)
        if question.intervals:
            told = with_intervals(told, conversion_parts(len(question.steps)))
            if question.group_by and question.granularity is Granularity.ALL:
                told = compared_with_others(told, CONVERSIONS, len(question.steps))
    warned = warnings(context, rows.selection.caps)
    return msgspec.structs.replace(told, warnings=warned, data_version=context.data_version)


def attempts_of(question: Funnel, context: Context) -> Counted:
    """The attempts that count, of a checked question. Raises `QueryAborted`."""
    return counted(question, _rows_of(question, context), context)


def _rows_of(question: Funnel, context: Context) -> FunnelRows:
    """What is asked of the engine: events to where the last window ends."""
    read = read_period(question)
    steps = tuple(alternatives(step) for step in question.steps)
    exclusions = tuple(alternatives(each.event) for each in question.exclusions)
    names = referenced_dimensions(*(match.filter for matches in (*steps, *exclusions) for match in matches))
    selection = select(context, read, question.filter, question.group_by, names=names)
    return FunnelRows(
        selection, question.period, steps, exclusions, question.count, is_strict=question.order is Order.STRICT
    )


def read_period(question: Funnel) -> Period:
    """The days on which an attempt can have events."""
    days = -(-question.window_s // _DAY_S) + 1  # a day can be an hour shorter
    return Period(question.period.start, question.period.end + dt.timedelta(days=days))


def counted(question: Funnel, rows: FunnelRows, context: Context) -> Counted:
    """The attempts that count of every player or session, a part of them at a time."""
    starts, buckets = starts_of(question.period, question.granularity, context.zone)
    rules = Rules(len(question.steps), question.window_s * 1_000_000, question.order, starts)
    [events] = context.run(event_count, rows)["events"].to_pylist()
    parts = max(1, -(-(events or 0) // _ROWS_AT_ONCE))
    found, groups = [], []
    for part in range(parts):
        told = _step_events(msgspec.structs.replace(rows, parts=parts, part=part), context)
        matching, values = _matching(told, question)
        attempts = best_attempts(matching, rules, context.cancellation.check)
        found.append(attempts)
        if values is not None:
            groups.append(values.take(pa.array(attempts.code)))
    return Counted(
        Attempts.together(found),
        [label(step) for step in question.steps],
        question.count,
        rules.window_us,
        context.now_us,
        buckets,
        question.group_by,
        pa.concat_tables(groups) if groups else None,
        context.standing_groups,
    )


def _step_events(rows: FunnelRows, context: Context) -> pa.Table:
    if rows.parts == 1 and rows.is_of_own_values and context.can_keep_rows:
        return context.run_growing(newer_step_events, rows, merge=together)
    return context.run(step_events, rows)


def _matching(rows: pa.Table, question: Funnel) -> tuple[Matching, pa.Table | None]:
    """The engine's rows for matching, and the groups that their codes are of."""
    unit, time, bits = rows["unit"].to_numpy(), rows["time"].to_numpy().view(np.int64), rows["steps"].to_numpy()
    code, groups = None, None
    if question.group_by:
        code, groups = group_places(rows.select([f"{GROUPS}{place}" for place in range(len(question.group_by))]))
        groups = groups.rename_columns(list(question.group_by))
    if not question.exclusions:
        return Matching(unit, time, bits, code), groups
    ending = np.flatnonzero(bits >> EXCLUDED_FROM)
    after = np.zeros(len(ending), np.int64)
    for place, each in enumerate(question.exclusions):
        waits = (1 << len(question.steps)) - 1 if each.after_step is None else 1 << each.after_step
        after |= np.where(bits[ending] >> (EXCLUDED_FROM + place) & 1 != 0, waits, 0)
    excluded = Excluded(unit[ending], time[ending], after)
    steps = bits & ((1 << EXCLUDED_FROM) - 1)
    matching = Matching(unit, time, steps, code, excluded)
    if question.order is Order.STRICT:
        return matching, groups
    return matching.taken(np.flatnonzero(steps)), groups


def starts_of(period: Period, granularity: Granularity, zone: Zone) -> tuple[Starts, pa.Array | None]:
    """When attempts may begin, in which bucket, and the starts of the buckets; None where all is one."""
    if granularity is Granularity.ALL:
        pieces = [(each.start_us, each.end_us, 0) for each in zone.intervals(period.start, period.end)]
        return _joined(pieces), None
    places: dict[dt.date, int] = {}
    pieces = []
    for number in range(period.days):
        day = period.start + dt.timedelta(days=number)
        for each in zone.intervals(day, day):
            place = places.setdefault(start_of(day, granularity), len(places))
            pieces.append((each.start_us, each.end_us, place))
    return _joined(pieces), pa.array(list(places), pa.date32())


def _joined(pieces: list[tuple[int, int, int]]) -> Starts:
    """From pieces of time (from, to before) with their buckets; between them and after the last there is none."""
    bucket_from: dict[int, int] = {}
    for start, end, bucket in sorted(pieces):
        bucket_from[start] = bucket
        bucket_from[end] = -1
    return Starts(np.array(list(bucket_from), np.int64), np.array(list(bucket_from.values()), np.int64))


def alternatives(step: Step) -> Matches:
    """The events that each will do for a step."""
    return (step,) if isinstance(step, EventMatch) else step


def label(step: Step) -> str:
    """What a step is called in an answer: `progression Start:world01:*`, `design a or design b`."""
    return " or ".join(map(_label, alternatives(step)))


def _label(match: EventMatch) -> str:
    event_id = f"{match.event_id}:*" if match.is_prefix else match.event_id
    return " ".join(part for part in (match.category, event_id) if part) or "any event"


def _dropped(question: Funnel, attempts: Attempts, context: Context) -> Answer:
    rows = first_dropped(attempts, question.dropped_after or 0, question.limit)
    numbers = tuple(sorted(rows["number"].to_pylist()))
    named = context.run(names_of, context.game_id, question.count, numbers)
    place = pc.index_in(rows["number"], value_set=named["number"].combine_chunks())
    columns = {name: named[name].take(place) for name in named.column_names if name != "number"}
    table = pa.table({**columns, "started_at": rows["started_at"], "reached_at": rows["reached_at"]})
    table = table.filter(table["player_id"].is_valid())
    return Answer(table, [DROPPED_COLUMNS[name] for name in table.column_names], data_version=context.data_version)


ANALYSIS = Analysis(
    "funnel",
    Funnel,
    answer,
    "How many players get from step to step, how fast, and who drops out.",
    page="reference/analyses/funnels.md",
    is_savable=True,
    keys=("bucket", "step", "event", "low_s", "high_s"),
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
                "group_by": ["platform"],
            },
        ),
        Example(
            "Players who began a level and did not complete it",
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
