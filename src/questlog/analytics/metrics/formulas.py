"""How a metric comes from its measures: element by element, null where there is nothing to divide by."""

from collections.abc import Callable
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

Column: TypeAlias = pa.ChunkedArray
Formula: TypeAlias = Callable[..., Column]


def value(measure: Column) -> Column:
    """The measure itself."""
    return measure


def ratio(above: Column, below: Column) -> Column:
    """`above` ÷ `below`, a 64-bit float."""
    divisor = as_float(below)
    nothing = pa.scalar(None, pa.float64())
    return pc.divide(as_float(above), pc.if_else(pc.equal(divisor, 0), nothing, divisor))


def as_float(column: Column) -> Column:
    """The nearest 64-bit floats. Arrow itself multiplies a decimal by 1e-6, and 14.97 becomes 14.969999999999999."""
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string())
    return column.cast(pa.float64())


def difference(more: Column, less: Column) -> Column:
    """`more` − `less`."""
    return pc.subtract(more, less)


def added(first: Column, second: Column) -> Column:
    """`first` + `second`, of the type of `first`."""
    if pa.types.is_decimal(first.type):
        # Arrow gives a sum one digit more than its terms, and has no more than 38.
        room = pa.decimal128(first.type.precision - 1, first.type.scale)
        return pc.add(first.cast(room), second.cast(room))
    return pc.add(first, second)


def rest_of_one(above: Column, below: Column) -> Column:
    """1 − `above` ÷ `below`."""
    return pc.subtract(pa.scalar(1.0), ratio(above, below))


def difference_ratio(more: Column, less: Column, below: Column) -> Column:
    """(`more` − `less`) ÷ `below`."""
    return ratio(difference(more, less), below)


def share_of_both(one: Column, other: Column) -> Column:
    """`one` ÷ (`one` + `other`)."""
    return ratio(one, added(one, other))
