"""The console port: nothing without a token, nothing but reading by SQL, and every odd request its own answer."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.support.gameanalytics import event
from tests.support.hostile_text import HOSTILE_TEXTS
from tests.support.ingest import wait_until_all_is_loaded
from tests.support.installation import Installation, Response, installation
from tests.support.raw_http import exchange

pytestmark = pytest.mark.system

OPEN_ROUTES = {"/healthcheck", "/readycheck", "/metrics", "/api/schema"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("console") / "data", {"console.sql_timeout_s": 2.0}) as made:
        made.start_run()
        made.send_events([event("design", user_id="present", build=text[:32]) for text in HOSTILE_TEXTS.values()])
        made.send_events([event("error", message=text) for text in HOSTILE_TEXTS.values()])
        wait_until_all_is_loaded(made)
        yield made


def filled(path: str, operation: dict[str, Any]) -> str:
    """A path with values in place of its parameters: a number where the route takes nothing else."""
    for parameter in operation.get("parameters", ()):
        value = "1" if parameter["schema"].get("type") == "integer" else "sandbox"
        path = path.replace(f"{{{parameter['name']}}}", value)
    return path


@pytest.fixture(scope="module")
def routes(running: Installation) -> list[tuple[str, str]]:
    """Every method and path of the OpenAPI document, with values in place of the path's parameters."""
    paths: dict[str, dict[str, Any]] = running.console("GET", "/api/schema").json()["paths"]
    found = [(method.upper(), filled(path, paths[path][method])) for path in paths for method in paths[path]]
    return [(method, path) for method, path in found if method in {"GET", "POST", "PUT", "PATCH", "DELETE"}]


def ask(
    made: Installation, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Response:
    """A request without this machine's token."""
    return made.console(method, path, body, {"Authorization": "", **(headers or {})})


def sql(made: Installation, statement: object) -> Response:
    return made.console("POST", "/api/v1/sql", json.dumps({"sql": statement}).encode())


def assert_told(answer: Response, statuses: set[int]) -> None:
    assert answer.status in statuses, answer
    assert answer.headers["content-type"].startswith("application/json"), answer
    assert answer.body
    json.loads(answer.body)
    assert b"Traceback" not in answer.body


# Tokens


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic eDo=", "Bearer \xff", "x" * 8_000]
)
def test_no_route_answers_without_a_token(
    running: Installation, routes: list[tuple[str, str]], authorization: str
) -> None:
    asked = [(method, path) for method, path in routes if path not in OPEN_ROUTES]
    assert len(asked) >= 10
    for method, path in asked:
        answer = ask(running, method, path, b"{}", {"Authorization": authorization})
        # Whoever has failed too often waits, and knows no more than before.
        assert answer.status in {401, 429}, (method, path, answer)
        assert_told(answer, {401, 429})


def test_a_stranger_does_not_lock_out_the_token(running: Installation) -> None:
    for _ in range(50):
        ask(running, "GET", "/api/v1/games", headers={"Authorization": "Bearer wrong"})
    assert running.sql("SELECT 1 AS one") == [{"one": 1}]


def test_the_schema_and_checks_hold_no_data(running: Installation) -> None:
    for path in OPEN_ROUTES:
        answer = ask(running, "GET", path)
        assert answer.status == 200
        assert b"present" not in answer.body


def test_metrics_of_another_machine_need_a_token(running: Installation) -> None:
    assert ask(running, "GET", "/metrics", headers={"X-Forwarded-For": "8.8.8.8"}).status in {401, 429}


# SQL

