import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from questlog.console.table_formats import (
    UnwritableValue,
    arrow_bytes,
    compact_json,
    csv_bytes,
    json_rows,
    parquet_bytes,
)


def answer(sql: str) -> pa.Table:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql(sql).to_arrow_table()


def as_json(sql: str) -> Any:
    return json.loads(b"".join(json_rows(answer(sql))))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("NULL", None),
        ("true", True),
        ("9007199254740992", 9007199254740992),
        ("9007199254740993", "9007199254740993"),
        ("-9007199254740993", "-9007199254740993"),
        ("18446744073709551615::UBIGINT", "18446744073709551615"),
        ("sum(7)", 7),
        ("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"),
        ("1.5::DECIMAL(18,6)", 1.5),
        ("12345678901234567.123::DECIMAL(38,3)", "12345678901234567.123"),
        ("0.1::DOUBLE", 0.1),
        ("'nan'::DOUBLE", "NaN"),
        ("'-inf'::FLOAT", "-Infinity"),
        ("TIMESTAMP '2026-01-02 03:04:05.678901'", "2026-01-02T03:04:05.678901Z"),
        ("TIMESTAMPTZ '2026-01-02 03:04:05+02'", "2026-01-02T01:04:05.000000Z"),
        ("TIMESTAMP_S '2026-01-02 03:04:05'", "2026-01-02T03:04:05Z"),
        ("TIMESTAMP_NS '2026-01-02 03:04:05.123456789'", "2026-01-02T03:04:05.123456789Z"),
        ("[TIMESTAMP '2026-01-02 03:04:05']", ["2026-01-02T03:04:05.000000Z"]),
        ("DATE '2026-01-02'", "2026-01-02"),
        ("TIME '01:02:03'", "01:02:03"),
        ("INTERVAL '1 month 2 days 3 seconds'", "P1M2DT3S"),
        ("'de305d54-75b4-431b-adb2-eb6b9e546014'::UUID", "de305d54-75b4-431b-adb2-eb6b9e546014"),
        ("'abc'::BLOB", "YWJj"),
        ("'a'::ENUM('a', 'b')", "a"),
        ("{'a': 1, 'b': [1.5::DECIMAL(3,1)]}", {"a": 1, "b": [1.5]}),
        ("MAP {'k': 9007199254740993}", {"k": "9007199254740993"}),
        ("union_value(n := 1)", 1),
    ],
)
def test_json_says_every_value_exactly(expression: str, expected: object) -> None:
    assert as_json(f"SELECT {expression} AS x") == [{"x": expected}]


def test_no_column_hides_another_of_the_same_name() -> None:
    assert as_json("SELECT 1 AS a, 2 AS a, 3 AS a, 4 AS a_2") == [{"a": 1, "a_2": 2, "a_3": 3, "a_2_2": 4}]


def test_an_empty_answer_is_an_empty_list() -> None:
    assert as_json("SELECT 1 AS a WHERE false") == []


@pytest.mark.parametrize("rows", [1, 999, 1000, 1001, 2500])
def test_pieces_make_one_document(rows: int) -> None:
    assert as_json(f"FROM range({rows}) r(i)") == [{"i": number} for number in range(rows)]


def test_an_exact_decimal_is_written_digit_by_digit() -> None:
    assert b"".join(json_rows(answer("SELECT 0.000001::DECIMAL(18,6) AS x"))) == b'[{"x":0.000001}]'


def test_compact_json_names_columns_and_types_even_without_rows() -> None:
    document = json.loads(b"".join(compact_json(answer("SELECT 1 AS n, 'a' AS s WHERE false"))))
    assert document == {"columns": [{"name": "n", "type": "int32"}, {"name": "s", "type": "string"}], "rows": []}


def test_compact_json_has_rows_as_lists() -> None:
    assert json.loads(b"".join(compact_json(answer("SELECT 1 AS n, 'a' AS s"))))["rows"] == [[1, "a"]]


def test_csv_tells_null_from_empty_text() -> None:
    assert (
        csv_bytes(answer("SELECT NULL::VARCHAR AS a, '' AS b, 'say \"hi\"' AS c")) == b'"a","b","c"\n,"","say ""hi"""\n'
    )


def test_csv_has_utc_times_and_json_for_what_it_has_no_form_for() -> None:
    sql = "SELECT TIMESTAMP '2026-01-02 03:04:05' AS t, [1, 2] AS l, 9007199254740993 AS n, INTERVAL '2 days' AS i"
    assert csv_bytes(answer(sql)) == (
        b'"t","l","n","i"\n"2026-01-02T03:04:05.000000Z","[1,2]",9007199254740993,"P0M2DT0S"\n'
    )


def test_parquet_marks_times_as_utc_and_keeps_decimals() -> None:
    table = pq.read_table(
        io.BytesIO(parquet_bytes(answer("SELECT TIMESTAMP '2026-01-02' AS t, 1.5::DECIMAL(18,6) AS d")))
    )
    assert table.to_pylist() == [{"t": datetime(2026, 1, 2, tzinfo=UTC), "d": Decimal("1.500000")}]


def test_parquet_writes_what_it_has_no_type_for_as_text() -> None:
    table = pq.read_table(io.BytesIO(parquet_bytes(answer("SELECT INTERVAL '2 days' AS i, union_value(n := 1) AS u"))))
    assert table.to_pylist() == [{"i": "P0M2DT0S", "u": "1"}]


def test_arrow_is_a_stream_with_utc_times() -> None:
    with pa.ipc.open_stream(arrow_bytes(answer("SELECT TIMESTAMP '2026-01-02' AS t"))) as reader:
        table = reader.read_all()
    assert table.schema.field("t").type == pa.timestamp("us", "UTC")
    assert table["t"][0].as_py() - datetime(2026, 1, 2, tzinfo=UTC) == timedelta(0)


@pytest.mark.parametrize("write", [json_rows, compact_json, csv_bytes])
@pytest.mark.parametrize("row", [0, 1500])
@pytest.mark.parametrize(
    "value",
    [
        "TIMESTAMP '290000-01-01'",
        "TIMESTAMP '-infinity'",
        "DATE 'infinity'",
        "[TIMESTAMP '290000-01-01']",
        "[DATE 'infinity']",
        "{'at': TIMESTAMP 'infinity'}",
        "union_value(at := TIMESTAMP 'infinity')",
        "MAP {[1]: 2}",
    ],
)
def test_a_value_without_a_text_is_refused_before_anything_is_sent(
    write: Callable[[pa.Table], object], value: str, row: int
) -> None:
    with pytest.raises(UnwritableValue, match="cast the column to VARCHAR"):
        write(answer(f"FROM range(3000) t(i) SELECT CASE WHEN i = {row} THEN {value} END AS x"))


def test_what_can_always_be_written_is_not_made_before_it_is_sent() -> None:
    columns = "i, i::DOUBLE, i::DECIMAL(9, 1), i::VARCHAR, i::VARCHAR::BLOB, i > 1, NULL, DATE '2026-01-01' + i::INT"
    pieces = json_rows(answer(f"FROM range(3000) t(i) SELECT {columns}, make_timestamp(i), make_timestamptz(i)"))
    assert len(json.loads(next(pieces) + b"]")) == 1000
    assert len(list(pieces)) == 3


def test_what_may_fail_is_one_document_all_the_same() -> None:
    assert as_json("SELECT [i] AS x FROM range(2500) t(i)") == [{"x": [number]} for number in range(2500)]
