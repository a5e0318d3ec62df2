"""Error groups: errors with the same message but for numbers, and the build in which each was first seen."""

from collections.abc import Mapping
from typing import Annotated

import ibis
import ibis.expr.types as ir
import msgspec
from msgspec import Meta

from questlog.analytics.analyses.cohort_members import FIRST_DAY
from questlog.analytics.analyses.comparison import PREVIOUS
from questlog.analytics.analyses.split import check_split
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.engine.functions import event_rank
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import JANUARY, Example
from questlog.analytics.question.paging import Mark, next_row, row_after
from questlog.analytics.question.query import Compare, Filter, Period, check_periods
from questlog.analytics.selection.buckets import LocalDays
from questlog.analytics.selection.dimensions import FINGERPRINT, dimension_column
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import events_with
from questlog.analytics.selection.selection import Selection, select

MAX_GROUPS = 1_000
Text = Annotated[str, Meta(min_length=1, max_length=4_096)]


class ErrorGroups(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Errors of the period by message, the most frequent first.

    An error group has all errors whose messages differ only in numbers, addresses and ids: they have the same
    `message_fingerprint`. A group is new if its first error ever is in the period; `is_new` lists only new groups.
    `first_build` lists only groups that were first seen in that build. `filter` selects the errors that are counted;
    the first error of a group is found without it. The list has `limit` groups a page: for the next one,
    `after` is the `next` of the answer. `compare`
    adds `previous_events` and `previous_players`, of the period that it names.
    """

    period: Period
    is_new: bool | None = None
    first_build: Text | None = None
    filter: Filter | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_GROUPS)] = 100
    after: Mark | None = None
    compare: Compare | None = None

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        check_periods(self.period, self.compare)
        check_split(segments, self.filter)


class Errors(msgspec.Struct, frozen=True):
    """The errors of a game: `selection` has all days up to the end of both periods."""

    selection: Selection
    period: Period
    compared: Period | None = None

    @property
    def days(self) -> LocalDays:
        """The days of the period."""
        return self.selection.over(self.period).days

    @property
    def columns(self) -> list[AnswerColumn]:
        """The values of each group."""
        return [*_COLUMNS, *(_PREVIOUS if self.compared else ())]


def answer(question: ErrorGroups, context: Context) -> Answer:
    """A page of groups. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    compared = None if question.compare is None else question.period.compared(question.compare)
    end = question.period.end if compared is None else max(question.period.end, compared.end)
    selection = select(context, Period(FIRST_DAY, end), question.filter)
    errors = Errors(selection, question.period, compared)
    chosen = (question.is_new, question.first_build)
    before = row_after(question.after)
    rows = context.run(page_of, errors, chosen, question.limit, before)
    totals = context.run(totals_of, errors, chosen)
    following = next_row(before, rows.num_rows, totals["groups"][0].as_py())
    return Answer(rows, errors.columns, totals=totals, data_version=context.data_version, next=following)


# ----------------------------------------------------------------------------------------------- asked of the engine


def page_of(errors: Errors, chosen: tuple[bool | None, str | None], limit: int, offset: int) -> ir.Table:
    """A page of the groups, the most frequent first."""
    found = _groups(errors, chosen).order_by(ibis.desc("events"), "fingerprint").limit(limit, offset=offset)
    return found.select([column.name for column in errors.columns])


def totals_of(errors: Errors, chosen: tuple[bool | None, str | None]) -> ir.Table:
    """How many `groups` there are, the new ones of them, and their `events`."""
    found = _groups(errors, chosen)
    return found.aggregate(
        groups=found.count(),
        new_groups=found.is_new.ifelse(1, 0).sum().fill_null(0).cast("int64"),
        events=found.events.sum().fill_null(0).cast("int64"),
    )


def error_events(selection: Selection) -> ir.Table:
    """The error events of the selection, with their dimensions and the fingerprint; its filter is not looked at."""
    rows = events_with(selection, selection.dimensions | {FINGERPRINT})
    return rows.filter(rows.category == "error", rows[dimension_column(FINGERPRINT)].notnull())


def _groups(errors: Errors, chosen: tuple[bool | None, str | None]) -> ir.Table:
    """The groups with an error in the period that passes the filter."""
    rows = error_events(errors.selection)
    passes = predicate(errors.selection.filter, rows)
    counts = errors.days.holds(rows.event_time) & passes
    rows = rows.mutate(told_build=rows.build.fill_null(""))  # `argmin` would pass over a first event without a build
    rank = event_rank(rows)
    previous: Mapping[str, ir.Value] = {}
    if errors.compared is not None:
        days = errors.selection.over(errors.compared).days
        previous = _counted(rows, days.holds(rows.event_time) & passes, PREVIOUS)
    found = rows.group_by(fingerprint=rows[dimension_column(FINGERPRINT)]).aggregate(
        message=rows.message.argmax(rank, where=counts),
        severity=rows.severity.argmax(rank, where=counts),
        first_seen=rows.event_time.min(),
        first_build=rows.told_build.argmin(rank).nullif(""),
        last_seen=rows.event_time.max(where=counts),
        **_counted(rows, counts),
        **previous,
    )
    found = found.filter(found.events > 0).mutate(is_new=errors.days.holds(found.first_seen))
    is_new, build = chosen
    if is_new is not None:
        found = found.filter(found.is_new if is_new else ~found.is_new)
    return found if build is None else found.filter((found.first_build == build).fill_null(False))


def _counted(rows: ir.Table, counts: ir.BooleanValue, prefix: str = "") -> Mapping[str, ir.Value]:
    """The number of the errors for which `counts` is true, and of their players."""
    return {
        f"{prefix}events": counts.ifelse(1, 0).sum().cast("int64"),
        f"{prefix}players": counts.ifelse(rows.player_no, ibis.null("int64")).nunique(),
    }


_COLUMNS = (
    AnswerColumn("fingerprint", "", "the message with `#` for every number, address, hash and UUID"),
    AnswerColumn("message", "", "message of the group's latest error in the period"),
    AnswerColumn("severity", "", "severity of that error"),
    AnswerColumn("first_seen", "", "time of the group's first error ever, UTC"),
    AnswerColumn("first_build", "", "build of that error; null if it had none"),
    AnswerColumn("is_new", "", "whether that time is in the period"),
    AnswerColumn("last_seen", "", "time of the group's latest error in the period, UTC"),
    AnswerColumn("events", "events", "errors of the period that pass the filter"),
    AnswerColumn("players", "players", "distinct players with one of them"),
)

_PREVIOUS = (
    AnswerColumn(f"{PREVIOUS}events", "events", "errors of the period that is compared with"),
    AnswerColumn(f"{PREVIOUS}players", "players", "distinct players with one of them"),
)

ANALYSIS = Analysis(
    "error-groups",
    ErrorGroups,
    answer,
    "Errors by message, with the build and time of the first one.",
    page="reference/analyses/error-groups.md",
    is_savable=True,
    examples=(
        Example("New errors in January", {"period": JANUARY, "is_new": True}),
        Example("Errors that were first seen in a build", {"period": JANUARY, "first_build": "1.4.0"}),
    ),
)
