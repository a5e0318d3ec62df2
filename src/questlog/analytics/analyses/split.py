"""Events split by one dimension: the greatest groups by themselves, the rest as `(other)`."""

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa

from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.parts import OTHER
from questlog.analytics.metrics.plan import scope_of
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.query import Filter, Period, check_size
from questlog.analytics.selection.cardinality import CardinalityCap, capped_dimensions, shown, warnings, with_shown
from questlog.analytics.selection.dimensions import check_event_dimension, meaning_of, referenced_dimensions
from questlog.analytics.selection.filters import check_filter, predicate
from questlog.analytics.selection.rows import Scope, events_with
from questlog.analytics.selection.segment_rules import with_segments

BUCKET = AnswerColumn("bucket", "", "Start of the bucket, UTC; also where the bucket begins before the period.")

GROUP = "group"
"""The column of the group in the answers to statements."""


class Events(msgspec.Struct, frozen=True):
    """Events of a period that pass a filter, split by a dimension or not at all.

    `kept` are the groups that stand by themselves, as texts (among them None: where the dimension is null); all others
    are one. Without `kept` all do.
    `last_player_no` is at least the greatest number given out.
    """

    scope: Scope
    filter: Filter | None = None
    group_by: str | None = None
    kept: tuple[str | None, ...] | None = None
    last_player_no: int = 0
    capped: tuple[CardinalityCap, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it is simply all of them."""
        return self.filter is None and self.group_by is None

    @property
    def keys(self) -> tuple[str, ...]:
        """The group's column, where there is one."""
        return () if self.group_by is None else (GROUP,)


def check_split(
    segments: Mapping[str, SegmentDefinition],
    condition: Filter | None,
    group_by: str | tuple[str, ...] | None = None,
    field: str = "filter",
) -> None:
    """Raises `InvalidQuery` for a filter or dimensions that are not possible. `field` is where the filter is."""
    check_size(condition, field)
    check = with_segments(check_event_dimension, segments)
    check_filter(field, condition, check)
    if isinstance(group_by, tuple):
        for place, name in enumerate(group_by):
            check(f"group_by[{place}]", name)
    elif group_by is not None:
        check("group_by", group_by)


def events_of(context: Context, period: Period, condition: Filter | None = None, group_by: str | None = None) -> Events:
    """The game's events, by a filter and a dimension that were checked."""
    names = referenced_dimensions(condition) | ({group_by} if group_by else set())
    capped = capped_dimensions(context, [group_by] if group_by else [], period)
    return Events(scope_of(context, period, frozenset(names)), condition, group_by, None, context.player_bound, capped)


def rows_of(events: Events, columns: Sequence[str]) -> ir.Table:
    """These columns of the events (the fewer, the sooner a statement is made), and `GROUP` where they are split."""
    names = referenced_dimensions(events.filter) | ({events.group_by} if events.group_by else set())
    rows = events_with(events.scope, names)
    if events.filter is not None:
        rows = rows.filter(predicate(events.filter, rows))
    if events.group_by is None:
        return rows.select(*columns)
    rows = with_shown(rows, events.capped, events.scope.game_id, rows.event_time.date())
    text = shown(rows, events.group_by).cast("string")
    return folded(events, rows.select(*columns, **{GROUP: text}))


def folded(events: Events, rows: ir.Table) -> ir.Table:
    """Rows whose groups that do not stand by themselves are `(other)`."""
    if events.kept is None:
        return rows
    is_kept = rows[GROUP].isin([each for each in events.kept if each is not None]).fill_null(False)
    if None in events.kept:
        is_kept |= rows[GROUP].isnull()
    return rows.mutate(**{GROUP: is_kept.ifelse(rows[GROUP], OTHER)})


def greatest_groups(rows: ir.Table, top: int) -> ir.Table:
    """The `top` most frequent groups of split rows; of equally frequent ones the first in order, null last."""
    rows = rows.filter((rows[GROUP] != OTHER).fill_null(True))
    counted = rows.group_by(GROUP).aggregate(events=rows.count())
    return counted.order_by(ibis.desc("events"), ibis.asc(GROUP, nulls_first=False)).limit(top).select(GROUP)


def answer_of(
    table: pa.Table,
    columns: Sequence[AnswerColumn],
    events: Events,
    context: Context,
    capped: tuple[CardinalityCap, ...] = (),
) -> Answer:
    """The table's columns, in this order; that of the group has the dimension's name.

    Where another column has that name, it is `by_NAME`. `capped` is what is so besides the group.
    """
    names = [column.name for column in columns]
    group = f"by_{events.group_by}" if events.group_by in names else events.group_by
    told = [msgspec.structs.replace(each, name=group) if each.name == GROUP else each for each in columns]
    table = table.select(names).rename_columns([column.name for column in told])
    warned = warnings(context, dict.fromkeys((*events.capped, *capped)))
    return Answer(table=table, columns=told, warnings=warned, data_version=context.data_version)


def group_columns(group_by: str | None) -> list[AnswerColumn]:
    """The group's column, where there is one."""
    return [] if group_by is None else [AnswerColumn(GROUP, "", meaning_of(group_by))]