ESCAPES = [
    "INSERT INTO events (row_no) VALUES (1)",
    "UPDATE events SET player_id = 'x'",
    "DELETE FROM events",
    "DROP TABLE events",
    "CREATE TABLE mine (a INTEGER)",
    "CREATE TEMP TABLE mine (a INTEGER)",
    "CREATE OR REPLACE VIEW mine AS SELECT 1",
    "CREATE MACRO mine() AS 1",
    "ALTER TABLE events ADD COLUMN mine INTEGER",
    "SELECT 1; DROP TABLE events",
    "SELECT 1; SELECT 2",
    "WITH gone AS (DELETE FROM events RETURNING *) SELECT * FROM gone",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "CHECKPOINT",
    "VACUUM",
    "ATTACH ':memory:' AS other",
    "ATTACH '/tmp/other.duckdb'",
    "DETACH main",
    "USE memory",
    "COPY events TO '/tmp/stolen.csv'",
    "COPY (SELECT 1) TO '/tmp/stolen.parquet'",
    "EXPORT DATABASE '/tmp/stolen'",
    "IMPORT DATABASE '/tmp/stolen'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM read_json('http://127.0.0.1/x')",
    "SELECT * FROM read_parquet('s3://bucket/x')",
    "SELECT * FROM sqlite_scan('control.sqlite3', 'games')",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '1TB'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET enable_external_access",
    "PRAGMA enable_external_access = true",
    "PRAGMA database_list; SELECT 1",
    "CALL pragma_version(); DROP TABLE events",
    "PREPARE mine AS DELETE FROM events",
    "EXECUTE mine",
    "EXPLAIN ANALYZE DELETE FROM events",
    "SELECT getenv('HOME')",
    "SELECT * FROM query('DROP TABLE events')",
    "SELECT nextval('mine')",
    "CREATE SECRET mine (TYPE s3)",
    "SELECT * FROM duckdb_secrets()",
    "FORCE CHECKPOINT",
]


@pytest.mark.parametrize("statement", ESCAPES)
def test_sql_only_reads(running: Installation, statement: str) -> None:
    before = running.sql("SELECT count(*) AS n FROM events")
    answer = sql(running, statement)
    if answer.status == 200:  # reading what holds nothing is allowed
        assert answer.json() == []
    else:
        assert_told(answer, {400, 403})
    assert running.sql("SELECT count(*) AS n FROM events") == before


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE (a.range * b.range) % 7 = 3",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT max(n) FROM t",
        "SELECT repeat('x', 1000000000) || repeat('y', 1000000000) FROM range(1000)",
        "SELECT list(a.range) FROM range(100000000) a, range(100) b",
        "SELECT * FROM range(10000000)",
    ],
)
def test_a_question_that_asks_too_much_is_refused_and_others_are_answered(
    running: Installation, statement: str
) -> None:
    assert_told(sql(running, statement), {400, 408, 413, 422, 503, 504})
    assert running.sql("SELECT 1 AS one") == [{"one": 1}]
    assert running.console("GET", "/readycheck").status == 200


@pytest.mark.parametrize(
    "statement",
    [
        "",
        " ",
        ";",
        "--",
        "/*",
        "SELECT",
        "x" * 100_000,
        "(" * 50_000,
        "SELECT " + "1+" * 50_000 + "1",
        "SELECT '\0'",
        "\ud800",
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_what_is_no_sql_is_said_to_be_none(running: Installation, statement: str) -> None:
    answer = sql(running, statement)
    if answer.status != 200:
        assert_told(answer, {400})
    assert running.sql("SELECT 1 AS one") == [{"one": 1}]


# Bodies and parameters


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"1",
        b"\xff",
        b"[" * 100_000,
        b'{"sql":' * 50_000,
        b'{"sql": 1}',
        b'{"sql": null}',
        b'{"sql": "SELECT 1", "format": "xml"}',
        b'{"sql": "SELECT 1", "more": 1}',
        b'{"sql": "SELECT \\ud800"}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_is_none_is_400(running: Installation, body: bytes) -> None:
    for method, path in (("POST", "/api/v1/sql"), ("POST", "/api/v1/games"), ("PATCH", "/api/v1/games/sandbox")):
        if path.endswith("/sql") or b"sql" not in body:
            assert_told(running.console(method, path, body), {400})


@pytest.mark.parametrize("path", ["/api/v1/sql", "/api/v1/games", "/login"])
def test_a_body_that_is_too_large_is_413(running: Installation, path: str) -> None:
    token = json.loads((running.data_dir / "console.json").read_bytes())["token"]
    media_type = "application/x-www-form-urlencoded" if path == "/login" else "application/json"
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: {media_type}\r\n"
    for framed in (
        b"Content-Length: 8000000\r\n\r\n" + b" " * 8_000_000,
        b"Transfer-Encoding: chunked\r\n\r\n" + (b"100000\r\n" + b" " * 0x100000 + b"\r\n") * 8 + b"0\r\n\r\n",
    ):
        answers = exchange(running.console_port, head.encode() + b"Connection: close\r\n" + framed)
        assert [answer.status for answer in answers] in ([413], [])  # or closed before the answer could be read
    assert running.sql("SELECT 1 AS one") == [{"one": 1}]


@pytest.mark.parametrize(
    "query",
    [
        "unknown=1",
        "limit=1&limit=2",
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=99999999999999999999",
        "status=x",
        "from=x",
        "from=0000-00-00",
        "to=99999-01-01",
        "after=x",
        "after=1",
        "after=",
        "after=ks9________8B",
        "limit=%ff",
        "status=stored&reason=x",
        "%00=1",
    ],
)
def test_a_wrong_parameter_is_named(running: Installation, query: str) -> None:
    answer = running.console("GET", f"/api/v1/games/sandbox/events?{query}")
    assert_told(answer, {400})


@pytest.mark.parametrize("name", HOSTILE_TEXTS)
def test_a_hostile_parameter_finds_nothing_and_breaks_nothing(running: Installation, name: str) -> None:
    text = HOSTILE_TEXTS[name]
    for parameter in ("player_id", "event_id", "session_id", "category"):
        answer = running.console("GET", f"/api/v1/games/sandbox/events?{urlencode({parameter: text})}")
        assert (answer.status, answer.json()["events"]) == (200, [])
    assert_told(running.console("GET", f"/api/v1/games/{quote(text, safe='')}/events"), {400, 404})


def test_a_filter_by_a_hostile_text_finds_the_event_that_has_it(running: Installation) -> None:
    found = [
        running.console("GET", f"/api/v1/games/sandbox/events?{urlencode({'build': text[:32]})}").json()["events"]
        for text in HOSTILE_TEXTS.values()
    ]
    stored = running.sql("SELECT build FROM events WHERE player_id = 'present'")
    assert len(stored) > 10
    assert [[row["build"] for row in rows] for rows in found if rows] == [
        [text[:32]] for text in HOSTILE_TEXTS.values() if {"build": text[:32]} in stored
    ]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "PATCH", "FOO"])
