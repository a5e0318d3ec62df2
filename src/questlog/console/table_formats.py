"""Writes a table as JSON, CSV, Parquet or Arrow.

JSON: times are RFC 3339 in UTC; a number that a 64-bit float cannot carry exactly (an integer beyond 2**53, a decimal
of more than 15 digits, an infinity) is text; bytes are base64; durations are ISO 8601.
"""

import io
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from questlog.console.response_formats import ResponseFormat

METADATA = (b"unit", b"definition", b"questlog")
"""The keys of our metadata of columns and tables, in the formats that have metadata."""

_EXACT = 2**53
_YEAR_1, _YEAR_10000 = -719_162, 2_932_897  # days since 1970
_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_EXACT_DIGITS = 15
_ROWS_A_CHUNK = 1_000
_UNWRITABLE = (ValueError, OverflowError, TypeError, pa.ArrowException)
_PLAIN_TYPES = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_string,
    pa.types.is_binary,
)
_encoder = msgspec.json.Encoder(decimal_format="number")


class UnwritableValue(Exception):
    """A value that the asked format cannot hold. The message is shown to the asker."""

    def __init__(self, why: str) -> None:
        super().__init__(f"a value cannot be written in this format ({why}); cast the column to VARCHAR")


def json_rows(table: pa.Table) -> Iterator[bytes]:
    """The table as one JSON list of objects, in pieces.

    A value that cannot be written is found before this returns, while the answer's status can still change. For columns
    whose values may have no text form, such as lists of times, all pieces are made by then. Raises `UnwritableValue`.
    """
    names = _unique(table.column_names)
    chunks = _chunks(table, lambda row: dict(zip(names, row, strict=True)))
    return _checked_pieces(table, itertools.chain([b"["], chunks, [b"]"]))


def json_lists(table: pa.Table) -> Iterator[bytes]:
    """The table as one JSON list of lists, in pieces, as `json_rows`."""
    return _checked_pieces(table, itertools.chain([b"["], _chunks(table, list), [b"]"]))


def compact_json(table: pa.Table) -> Iterator[bytes]:
    """The table as `{"columns": [{"name", "type"}], "rows": [[…]]}`, in pieces, as `json_rows`."""
    named = zip(_unique(table.column_names), table.schema, strict=True)
    columns = [{"name": name, "type": str(field.type)} for name, field in named]
    head = b'{"columns":' + _encoder.encode(columns) + b',"rows":['
    return _checked_pieces(table, itertools.chain([head], _chunks(table, list), [b"]}"]))


def csv_bytes(table: pa.Table) -> bytes:
    """The table as CSV (RFC 4180) with a header line; NULL is empty, empty text is `""`. Raises `UnwritableValue`."""
    sink = io.BytesIO()
    try:
        columns = [_csv_column(column) for column in table.columns]
        pa_csv.write_csv(pa.table(columns, names=_unique(table.column_names)), sink)
    except _UNWRITABLE as error:
        raise UnwritableValue(str(error)) from None
    return sink.getvalue()


def parquet_bytes(table: pa.Table) -> bytes:
    """The table as a Parquet file; times are marked as UTC. Raises `UnwritableValue` for a type that Parquet lacks."""
    sink = io.BytesIO()
    try:
        pq.write_table(_with_zones(_without_odd_types(table)), sink, compression="zstd")
    except _UNWRITABLE as error:
        raise UnwritableValue(str(error)) from None
    return sink.getvalue()


def arrow_bytes(table: pa.Table) -> bytes:
    """The table as an Arrow IPC stream; times are marked as UTC."""
    sink = io.BytesIO()
    zoned = _with_zones(table)
    with pa.ipc.new_stream(sink, zoned.schema) as writer:
        writer.write_table(zoned)
    return sink.getvalue()


def rows_of(table: pa.Table) -> list[dict[str, object]]:
    """The rows as values that JSON can carry, by the rules of this module."""
    names = _unique(table.column_names)
    return [dict(zip(names, row, strict=True)) for row in _rows(table)]


