import pytest
from litestar import Litestar
from litestar.testing import TestClient

Client = TestClient[Litestar]


@pytest.mark.parametrize("path", ["/healthcheck", "/api/schema", "/nowhere", "/api/v1/games", "/api/v1/games/nobody"])
def test_every_answer_has_the_security_headers(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


def test_other_sites_are_not_let_in(client: Client) -> None:
    answer = client.get("/api/v1/games", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers
    preflight = client.options(
        "/api/v1/sql", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert "Access-Control-Allow-Origin" not in preflight.headers


def test_the_schema_is_open_to_all_and_says_which_routes_want_a_token(stranger: Client) -> None:
    answer = stranger.get("/api/schema")
    assert answer.status_code == 200
    schema = answer.json()
    assert schema["openapi"].startswith("3.1")
    assert schema["paths"]["/api/v1/sql"]["post"]["security"] == [{"token": []}]
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_the_schema_names_the_parameters_as_the_route_takes_them(stranger: Client) -> None:
    operation = stranger.get("/api/schema").json()["paths"]["/api/v1/games/{game}/events"]["get"]
    assert {parameter["name"] for parameter in operation["parameters"]} == {
        "game", "status", "category", "event_id", "player_id", "session_id", "build", "sdk_version", "source",
        "reason", "not_category", "not_event_id", "from", "to", "limit", "after",
    }  # fmt: skip
