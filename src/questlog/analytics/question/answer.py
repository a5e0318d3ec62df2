"""What a question is answered with: a table, what its columns mean, and what to be warned of."""

from collections.abc import Sequence

import msgspec
import pyarrow as pa


class AnswerColumn(msgspec.Struct, frozen=True):
    """A column's name, the unit of its values ("players", "USD", "s", "share", …; "" for none) and its definition."""

    name: str
    unit: str
    definition: str


class Warned(msgspec.Struct, frozen=True):
    """Something to know about the answer: `field` is what it is about (a dimension, a metric)."""

    field: str
    detail: str


class Answer(msgspec.Struct, frozen=True):
    """A table and its columns' meanings, in the same order.

    `totals` has the same columns but those of the groups, where a total was asked for. `data_version` is the last load
    transaction that the answer knows of, at least.
    """

    table: pa.Table
    columns: Sequence[AnswerColumn]
    warnings: Sequence[Warned] = ()
    totals: pa.Table | None = None
    data_version: int = 0
