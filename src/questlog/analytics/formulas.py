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
    below = below.cast(pa.float64())
    nothing = pa.scalar(None, pa.float64())
    return pc.divide(above.cast(pa.float64()), pc.if_else(pc.equal(below, 0), nothing, below))


def difference(more: Column, less: Column) -> Column:
    """`more` − `less`."""
    return pc.subtract(more, less)


def added(first: Column, second: Column) -> Column:
    """`first` + `second`."""
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
