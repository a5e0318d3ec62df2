"""Events split by one dimension: the greatest groups by themselves, the rest as `(other)`."""

from collections.abc import Mapping, Sequence
from typing import Self

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa

from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.sub_query import OTHER
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.query import Filter, check_size
from questlog.analytics.selection.cardinality import CardinalityCap, shown, warnings, with_shown
from questlog.analytics.selection.dimensions import check_event_dimension, meaning_of
from questlog.analytics.selection.filters import check_filter, predicate
from questlog.analytics.selection.rows import events_with
from questlog.analytics.selection.segment_rules import with_segments
from questlog.analytics.selection.selection import Selection
from questlog.analytics.selection.shown_names import keys_of

BUCKET = AnswerColumn(
    "bucket", "", "First day of the bucket, even if it is before the period; for hours and minutes, the start in UTC."
)

GROUP = "group"
"""The column of the group in the answers to statements."""


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """The events of a selection, split by at most one dimension; the parts of their ids have `caps`."""

    selection: Selection
    caps: tuple[CardinalityCap, ...] = ()

    @property
    def keys(self) -> list[str]:
        """The columns that tell ids apart."""
        return keys_of(self.caps)

    @property
    def groups(self) -> tuple[str, ...]:
        """The group's column, where there is one."""
        return (GROUP,) if self.selection.group_by else ()

    @property
    def unfolded(self) -> Self:
        """The same where all groups stand by themselves."""
        return msgspec.structs.replace(self, selection=msgspec.structs.replace(self.selection, top=None))


def standing_groups(selection: Selection) -> tuple[str | None, ...]:
    """The groups that stand by themselves, in their order."""
    return tuple(group for (group,) in selection.top or ())


def check_split(
    segments: Mapping[str, SegmentDefinition],
    condition: Filter | None,
    group_by: tuple[str, ...] = (),
    field: str = "filter",
) -> None:
    """Raises `InvalidQuery` for a filter or dimensions that are not possible. `field` is where the filter is."""
    check_size(condition, field)
    check = with_segments(check_event_dimension, segments)
    check_filter(field, condition, check)
    for place, name in enumerate(group_by):
        check(f"group_by[{place}]", name)


def rows_of(selection: Selection, columns: Sequence[str]) -> ir.Table:
    """These columns of the events (the fewer, the sooner a statement is made), and `GROUP` where they are split."""
    rows = events_with(selection, selection.dimensions)
    if selection.filter is not None:
        rows = rows.filter(predicate(selection.filter, rows))
    if not selection.group_by:
        return rows.select(*columns)
    [name] = selection.group_by
    if selection.caps:
        rows = with_shown(rows, selection.caps, selection.game_id, selection.days.day_of(rows.event_time))
    return folded(selection, rows.select(*columns, **{GROUP: shown(rows, name).cast("string")}))


def named_rows(split: Split, columns: Sequence[str]) -> ir.Table:
    """The same with the columns that tell ids apart."""
    rows = rows_of(split.selection, columns)
    return rows.mutate(day=split.selection.days.day_of(rows.event_time)) if split.caps else rows


def folded(selection: Selection, rows: ir.Table) -> ir.Table:
    """Rows whose groups that do not stand by themselves are `(other)`."""
    if selection.top is None:
        return rows
    groups = standing_groups(selection)
    is_kept = rows[GROUP].isin([each for each in groups if each is not None]).fill_null(False)
    if None in groups:
        is_kept |= rows[GROUP].isnull()
    return rows.mutate(**{GROUP: is_kept.ifelse(rows[GROUP], OTHER)})


def with_top_groups(selection: Selection, found: pa.Table) -> Selection:
    """The selection in which the groups that `greatest_groups` found stand by themselves."""
    return selection.with_top(tuple((group,) for group in found[GROUP].to_pylist()))


def greatest_groups(rows: ir.Table, top: int) -> ir.Table:
    """The `top` most frequent groups of split rows; of equally frequent ones the first in order, null last."""
    rows = rows.filter((rows[GROUP] != OTHER).fill_null(True))
    counted = rows.group_by(GROUP).aggregate(events=rows.count())
    return counted.order_by(ibis.desc("events"), ibis.asc(GROUP, nulls_first=False)).limit(top).select(GROUP)


def answer_of(
    table: pa.Table,
    columns: Sequence[AnswerColumn],
    split: Split,
    context: Context,
) -> Answer:
    """The table's columns, in this order; that of the group has the dimension's name.

    Where another column has that name, it is `by_NAME`.
    """
    names = [column.name for column in columns]
    group = group_name(split.selection, names)
    told = [msgspec.structs.replace(each, name=group) if each.name == GROUP else each for each in columns]
    table = table.select(names).rename_columns([column.name for column in told])
    warned = warnings(context, dict.fromkeys((*split.selection.caps, *split.caps)))
    return Answer(table=table, columns=told, warnings=warned, data_version=context.data_version)


def group_name(selection: Selection, names: Sequence[str]) -> str:
    """The name of the group's column, next to columns of these names."""
    name = "".join(selection.group_by)
    return f"by_{name}" if name in names else name


def group_columns(group_by: tuple[str, ...]) -> list[AnswerColumn]:
    """The group's column, where there is one."""
    return [AnswerColumn(GROUP, "", meaning_of(name)) for name in group_by]
