"""The sources' rows merged by bucket and group, aligned with the period before, and the greatest groups among them."""

from collections.abc import Sequence
from functools import reduce

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.metrics.measures import Measure
from questlog.analytics.metrics.sub_query import OTHER, group_column
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.buckets import LocalDays, start_type
from questlog.analytics.selection.dimensions import Kind, kind_of
from questlog.analytics.selection.selection import TopGroups

PREVIOUS = "previous:"


class ResultShape(msgspec.Struct, frozen=True):
    """What identifies a row: the bucket, unless all is one, and this many groups. `previous` is what is compared."""

    days: LocalDays
    granularity: Granularity
    groups: int
    measures: tuple[Measure, ...]
    previous: LocalDays | None = None

    @property
    def keys(self) -> list[str]:
        """The columns that identify a row."""
        bucket = [] if self.granularity is Granularity.ALL else ["bucket"]
        return [*bucket, *(group_column(place) for place in range(self.groups))]

    @property
    def columns(self) -> dict[str, Measure]:
        """The measures' columns; with a comparison, also those of the previous period."""
        found = dict(zip(map(column_of, range(len(self.measures))), self.measures, strict=True))
        if self.previous is not None:
            found |= {f"{PREVIOUS}{name}": measure for name, measure in found.items()}
        return found


def column_of(place: int) -> str:
    """The column of the question's measure at that place."""
    return f"m{place}"


def merge(shape: ResultShape, parts: Sequence[pa.Table]) -> pa.Table:
    """All columns of the shape, in order of the keys, nulls last.

    A series without groups has every bucket of its period; one with groups has the rows in which there is anything.
    """
    rows = list(parts)
    if shape.groups == 0:
        rows.append(_frame(shape))
    found = _filled(shape, _merged(shape, rows))
    if shape.groups:
        found = found.filter(_has_anything(shape, found))
    if shape.keys:
        found = found.sort_by([(name, "ascending") for name in shape.keys])
    return found


def _frame(shape: ResultShape) -> pa.Table:
    """The keys of a series without groups."""
    if shape.granularity is Granularity.ALL:
        return pa.table({})
    starts = [bucket.start for bucket in shape.days.buckets(shape.granularity)]
    return pa.table({"bucket": pa.array(starts, start_type(shape.granularity))})


def _merged(shape: ResultShape, rows: Sequence[pa.Table]) -> pa.Table:
    """One row for each key of any of the tables; null where none has the measure. Null is a value of a key."""
    names = list(shape.columns)
    if not shape.keys:
        found = {name: table[name] for table in rows for name in table.column_names}
        return pa.table({name: found[name] for name in names})
    together = pa.concat_tables([each for each in rows if each.num_columns], promote_options="default")
    merged = together.group_by(shape.keys, use_threads=False).aggregate([(name, "max") for name in names])
    return merged.rename_columns([*shape.keys, *names])


def _filled(shape: ResultShape, rows: pa.Table) -> pa.Table:
    """Nothing is 0 of what can be counted and added up."""
    for name, measure in shape.columns.items():
        if measure.unit.is_zero_for_nothing:
            column = rows[name].fill_null(pa.scalar(0).cast(measure.unit.arrow))
            rows = rows.set_column(rows.column_names.index(name), name, column)
    return _without_what_was_not(shape, rows)


def _without_what_was_not(shape: ResultShape, rows: pa.Table) -> pa.Table:
    """Null in place of the measures of previous buckets that there are not: periods may have unequal months."""
    if shape.previous is None or shape.granularity is Granularity.ALL:
        return rows
    now, before = (days.buckets(shape.granularity) for days in (shape.days, shape.previous))
    if len(before) >= len(now):
        return rows
    was = pc.less(rows["bucket"], pa.scalar(now[len(before)].start, start_type(shape.granularity)))
    for name, measure in shape.columns.items():
        if name.startswith(PREVIOUS):
            column = pc.if_else(was, rows[name], pa.scalar(None, measure.unit.arrow))
            rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def _has_anything(shape: ResultShape, rows: pa.Table) -> pa.ChunkedArray:
    found = pa.chunked_array([pa.repeat(pa.scalar(value=False), rows.num_rows)])
    for name, measure in shape.columns.items():
        is_some = rows[name].is_valid()
        if measure.unit.is_zero_for_nothing:
            is_some = pc.and_(is_some, pc.not_equal(rows[name], pa.scalar(0).cast(measure.unit.arrow)))
        found = pc.or_(found, pc.fill_null(is_some, False))
    return found


def align_periods(shape: ResultShape, rows: pa.Table) -> pa.Table:
    """The previous period's rows with the buckets of this one, by their order; those that have none are left out."""
    names = [name if name in shape.keys else f"{PREVIOUS}{name}" for name in rows.column_names]
    rows = rows.rename_columns(names)
    if shape.granularity is Granularity.ALL or shape.previous is None:
        return rows
    kind = start_type(shape.granularity)
    before, now = (
        pa.array([bucket.start for bucket in days.buckets(shape.granularity)], kind)
        for days in (shape.previous, shape.days)
    )
    places = pc.index_in(rows["bucket"], value_set=before)
    has_counterpart = pc.fill_null(pc.less(places, len(now)), False)
    starts = now.take(places.filter(has_counterpart).combine_chunks())
    rows = rows.filter(has_counterpart)
    return rows.set_column(rows.column_names.index("bucket"), "bucket", starts)


def top_n(rows: pa.Table, values: pa.ChunkedArray, groups: int, top: int) -> TopGroups:
    """The `top` groups with the greatest values, null last; of equal ones the first in order. Groups are texts.

    What is above a limit of cardinality is `(other)` anyway, and takes no place.
    """
    names = [group_column(place) for place in range(groups)]
    ordered = rows.select(names).append_column("value", values)
    is_other = reduce(pc.and_, (pc.equal(ordered[name], OTHER).fill_null(False) for name in names))
    ordered = ordered.filter(pc.invert(is_other))
    ordered = ordered.sort_by([("value", "descending"), *((name, "ascending") for name in names)]).slice(0, top)
    return tuple(zip(*(ordered[name].to_pylist() for name in names), strict=True))


def with_plain_numbers(column: pa.ChunkedArray, dimension: str) -> pa.ChunkedArray:
    """The texts of a dimension's values; engines write the same number in different ways."""
    if kind_of(dimension) is not Kind.NUMBER or not pa.types.is_string(column.type):
        return column
    encoded = column.combine_chunks().dictionary_encode()
    texts = pa.array([_plain(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([texts.take(encoded.indices)])


def _plain(text: str) -> str:
    if text == OTHER:
        return text
    number = float(text)
    return str(int(number)) if number.is_integer() else repr(number)


def in_order(rows: pa.Table, shape: ResultShape, top: TopGroups) -> pa.Table:
    """By bucket, then the groups in the order of `top`, `(other)` last."""
    names = [group_column(place) for place in range(shape.groups)]
    places = {group: place for place, group in enumerate(top)}
    found = zip(*(rows[name].to_pylist() for name in names), strict=True)
    rank = pa.array([places.get(group, len(places)) for group in found], pa.int64())
    order = [("bucket", "ascending")] if "bucket" in shape.keys else []
    ordered = rows.append_column("rank", rank).sort_by([*order, ("rank", "ascending")])
    return ordered.drop_columns("rank")
