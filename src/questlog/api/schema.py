"""The OpenAPI schema at `/api/schema`: what Litestar writes, with the questions told in full and with examples.

Litestar writes neither the tags of a union's types nor the bounds of what is in lists; msgspec does.
"""

import inspect
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.openapi.plugins import JsonRenderPlugin

from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.question.examples import Example
from questlog.api.errors import AnyRequest, ErrorAnswer
from questlog.api.origin_headers import ORIGIN_HEADERS
from questlog.collector.metrics import TEXT_FORMAT
from questlog.console.answer_formats import AnswerBody
from questlog.console.definition_kinds import definition_examples, definition_types
from questlog.console.response_formats import MEDIA_TYPES, ResponseFormat
from questlog.loader.reprice import RepriceStatus

_REFERENCE = "#/components/schemas/{name}"
_API = "/api/v1/"
_SQL = f"{_API}sql"
_METRICS = "/metrics"
_GAME = "/api/v1/games/{game}"
_DEFINITION = f"{_GAME}/definitions/{{kind}}/{{name}}"

Schema = dict[str, Any]


_ANSWERS: Schema = {
    "200": {
        "description": "The answer",
        "headers": {
            "ETag": {"schema": {"type": "string"}, "description": "For `If-None-Match`."},
            **{name: {"schema": {"type": "string"}, "description": said} for name, said in ORIGIN_HEADERS.items()},
        },
        "content": {
            MEDIA_TYPES[ResponseFormat.JSON]: {"schema": {"$ref": _REFERENCE.format(name=AnswerBody.__name__)}},
            **{MEDIA_TYPES[form]: {} for form in (ResponseFormat.CSV, ResponseFormat.PARQUET, ResponseFormat.ARROW)},
        },
    },
    "304": {"description": "The answer is the one whose `ETag` was sent as `If-None-Match`"},
}

_STREAMS: Schema = {MEDIA_TYPES[form]: {} for form in ResponseFormat}
_EVENT_STREAM: Schema = {"text/event-stream": {"schema": {"type": "string"}}}
_METRICS_TEXT: Schema = {TEXT_FORMAT: {"schema": {"type": "string"}}}
_REPRICE: Schema = {"application/json": {"schema": {"$ref": _REFERENCE.format(name=RepriceStatus.__name__)}}}
_CONTENT: Mapping[str, Schema] = {
    _SQL: _STREAMS,
    "/api/v1/reprice": _REPRICE,
    f"{_GAME}/live": _EVENT_STREAM,
    _METRICS: _METRICS_TEXT,
}
"""What the routes answer that write their answer themselves."""

_WITH_TOKEN = {
    HTTPStatus.BAD_REQUEST: "The request cannot be read, or a value is not one that can be",
    HTTPStatus.UNAUTHORIZED: "There is no valid token",
    HTTPStatus.FORBIDDEN: "The token may not do this",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many failed attempts from this address; `Retry-After` says how long to wait",
    HTTPStatus.SERVICE_UNAVAILABLE: "A database does not answer, or too much is asked; `Retry-After` says when to ask",
}
_OF_A_SCRAPE = {status: _WITH_TOKEN[status] for status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)}
_OF_A_FORM = {HTTPStatus.NOT_ACCEPTABLE: "`Accept` names no form that the answer can have"}
_OF_A_NAME = {HTTPStatus.NOT_FOUND: "There is nothing of that name"}
_OF_A_BODY = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large"}
_OF_A_CHANGE = {HTTPStatus.CONFLICT: "What is there already does not allow it"}


class QuestionSchema(JsonRenderPlugin):
    """Renders the schema, made once."""

    def __init__(self, path: str, analyses: Sequence[Analysis]) -> None:
        """The bodies of the routes of `analyses` are told in full."""
        super().__init__(path=path)
        self._analyses = analyses
        self._written: bytes | None = None

    def render(self, request: AnyRequest, openapi_schema: Schema) -> bytes:
        """Litestar's hook."""
        if self._written is None:
            self._written = self.render_json(request, described(openapi_schema, self._analyses))
        return self._written


