from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.control.errors import ControlUnavailable
from questlog.store.contract import StoreFailed
from tests.support.console import FakeConsole

Client = TestClient[Litestar]


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (
            b'{"nam": "a"}',
            400,
            {
                "code": "bad_value",
                "message": "there is no such field: 'nam'; did you mean 'name'?",
                "field": "nam",
                "nearest": "name",
            },
        ),
        (b'{"name": 5}', 400, {"code": "bad_value", "message": "must be a text, not a whole number", "field": "name"}),
        (b'{"name": ""}', 400, {"code": "bad_value", "message": "must be a text of length >= 1", "field": "name"}),
        (b"[]", 400, {"code": "bad_value", "message": "must be an object, not a list"}),
        (b"", 400, {"code": "bad_value", "message": "a JSON body is needed"}),
        (b"{", 400, {"code": "bad_request", "message": "the request cannot be read: Input data was truncated"}),
        (b'{"name": "\xff"}', 400, {"code": "bad_request", "message": "the request is not valid UTF-8"}),
        (b'{"name":' + b"[" * 100_000, 400, {"code": "too_deep", "message": "the JSON is nested too deeply"}),
        (b"x" * 1_048_577, 413, {"code": "body_too_large", "message": "the body is larger than this port takes"}),
    ],
)
def test_a_bad_body_is_told_what_is_wrong_with_it(
    client: Client, body: bytes, status: int, error: dict[str, str]
) -> None:
    answer = client.post("/api/v1/games", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (status, {"error": error})


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/nowhere", 404, "there is no route /nowhere; /api/schema lists them"),
        ("GET", "/api/v1/nowhere", 404, "there is no route /api/v1/nowhere; /api/schema lists them"),
        ("GET", "/api/v1/sql", 405, "/api/v1/sql does not take GET"),
        ("GET", "/api/v1/games/nobody", 404, "there is no game 'nobody'"),
    ],
)
def test_a_wrong_route_is_told_so(client: Client, method: str, path: str, status: int, message: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)


def test_what_nobody_foresaw_shows_nothing_of_the_inside(
    monkeypatch: pytest.MonkeyPatch, console: FakeConsole, client: Client
) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(console.tables, "sql", fail)
    answer = client.post("/api/v1/sql", json={"sql": "SELECT 1"})
    assert answer.status_code == 500
    assert answer.json() == {
        "error": {"code": "internal_error", "message": "something went wrong; the server's log says what"}
    }


def test_a_failing_store_is_said_to_be_worth_another_try(
    monkeypatch: pytest.MonkeyPatch, console: FakeConsole, client: Client
) -> None:
    def fail(*_: Any) -> Any:
        raise StoreFailed("disk full")

    monkeypatch.setattr(console.tables, "sql", fail)
    answer = client.post("/api/v1/sql", json={"sql": "SELECT 1"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["error"] == {
        "code": "store_failed",
        "message": "the store cannot answer now; the server's log says why",
    }


def test_a_control_database_that_does_not_answer_is_a_503_without_details(
    monkeypatch: pytest.MonkeyPatch, console: FakeConsole, client: Client
) -> None:
    def fail() -> Any:
        raise ControlUnavailable("password of the database")

    monkeypatch.setattr(console.control, "list_games", fail)
    answer = client.get("/api/v1/games")
    assert answer.status_code == 503
    assert "password" not in answer.text
