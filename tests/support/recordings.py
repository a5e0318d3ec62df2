"""The recorded requests of real clients, to be sent again over HTTP as they were."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

CORPUS = Path(__file__).parents[1] / "corpus"
# The connection's own; everything else is sent as recorded.
_OF_THE_CONNECTION = frozenset({"host", "connection", "content-length", "te"})


class RecordedRequest(NamedTuple):
    """One request. `name` is its file below the corpus; `answer` what was recorded, None for a derived request."""

    name: str
    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    json: Any
    status: int | None
    answer: Any
    expect: str


def recorded_requests(client: str) -> list[RecordedRequest]:
    """A client's requests in their order; `client` is a folder of the corpus."""
    return [_read(path) for path in sorted((CORPUS / client).glob("*.json"))]


def sent_headers(request: RecordedRequest, replaced: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers as recorded, with each text in `replaced` (a token, a placeholder) in place of the recorded one."""
    return [(name, replace_all(value, replaced)) for name, value in request.headers]


def sent_body(request: RecordedRequest, replaced: Mapping[str, str]) -> bytes:
    """The body's bytes as recorded, but for tokens within them."""
    body = request.body
    for recorded, own in replaced.items():
        body = body.replace(recorded.encode(), own.encode())
    return body


def replace_all(text: str, replaced: Mapping[str, str]) -> str:
    """`text` with every key of `replaced` as its value."""
    for recorded, own in replaced.items():
        text = text.replace(recorded, own)
    return text


def _read(path: Path) -> RecordedRequest:
    recorded = json.loads(path.read_bytes())
    request = recorded.get("request", recorded)
    response = recorded.get("response", {})
    return RecordedRequest(
        name=path.relative_to(CORPUS).as_posix(),
        method=request["method"],
        target=request["target"],
        headers=[(name, value) for name, value in request["headers"] if name.lower() not in _OF_THE_CONNECTION],
        body=base64.b64decode(request.get("body_b64") or request.get("body_base64") or ""),
        json=request.get("json", request.get("body_json")),
        status=response.get("status"),
        answer=response.get("json", response.get("body")),
        expect=recorded.get("expect", ""),
    )
