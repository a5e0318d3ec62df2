"""An answer: a table, and what its columns mean."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_BESIDE = b"questlog"


@dataclass(frozen=True)
class Column:
    """A column's name, the unit of its values ("" for none) and its definition."""

    name: str
    unit: str
    definition: str


@dataclass(frozen=True)
class Warned:
    """Something to know about the answer; `field` is what it is about."""

    field: str
    detail: str


@dataclass(frozen=True)
class Answer:
    """A table, and what its columns mean, in the same order.

    `totals` are rows of what is summed up, as dictionaries; empty where no totals were asked for. `data_version` grows
    with every load of events; 0 where the server does not say. Libraries that speak Arrow's stream protocol take an
    answer as it is: `polars.DataFrame(answer)`, `duckdb.sql("FROM answer")`.
    """

    table: pa.Table
    columns: Sequence[Column] = ()
    totals: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[Warned] = ()
    data_version: int = field(default=0)

    def to_pandas(self) -> "pd.DataFrame":
        """The rows as a pandas DataFrame. Raises `ImportError` where pandas is not installed."""
        return self.table.to_pandas()

    def to_polars(self) -> "pl.DataFrame":
        """The rows as a polars DataFrame. Raises `ImportError` where polars is not installed."""
        import polars as pl  # noqa: PLC0415 - optional

        return pl.DataFrame(self.table)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def read_answer(body: bytes) -> Answer:
    """The answer that an Arrow IPC stream holds. Raises `pyarrow.ArrowInvalid`, `ValueError`."""
    table = pa.ipc.open_stream(body).read_all()
    beside = json.loads((table.schema.metadata or {}).get(_BESIDE, b"{}"))
    return Answer(
        table=table,
        columns=[_column(each) for each in table.schema],
        totals=beside.get("totals") or (),
        warnings=[Warned(each["field"], each["detail"]) for each in beside.get("warnings", ())],
        data_version=beside.get("data_version", 0),
    )


def _column(described: pa.Field) -> Column:
    metadata = described.metadata or {}
    return Column(described.name, metadata.get(b"unit", b"").decode(), metadata.get(b"definition", b"").decode())
