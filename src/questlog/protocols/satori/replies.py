"""What Satori answers (satori.md §1.1, §4.3): exactly 200 with a JSON object, or an error object; snake_case names."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from questlog.model.exchange import HeaderList, Reply
from questlog.model.reasons import DroppedEvent, Reason, RequestRejected
from questlog.protocols.satori.properties import Properties

RETRY_AFTER_S = 1

CORS_HEADERS: HeaderList = (("access-control-allow-origin", "*"),)
_HEADERS: HeaderList = (
    ("content-type", "application/json"),
    ("cache-control", "no-store, no-cache, must-revalidate"),
    *CORS_HEADERS,
)
_PREFLIGHT_HEADERS: HeaderList = (
    *CORS_HEADERS,
    ("access-control-allow-methods", "GET, HEAD, POST, PUT, DELETE"),
    ("access-control-allow-headers", "Authorization, Content-Type, Content-Encoding, User-Agent"),
    ("access-control-max-age", "86400"),
)
_SHOWN_VIOLATIONS = 20
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


class Status(NamedTuple):
    """How a reason is answered: HTTP status, gRPC code, and the message where the rejection has no detail."""

    http: int
    grpc: int
    message: str


_BATCH = Status(400, 3, "Event batch contained invalid events")

STATUS: dict[Reason, Status] = {
    Reason.UNKNOWN_ROUTE: Status(404, 5, "Not Found"),
    Reason.METHOD_NOT_ALLOWED: Status(501, 12, "Method Not Allowed"),
    Reason.BAD_REQUEST_LINE: Status(400, 3, "Bad request line"),
    Reason.UNAUTHENTICATED: Status(401, 16, "API key or auth token required"),
    Reason.WRONG_SIGNATURE: Status(401, 16, "Signature invalid"),
    Reason.UNKNOWN_GAME_KEY: Status(401, 16, "Game key invalid"),
    Reason.UNKNOWN_API_KEY: Status(401, 16, "API key invalid"),
    Reason.BAD_TOKEN: Status(401, 16, "Auth token invalid"),
    Reason.GAME_DISABLED: Status(403, 7, "Game disabled"),
    Reason.BODY_TOO_LARGE: Status(413, 3, "Body too large"),
    Reason.INFLATED_BODY_TOO_LARGE: Status(413, 3, "Decompressed body too large"),
    Reason.UNKNOWN_CONTENT_CODING: Status(415, 3, "Content coding not supported"),
    Reason.BAD_COMPRESSION: Status(400, 3, "Body cannot be decompressed"),
    Reason.BODY_TIMEOUT: Status(408, 4, "Body took too long"),
    Reason.BODY_INCOMPLETE: Status(400, 3, "Body incomplete"),
    Reason.NOT_JSON: Status(400, 3, "Body is not JSON"),
    Reason.TOO_DEEP: Status(400, 3, "Body nested too deeply"),
    Reason.NOT_A_LIST: Status(400, 3, "List expected"),
    Reason.NOT_AN_OBJECT: Status(400, 3, "JSON object expected"),
    Reason.BAD_FIELD: Status(400, 3, "Field invalid"),
    Reason.BAD_IDENTITY_ID: Status(400, 3, "Identity ID invalid"),
    Reason.NOT_FOUND: Status(404, 5, "Not Found"),
    Reason.OVERLOADED: Status(503, 14, "Overloaded"),
    Reason.JOURNAL_UNAVAILABLE: Status(503, 14, "Events cannot be stored now"),
    Reason.CORRUPT_RECORD: Status(500, 13, "Internal error"),
    Reason.FAILED_VALIDATION: _BATCH,
    Reason.INVALID_NAME: _BATCH,
    Reason.INVALID_VALUE: _BATCH,
    Reason.INVALID_METADATA: _BATCH,
    Reason.VALUE_LENGTH_EXCEEDED: _BATCH,
    Reason.METADATA_SIZE_EXCEEDED: _BATCH,
    Reason.INVALID_ID: _BATCH,
    Reason.INVALID_TIMESTAMP: _BATCH,
    Reason.PLAYER_ERASED: _BATCH,
    Reason.EXPIRED: _BATCH,
}
"""The one place where a reason becomes a status."""


class _Session(msgspec.Struct, omit_defaults=True):
    properties: Properties
    token: str = ""
    refresh_token: str = ""


class _FieldViolation(msgspec.Struct):
    field: str
    description: str


class _BadRequest(msgspec.Struct):
    type: str = msgspec.field(name="@type")
    field_violations: list[_FieldViolation] = msgspec.field(name="fieldViolations")


class _Error(msgspec.Struct):
    code: int
    message: str
    details: list[_BadRequest] = []


_encode = msgspec.json.Encoder().encode


def _ok(body: bytes) -> Reply:
    return Reply(200, body, _HEADERS)


EMPTY = _ok(b"{}")
NO_FLAGS = _ok(b'{"flags":[]}')
NO_FLAG_OVERRIDES = _ok(b'{"flags":[]}')
NO_EXPERIMENTS = _ok(b'{"experiments":[]}')
NO_LIVE_EVENTS = _ok(b'{"live_events":[],"explicit_join_live_events":[]}')
NO_MESSAGES = _ok(b'{"messages":[]}')
PREFLIGHT = Reply(204, b"", _PREFLIGHT_HEADERS)
FAULT = Reply(500, _encode(_Error(13, "Internal error")), _HEADERS)
MESSAGE_NOT_FOUND = Reply(404, _encode(_Error(5, "Message not found")), _HEADERS)
LIVE_EVENT_NOT_FOUND = Reply(404, _encode(_Error(5, "Live event not found")), _HEADERS)


def session(properties: Properties, token: str = "", refresh_token: str = "") -> Reply:
    """The answer to authenticate, refresh and identify; without tokens where no session was asked for.

    `properties` with its three maps is always there: the C++ client needs it.
    """
    return _ok(_encode(_Session(properties, token, refresh_token)))


def listed_properties(properties: Properties) -> Reply:
    """The answer to `GET /v1/properties`."""
    return _ok(_encode(properties))


def invalid_events(dropped: Sequence[DroppedEvent]) -> Reply:
    """The answer to a batch of which only the events that are not in `dropped` were stored; names the first 20."""
    violations = [
        _FieldViolation(f"events[{event.index}]", f"{event.reason}: {event.detail}")
        for event in dropped[:_SHOWN_VIOLATIONS]
    ]
    error = _Error(_BATCH.grpc, _BATCH.message, [_BadRequest(_BAD_REQUEST, violations)])
    return Reply(_BATCH.http, _encode(error), _HEADERS)


def rejected(rejection: RequestRejected) -> Reply:
    """The answer to a request that cannot be taken; its detail is the message."""
    status = STATUS[rejection.reason]
    body = _encode(_Error(status.grpc, rejection.detail or status.message))
    if status.http == 503:
        return Reply(status.http, body, (*_HEADERS, ("retry-after", str(RETRY_AFTER_S))))
    return Reply(status.http, body, _HEADERS)
