"""The greatest groups by themselves; all others are asked for as one, `(other)`."""

from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.metrics.parts import OTHER, Kept, group_column
from questlog.analytics.selection.dimensions import Kind, kind_of


def greatest(rows: pa.Table, values: pa.ChunkedArray, groups: int, top: int) -> Kept:
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


def in_order(rows: pa.Table, keys: list[str], kept: Kept, groups: int) -> pa.Table:
    """By bucket, then the groups in the order of `kept`, `(other)` last."""
    names = [group_column(place) for place in range(groups)]
    places = {group: place for place, group in enumerate(kept)}
    found = zip(*(rows[name].to_pylist() for name in names), strict=True)
    rank = pa.array([places.get(group, len(places)) for group in found], pa.int64())
    order = [("bucket", "ascending")] if "bucket" in keys else []
    ordered = rows.append_column("rank", rank).sort_by([*order, ("rank", "ascending")])
    return ordered.drop_columns("rank")
