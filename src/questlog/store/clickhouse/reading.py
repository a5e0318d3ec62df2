"""Answering compiled questions from ClickHouse: the settings that make it mean what DuckDB means, and the same types.

SQL leaves to the engine what an outer join finds nowhere, what the sum of no rows is and which of two equal names is
meant; ClickHouse's defaults are not the standard's, its settings are. What no setting changes (approximate functions,
division by zero, texts past the end of a list) is for analytics/engine/compile.py; the conformance suite names each.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, Protocol

import pyarrow as pa

from questlog.store.contract import Cancellation

SETTINGS: Mapping[str, int | str] = {
    "join_use_nulls": 1,  # what an outer join does not find is NULL, not 0 or ''
    "group_by_use_nulls": 1,  # the columns that a grouping set leaves out are NULL
    "aggregate_functions_null_for_empty": 1,  # the sum, least and median of no rows are NULL; counts stay 0
    "transform_null_in": 0,  # NULL IN (…) is NULL
    "cast_keep_nullable": 1,  # a cast NULL is NULL, not an error
    "prefer_column_name_to_alias": 1,  # in `SELECT sum(a) AS a, count(a)` the second is the column
    "least_greatest_legacy_null_behavior": 0,  # least(NULL, 1) is 1
    "union_default_mode": "DISTINCT",
    "except_default_mode": "DISTINCT",
    "intersect_default_mode": "DISTINCT",
    "use_variant_as_common_type": 0,  # branches of different types are an error, as elsewhere
    "enable_extended_results_for_datetime_functions": 1,  # months and weeks before 1970
    "session_timezone": "UTC",
    "date_time_input_format": "best_effort",
    "count_distinct_implementation": "uniqExact",
    "decimal_check_overflow": 1,
    "output_format_arrow_string_as_string": 1,
    "output_format_arrow_low_cardinality_as_dictionary": 0,
    "output_format_arrow_date_as_uint16": 0,
    "output_format_arrow_compression_method": "none",
}
"""Sent with every question."""

_UNSIGNED = {pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()}
_INT128 = pa.decimal128(38, 0)


class SendSql(Protocol):
    """Runs one SELECT with these settings and returns the answer as an Arrow IPC file or stream."""

    def __call__(self, sql: str, settings: Mapping[str, int | str], cancellation: Cancellation) -> bytes:
        """The answer's bytes. Raises the contract's `QueryAborted` or `StoreFailed`, never a driver's own error."""
        ...


class ClickHouseReader:
    """The answering half of a store on ClickHouse."""

    def __init__(self, send: SendSql, memory_limit_mb: int = 0, time_limit_s: int = 0) -> None:
        """Limits are for one statement; 0 leaves them to the server."""
        self._send = send
        limits = {"max_memory_usage": memory_limit_mb * 1024 * 1024, "max_execution_time": time_limit_s}
        self._settings = {**SETTINGS, **limits}

    @contextmanager
    def reading(self, cancellation: Cancellation) -> Iterator["ClickHouseReading"]:
        """For the statements of one question. Each sees the data of its own moment: ClickHouse keeps no older state."""
        cancellation.check()
        yield ClickHouseReading(self._send, self._settings, cancellation)


class ClickHouseReading:
    """Answers the statements of one question."""

    dialect: Literal["clickhouse"] = "clickhouse"

    def __init__(self, send: SendSql, settings: Mapping[str, int | str], cancellation: Cancellation) -> None:
        self._send = send
        self._settings = settings
        self._cancellation = cancellation

    def ask(self, statement: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """The answer, in the types that DuckDB gives. Raises what `send` raises, `QueryAborted` when cancelled."""
        if parameters:
            raise ValueError("statements for ClickHouse have no parameters")
        self._cancellation.check()
        return in_plain_types(read_arrow(self._send(statement, self._settings, self._cancellation)))

    def table_sizes(self) -> pa.Table:
        """How many `rows` each table, `name`, has at most: several versions of a row until they are merged."""
        rows = "toInt64(coalesce(total_rows, 0)) AS rows"
        return self.ask(f"SELECT name, {rows} FROM system.tables WHERE database = currentDatabase()")


def read_arrow(answer: bytes) -> pa.Table:
    """The table in an Arrow IPC file or stream; no bytes at all are an empty table."""
    if not answer:
        return pa.table({})
    reader = pa.ipc.open_file if answer.startswith(b"ARROW1") else pa.ipc.open_stream
    return reader(pa.py_buffer(answer)).read_all()


def in_plain_types(table: pa.Table) -> pa.Table:
    """The table with DuckDB's types: signed integers, naive UTC microseconds, decimals for 128-bit integers."""
    columns = [_plain(column) for column in table.columns]
    fields = [pa.field(name, column.type) for name, column in zip(table.column_names, columns, strict=True)]
    return pa.table(columns, schema=pa.schema(fields))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if kind in _UNSIGNED:
        return column.cast(pa.int64())
    if pa.types.is_integer(kind):
        return column if kind.bit_width >= 32 else column.cast(pa.int64())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", kind.tz)).cast(pa.timestamp("us"))
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.string())
    if kind == pa.binary(16):
        return pa.chunked_array([_integers(chunk) for chunk in column.chunks], _INT128)
    if kind == pa.uuid():
        return pa.chunked_array([_uuid_texts(chunk) for chunk in column.chunks], pa.string())
    if pa.types.is_list(kind):
        return column.cast(pa.list_(_list_item(kind.value_type)))
    return column


def _list_item(kind: pa.DataType) -> pa.DataType:
    if kind in _UNSIGNED or (pa.types.is_integer(kind) and kind.bit_width < 32):
        return pa.int64()
    return pa.timestamp("us") if pa.types.is_timestamp(kind) else kind


def _integers(octets: pa.Array) -> pa.Array:
    """128-bit integers, which arrive as 16 bytes, least first: decimals have the same layout."""
    return pa.Array.from_buffers(_INT128, len(octets), octets.buffers(), octets.null_count, octets.offset)


def _uuid_texts(uuids: pa.ExtensionArray) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in uuids.to_pylist()], pa.string())
