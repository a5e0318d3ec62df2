"""What players' clients and the studio's servers send, as requests to a collector."""

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from isal import igzip

from questlog.demo.sessions import Event
from questlog.model.exchange import Request
from questlog.protocols.gameanalytics.auth import signature

_US = 1_000_000
_encoder = msgspec.json.Encoder()


class Keys(NamedTuple):
    """What requests are authenticated with. `server_key` is the server's API key, `app_key` the companion app's."""

    game_key: str
    secret_key: str
    server_key: str
    app_key: str


class Arrival(NamedTuple):
    """A request and when it arrives (UTC microseconds). `then` makes the next one from the answer's body."""

    received_us: int
    request: Request
    then: Callable[[bytes], Request] | None = None


class _Headers:
    """Headers by lower-case name."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, key: str, default: str | None = None) -> str | None:
        """The header's value, or `default`."""
        return self._values.get(key, default)


def game_events(keys: Keys, events: Sequence[object], country: str) -> Request:
    """Events of one client, as official SDKs send them: compressed and signed."""
    return signed_body(keys, igzip.compress(_encoder.encode(events), 1, mtime=0), country, content_coding="gzip")


def signed_body(
    keys: Keys, body: bytes, country: str, content_coding: str = "", authorization: str | None = None
) -> Request:
    """Any body to the events of the game. An `authorization` of its own makes it one that was not signed rightly."""
    headers = {"authorization": authorization or signature(keys.secret_key, body).decode()}
    if content_coding:
        headers["content-encoding"] = content_coding
    return _post(f"/v2/{keys.game_key}/events", headers, body, country)


def server_events(keys: Keys, events: Sequence[object]) -> Request:
    """Events of the studio's server."""
    return _post("/v1/server-event", _basic(keys.server_key), _encoder.encode({"events": events}), "")


def companion_visit(
    keys: Keys, received_us: int, identity_id: str, properties: Event, events: Sequence[object], country: str
) -> Arrival:
    """The companion app: signs in, then sends its events with the token that it is given."""

    def send(answer: bytes) -> Request:
        token = msgspec.json.decode(answer)["token"]
        headers = {"authorization": f"Bearer {token}"}
        return _post("/v1/event", headers, _encoder.encode({"events": events}), country)

    body = _encoder.encode({"id": identity_id, **properties})
    return Arrival(received_us, _post("/v1/authenticate", _basic(keys.app_key), body, country), send)


def micros(seconds: float) -> int:
    """UTC microseconds."""
    return int(seconds * _US)


def rfc3339(seconds: float) -> str:
    """A time as Satori's clients write it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _basic(key: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def _post(path: str, headers: Mapping[str, str], body: bytes, country: str) -> Request:
    """A request "from" a country: what has no sender needs no address."""
    return Request("POST", path, "", _Headers(headers), body, client_address=country)
