"""Writes the answer to a question as JSON, CSV, Parquet or Arrow; values as `result` says.

CSV has the rows alone. Parquet and Arrow carry a column's `unit` and `definition` as metadata of its field, and what
JSON has beside the rows under the key `questlog` of the schema's. Where an answer comes from is in headers too.
"""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from questlog.analytics.question.answer import Answer, Origin, SourceUse, Warned
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
    """An answer as JSON. With `format=compact` each row is a list. `totals` is null where none were asked for.

    `as_of` is when the state of the data was taken. Everything that was acknowledged before `complete_through` is in
    that state; null where the server does not know yet. `took_ms` is how long answering took. `rows_read_at_most` are
    the rows of the tables that were read, of all games and days. `sources` name what answered, and for which metrics.
    Days are those of `time_zone`. `data_version` grows with every load.
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
        **msgspec.structs.asdict(answer.origin),
        "data_version": answer.data_version,
    }


def origin_headers(answer: Answer) -> Mapping[str, str]:
    """Where the answer comes from as HTTP headers; what is not known has none."""
    origin = msgspec.to_builtins(answer.origin)
    origin["sources"] = ", ".join(source.name for source in answer.origin.sources)
    origin["data_version"] = answer.data_version
    origin["warnings"] = len(answer.warnings)
    return {_header(name): str(value) for name, value in origin.items() if value not in (None, "")}


def _header(field: str) -> str:
    return f"Questlog-{field.replace('_', '-').title()}"


ORIGIN_HEADERS: Mapping[str, str] = {
    **{_header(field): f"As `{field}` of the body." for field in Origin.__struct_fields__},
    _header("sources"): "The names of the sources, with commas between them.",
    _header("data_version"): "As `data_version` of the body.",
    _header("warnings"): "How many warnings there are.",
}
"""What each of these headers is."""


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
