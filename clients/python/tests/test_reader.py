import ast
import datetime as dt
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import questlog_client
from questlog_client import (
    Answer,
    Busy,
    Column,
    NotFound,
    QuestlogError,
    Reader,
    Refused,
    ServerFailed,
    Source,
    Unauthenticated,
    Unreachable,
    Warned,
    all_of,
    any_of,
    event,
    not_,
    where,
)

DAY = dt.date(2026, 1, 31)
PERIOD = {"start": "2026-01-01", "end": "2026-01-31"}
TABLE = pa.table(
    {"bucket": [DAY], "dau": [3]},
    schema=pa.schema(
        [
            pa.field("bucket", pa.date32(), metadata={"unit": "", "definition": "Start of the bucket, UTC."}),
            pa.field("dau", pa.int64(), metadata={"unit": "players", "definition": "Distinct players."}),
        ],
        {
            "questlog": json.dumps(
                {
                    "totals": [{"dau": 3}],
                    "warnings": [{"field": "country", "detail": "many"}],
                    "as_of": "2026-02-01T12:00:00Z",
                    "complete_through": None,
                    "took_ms": 1.5,
                    "rows_read_at_most": 100,
                    "sources": [{"name": "player_days", "answers": ["dau"]}],
                    "time_zone": "Europe/Berlin",
                    "data_version": 7,
                }
            )
        },
    ),
)


def test_a_question_is_asked_of_the_game_with_the_token(server: Any, reader: Reader) -> None:
    reader.query(["dau"], ("2026-01-01", DAY), group_by=("country",), totals=True)
    assert server.asked == [
        (
            "POST",
            "/api/v1/games/Sky%20Raiders/query",
            {"metrics": ["dau"], "period": PERIOD, "group_by": ["country"], "totals": True},
        )
    ]
    assert server.headers["authorization"] == "Bearer ql_token"
    assert server.headers["accept"] == "application/vnd.apache.arrow.stream"


def test_the_answer_says_what_its_columns_mean(server: Any, reader: Reader) -> None:
    server.answer(TABLE)
    answer = reader.query(["dau"], DAY)
    assert answer.table.to_pylist() == [{"bucket": DAY, "dau": 3}]
    assert answer.columns == [
        Column("bucket", "", "Start of the bucket, UTC."),
        Column("dau", "players", "Distinct players."),
    ]
    assert (answer.totals, answer.warnings, answer.data_version) == ([{"dau": 3}], [Warned("country", "many")], 7)
    assert len(answer) == 1


def test_the_answer_says_where_it_comes_from(server: Any, reader: Reader) -> None:
    server.answer(TABLE)
    answer = reader.query(["dau"], DAY)
    assert (answer.as_of, answer.complete_through) == (dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC), None)
    assert (answer.took_ms, answer.rows_read_at_most) == (1.5, 100)
    assert (answer.sources, answer.time_zone) == ([Source("player_days", ["dau"])], "Europe/Berlin")


def test_an_answer_becomes_a_frame_of_pandas_or_polars(server: Any, reader: Reader) -> None:
    server.answer(TABLE)
    answer = reader.query(["dau"], DAY)
    assert pa.table(answer).equals(answer.table)
    pytest.importorskip("pandas")
    assert answer.to_pandas()["dau"].tolist() == [3]


def test_polars_takes_an_answer(server: Any, reader: Reader) -> None:
    polars = pytest.importorskip("polars")
    server.answer(TABLE)
    answer = reader.query(["dau"], DAY)
    assert answer.to_polars()["dau"].to_list() == [3]
    assert polars.DataFrame(answer)["dau"].to_list() == [3]


@pytest.mark.parametrize(
    ("analysis", "arguments", "question"),
    [
        ("explore", (DAY,), {"period": {"start": "2026-01-31", "end": "2026-01-31"}}),
        ("retention", (("2026-01-01", "2026-01-31"),), {"period": PERIOD}),
        ("cohorts", (("2026-01-01", "2026-01-31"),), {"period": PERIOD}),
        ("progression", (("2026-01-01", "2026-01-31"),), {"period": PERIOD}),
        ("economy", (("2026-01-01", "2026-01-31"),), {"period": PERIOD}),
        ("balances", (DAY,), {"day": "2026-01-31"}),
        ("segments", ("Payers",), {"segment": "Payers"}),
        ("realtime", (), {}),
        ("player", ("a/b",), {"player_id": "a/b"}),
        ("sessions", ("a/b",), {"player_id": "a/b"}),
        ("timeline", ("a/b",), {"player_id": "a/b"}),
        (
            "funnel",
            ([event("user"), event(event_id="Start:w1", is_prefix=True)], ("2026-01-01", "2026-01-31")),
            {"steps": [{"category": "user"}, {"event_id": "Start:w1", "is_prefix": True}], "period": PERIOD},
        ),
    ],
)
def test_each_analysis_has_a_method(
    server: Any, reader: Reader, analysis: str, arguments: tuple[Any, ...], question: object
) -> None:
    getattr(reader, analysis)(*arguments, game=7)
    assert server.asked == [("POST", f"/api/v1/games/7/{analysis}", question)]


