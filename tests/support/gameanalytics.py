"""GameAnalytics requests: the recorded ones, and events to make others from."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from questlog.protocols.inflate import inflate

CORPUS = Path(__file__).parents[1] / "corpus" / "gameanalytics"
SANDBOX_GAME_KEY = "5c6bcb5402204249437fb5a7a80a4959"
SANDBOX_SECRET_KEY = "16813a12f718bc5c620f56944e1abc3ea13ccbac"

Event = dict[str, Any]


class Recording(NamedTuple):
    """One recorded request of a real client; `body` is as sent, `json` what is in it."""

    name: str
    kind: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    json: Any

    @property
    def plain_body(self) -> bytes:
        return inflate(self.body, self.headers.get("content-encoding", ""), 1 << 24)


def recordings(kind: str | None = None) -> list[Recording]:
    """The recorded requests, of one kind or all, by client and order."""
    found = [_read(path) for path in sorted(CORPUS.glob("*/*.json"))]
    return [recording for recording in found if kind in (None, recording.kind)]


def _read(path: Path) -> Recording:
    recorded = json.loads(path.read_bytes())
    request = recorded["request"]
    return Recording(
        name=f"{path.parent.name}/{path.name}",
        kind=recorded["kind"],
        method=request["method"],
        path=request["path"],
        query=request["query"],
        headers={name.lower(): value for name, value in request["headers"]},
        body=base64.b64decode(request["body_b64"]),
        json=request["json"],
    )


_ANNOTATIONS: Event = {
    "v": 2,
    "user_id": "player-1",
    "client_ts": 1_795_288_122,
    "sdk_version": "rest api v2",
    "os_version": "ios 17.4",
    "manufacturer": "apple",
    "device": "iPhone15,2",
    "platform": "ios",
    "session_id": "942a012a-4911-4d6c-aff7-f42bf5d9c3fc",
    "session_num": 1,
}
_CATEGORY_FIELDS: dict[str, Event] = {
    "user": {},
    "session_end": {"length": 5},
    "business": {"event_id": "GemPack:gems_50", "amount": 99, "currency": "USD", "transaction_num": 1},
    "resource": {"event_id": "Sink:gold:lives:extra-life", "amount": -12.5},
    "progression": {"event_id": "Complete:world01:stage01", "score": 12.5, "attempt_num": 2},
    "design": {"event_id": "Kill:Sword:Robot", "value": 1.5},
    "error": {"severity": "error", "message": "boom"},
    "ads": {"ad_sdk_name": "admob", "ad_placement": "menu", "ad_type": "banner", "ad_action": "clicked"},
    "impression": {"ad_network_name": "ironsource", "impression_data": {"revenue": 0.0123}},
    "sdk_init": {},
    "health": {},
}
CATEGORIES = tuple(_CATEGORY_FIELDS)
"""All categories that carry a player and a session."""


def event(kind: str, /, **fields: object) -> Event:
    """A right event of this category, with these fields added or in place of its own."""
    return {**_ANNOTATIONS, "category": kind, **_CATEGORY_FIELDS[kind], **fields}


def without(fields: Event, *names: str) -> Event:
    """The event without these fields."""
    return {name: value for name, value in fields.items() if name not in names}


def sdk_error(**fields: object) -> Event:
    """What an SDK reports of itself: without a player and a session."""
    return {
        "v": 2,
        "category": "sdk_error",
        "event_uuid": "5a746382-1b25-4c0c-809f-b7a17e735960",
        "sdk_version": "javascript 4.4.6",
        "os_version": "linux 0.0.0",
        "manufacturer": "unknown",
        "device": "unknown",
        "platform": "linux",
        "error_category": "event_validation",
        "reason": "usd",
        **fields,
    }


def body(*events: object) -> bytes:
    """The events as the body of a request."""
    return json.dumps(events).encode()
