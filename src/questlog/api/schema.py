"""The OpenAPI schema at `/api/schema`: what Litestar writes, with the questions told in full and with examples.

Litestar writes neither the tags of a union's types nor the bounds of what is in lists; msgspec does.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from litestar.openapi.plugins import JsonRenderPlugin

from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.question.examples import Example
from questlog.api.answers import ORIGIN_HEADERS, AnswerBody
from questlog.api.errors import AnyRequest
from questlog.api.response_formats import MEDIA_TYPES, ResponseFormat
from questlog.console.definition_kinds import definition_examples, definition_types

_REFERENCE = "#/components/schemas/{name}"
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
    told = [*(analysis.question for analysis in analyses), *kinds.values(), AnswerBody]
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
    _add_examples(paths[_DEFINITION], "put", definition_examples(analyses))
    body = paths[_DEFINITION]["put"]["requestBody"]["content"]["application/json"]
    body["schema"] = {"anyOf": [{"$ref": _REFERENCE.format(name=kind.__name__)} for kind in kinds.values()]}
    return {**schema, "paths": paths, "components": {**schema["components"], "schemas": schemas}}


def _add_examples(operations: Schema, method: str, examples: Mapping[str, Example]) -> None:
    [content] = operations[method]["requestBody"]["content"].values()
    content["examples"] = {name: {"summary": each.summary, "value": each.body} for name, each in examples.items()}


def _cleaned(component: Schema) -> Schema:
    """Without the docstring's indentation."""
    if "description" not in component:
        return component
    return {**component, "description": inspect.cleandoc(component["description"])}