def test_sql_and_games_need_no_game(server: Any) -> None:
    reader = Reader(server.url, "t")
    assert reader.sql("SELECT 1 AS n").table.to_pylist() == [{"n": 1}]
    server.body = b'[{"game_id": 1, "name": "Sky Raiders"}]'
    assert reader.games() == [{"game_id": 1, "name": "Sky Raiders"}]
    with pytest.raises(QuestlogError, match="name a game"):
        reader.realtime()


def test_the_token_may_be_in_the_environment(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUESTLOG_TOKEN", "from the environment")
    Reader(server.url).sql("SELECT 1")
    assert server.headers["authorization"] == "Bearer from the environment"


def test_blanks_around_a_token_are_no_part_of_it(server: Any) -> None:
    Reader(server.url, " ql_token\r\n").sql("SELECT 1")
    assert server.headers["authorization"] == "Bearer ql_token"


@pytest.mark.parametrize("token", ["ql_a\nql_b", "ql_a\x00", "ql_a\n ql_b", "ql_ä"])
def test_a_token_that_cannot_be_sent_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(Unauthenticated, match="has characters that no token has") as refused:
        Reader("http://127.0.0.1:1", token)
    assert "ql_" not in str(refused.value)


def test_a_refusal_names_the_field_and_the_nearest(server: Any, reader: Reader) -> None:
    server.refuse(400, code="invalid_query", message="there is no metric 'dao'", field="metrics[0]", nearest="dau")
    with pytest.raises(Refused, match=r"^metrics\[0\]: there is no metric 'dao'$") as refused:
        reader.query(["dao"], DAY)
    error = refused.value
    assert (error.code, error.field, error.nearest) == ("invalid_query", "metrics[0]", "dau")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Unauthenticated),
        (404, NotFound),
        (406, Refused),
        (413, Refused),
        (429, Busy),
        (503, Busy),
        (500, ServerFailed),
        (302, ServerFailed),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 5}', b'{"error": {"message": "told"}}'])
def test_each_error_is_of_its_kind(
    server: Any, reader: Reader, status: int, kind: type[QuestlogError], body: bytes
) -> None:
    server.status, server.body = status, body
    server.answer_headers = {"Location": "http://127.0.0.1:1/stolen"} if status == 302 else {}
    with pytest.raises(QuestlogError) as failed:
        reader.query(["dau"], DAY)
    assert type(failed.value) is kind
    assert ("told" in body.decode()) == (str(failed.value) == "told")
    assert len(server.asked) == 1


def test_a_busy_server_says_when_to_come_back(server: Any, reader: Reader) -> None:
    server.refuse(503, message="too many questions at once")
    server.answer_headers = {"Retry-After": "5"}
    with pytest.raises(Busy) as busy:
        reader.query(["dau"], DAY)
    assert busy.value.retry_after_s == 5.0


def test_what_is_no_arrow_is_the_servers_fault(server: Any, reader: Reader) -> None:
    for body in (b"", b"no arrow", b"\xff\xff\xff\xff\x10\x00\x00\x00"):
        server.body = body
        with pytest.raises(ServerFailed, match="did not answer with an Arrow stream"):
            reader.query(["dau"], DAY)
    server.body = b"no json"
    with pytest.raises(ServerFailed, match="did not answer with JSON"):
        reader.games()


def test_a_server_that_takes_too_long_is_unreachable(server: Any) -> None:
    server.delay_s = 5
    with pytest.raises(Unreachable, match="timed out"):
        Reader(server.url, "t", game=1, timeout_s=0.05).realtime()


def test_where_no_server_is_it_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"no answer from http://127\.0\.0\.1:1"):
        Reader("http://127.0.0.1:1", "t", game=1).realtime()


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="http://"):
        Reader("ftp://example.com", "t")


def test_a_time_is_no_day(reader: Reader) -> None:
    with pytest.raises(TypeError, match="a date"):
        reader.query(["dau"], dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


def test_filters_are_written_as_json() -> None:
    ios = {"type": "condition", "dimension": "platform", "operator": "is", "values": ["ios"]}
    assert where("platform", "is", "ios") == ios
    assert where("build", "is_set") == {"type": "condition", "dimension": "build", "operator": "is_set", "values": []}
    assert all_of(ios, ios) == {"type": "all", "filters": [ios, ios]}
    assert any_of(ios) == {"type": "any", "filters": [ios]}
    assert not_(ios) == {"type": "not", "filter": ios}
    assert event("design", "a:b", filter=ios) == {"category": "design", "event_id": "a:b", "filter": ios}


def test_it_imports_nothing_but_pyarrow_and_the_standard_library() -> None:
    folder = Path(inspect.getfile(questlog_client)).parent
    imported = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0])
    assert imported - sys.stdlib_module_names == {"pyarrow", "questlog_client", "pandas", "polars"}


def test_an_answer_can_be_made_of_a_table_alone() -> None:
    answer = Answer(pa.table({"n": [1]}))
    assert (list(answer.columns), answer.data_version) == ([], 0)
