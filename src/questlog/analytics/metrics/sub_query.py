"""A part of a question that one statement answers, and what all sources share to build it."""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa

from questlog.analytics.engine.context import Context
from questlog.analytics.engine.functions import distinct_players
from questlog.analytics.metrics.measures import Measure
from questlog.analytics.question.query import EventMatch, Granularity, Period
from questlog.analytics.selection import cardinality
from questlog.analytics.selection.buckets import LocalDays
from questlog.analytics.selection.cardinality import shown, with_shown
from questlog.analytics.selection.event_ids import EventIds
from questlog.analytics.selection.selection import Selection

OTHER = cardinality.OTHER
MAX_ROWS = 200_000
"""An answer of more rows is refused: it is too long to be read, and would fill the memory."""

MAX_RANKED = 2_000_000
"""The same where the greatest groups are looked for among all."""

_GUESSED_GROUPS = 30


class MetricRequest(msgspec.Struct, frozen=True):
    """Measures of a selection by bucket and group."""

    measures: tuple[Measure, ...]
    selection: Selection
    granularity: Granularity

    @property
    def dimensions(self) -> frozenset[str]:
        """The dimensions that the filter and the groups need."""
        return self.selection.dimensions

    @property
    def is_by_stored_day(self) -> bool:
        """Whether the days that tables carry are enough: buckets are a day or longer, in the game's zone."""
        return self.selection.is_stored_zone and not self.granularity.is_within_a_day


class SubQuery(msgspec.Struct, frozen=True):
    """Measures that one source answers with one statement. `event_ids` are numbers of the events that they match."""

    selection: Selection
    measures: tuple[Measure, ...]
    granularity: Granularity
    event_ids: EventIds = ()

    @property
    def days(self) -> LocalDays:
        """The days of the period."""
        return self.selection.days

    @property
    def dimensions(self) -> frozenset[str]:
        """The dimensions that the filter and the groups need."""
        return self.selection.dimensions

    @property
    def is_plain(self) -> bool:
        """Whether it needs no dimension at all."""
        return self.selection.is_plain

    @property
    def group_columns(self) -> list[str]:
        """The columns of the groups in the answers to statements."""
        return [group_column(place) for place in range(len(self.selection.group_by))]


def _as_answered(_: SubQuery, rows: pa.Table) -> pa.Table:
    return rows


def _nothing_apart(_: Measure) -> str:
    return ""


def _no_matches(_: SubQuery) -> frozenset[EventMatch]:
    return frozenset()


def _own_period(query: SubQuery) -> Period:
    return query.selection.period


def _always(_: SubQuery, __: Context) -> bool:
    return True


class Source(msgspec.Struct, frozen=True):
    """One place that can answer measures.

    `can_answer` says whether it answers a measure of a request exactly; `build` makes the statement of a sub-query, and
    `finish` the answer from the engine's rows. Measures of different `part` need statements of their own. `matches` are
    the events whose numbers the statement needs, `looked_at` the days whose rows count. With more than `max_rows` rows,
    and where it is not `is_worth_it`, the next source that can is asked; without one the question is refused.
    """

    name: str
    can_answer: Callable[[Measure, MetricRequest], bool]
    build: Callable[[SubQuery], ir.Table]
    finish: Callable[[SubQuery, pa.Table], pa.Table] = _as_answered
    part: Callable[[Measure], str] = _nothing_apart
    matches: Callable[[SubQuery], frozenset[EventMatch]] = _no_matches
    looked_at: Callable[[SubQuery], Period] = _own_period
    is_worth_it: Callable[[SubQuery, Context], bool] = _always
    max_rows: int | None = None


def measure_column(place: int) -> str:
    """The column of a measure in the answer to its statement."""
    return f"m{place}"


def group_column(place: int) -> str:
    """The column of a group in the answers to statements."""
    return f"g{place}"


def with_groups(query: SubQuery, rows: ir.Table, day: ir.DateValue | None = None) -> ir.Table:
    """The rows with the values they are grouped by; those of groups that do not stand by themselves are `(other)`.

    `day` is the local day that a row's dimensions are of: unless it is said, the column `day`, else that of
    `event_time`.
    """
    selection = query.selection
    if selection.caps:
        if day is None:
            day = rows.day if "day" in rows.columns else query.days.day_of(rows.event_time)
        rows = with_shown(rows, selection.caps, selection.game_id, day)
    values = {group_column(place): shown(rows, name) for place, name in enumerate(selection.group_by)}
    if selection.top is None:
        return rows.mutate(**values)
    texts = {name: value.cast("string") for name, value in values.items()}
    if not selection.top:
        return rows.mutate(**texts)
    is_kept = _key(list(texts.values())).isin([_key_text(group) for group in selection.top])
    return rows.mutate(**{name: is_kept.ifelse(text, OTHER) for name, text in texts.items()})


def aggregated(query: SubQuery, rows: ir.Table, bucket: ir.Value | None, aggregates: Sequence[ir.Scalar]) -> ir.Table:
    """One row for each bucket and group that has any, with the measures. `rows` come from `with_groups`."""
    measures = {measure_column(place): each for place, each in enumerate(aggregates)}
    keys = {name: rows[name] for name in query.group_columns}
    if bucket is not None:
        keys["bucket"] = bucket
    found = rows.group_by(**keys).aggregate(**measures) if keys else rows.aggregate(**measures)
    return found.limit(most_rows(query) + 1) if keys else found


def most_rows(query: SubQuery) -> int:
    """How many rows the answer may have."""
    return MAX_RANKED if query.selection.top == () else MAX_ROWS


def players_of(
    query: SubQuery, player_no: ir.IntegerColumn, condition: ir.BooleanColumn | None = None
) -> ir.IntegerScalar:
    """How many different players there are in each group, exactly."""
    counted = player_no if condition is None else condition.ifelse(player_no, ibis.null("int64"))
    if query.granularity is Granularity.MINUTE:
        return counted.nunique()  # so few events each that clearing a bitmap would take longer
    groups = len(query.days.buckets(query.granularity)) * _GUESSED_GROUPS ** len(query.selection.group_by)
    return distinct_players(counted, query.selection.player_bound, groups)


def _key(texts: list[ir.StringValue]) -> ir.StringValue:
    """One text for several that may be null, never the same for different ones."""
    return reduce(add, [_marked(text) for text in texts])


def _marked(text: ir.StringValue) -> ir.StringValue:
    escaped = text.replace("/", "//").replace("|", "/-")
    return ibis.coalesce(ibis.literal("|") + escaped, "|/0")


def _key_text(group: tuple[str | None, ...]) -> str:
    marked = ("/0" if text is None else text.replace("/", "//").replace("|", "/-") for text in group)
    return "".join(f"|{text}" for text in marked)
