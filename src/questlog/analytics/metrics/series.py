"""The parts' rows put together by bucket and group: one row for each, with all measures."""

from collections.abc import Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.metrics.measures import Measure
from questlog.analytics.metrics.parts import group_column
from questlog.analytics.question.query import Granularity, Period
from questlog.analytics.selection.buckets import buckets, start_type

PREVIOUS = "previous:"


class Shape(msgspec.Struct, frozen=True):
    """What identifies a row: the bucket, unless all is one, and this many groups. `previous` is what is compared."""

    period: Period
    granularity: Granularity
    groups: int
    measures: tuple[Measure, ...]
    previous: Period | None = None

    @property
    def keys(self) -> list[str]:
        """The columns that identify a row."""
        bucket = [] if self.granularity is Granularity.ALL else ["bucket"]
        return [*bucket, *(group_column(place) for place in range(self.groups))]

    @property
    def columns(self) -> dict[str, Measure]:
        """The measures' columns; with a comparison those of the previous period besides."""
        found = dict(zip(map(column_of, range(len(self.measures))), self.measures, strict=True))
        if self.previous is not None:
            found |= {f"{PREVIOUS}{name}": measure for name, measure in found.items()}
        return found


def column_of(place: int) -> str:
    """The column of the question's measure at that place."""
    return f"m{place}"


def put_together(shape: Shape, parts: Sequence[pa.Table]) -> pa.Table:
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


def _frame(shape: Shape) -> pa.Table:
    """The keys of a series without groups."""
    if shape.granularity is Granularity.ALL:
        return pa.table({})
    starts = [bucket.start for bucket in buckets(shape.period, shape.granularity)]
    return pa.table({"bucket": pa.array(starts, start_type(shape.granularity))})


def _merged(shape: Shape, rows: Sequence[pa.Table]) -> pa.Table:
    """One row for each key of any of the tables; null where none has the measure. Null is a value of a key."""
    names = list(shape.columns)
    if not shape.keys:
        found = {name: table[name] for table in rows for name in table.column_names}
        return pa.table({name: found[name] for name in names})
    together = pa.concat_tables([each for each in rows if each.num_columns], promote_options="default")
    merged = together.group_by(shape.keys, use_threads=False).aggregate([(name, "max") for name in names])
    return merged.rename_columns([*shape.keys, *names])


def _filled(shape: Shape, rows: pa.Table) -> pa.Table:
    """Nothing is 0 of what can be counted and added up."""
    for name, measure in shape.columns.items():
        if measure.unit.is_zero_for_nothing:
            column = rows[name].fill_null(pa.scalar(0).cast(measure.unit.arrow))
            rows = rows.set_column(rows.column_names.index(name), name, column)
    return _without_what_was_not(shape, rows)


def _without_what_was_not(shape: Shape, rows: pa.Table) -> pa.Table:
    """Null in place of the measures of previous buckets that there are not: periods may have unequal months."""
    if shape.previous is None or shape.granularity is Granularity.ALL:
        return rows
    now, before = (buckets(period, shape.granularity) for period in (shape.period, shape.previous))
    if len(before) >= len(now):
        return rows
    was = pc.less(rows["bucket"], pa.scalar(now[len(before)].start, start_type(shape.granularity)))
    for name, measure in shape.columns.items():
        if name.startswith(PREVIOUS):
            column = pc.if_else(was, rows[name], pa.scalar(None, measure.unit.arrow))
            rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def _has_anything(shape: Shape, rows: pa.Table) -> pa.ChunkedArray:
    found = pa.chunked_array([pa.repeat(pa.scalar(value=False), rows.num_rows)])
    for name, measure in shape.columns.items():
        is_some = rows[name].is_valid()
        if measure.unit.is_zero_for_nothing:
            is_some = pc.and_(is_some, pc.not_equal(rows[name], pa.scalar(0).cast(measure.unit.arrow)))
        found = pc.or_(found, pc.fill_null(is_some, False))
    return found
