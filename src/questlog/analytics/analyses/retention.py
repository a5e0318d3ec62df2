"""Retention: of the players of a cohort, who came back at which age (metrics.md §5)."""

import datetime as dt
import enum
from collections.abc import Mapping

import ibis.expr.types as ir
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.analyses.cohort_members import (
    LAST_DAY,
    MOST_CELLS,
    CohortQuestion,
    Cohorts,
    Form,
    check_match,
    days_of_ages,
    meant_events,
    members,
    of_ages,
    player_days_of,
    rows_of,
    with_sizes,
)
from questlog.analytics.analyses.triangle import Ints, Triangle, ratio, whole
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.intervals import with_intervals
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import JANUARY, PURCHASE, Example
from questlog.analytics.question.query import EventMatch, Granularity, Period
from questlog.analytics.selection.buckets import bucket_of_day, start_of
from questlog.analytics.selection.cardinality import warnings
from questlog.analytics.selection.dimensions import referenced_dimensions
from questlog.analytics.selection.selection import Selection, select


class Return(enum.StrEnum):
    """What counts as having come back at an age."""

    CLASSIC = "classic"  # active in just that day, week or month
    ROLLING = "rolling"  # in that one or later


class Retention(CohortQuestion, frozen=True, forbid_unknown_fields=True):
    """Players who came back: cohort by cohort, or added up as a curve.

    A cohort has the players who were first seen, first bought, or first had an event, on a day (week, month) of the
    period. They came back at age N if they were active, or had the event `returned`, N days (weeks, months) later.
    `filter` and `group_by` use dimensions of players: dimensions at install, properties, segments.

    The answer has one row for each cohort with players, group and age: `cohort`, `group`, `size`, `age`, `players`,
    `share`. `players` and `share` are null until the day (week, month) is over. The totals, and the curve of each
    group, add up the cohorts whose day is over. With `intervals` there are also `share_numerator`,
    `share_denominator` and the ends of the share's 95 % interval, `share_low` and `share_high`.
    """

    returned: EventMatch | None = None
    kind: Return = Return.CLASSIC
    intervals: bool = False

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        super().check(segments)
        if self.returned is not None:
            check_match("returned", self.returned, segments)


class Returns(msgspec.Struct, frozen=True):
    """What is asked of the engine. `selection` is of the events that count as coming back."""

    cohorts: Cohorts
    selection: Selection
    kind: Return
    returned: EventMatch | None


def answer(question: Retention, context: Context) -> Answer:
    """The triangle or the curve; the totals are the curve of all. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    returns = returns_of(question, context)
    cohorts = returns.cohorts
    rows = rows_of(context, returned_players, returns)
    sizes, rows = _told_apart(returns, rows)
    triangle = Triangle.of(sizes, question.granularity, question.last_age, context.today, MOST_CELLS[question.form])
    counted = triangle.cells_from_then_on if question.kind is Return.ROLLING else triangle.cells
    cells = counted(rows, rows["players"].to_numpy())
    totals = _curve(triangle, cells, is_total=True)
    if question.form is Form.CURVE:
        table = _curve(triangle, cells, is_total=False)
    else:
        shares = ratio(cells, triangle.size[:, None], triangle.has_passed)
        table = triangle.table({"players": whole(cells, triangle.has_passed), "share": shares})
    columns = [_COLUMNS[name] for name in table.column_names]
    found = Answer(table, columns, warnings(context, cohorts.selection.caps), totals, context.data_version)
    return with_intervals(found, _PARTS) if question.intervals else found


def returns_of(question: Retention, context: Context) -> Returns:
    """What is asked of the engine. Raises `QueryAborted`."""
    names = referenced_dimensions(question.returned.filter) if question.returned else frozenset[str]()
    selection = select(context, _days_of_return(question), names=names)
    return Returns(question.cohorts(context), selection, question.kind, question.returned)


def _days_of_return(question: Retention) -> Period:
    """From the first cohort to the last age of the last one; for `rolling` to the end of all days."""
    start = start_of(question.period.start, question.granularity)
    if question.kind is Return.ROLLING:
        return Period(start, LAST_DAY)
    last_age = dt.timedelta(days=days_of_ages(question.granularity, question.last_age))
    return Period(start, min(LAST_DAY, question.period.end + last_age))


def _told_apart(returns: Returns, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The sizes of the cohorts, and the rows of those who came back."""
    if returns.returned is not None:
        return rows.filter(rows["at"].is_null()), rows.filter(rows["at"].is_valid())
    if returns.kind is Return.ROLLING:
        sizes = rows.group_by(returns.cohorts.keys, use_threads=False).aggregate([("players", "sum")])
        return sizes.rename_columns([*returns.cohorts.keys, "players"]), rows
    # What made them one of the cohort was an event: at age 0 they were all active.
    return rows.filter(pc.equal(rows["at"], rows["cohort"])), rows


