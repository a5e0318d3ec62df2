"""Writes the answer to a question as JSON, CSV, Parquet or Arrow; single values as in `table_formats`.

CSV has only the rows. In Parquet and Arrow, a column's `unit` and `definition` are metadata of its field, and the other
fields of the JSON answer (totals, warnings, origin) are in the schema's metadata under the key `questlog`.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from questlog.analytics.question.answer import Answer, SourceUse, Warned
from questlog.analytics.question.query import Period
from questlog.console.response_formats import ResponseFormat
from questlog.console.table_formats import arrow_bytes, csv_bytes, json_lists, json_rows, parquet_bytes, rows_of

JsonRow = dict[str, Any]


class ColumnBody(msgspec.Struct, frozen=True):
    """A column: its name, Arrow's name of its type, the unit of its values ("" for none) and its definition."""

    name: str
    type: str
    unit: str
    definition: str


class AnswerBody(msgspec.Struct, frozen=True):
    """An answer as JSON. With `format=compact` each row is a list. `totals` is null where none were asked for.

    `as_of` is when the state of the data was taken. Everything that was acknowledged before `complete_through` is in
    that state; null where the server does not know yet. `took_ms` is how long answering took. `rows_read_at_most` are
    the rows of the tables that were read, of all games and days. `sources` name what answered, and for which metrics.
    Days are those of `time_zone`. `compared_period` is the period that `compare` names, null without it.
    `data_version` grows with every load. `next`, given as `after`, asks for the next page of a list; null for the last
    page, and for answers without pages.
    """

    columns: Sequence[ColumnBody]
    rows: Sequence[JsonRow | list[Any]]
    totals: Sequence[JsonRow] | None
    warnings: Sequence[Warned]
    as_of: dt.datetime
    complete_through: dt.datetime | None
    took_ms: float
    rows_read_at_most: int
    sources: Sequence[SourceUse]
    time_zone: str
    compared_period: Period | None
    data_version: int
    next: str | None


_METADATA = b"questlog"
_encoder = msgspec.json.Encoder(decimal_format="number")


def write_answer(answer: Answer, response_format: ResponseFormat) -> bytes | Iterator[bytes]:
    """The answer in that format, whole or in pieces. Raises `UnwritableValue`."""
    return _WRITERS[response_format](answer)


def _json(answer: Answer) -> Iterator[bytes]:
    """`AnswerBody`, in pieces."""
    return _around(answer, json_rows(answer.table))


def _compact(answer: Answer) -> Iterator[bytes]:
    """The same, with each row as a list."""
    return _around(answer, json_lists(answer.table))


def _around(answer: Answer, rows: Iterator[bytes]) -> Iterator[bytes]:
    head = b'{"columns":' + _encoder.encode(_columns(answer)) + b',"rows":'
    return itertools.chain([head], rows, [b"," + _encoder.encode(_without_rows(answer))[1:]])


def _columns(answer: Answer) -> Sequence[ColumnBody]:
    return [
        ColumnBody(column.name, str(field.type), column.unit, column.definition)
        for column, field in zip(answer.columns, answer.table.schema, strict=True)
    ]


def _without_rows(answer: Answer) -> Mapping[str, object]:
    return {
        "totals": None if answer.totals is None else rows_of(answer.totals),
        "warnings": answer.warnings,
        **msgspec.structs.asdict(answer.origin),
        "data_version": answer.data_version,
        "next": answer.next,
    }


def _with_metadata(answer: Answer) -> pa.Table:
    fields = [
        field.with_metadata({"unit": column.unit, "definition": column.definition})
        for column, field in zip(answer.columns, answer.table.schema, strict=True)
    ]
    return answer.table.cast(pa.schema(fields, {_METADATA: _encoder.encode(_without_rows(answer))}))


_WRITERS: Mapping[ResponseFormat, Callable[[Answer], bytes | Iterator[bytes]]] = {
    ResponseFormat.JSON: _json,
    ResponseFormat.COMPACT: _compact,
    ResponseFormat.CSV: lambda answer: csv_bytes(answer.table),
    ResponseFormat.PARQUET: lambda answer: parquet_bytes(_with_metadata(answer)),
    ResponseFormat.ARROW: lambda answer: arrow_bytes(_with_metadata(answer)),
}
