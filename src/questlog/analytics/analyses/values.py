"""Values of a dimension: which there are in a period, and how many events and players have each (metrics.md §4)."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa
from msgspec import Meta

from questlog.analytics.analyses.split import GROUP, check_split, rows_of
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.engine.functions import distinct_players
from questlog.analytics.metrics.result import with_plain_numbers
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import JANUARY, Example
from questlog.analytics.question.paging import Mark, next_row, row_after
from questlog.analytics.question.query import Filter, Name, Period
from questlog.analytics.selection.dimensions import check_event_dimension, meaning_of
from questlog.analytics.selection.segment_rules import with_segments
from questlog.analytics.selection.selection import Selection, select
from questlog.model.taxonomy import VOCABULARIES

MAX_VALUES = 1_000
_GUESSED_VALUES = 30


class Values(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values of a dimension in the events of the period, the most frequent first.

    `prefix` selects the values that begin with it; upper and lower case are equal. The list has `limit` values a page:
    for the next one, `after` is the `next` of the answer. Equally frequent values are in alphabetical order. Dimensions
    with a fixed list of values (`category`, `severity`, …) show all of them, also those without an event.

    The answer has a row for each `value`: `events`, `players`, and `share`, the events ÷ all events of the period that
    pass the filter. The totals are the number of `values`, and the `events` and `players` that have any of them.
    """

    dimension: Name
    period: Period
    prefix: Annotated[str, Meta(max_length=200)] = ""
    filter: Filter | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_VALUES)] = 50
    after: Mark | None = None

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        self.period.check()
        with_segments(check_event_dimension, segments)("dimension", self.dimension)
        check_split(segments, self.filter)


def answer(question: Values, context: Context) -> Answer:
    """A page of values. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    found = select(context, question.period, question.filter, (question.dimension,))
    selection = msgspec.structs.replace(found, caps=())
    known = VOCABULARIES.get(question.dimension, ())
    before = row_after(question.after)
    page = (MAX_VALUES, 0) if known else (question.limit, before)
    [total] = context.run(totals_of, selection, question.prefix).to_pylist()
    rows = context.run(counts, selection, question.prefix, *page).to_pylist()
    if known:
        rows = _with_all(rows, known, question.prefix)
        total["values"] = len(rows)
        rows = rows[before : before + question.limit]
    everything = total.pop("all_events")
    shares = [{**row, "share": row["events"] / everything if everything else None} for row in rows]
    table = pa.Table.from_pylist(shares, _SCHEMA)
    table = table.set_column(0, "value", with_plain_numbers(table["value"], question.dimension))
    columns = [AnswerColumn("value", "", meaning_of(question.dimension)), *_COLUMNS]
    totals, following = pa.Table.from_pylist([total]), next_row(before, len(rows), total["values"])
    return Answer(table, columns, totals=totals, data_version=context.data_version, next=following)


def _with_all(rows: Sequence[Mapping[str, Any]], known: Sequence[str], prefix: str) -> list[dict[str, Any]]:
    """The rows, and those of the vocabulary that have no event."""
    found = {row["value"] for row in rows}
    missing = [each for each in known if each not in found and each.lower().startswith(prefix.lower())]
    return [*map(dict, rows), *({"value": each, "events": 0, "players": 0} for each in sorted(missing))]


# ----------------------------------------------------------------------------------------------- asked of the engine


def counts(selection: Selection, prefix: str, limit: int, offset: int) -> ir.Table:
    """`value`, `events` and `players` of a page of values."""
    rows = _valued(selection, prefix)
    players = distinct_players(rows.player_no, selection.player_bound, _GUESSED_VALUES)
    found = rows.group_by(value=rows[GROUP]).aggregate(events=rows.count(), players=players)
    return found.order_by(ibis.desc("events"), "value").limit(limit, offset=offset)


def totals_of(selection: Selection, prefix: str) -> ir.Table:
    """`values`, and the `events` and `players` that have one; `all_events` includes events without a value."""
    rows = rows_of(selection, ("player_no",))
    is_one = _is_one(rows[GROUP], prefix)
    player = is_one.ifelse(rows.player_no, ibis.null("int64"))
    return rows.aggregate(
        values=is_one.ifelse(rows[GROUP], ibis.null("string")).nunique(),
        events=is_one.ifelse(1, 0).sum().fill_null(0).cast("int64"),
        players=distinct_players(player, selection.player_bound, 1),
        all_events=rows.count(),
    )


def _valued(selection: Selection, prefix: str) -> ir.Table:
    rows = rows_of(selection, ("player_no",))
    return rows.filter(_is_one(rows[GROUP], prefix))


def _is_one(value: ir.StringColumn, prefix: str) -> ir.BooleanValue:
    """Regular expressions take capitals for small letters in the same way on every engine; `lower` does not."""
    if not prefix:
        return value.notnull()
    return value.re_search("(?i)^" + re.escape(prefix).replace("\0", r"\x00")).fill_null(False)


_COLUMNS = (
    AnswerColumn("events", "events", "events of the period with the value"),
    AnswerColumn("players", "players", "distinct players with such an event"),
    AnswerColumn(
        "share", "share", "events ÷ all events of the period that pass the filter, including events without a value"
    ),
)
_SCHEMA = pa.schema([("value", pa.string()), ("events", pa.int64()), ("players", pa.int64()), ("share", pa.float64())])

ANALYSIS = Analysis(
    "values",
    Values,
    answer,
    "The values of a dimension, with events and players.",
    page="reference/analyses/values.md",
    examples=(
        Example("The most frequent countries", {"dimension": "country", "period": JANUARY}),
        Example("Builds that begin with 1.4", {"dimension": "build", "period": JANUARY, "prefix": "1.4"}),
        Example(
            "The twenty most frequent values of an attribute",
            {"dimension": "attributes.weapon", "period": JANUARY, "limit": 20},
        ),
    ),
)
