import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.api.accept import accepted_format
from questlog.api.app import create_app
from questlog.api.errors import ApiError
from questlog.console.response_formats import ResponseFormat
from questlog.console.services import Limits
from questlog.control.grants import Role
from questlog.store.duckdb.limited_sql import GAME_TABLES
from tests.support.console import FakeConsole

Client = TestClient[Litestar]


def test_the_answer_is_json_by_default(client: Client) -> None:
    answer = client.post("/api/v1/sql", json={"sql": "SELECT 1 AS a, NULL AS b"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == [{"a": 1, "b": None}]


def test_the_format_can_be_named(client: Client) -> None:
    answer = client.post("/api/v1/sql", json={"sql": "SELECT 1 AS a", "format": "csv"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.text == '"a"\n1\n'


def test_the_format_can_be_accepted(client: Client) -> None:
    def ask(accept: str) -> bytes:
        return client.post("/api/v1/sql", json={"sql": "SELECT 1 AS a"}, headers={"Accept": accept}).content

    assert pq.read_table(io.BytesIO(ask("application/vnd.apache.parquet"))).to_pylist() == [{"a": 1}]
    with pa.ipc.open_stream(ask("application/vnd.apache.arrow.stream")) as reader:
        assert reader.read_all().to_pylist() == [{"a": 1}]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", ResponseFormat.JSON),
        ("*/*", ResponseFormat.JSON),
        ("text/csv", ResponseFormat.CSV),
        ("text/csv;q=0.4, application/json;q=0.5", ResponseFormat.JSON),
        ("TEXT/CSV; header=present", ResponseFormat.CSV),
        ("text/html, text/csv;q=0.1", ResponseFormat.CSV),
        ("text/csv;q=0, application/*", ResponseFormat.JSON),
    ],
)
def test_the_best_of_what_is_accepted_is_taken(accept: str, form: ResponseFormat) -> None:
    assert accepted_format(accept) is form


@pytest.mark.parametrize("accept", ["text/html", "text/csv;q=0", "text/csv;q=lots", ";;,"])
def test_what_we_cannot_write_is_not_acceptable(accept: str) -> None:
    with pytest.raises(ApiError) as refused:
        accepted_format(accept)
    assert refused.value.status == 406


def test_a_refused_statement_is_told_why(client: Client) -> None:
    answer = client.post("/api/v1/sql", json={"sql": "SELEC 1"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "query_aborted"
    assert "SELEC" in answer.json()["error"]["message"]


def test_an_unknown_format_is_refused_before_anything_is_asked(console: FakeConsole, client: Client) -> None:
    answer = client.post("/api/v1/sql", json={"sql": "SELECT 1", "format": "xml"})
    assert answer.json()["error"]["field"] == "format"
    assert console.tables.asked == []


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[FakeConsole]:
    (tmp_path / "limited").mkdir()
    console = FakeConsole(tmp_path / "limited", Limits(sql_timeout_s=1.5, sql_max_rows=7, max_body_bytes=100))
    yield console
    console.close()


def test_the_limits_are_those_of_the_settings(limited: FakeConsole) -> None:
    with TestClient(create_app(limited.services)) as client:
        client.headers["Authorization"] = f"Bearer {limited.token}"
        client.post("/api/v1/sql", json={"sql": "SELECT 1"})
        assert limited.tables.asked == [("SELECT 1", 8)]
        assert client.post("/api/v1/sql", json={"sql": "SELECT 1" + " " * 100}).status_code == 413


def test_an_answer_that_is_too_long_is_refused_and_not_cut(limited: FakeConsole) -> None:
    with TestClient(create_app(limited.services)) as client:
        client.headers["Authorization"] = f"Bearer {limited.token}"
        assert len(client.post("/api/v1/sql", json={"sql": "FROM range(7)"}).json()) == 7
        answer = client.post("/api/v1/sql", json={"sql": "FROM range(8)"})
        assert answer.status_code == 400
        assert "more than 7 rows (console.sql_max_rows)" in answer.json()["error"]["message"]


def test_parameters_have_their_values(client: Client) -> None:
    question = {"sql": "SELECT $a AS a, $b AS b", "parameters": {"a": "x", "b": None}}
    assert client.post("/api/v1/sql", json=question).json() == [{"a": "x", "b": None}]
    answer = client.post("/api/v1/sql", json={**question, "parameters": {"a": [1]}})
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "parameters[...]")


def test_the_tables_that_can_be_read(client: Client, console: FakeConsole) -> None:
    tables = {table["name"]: table for table in client.get("/api/v1/sql/tables").json()}
    assert tables["events"]["columns"][0] == {
        "name": "row_no",
        "type": "BIGINT",
        "meaning": "number of the row in order of loading, from 1 without reuse",
    }
    console.control.create_game("Sky Raiders")
    some = {"Authorization": f"Bearer {console.token_of(Role.ANALYST, 'Sky Raiders')}"}
    of_games = {table["name"] for table in client.get("/api/v1/sql/tables", headers=some).json()}
    assert of_games == GAME_TABLES
    assert "schema_version" in tables.keys() - of_games