def test_another_method_is_405(running: Installation, method: str) -> None:
    assert running.console(method, "/api/v1/sql").status == 405


@pytest.mark.parametrize(
    "path", ["/api/v2/games", "/api/v1", "/static/../../../etc/passwd", "/static/%2e%2e/pages.py", "/x"]
)
def test_an_unknown_path_is_404(running: Installation, path: str) -> None:
    assert running.console("GET", path).status == 404


# Forms


def form(made: Installation) -> tuple[str, str]:
    """The log-in form's cookie and token."""
    page = ask(made, "GET", "/login")
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', page.body.decode())
    assert found
    return page.headers["set-cookie"].partition(";")[0], found[1]


def log_in(made: Installation, fields: dict[str, str], cookie: str) -> Response:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    return ask(made, "POST", "/login", urlencode(fields).encode(), headers)


def test_a_form_of_another_site_is_refused(running: Installation) -> None:
    cookie, form_token = form(running)
    token = json.loads((running.data_dir / "console.json").read_bytes())["token"]
    for fields, sent in (
        ({"token": token}, cookie),
        ({"token": token, "form_token": ""}, cookie),
        ({"token": token, "form_token": "0" * 64}, cookie),
        ({"token": token, "form_token": form_token}, ""),
        ({"token": token, "form_token": form_token}, "questlog_form=other"),
    ):
        assert log_in(running, fields, sent).status == 403


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(running: Installation) -> None:
    cookie = ask(running, "GET", "/login").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_the_status_page_needs_a_log_in_and_shows_texts_as_texts(running: Installation) -> None:
    for path in ("/", "/status"):
        assert ask(running, "GET", path).status == 303
        assert ask(running, "GET", path, headers={"Cookie": "questlog_login=guessed"}).status == 303
    cookie, form_token = form(running)
    token = json.loads((running.data_dir / "console.json").read_bytes())["token"]
    answer = log_in(running, {"token": token, "form_token": form_token}, cookie)
    assert answer.status == 303
    page = ask(running, "GET", "/status", headers={"Cookie": answer.headers["set-cookie"].partition(";")[0]})
    assert page.status == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert b"<script>alert" not in page.body
    assert b"onerror=alert(1)>" not in page.body


def test_the_log_holds_no_trace_of_all_that(running: Installation) -> None:
    """The last test of this file."""
    # Beside the log's lines there is what `run` tells the person who started it.
    log = "\n".join(line for line in running.log().splitlines() if line.startswith("{"))
    assert "console ready" in log
    assert "Traceback" not in running.log()
    assert json.loads((running.data_dir / "console.json").read_bytes())["token"] not in log
    assert "DROP TABLE" not in log