def _curve(triangle: Triangle, cells: Ints, *, is_total: bool) -> pa.Table:
    curves = triangle.curves()
    players, sizes = curves.added(cells, is_total), curves.sizes(is_total)
    is_known = sizes > 0
    columns = {"players": whole(players, is_known), "share": ratio(players, sizes, is_known)}
    return curves.table(columns, is_total)


# ----------------------------------------------------------------------------------------------- asked of the engine


def returned_players(returns: Returns) -> ir.Table:
    """Cohort, group, `at` and how many `players` were active in the bucket that begins then; `rolling`: last active.

    With a chosen event, rows without `at` are the sizes of the cohorts.
    """
    cohorts = returns.cohorts
    if returns.returned is None and returns.kind is Return.CLASSIC:
        return _active_plain(returns) if cohorts.is_plain else _counted(returns, _active_days(returns))
    if returns.returned is None:
        rows = members(cohorts)
        rows = rows.mutate(at=bucket_of_day(rows.last_day, cohorts.granularity))
        return rows.group_by([*cohorts.keys, "at"]).aggregate(players=rows.count())
    return with_sizes(cohorts, _counted(returns, _event_days(returns, returns.returned)))


def _active_plain(returns: Returns) -> ir.Table:
    """From player days alone, each of which knows the player's first day and the active one before."""
    cohorts = returns.cohorts
    days = _firsts_of_bucket(returns)
    days = days.filter(cohorts.selection.days.holds_day(days.first_day))
    days = of_ages(cohorts, days, days.day, days.first_day)
    keys = {
        name: bucket_of_day(day, cohorts.granularity) for name, day in (("cohort", days.first_day), ("at", days.day))
    }
    return days.group_by(**keys).aggregate(players=days.count())


def _active_days(returns: Returns) -> ir.Table:
    days = _firsts_of_bucket(returns)
    return days.select("player_no", at=bucket_of_day(days.day, returns.cohorts.granularity))


def _firsts_of_bucket(returns: Returns) -> ir.Table:
    """The first active day of each player in each day, week or month."""
    granularity = returns.cohorts.granularity
    days = player_days_of(returns.selection.game_id)
    days = days.filter(days.events > 0, returns.selection.days.holds_day(days.day))
    if granularity is Granularity.DAY:
        return days
    return days.filter((days.prev_day < bucket_of_day(days.day, granularity)).fill_null(True))


def _event_days(returns: Returns, match: EventMatch) -> ir.Table:
    """The buckets in which each player had the event; `rolling`: the last one."""
    events = meant_events(returns.selection, match)
    days = events.select(
        "player_no", at=returns.selection.days.bucket_of(events.event_time, returns.cohorts.granularity)
    )
    if returns.kind is Return.ROLLING:
        return days.group_by("player_no").aggregate(at=days["at"].max())
    return days.distinct()


def _counted(returns: Returns, active: ir.Table) -> ir.Table:
    """How many of each cohort were active when; not before they were one of it."""
    cohorts, belonging = returns.cohorts, members(returns.cohorts)
    active = active.select(**{"active:no": active.player_no, "at": active["at"]})
    rows = belonging.inner_join(active, belonging.player_no == active["active:no"])
    rows = rows.filter(rows["at"] >= rows.cohort)
    if returns.kind is Return.CLASSIC:
        rows = of_ages(cohorts, rows, rows["at"], rows.cohort)
    return rows.group_by([*cohorts.keys, "at"]).aggregate(players=rows.count())


_COLUMNS = {
    column.name: column
    for column in (
        AnswerColumn("cohort", "", "first day of the day, week or month in which the players joined the cohort"),
        AnswerColumn("group", "", "value of the dimension of `group_by`"),
        AnswerColumn("size", "players", "players of the cohort; in a curve, players of the cohorts whose day is over"),
        AnswerColumn("age", "", "days, weeks or months since then"),
        AnswerColumn("players", "players", "those of them who came back; null until the day is over"),
        AnswerColumn("share", "share", "players ÷ size"),
    )
}


_PARTS = {"share": lambda table: (table["players"], table["size"])}

ANALYSIS = Analysis(
    "retention",
    Retention,
    answer,
    "Players who came back: cohort by cohort, or added up as a curve.",
    page="reference/analyses/retention.md",
    is_savable=True,
    keys=("cohort", "age"),
    examples=(
        Example("The triangle by day of install", {"period": JANUARY, "ages": 14}),
        Example(
            "The curve of players who came back to buy, by country",
            {"period": JANUARY, "form": "curve", "returned": PURCHASE, "group_by": ["country"]},
        ),
        Example(
            "Players who were still active, by week of the first purchase",
            {"period": JANUARY, "granularity": "week", "cohort": "first_purchase", "kind": "rolling"},
        ),
    ),
)
