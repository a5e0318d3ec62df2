"""Comparing what was with what is, in Arrow columns."""

from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def is_less(new: pa.ChunkedArray, old: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether there is a new value and it is less, or the first."""
    return pc.and_(new.is_valid(), pc.fill_null(pc.less(new, old), True))


def is_greater(new: pa.ChunkedArray, old: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether there is a new value and it is greater, or the first."""
    return pc.and_(new.is_valid(), pc.fill_null(pc.greater(new, old), True))


def adds_bits(old: pa.ChunkedArray, new: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether there are bits in a new number that the old one (null is 0) does not have."""
    old = pc.fill_null(old, 0)
    return pc.not_equal(pc.bit_wise_or(old, new), old)


def any_not_zero(rows: pa.Table, *columns: str) -> pa.ChunkedArray:
    """Whether any of the columns (no nulls) is not zero."""
    return reduce(pc.or_, (pc.not_equal(rows[name], pa.scalar(0).cast(rows[name].type)) for name in columns))


def matched(old: pa.Table, key: str, keys: pa.ChunkedArray) -> pa.Table:
    """For each of `keys` the row of `old` that has it in the column `key`; nulls where there is none."""
    if old.num_rows == 0:
        return old.take(pa.nulls(len(keys), pa.int64()))
    stored, wanted = old[key].to_numpy(), keys.to_numpy()
    order = np.argsort(stored)
    places = order[np.minimum(np.searchsorted(stored[order], wanted), len(stored) - 1)]
    return old.take(pa.array(places, mask=stored[places] != wanted))
