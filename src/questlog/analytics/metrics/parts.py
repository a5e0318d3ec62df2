"""The part of a question that one statement answers: measures of one relation, by bucket and group."""

import datetime as dt
from collections.abc import Sequence
from functools import reduce
from operator import add

import ibis
import ibis.expr.types as ir
import msgspec

from questlog.analytics.engine.functions import distinct_players
from questlog.analytics.metrics.measures import Base, Measure
from questlog.analytics.question.query import Filter, Granularity
from questlog.analytics.selection import cardinality
from questlog.analytics.selection.buckets import buckets
from questlog.analytics.selection.cardinality import CardinalityCap, shown, with_shown
from questlog.analytics.selection.dimensions import referenced_dimensions
from questlog.analytics.selection.named_events import Named
from questlog.analytics.selection.rows import Scope

OTHER = cardinality.OTHER
MAX_ROWS = 200_000
"""A part's answer of more rows is refused: it is too long to be read, and would fill the memory."""

MAX_RANKED = 2_000_000
"""The same where the greatest groups are looked for among all."""

Kept = tuple[tuple[str | None, ...], ...]
"""The groups that stand by themselves, as texts; all others are one."""

OF_COHORTS = frozenset({Base.COHORTS, Base.SURVIVAL})
"""What is measured of players by their first day."""

_GUESSED_GROUPS = 30


class Part(msgspec.Struct, frozen=True):
    """Measures of one base. `last_player_no` is at least the greatest number given out; `today` is for cohorts only."""

    base: Base
    scope: Scope
    measures: tuple[Measure, ...]
    granularity: Granularity
    group_by: tuple[str, ...] = ()
    filter: Filter | None = None
    kept: Kept | None = None
    last_player_no: int = 0
    today: dt.date = dt.date(1970, 1, 1)
    capped: tuple[CardinalityCap, ...] = ()
    named: Named = ()

    @property
    def names(self) -> frozenset[str]:
        """The dimensions it needs."""
        return referenced_dimensions(self.filter) | frozenset(self.group_by)

    @property
    def is_plain(self) -> bool:
        """Whether it needs no dimension at all."""
        return not self.names and self.filter is None


def measure_column(place: int) -> str:
    """The column of a part's measure in the answer to its statement."""
    return f"m{place}"


def group_column(place: int) -> str:
    """The column of a group in the answers to statements."""
    return f"g{place}"


def with_groups(part: Part, rows: ir.Table) -> ir.Table:
    """The rows with the values they are grouped by; those of groups that do not stand by themselves are `(other)`."""
    rows = with_shown(rows, part.capped, part.scope.game_id, _day_of(part, rows))
    values = {group_column(place): shown(rows, name) for place, name in enumerate(part.group_by)}
    if part.kept is None:
        return rows.mutate(**values)
    texts = {name: value.cast("string") for name, value in values.items()}
    if not part.kept:
        return rows.mutate(**texts)
    is_kept = _key(list(texts.values())).isin([_key_text(group) for group in part.kept])
    return rows.mutate(**{name: is_kept.ifelse(text, OTHER) for name, text in texts.items()})


def _day_of(part: Part, rows: ir.Table) -> ir.DateValue:
    """The UTC day that a row's dimensions are of."""
    if part.base in OF_COHORTS:
        return rows.first_day
    return rows.day if "day" in rows.columns else rows.event_time.date()


def aggregated(part: Part, rows: ir.Table, bucket: ir.Value | None, aggregates: Sequence[ir.Scalar]) -> ir.Table:
    """One row for each bucket and group that has any, with the part's measures. `rows` come from `with_groups`."""
    measures = {measure_column(place): each for place, each in enumerate(aggregates)}
    keys = {group_column(place): rows[group_column(place)] for place in range(len(part.group_by))}
    if bucket is not None:
        keys["bucket"] = bucket
    found = rows.group_by(**keys).aggregate(**measures) if keys else rows.aggregate(**measures)
    return found.limit(most_rows(part) + 1) if keys else found


def most_rows(part: Part) -> int:
    """How many rows the part's answer may have."""
    return MAX_RANKED if part.kept == () else MAX_ROWS


def players_of(part: Part, player_no: ir.IntegerColumn, condition: ir.BooleanColumn | None = None) -> ir.IntegerScalar:
    """How many different players there are in each group of the part, exactly."""
    counted = player_no if condition is None else condition.ifelse(player_no, ibis.null("int64"))
    if part.granularity is Granularity.MINUTE:
        return counted.nunique()  # so few events each that clearing a bitmap would take longer
    groups = len(buckets(part.scope.period, part.granularity)) * _GUESSED_GROUPS ** len(part.group_by)
    return distinct_players(counted, part.last_player_no, groups)


def _key(texts: list[ir.StringValue]) -> ir.StringValue:
    """One text for several that may be null, never the same for different ones."""
    return reduce(add, [_marked(text) for text in texts])


def _marked(text: ir.StringValue) -> ir.StringValue:
    escaped = text.replace("/", "//").replace("|", "/-")
    return ibis.coalesce(ibis.literal("|") + escaped, "|/0")


def _key_text(group: tuple[str | None, ...]) -> str:
    marked = ("/0" if text is None else text.replace("/", "//").replace("|", "/-") for text in group)
    return "".join(f"|{text}" for text in marked)
