"""Writes the answer to a question as JSON, CSV, Parquet or Arrow; values as `result` says.

CSV has the rows alone. Parquet and Arrow carry a column's `unit` and `definition` as metadata of its field, and what
JSON has beside the rows under the key `questlog` of the schema's.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from questlog.analytics.question.answer import Answer, Warned
from questlog.api.response_formats import ResponseFormat
from questlog.api.result import arrow_bytes, csv_bytes, json_lists, json_rows, parquet_bytes, rows_of

JsonRow = dict[str, Any]


class ColumnBody(msgspec.Struct, frozen=True):
    """A column: its name, Arrow's name of its type, the unit of its values ("" for none) and its definition."""

    name: str
    type: str
    unit: str
    definition: str


class AnswerBody(msgspec.Struct, frozen=True):
    """An answer as JSON. `totals` is null where none were asked for; `data_version` grows with every load."""

    columns: Sequence[ColumnBody]
    rows: Sequence[JsonRow]
    totals: Sequence[JsonRow] | None
    warnings: Sequence[Warned]
    data_version: int


_METADATA = b"questlog"
_encoder = msgspec.json.Encoder(decimal_format="number")


def written(answer: Answer, form: ResponseFormat) -> bytes | Iterator[bytes]:
    """The answer in that form, whole or in pieces. Raises `ApiError` 400 for a value that the form cannot say."""
    return _WRITERS[form](answer)


def _json(answer: Answer) -> Iterator[bytes]:
    """`AnswerBody`, in pieces."""
    return _around(answer, json_rows(answer.table))


def _compact(answer: Answer) -> Iterator[bytes]:
    """The same, with each row as a list."""
    return _around(answer, json_lists(answer.table))


def _around(answer: Answer, rows: Iterator[bytes]) -> Iterator[bytes]:
    head = b'{"columns":' + _encoder.encode(_columns(answer)) + b',"rows":'
    return itertools.chain([head], rows, [b"," + _encoder.encode(_beside(answer))[1:]])


def _columns(answer: Answer) -> Sequence[ColumnBody]:
    return [
        ColumnBody(column.name, str(field.type), column.unit, column.definition)
        for column, field in zip(answer.columns, answer.table.schema, strict=True)
    ]


def _beside(answer: Answer) -> Mapping[str, object]:
    return {
        "totals": None if answer.totals is None else rows_of(answer.totals),
        "warnings": answer.warnings,
        "data_version": answer.data_version,
    }


def _described(answer: Answer) -> pa.Table:
    fields = [
        field.with_metadata({"unit": column.unit, "definition": column.definition})
        for column, field in zip(answer.columns, answer.table.schema, strict=True)
    ]
    return answer.table.cast(pa.schema(fields, {_METADATA: _encoder.encode(_beside(answer))}))


_WRITERS: Mapping[ResponseFormat, Callable[[Answer], bytes | Iterator[bytes]]] = {
    ResponseFormat.JSON: _json,
    ResponseFormat.COMPACT: _compact,
    ResponseFormat.CSV: lambda answer: csv_bytes(answer.table),
    ResponseFormat.PARQUET: lambda answer: parquet_bytes(_described(answer)),
    ResponseFormat.ARROW: lambda answer: arrow_bytes(_described(answer)),
}