def _checked_pieces(table: pa.Table, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Make the first two pieces now, the opening and the first rows; all of them where a value may have no text."""
    made_now = 2 if all(map(_has_text, table.columns)) else None
    try:
        first = list(itertools.islice(pieces, made_now))
    except _UNWRITABLE as error:
        raise UnwritableValue(str(error)) from None
    return itertools.chain([b"".join(first[:2])], first[2:], pieces)


def _has_text(column: pa.ChunkedArray) -> bool:
    """Whether JSON can say all values for certain."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date32(column.type):
        return _has_four_digit_years(column)
    return any(is_of(column.type) for is_of in _PLAIN_TYPES)


def _has_four_digit_years(times: pa.ChunkedArray) -> bool:
    """Whether RFC 3339 can say these times or days. Arrow writes another year for times far beyond."""
    if pa.types.is_date32(times.type):
        numbers, day = times.cast(pa.int32()), 1
    else:
        numbers, day = times.cast(pa.int64()), _DAY[times.type.unit]
    bounds = pc.min_max(numbers).as_py()
    return bounds["min"] is None or (bounds["min"] >= _YEAR_1 * day and bounds["max"] < _YEAR_10000 * day)


def _chunks(table: pa.Table, as_item: Callable[[Sequence[object]], object]) -> Iterator[bytes]:
    separator = b""
    for batch in table.to_batches(max_chunksize=_ROWS_A_CHUNK):
        if batch.num_rows == 0:
            continue
        items = (_encoder.encode(as_item(row)) for row in _rows(pa.table(batch)))
        yield separator + b",\n".join(items)
        separator = b",\n"


def _rows(table: pa.Table) -> Iterable[Sequence[object]]:
    return zip(*(json_values(column) for column in table.columns), strict=True)


def json_values(column: pa.ChunkedArray) -> list[object]:
    """A column's values as JSON can carry them."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return _as_list(_rfc3339(column))
    if pa.types.is_date(kind):
        return _as_list(_iso_days(column))
    if pa.types.is_floating(kind) and pc.all(pc.is_finite(column)).as_py() is not False:
        return _as_list(column)
    if pa.types.is_boolean(kind) or pa.types.is_string(kind) or _is_exact(column):
        return _as_list(column)
    return [_plain(value) for value in _values(column)]


def _as_list(column: pa.ChunkedArray) -> list[object]:
    values: list[object] = column.to_pylist()
    return values


def _values(column: pa.ChunkedArray) -> list[object]:
    """Python's values of a type that Arrow cannot turn into ours by itself."""
    if pa.types.is_union(column.type) or pa.types.is_interval(column.type):
        return _as_list(column)
    readable = column.cast(_readable(column.type), safe=False)
    values: list[object] = readable.to_pylist(maps_as_pydicts="lossy")
    return values


def _is_exact(column: pa.ChunkedArray) -> bool:
    """Whether all values are integers that a 64-bit float carries."""
    if not pa.types.is_integer(column.type):
        return False
    bounds = pc.min_max(column).as_py()
    return bounds["min"] is None or (bounds["min"] >= -_EXACT and bounds["max"] <= _EXACT)


def _check_years(column: pa.ChunkedArray) -> None:
    """Raises `ValueError` where RFC 3339 cannot say all of these times or days."""
    if not _has_four_digit_years(column):
        raise ValueError("it is not of the years 1 to 9999")


def _iso_days(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Days as text. Raises `ValueError` for what has no text."""
    _check_years(column)
    return column.cast(pa.string())


def _rfc3339(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """UTC times as text, with as many decimals as the column's unit has. Raises `ValueError` for what has no text."""
    _check_years(column)
    naive = column.cast(pa.timestamp(column.type.unit))
    return pc.binary_join_element_wise(pc.strftime(naive, format="%Y-%m-%dT%H:%M:%S"), "Z", "")


def _plain(value: object) -> object:
    """A value without the things that JSON cannot say."""
    match value:
        case bool() | None | str():
            return value
        case int():
            return value if -_EXACT <= value <= _EXACT else str(value)
        case float():
            return value if math.isfinite(value) else _infinity(value)
        case Decimal():
            return _plain_decimal(value)
        case datetime():
            return _utc_text(value)
        case date() | time():
            return value.isoformat()
        case pa.MonthDayNano():
            return _iso_duration(value)
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return msgspec.to_builtins(value)


def _plain_decimal(value: Decimal) -> object:
    _, digits, exponent = value.as_tuple()
    if exponent == 0:
        return _plain(int(value))
    return value if len(digits) <= _EXACT_DIGITS else str(value)


def _iso_duration(value: pa.MonthDayNano) -> str:
    return f"P{value.months}M{value.days}DT{Decimal(value.nanoseconds).scaleb(-9).normalize():f}S"


def _infinity(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _utc_text(value: datetime) -> str:
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _readable(kind: pa.DataType) -> pa.DataType:
    """The nearest type whose values Python has: nanoseconds are cut to microseconds, categories become their text."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if pa.types.is_time(kind):
        return pa.time64("us")
    if pa.types.is_duration(kind):
        return pa.duration("us")
    if pa.types.is_dictionary(kind):
        return _readable(kind.value_type)
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _readable(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_readable(kind.key_type), _readable(kind.item_type))
    if pa.types.is_list(kind):
        return pa.list_(_readable(kind.value_type))
    return kind


def _csv_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times as RFC 3339; what CSV has no form for as JSON text."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return _rfc3339(column)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return column
    if pa.types.is_date(kind):
        return _iso_days(column)
    if pa.types.is_string(kind) or pa.types.is_decimal(kind) or pa.types.is_time(kind):
        return column
    return pa.chunked_array([[_csv_text(value) for value in json_values(column)]], pa.string())


def _csv_text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else _encoder.encode(value).decode()


def _without_odd_types(table: pa.Table) -> pa.Table:
    """Durations of calendar units and unions as text: Parquet has neither."""
    return _with_columns(
        table,
        [
            _csv_column(column) if pa.types.is_interval(column.type) or pa.types.is_union(column.type) else column
            for column in table.columns
        ],
    )


def _with_zones(table: pa.Table) -> pa.Table:
    """All our times are UTC, though the engine's type does not say so."""
    return _with_columns(
        table,
        [
            column.cast(pa.timestamp(column.type.unit, "UTC"))
            if pa.types.is_timestamp(column.type) and column.type.tz is None
            else column
            for column in table.columns
        ],
    )


def _with_columns(table: pa.Table, columns: Sequence[pa.ChunkedArray]) -> pa.Table:
    """Other columns under the same names. Of metadata only ours is kept: an engine's would speak of its own types."""
    named = zip(_unique(table.column_names), columns, table.schema, strict=True)
    fields = [pa.field(name, column.type, metadata=_ours(field.metadata)) for name, column, field in named]
    return pa.table(columns, schema=pa.schema(fields, _ours(table.schema.metadata)))


def _ours(metadata: Mapping[bytes, bytes] | None) -> Mapping[bytes, bytes]:
    return {key: value for key, value in (metadata or {}).items() if key in METADATA}


def _unique(names: Sequence[str]) -> list[str]:
    """Column names with `_2`, `_3`, … behind those that came before, so that no column hides another."""
    unique: list[str] = []
    for name in names:
        candidates = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
        unique.append(next(candidate for candidate in candidates if candidate not in unique))
    return unique


def write_table(table: pa.Table, response_format: ResponseFormat) -> bytes | Iterator[bytes]:
    """The table in that format, whole or in pieces. Raises `UnwritableValue`."""
    return _WRITERS[response_format](table)


_WRITERS: Mapping[ResponseFormat, Callable[[pa.Table], bytes | Iterator[bytes]]] = {
    ResponseFormat.JSON: json_rows,
    ResponseFormat.COMPACT: compact_json,
    ResponseFormat.CSV: csv_bytes,
    ResponseFormat.PARQUET: parquet_bytes,
    ResponseFormat.ARROW: arrow_bytes,
}