def described(schema: Schema, analyses: Sequence[Analysis]) -> Schema:
    """The schema with the types of questions and definitions as msgspec tells them, and with examples."""
    kinds = definition_types(analyses)
    told = [*(analysis.question for analysis in analyses), *kinds.values(), AnswerBody, ErrorAnswer, RepriceStatus]
    _, components = msgspec.json.schema_components(told, ref_template=_REFERENCE)
    described_components = {name: _cleaned(component) for name, component in components.items()}
    schemas = {**schema["components"]["schemas"], **described_components}
    paths = {path: dict(operations) for path, operations in schema["paths"].items()}
    routes = {f"{_GAME}/{analysis.name}": analysis for analysis in analyses}
    for route, analysis in routes.items():
        shown = {str(place): each for place, each in enumerate(analysis.examples, 1)}
        _add_examples(paths[route], "post", shown)
    for path, operations in paths.items():
        if path in routes or path.startswith(f"{_GAME}/players/"):
            for operation in operations.values():
                operation["responses"] = {**operation["responses"], **_ANSWERS}
    for path, operations in paths.items():
        for method, operation in operations.items():
            _tell_content(operation, _CONTENT.get(path))
            operation["responses"] |= _errors(path, method, operation, schemas)
    _add_examples(paths[_DEFINITION], "put", definition_examples(analyses))
    body = paths[_DEFINITION]["put"]["requestBody"]["content"]["application/json"]
    body["schema"] = {"anyOf": [{"$ref": _REFERENCE.format(name=kind.__name__)} for kind in kinds.values()]}
    return {**schema, "paths": paths, "components": {**schema["components"], "schemas": schemas}}


def _tell_content(operation: Schema, content: Schema | None) -> None:
    """What a route answers when all is well, where Litestar cannot know it."""
    for status, response in operation["responses"].items():
        if content is not None and status.startswith("2"):
            response["content"] = content


def _errors(path: str, method: str, operation: Schema, schemas: Mapping[str, Schema]) -> Schema:
    """The errors that a route may answer with, each as `ErrorAnswer`."""
    said = _OF_A_SCRAPE if path == _METRICS else {}
    if path.startswith(_API):
        has_form = MEDIA_TYPES[ResponseFormat.CSV] in operation["responses"].get("200", {}).get("content", {})
        said = {
            **_WITH_TOKEN,
            **(_OF_A_NAME if "{" in path or _names_a_game(operation, schemas) else {}),
            **(_OF_A_BODY if "requestBody" in operation else {}),
            **(_OF_A_FORM if has_form else {}),
            **({} if has_form or method == "get" else _OF_A_CHANGE),
        }
    return {str(status.value): _error(description) for status, description in sorted(said.items())}


def _names_a_game(operation: Schema, schemas: Mapping[str, Schema]) -> bool:
    """Whether a parameter is a game, or the body has a list of `games`."""
    bodies = operation.get("requestBody", {}).get("content", {}).values()
    names = [body["schema"].get("$ref", "").rpartition("/")[2] for body in bodies if "schema" in body]
    return any(parameter["name"] == "game" for parameter in operation.get("parameters", ())) or any(
        "games" in schemas.get(name, {}).get("properties", {}) for name in names
    )


def _error(description: str) -> Schema:
    schema = {"$ref": _REFERENCE.format(name=ErrorAnswer.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _add_examples(operations: Schema, method: str, examples: Mapping[str, Example]) -> None:
    [content] = operations[method]["requestBody"]["content"].values()
    content["examples"] = {name: {"summary": each.summary, "value": each.body} for name, each in examples.items()}


def _cleaned(component: Schema) -> Schema:
    """Without the docstring's indentation."""
    if "description" not in component:
        return component
    return {**component, "description": inspect.cleandoc(component["description"])}
