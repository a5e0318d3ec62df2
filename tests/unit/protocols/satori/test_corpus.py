"""Recorded and derived requests of real clients, as tests/corpus/satori holds them, read by the code."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from questlog.collector.operation import anyone
from questlog.collector.routing import Route, Router
from questlog.collector.satori import SATORI, by_api_key, by_either, by_token
from questlog.model.event import Source
from questlog.model.reasons import RequestRejected
from questlog.protocols.satori import auth, replies, wire
from questlog.protocols.satori.codec import Decoded, decode_events, to_columns
from questlog.protocols.satori.properties import Properties
from questlog.protocols.satori.timestamps import parse_timestamp

ROUTER = Router((SATORI,), fallback=SATORI)
CORPUS = Path(__file__).parents[3] / "corpus" / "satori"
FILES = sorted(path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*.json"))
EVENT_SOURCES = {"event": Source.SATORI_CLIENT, "server_event": Source.SATORI_SERVER}


def read(name: str) -> dict[str, Any]:
    recording: dict[str, Any] = json.loads((CORPUS / name).read_text())
    return recording


def call(recording: dict[str, Any]) -> Route:
    return ROUTER.route(recording["method"], recording["path"])


def body(recording: dict[str, Any]) -> bytes:
    return base64.b64decode(recording["body_base64"])


def authorization(recording: dict[str, Any]) -> str | None:
    return next((value for name, value in recording["headers"] if name.lower() == "authorization"), None)


def named(*operations: str) -> list[str]:
    return [name for name in FILES if call(read(name)).operation.name in operations]


def either(said: dict[str, Any], snake: str, camel: str) -> Any:
    return said.get(snake) or said.get(camel)


def test_the_corpus_is_there() -> None:
    assert len(FILES) == 47


@pytest.mark.parametrize("name", named(*EVENT_SOURCES))
def test_events_mean_what_was_sent(name: str) -> None:
    recording = read(name)
    source = EVENT_SOURCES[call(recording).operation.name]
    decoded = decode_events(body(recording), source=source)
    assert not decoded.dropped
    columns = to_columns(decoded.events)
    for place, said in enumerate(recording["body_json"]["events"]):
        got = {column: values[place] for column, values in columns.items()}
        assert got["event_id"] == said["name"]
        assert got["client_event_id"] == (said.get("id") or None)
        assert got["client_time"] == (parse_timestamp(said["timestamp"]) if said.get("timestamp") else None)
        assert json.loads(str(got["attributes"] or "{}")) == (said.get("metadata") or {})
        assert value_of(got) == (said.get("value") or None)
        if source is Source.SATORI_SERVER:
            assert got["player_id"] == (either(said, "identity_id", "identityId") or None)
            assert got["session_id"] == (either(said, "session_id", "sessionId") or None)
            for snake, camel in (
                ("session_issued_at", "sessionIssuedAt"),
                ("session_expires_at", "sessionExpiresAt"),
            ):
                assert got[snake] == (int(either(said, snake, camel) or 0) * 1_000_000 or None)


def value_of(columns: dict[str, Any]) -> object:
    """The value as text, from the column it is in; the corpus has whole numbers only."""
    return f"{columns['value']:.0f}" if columns["value"] is not None else columns["value_text"]


def server_events(name: str) -> Decoded:
    return decode_events(body(read(name)), source=Source.SATORI_SERVER)


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("seed-samples/")])
def test_the_seeds_events_are_a_purchase_a_non_player_event_and_one_with_its_own_session(name: str) -> None:
    columns = to_columns(server_events(name).events)
    assert columns["amount"] == [2000, None, None]
    assert columns["currency"] == ["GBP", None, None]
    assert columns["value"] == [None, 5.0, 10.0]
    assert columns["player_id"][1] is None
    assert columns["session_id"] == [None, None, "2513FC77-3B8D-487B-9709-18E0A27F0ECB"]


def test_a_cents_value_is_money() -> None:
    columns = to_columns(server_events("derived-from-source/011_unreal-server-event.json").events)
    assert (columns["amount"], columns["currency"]) == ([100], ["USD"])


def test_empty_texts_and_zeroes_make_a_non_player_event() -> None:
    (event,) = server_events("derived-from-source/010_cpp-server-event-with-auth.json").events
    assert (event.player_id, event.session_id, event.session_issued_at, event.session_expires_at) == (None,) * 4


def test_an_offset_is_minded_in_an_event_with_mixed_names() -> None:
    (event,) = server_events("derived-from-source/012_mixed-case-names.json").events
    assert event.client_time == parse_timestamp("2026-11-21T19:13:32Z")
    assert event.player_id == "11111111-1111-0000-0000-000000000000"


@pytest.mark.parametrize("name", named("authenticate", "identify"))
def test_who_signs_in_is_read(name: str) -> None:
    recording = read(name)
    decoders: dict[str, Callable[[bytes], wire.AuthenticateRequest | wire.IdentifyRequest]] = {
        "authenticate": wire.decode_authenticate,
        "identify": wire.decode_identify,
    }
    decode = decoders[call(recording).operation.name]
    said = recording["body_json"]
    if recording.get("response", {}).get("status") == 400:
        with pytest.raises(RequestRejected) as rejection:
            decode(body(recording))
        reply = replies.rejected(rejection.value)
        assert (reply.status, json.loads(reply.body)) == (400, recording["response"]["json"])
        return
    request = decode(body(recording))
    assert (request.id, request.default, request.custom) == (
        said["id"],
        said.get("default") or None,
        said.get("custom") or None,
    )


@pytest.mark.parametrize("name", named("update_properties"))
def test_properties_are_read(name: str) -> None:
    recording = read(name)
    request = wire.decode_update_properties(body(recording))
    said = recording["body_json"]
    assert (request.default, request.custom) == (said.get("default") or None, said.get("custom") or None)


@pytest.mark.parametrize("name", named("authenticate_refresh"))
def test_refresh_tokens_are_read(name: str) -> None:
    recording = read(name)
    assert wire.decode_refresh(body(recording)).refresh_token == recording["body_json"]["refresh_token"]


def test_logout_reads_both_tokens() -> None:
    (name,) = named("authenticate_logout")
    recording = read(name)
    request = wire.decode_logout(body(recording))
    assert {"token": request.token, "refresh_token": request.refresh_token} == recording["body_json"]


@pytest.mark.parametrize("name", FILES)
def test_every_call_carries_what_its_route_asks_for(name: str) -> None:
    recording = read(name)
    header = authorization(recording)
    authenticate = call(recording).operation.authenticate
    if authenticate is anyone:
        assert header is None
    elif authenticate is by_api_key and recording.get("expect", "").startswith("401"):
        assert auth.parse_basic(header) is None
    elif authenticate is by_api_key:
        assert header == "Basic {basic}" or auth.parse_basic(header)
    elif authenticate is by_token:
        assert auth.parse_bearer(header)
    else:
        assert authenticate is by_either
        assert auth.parse_bearer(header) or auth.parse_basic(header)


EMPTY_ANSWERS = {
    "healthcheck": replies.EMPTY,
    "readycheck": replies.EMPTY,
    "event": replies.EMPTY,
    "server_event": replies.EMPTY,
    "update_properties": replies.EMPTY,
    "authenticate_logout": replies.EMPTY,
    "delete_identity": replies.EMPTY,
    "get_flags": replies.NO_FLAGS,
    "get_experiments": replies.NO_EXPERIMENTS,
    "get_live_events": replies.NO_LIVE_EVENTS,
}


@pytest.mark.parametrize("name", [name for name in FILES if "response" in read(name)])
def test_the_recorded_answers_are_ours(name: str) -> None:
    recording = read(name)
    answer = recording["response"]
    operation = call(recording).operation.name
    if answer["status"] != 200:
        assert_error(answer)
    elif operation in EMPTY_ANSWERS:
        assert json.loads(EMPTY_ANSWERS[operation].body) == answer["json"]
    elif operation == "list_properties":
        assert json.loads(replies.listed_properties(Properties(**answer["json"])).body) == answer["json"]
    else:
        session = replies.session(
            Properties(**answer["json"]["properties"]), answer["json"]["token"], answer["json"]["refresh_token"]
        )
        assert json.loads(session.body) == answer["json"]


def assert_error(answer: dict[str, Any]) -> None:
    """The reason whose answer this is, by its status and code, exists."""
    statuses = {(status.http, status.grpc) for status in replies.STATUS.values()}
    assert (answer["status"], answer["json"]["code"]) in statuses
    assert answer["json"]["details"] == []
