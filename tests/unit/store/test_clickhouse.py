"""ClickHouse's tables say what the schema says, and its answers come in DuckDB's types."""

import datetime as dt
import uuid
from collections.abc import Mapping

import pyarrow as pa
import pytest

from questlog.store.clickhouse.reading import SETTINGS, ClickHouseReader, in_plain_types, read_arrow
from questlog.store.clickhouse.schema import create_table, create_tables
from questlog.store.contract import Cancellation
from questlog.store.schema import EVENTS, PLAYER_DAYS, TABLES, Column, Kind, Table


def test_every_table_is_made_with_all_its_columns() -> None:
    database, *statements = create_tables("questlog")
    assert database == "CREATE DATABASE IF NOT EXISTS questlog"
    assert len(statements) == len(TABLES)
    for table, statement in zip(TABLES, statements, strict=True):
        assert statement.startswith(f"CREATE TABLE IF NOT EXISTS questlog.{table.name} (")
        for column in table.columns:
            assert f"`{column.name}` " in statement


def test_what_may_be_null_is_nullable_and_nothing_else() -> None:
    events, days = create_table(EVENTS, "q"), create_table(PLAYER_DAYS, "q")
    assert "`event_time` DateTime64(6, 'UTC')," in events
    assert "`country` Nullable(String)," in events
    assert "`amount_usd` Nullable(Decimal(18, 6))," in events
    assert "`day` Date32," in days
    assert "`player_no` Nullable(Int64)," in days
    assert "`prev_day` Nullable(Date32)," in days


def test_tables_are_cut_into_months_and_ordered_by_game_and_day() -> None:
    statement = create_table(PLAYER_DAYS, "q")
    assert statement.endswith("PARTITION BY toYYYYMM(day)\nORDER BY (game_id, day, player_day_no)")


def test_a_table_without_an_order_of_its_own_goes_by_its_key() -> None:
    columns = (Column("new_no", Kind.ID, ""), Column("text", Kind.TEXT, ""))
    assert create_table(Table("new", "", columns, "new_no"), "q").endswith("ENGINE = MergeTree\nORDER BY (new_no)")
    assert create_table(Table("new", "", columns), "q").endswith("ORDER BY ()")


def _file(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


_TABLE = pa.table({"n": pa.array([1, None], pa.int64())})


@pytest.mark.parametrize(
    ("answer", "expected"), [(_file(_TABLE), _TABLE), (_stream(_TABLE), _TABLE), (b"", pa.table({}))]
)
def test_an_answer_is_a_file_a_stream_or_nothing(answer: bytes, expected: pa.Table) -> None:
    assert read_arrow(answer).equals(expected)


_TIME = dt.datetime(1969, 12, 31, 17)  # noqa: DTZ001 - stored times are UTC without saying so
_INTEGERS = [-(2**100), None, 7]
_ID = uuid.UUID(int=5)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([2**63 - 1, None], pa.uint64()), pa.array([2**63 - 1, None], pa.int64())),
        (pa.array([1, None], pa.uint8()), pa.array([1, None], pa.int64())),
        (pa.array([-1], pa.int16()), pa.array([-1], pa.int64())),
        (pa.array([-1], pa.int32()), pa.array([-1], pa.int32())),
        (pa.array([_TIME, None], pa.timestamp("us", "UTC")), pa.array([_TIME, None], pa.timestamp("us"))),
        (pa.array([_TIME], pa.timestamp("s", "UTC")), pa.array([_TIME], pa.timestamp("us"))),
        (pa.array(["a", None, "a"]).dictionary_encode(), pa.array(["a", None, "a"])),
        (pa.array([b"a", None], pa.binary()), pa.array(["a", None])),
        (
            pa.array([None if n is None else n.to_bytes(16, "little", signed=True) for n in _INTEGERS], pa.binary(16)),
            pa.array(_INTEGERS, pa.decimal128(38, 0)),
        ),
        (pa.array([_ID.bytes, None], pa.uuid()), pa.array([str(_ID), None])),
        (pa.array([[1], None], pa.list_(pa.uint64())), pa.array([[1], None], pa.list_(pa.int64()))),
        (pa.array([dt.date(1969, 12, 31)]), pa.array([dt.date(1969, 12, 31)])),
    ],
)
def test_types_are_those_of_duckdb(column: pa.Array, expected: pa.Array) -> None:
    schema = pa.schema([pa.field("c", column.type, nullable=column.null_count > 0)])
    assert in_plain_types(pa.table([column], schema=schema)).equals(pa.table({"c": expected}))
    assert in_plain_types(pa.table({"c": column}).slice(1)).equals(pa.table({"c": expected}).slice(1))


def test_every_question_has_the_settings_and_its_own_limits() -> None:
    sent: list[tuple[str, Mapping[str, int | str]]] = []

    def send(sql: str, settings: Mapping[str, int | str], cancellation: Cancellation) -> bytes:
        sent.append((sql, settings))
        return _stream(_TABLE)

    with ClickHouseReader(send, memory_limit_mb=2, time_limit_s=3).reading(Cancellation()) as reading:
        assert reading.dialect == "clickhouse"
        assert reading.ask("SELECT 1").equals(_TABLE)
    assert sent == [("SELECT 1", {**SETTINGS, "max_memory_usage": 2 * 1024 * 1024, "max_execution_time": 3})]
