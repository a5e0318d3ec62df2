"""The latest errors of one group, with everything that was sent (metrics.md §3)."""

from collections.abc import Mapping
from typing import Annotated

import ibis.expr.types as ir
import msgspec
from msgspec import Meta

from questlog.analytics.analyses.error_groups import error_events
from questlog.analytics.analyses.split import check_split
from questlog.analytics.analyses.timeline import rows_answer, stored_columns
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.engine.pages import newest, page
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import IS_IOS, JANUARY, Example
from questlog.analytics.question.paging import Mark
from questlog.analytics.question.query import Filter, Period
from questlog.analytics.selection.dimensions import FINGERPRINT, dimension_column
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.selection import Selection, select
from questlog.store.schema import EVENTS

MAX_SAMPLES = 500


class ErrorSamples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The latest errors of a group in the period, of those that pass the filter, with all columns of events.

    For the next page, `after` is the `next` of the answer.
    """

    fingerprint: Annotated[str, Meta(max_length=4_096)]
    period: Period
    filter: Filter | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_SAMPLES)] = 20
    after: Mark | None = None

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        self.period.check()
        check_split(segments, self.filter)


def answer(question: ErrorSamples, context: Context) -> Answer:
    """At most `limit` events, the latest first. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    selection = select(context, question.period, question.filter)
    rows = context.run(_samples, selection, question.fingerprint, question.after, question.limit)
    rows, following = page(rows, "event_time", "row_no", question.limit)
    return rows_answer(rows, EVENTS, context, following)


def _samples(selection: Selection, fingerprint: str, after: str | None, limit: int) -> ir.Table:
    rows = error_events(selection)
    rows = rows.filter(rows[dimension_column(FINGERPRINT)] == fingerprint, predicate(selection.filter, rows))
    return newest(stored_columns(rows), "event_time", "row_no", after, limit)


ANALYSIS = Analysis(
    "error-samples",
    ErrorSamples,
    answer,
    "The latest errors of one error group, with everything that was sent.",
    page="reference/analyses/error-groups.md",
    is_personal=True,
    examples=(
        Example(
            "The last five crashes of a group on iOS",
            {"fingerprint": "boom at #, line #", "period": JANUARY, "filter": IS_IOS, "limit": 5},
        ),
    ),
)
