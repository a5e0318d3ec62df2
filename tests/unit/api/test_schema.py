from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.analytics.registry import ANALYSES
from questlog.console.answer_formats import AnswerBody
from questlog.console.definition_kinds import DEFINITION_TYPES
from tests.support.console import FakeConsole

Client = TestClient[Litestar]
GAME = "/api/v1/games/{game}"


@pytest.fixture(name="schema")
def _schema(stranger: Client) -> dict[str, Any]:
    schema: dict[str, Any] = stranger.get("/api/schema").json()
    return schema


def bodies(schema: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Every example of the schema: route, name, value."""
    return [
        (path, name, example["value"])
        for path, operations in schema["paths"].items()
        for operation in operations.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
        for name, example in content.get("examples", {}).items()
    ]


def test_every_question_and_every_kind_of_definition_has_an_example(schema: dict[str, Any]) -> None:
    shown = {path for path, _, _ in bodies(schema)}
    assert shown == {f"{GAME}/{each.name}" for each in ANALYSES} | {f"{GAME}/definitions/{{kind}}/{{name}}"}
    assert {name for path, name, _ in bodies(schema) if "definitions" in path} == set(DEFINITION_TYPES)


@pytest.mark.usefixtures("game")
def test_every_example_is_taken(client: Client, console: FakeConsole, schema: dict[str, Any]) -> None:
    shown = bodies(schema)
    for path, name, value in shown:
        address = path.replace("{game}", "1").replace("{kind}", name).replace("{name}", "Mine")
        method = "PUT" if "definitions" in path else "POST"
        answer = client.request(method, address, json=value)
        assert (answer.status_code, path, name) == (200, path, name), answer.text
    assert len(console.analytics.asked) == len(shown) - len(DEFINITION_TYPES)


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}
    pending: list[Any] = [schema]
    found = set()
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            found |= {value["$ref"]} if "$ref" in value else set()
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    assert found
    assert found - known == set()


def test_a_filter_is_told_with_its_tags_and_bounds(schema: dict[str, Any]) -> None:
    condition = schema["components"]["schemas"]["Condition"]
    assert condition["properties"]["type"] == {"enum": ["condition"]}
    assert condition["properties"]["values"]["maxItems"] == 1000
    assert "\n    " not in condition["description"]


def test_an_answer_is_told_with_its_forms(schema: dict[str, Any]) -> None:
    for path, method in ((f"{GAME}/query", "post"), (f"{GAME}/players/{{player}}/timeline", "get")):
        responses = schema["paths"][path][method]["responses"]
        assert set(responses["200"]["content"]) >= {"application/json", "text/csv"}
        assert {"304", "400"} <= set(responses)
        assert {"ETag", "Questlog-As-Of", "Questlog-Warnings"} <= set(responses["200"]["headers"])
    assert set(schema["components"]["schemas"]["AnswerBody"]["required"]) >= {"columns", "rows", "totals"}


@pytest.mark.usefixtures("game")
def test_an_answer_is_what_the_schema_tells(client: Client) -> None:
    body = client.post("/api/v1/games/1/query", json=ANALYSES[0].examples[0].body).content
    assert msgspec.json.decode(body, type=AnswerBody).columns[0].name == "players"


BODIES_THAT_NAME_GAMES = {("post", f"/api/v1/{name}") for name in ("users", "invitations", "tokens")}


def test_every_route_tells_its_errors_as_they_are_answered(schema: dict[str, Any]) -> None:
    told = {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}
    for path, operations in schema["paths"].items():
        if not path.startswith("/api/v1/"):
            continue
        for method, operation in operations.items():
            errors = {status: each for status, each in operation["responses"].items() if status >= "400"}
            assert set(errors) >= {"400", "401", "403", "429", "503"}, (method, path)
            names_games = (method, path) in BODIES_THAT_NAME_GAMES
            assert ("404" in errors) == ("{" in path or path.endswith("/audit") or names_games), (method, path)
            assert ("413" in errors) == ("requestBody" in operation), (method, path)
            assert all(each["content"] == {"application/json": told} for each in errors.values()), (method, path)


def test_routes_that_write_their_answer_themselves_tell_what_it_is(schema: dict[str, Any]) -> None:
    paths = schema["paths"]
    reprice = {"$ref": "#/components/schemas/RepriceStatus"}
    assert paths["/api/v1/reprice"]["post"]["responses"]["202"]["content"] == {"application/json": {"schema": reprice}}
    assert "text/csv" in paths["/api/v1/sql"]["post"]["responses"]["200"]["content"]
    assert set(paths["/metrics"]["get"]["responses"]) == {"200", "401", "429"}
    assert set(paths["/metrics"]["get"]["responses"]["200"]["content"]) == {"text/plain; version=0.0.4"}
    assert set(paths["/readycheck"]["get"]["responses"]) == {"200", "503"}


@pytest.mark.usefixtures("game")
def test_a_compact_answer_is_what_the_schema_tells(client: Client) -> None:
    body = client.post("/api/v1/games/1/query?format=compact", json=ANALYSES[0].examples[0].body).content
    assert msgspec.json.decode(body, type=AnswerBody).columns[0].name == "players"
