"""What is answered, and how official SDKs take it (spec §§1.2 to 1.5).

SDKs delete a batch on any answer with a body and keep it on an answer without one: so 5xx and what a client should send
again have no body, and everything else has one that is JSON.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from questlog.model.exchange import HeaderList, Reply
from questlog.model.reasons import DroppedEvent, Reason, RequestRejected

CORS_HEADERS: HeaderList = (("access-control-allow-origin", "*"),)
JSON_HEADERS: HeaderList = (("content-type", "application/json"), *CORS_HEADERS)
PREFLIGHT_HEADERS: HeaderList = (
    *CORS_HEADERS,
    ("access-control-allow-methods", "POST, OPTIONS"),
    ("access-control-allow-headers", "Authorization, Content-Type, Content-Encoding"),
    ("access-control-max-age", "86400"),
)

NO_CONFIGS_HASH = "4f53cda18c2baa0c"
"""`configs_hash` of an empty list of remote configs: the start of the SHA-256 of `[]`."""


MAX_ECHOED_BYTES = 1_048_576
"""How much of a 400 repeats what was sent."""


class Answer(NamedTuple):
    """How a rejected request is answered: the status, and whether a body tells the client to drop what it sent."""

    status: int
    has_body: bool = True


ANSWERS: dict[Reason, Answer] = {
    Reason.BAD_REQUEST_LINE: Answer(400),
    Reason.UNKNOWN_ROUTE: Answer(404),
    Reason.METHOD_NOT_ALLOWED: Answer(405),
    Reason.UNAUTHENTICATED: Answer(401),
    Reason.WRONG_SIGNATURE: Answer(401),
    Reason.UNKNOWN_GAME_KEY: Answer(401),
    Reason.GAME_DISABLED: Answer(401),
    Reason.BODY_TOO_LARGE: Answer(413),
    Reason.INFLATED_BODY_TOO_LARGE: Answer(413),
    Reason.UNKNOWN_CONTENT_CODING: Answer(400),
    Reason.BAD_COMPRESSION: Answer(400),
    Reason.NOT_JSON: Answer(400),
    Reason.TOO_DEEP: Answer(400),
    Reason.NOT_A_LIST: Answer(400),
    Reason.NOT_AN_OBJECT: Answer(400),
    Reason.BODY_TIMEOUT: Answer(408, has_body=False),
    Reason.BODY_INCOMPLETE: Answer(400, has_body=False),
    Reason.OVERLOADED: Answer(503, has_body=False),
    Reason.JOURNAL_UNAVAILABLE: Answer(503, has_body=False),
}
"""Every reason for which a GameAnalytics request is rejected."""

EVENTS_ACCEPTED = Reply(200, b"[]", JSON_HEADERS)
PREFLIGHT = Reply(204, b"", PREFLIGHT_HEADERS)
FAULT = Reply(503, b"", CORS_HEADERS)
"""The answer to a fault of ours: SDKs keep their data."""

_encode = msgspec.json.encode


def init(server_ts: int, *, is_enabled: bool = True) -> Reply:
    """Answer `/v2/<key>/init`; `server_ts` is UTC seconds. Clients take any status but 200 for a failure.

    A client sends nothing unless `enabled` is true (spec §1.2).
    """
    return Reply(200, _encode({"enabled": is_enabled, "server_ts": server_ts, "flags": []}), JSON_HEADERS)


def remote_configs_init(server_ts: int, sent_configs_hash: str, *, is_enabled: bool = True) -> Reply:
    """Answer `/remote_configs/v1/init`: 201 with all configs (none yet), or 200 if the client has them already."""
    unchanged: dict[str, object] = {"enabled": is_enabled, "server_ts": server_ts}
    if sent_configs_hash == NO_CONFIGS_HASH:
        return Reply(200, _encode(unchanged), JSON_HEADERS)
    configs = {"configs": [], "configs_hash": NO_CONFIGS_HASH, "ab_id": "", "ab_variant_id": ""}
    return Reply(201, _encode(unchanged | configs), JSON_HEADERS)


def events(dropped: Sequence[DroppedEvent]) -> Reply:
    """Answer `/events` once the others are stored: each dropped event as sent, with what is wrong (spec §1.5).

    A small compressed body may hold megabytes of bad events: after the first `MAX_ECHOED_BYTES` of the answer an event
    is told of by an empty object and its first error.
    """
    if not dropped:
        return EVENTS_ACCEPTED
    left = MAX_ECHOED_BYTES
    failures = []
    for drop in dropped:
        failure = _encode({"event": msgspec.Raw(drop.raw), "errors": drop.errors})
        left -= len(failure)
        failures.append(failure if left >= 0 else _encode({"event": {}, "errors": drop.errors[:1]}))
    return Reply(400, b"[" + b",".join(failures) + b"]", JSON_HEADERS)


def rejected(rejection: RequestRejected) -> Reply:
    """Answer a request that is not taken at all. Its detail is shown to the sender."""
    status, has_body = ANSWERS[rejection.reason]
    if not has_body:
        return Reply(status, b"", CORS_HEADERS)
    return Reply(status, _encode({"error": rejection.reason, "detail": rejection.detail}), JSON_HEADERS)
