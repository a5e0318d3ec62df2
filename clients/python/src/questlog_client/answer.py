"""An answer: a table, and what its columns mean."""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

_METADATA = b"questlog"


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
class Source:
    """What answered, and for which metrics; none where the whole answer comes from it."""

    name: str
    answers: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """A table, and what its columns mean, in the same order.

    `totals` are rows of what is summed up, as dictionaries; empty where no totals were asked for. `as_of` is when the
    state of the data was taken; everything that was acknowledged before `complete_through` is in it. `took_ms` is how
    long answering took, `rows_read_at_most` how many rows the tables that were read have, `sources` what answered and
    for which metrics. Days are those of `time_zone`. `compared_period` has the first and last day of the period that is
    compared with. `data_version` grows with every load of events. `next`, given as `after`, asks for the next page of a
    list; None for the last one. What the server does not say is None, or 0.

    Libraries that speak Arrow's stream protocol take an answer as it is: `polars.DataFrame(answer)`,
    `duckdb.sql("FROM answer")`.
    """

    table: pa.Table
    columns: Sequence[Column] = ()
    totals: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[Warned] = ()
    data_version: int = 0
    as_of: dt.datetime | None = None
    complete_through: dt.datetime | None = None
    took_ms: float = 0.0
    rows_read_at_most: int = 0
    sources: Sequence[Source] = ()
    time_zone: str = "UTC"
    compared_period: tuple[dt.date, dt.date] | None = None
    next: str | None = None

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
    said = json.loads((table.schema.metadata or {}).get(_METADATA, b"{}"))
    return Answer(
        table=table,
        columns=[_column(each) for each in table.schema],
        totals=said.get("totals") or (),
        warnings=[Warned(each["field"], each["detail"]) for each in said.get("warnings", ())],
        data_version=said.get("data_version", 0),
        as_of=_time(said.get("as_of")),
        complete_through=_time(said.get("complete_through")),
        took_ms=said.get("took_ms", 0.0),
        rows_read_at_most=said.get("rows_read_at_most", 0),
        sources=[Source(each["name"], each["answers"]) for each in said.get("sources", ())],
        time_zone=said.get("time_zone", "UTC"),
        compared_period=_period(said.get("compared_period")),
        next=said.get("next"),
    )


def _time(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def _period(period: Mapping[str, str] | None) -> tuple[dt.date, dt.date] | None:
    return None if period is None else (dt.date.fromisoformat(period["start"]), dt.date.fromisoformat(period["end"]))


def _column(described: pa.Field) -> Column:
    metadata = described.metadata or {}
    return Column(described.name, metadata.get(b"unit", b"").decode(), metadata.get(b"definition", b"").decode())
