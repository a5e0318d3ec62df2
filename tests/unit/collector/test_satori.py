"""Satori's routes: what is answered, and what is journalled (satori.md §14 is the checklist)."""

import gzip
import json
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jwt
import pytest

from questlog.model.event import NIL_UUID
from questlog.model.record import Envelope, Kind
from questlog.protocols.satori.timestamps import format_timestamp, parse_timestamp
from tests.support.collectors import SIGNING_KEY, TestCollector, bearer

IDENTITY = "b70f78da-c784-4f5f-ab12-2c4c12ed2c95"
OTHER = "f1576156-c2ad-4908-a1f1-f5637dd2e2a4"
EVENT = {"name": "gameFinished", "timestamp": "2026-11-21T19:09:50.983Z", "value": "lobby", "metadata": {"score": "1"}}


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[TestCollector]:
    made = TestCollector(tmp_path)
    yield made
    made.close()


def system_events(collector: TestCollector) -> list[str]:
    bodies = [body for _, body in collector.journal.entries(Kind.SATORI_SYSTEM_EVENTS)]
    return [event["name"] for body in bodies for event in json.loads(body)["events"]]


def only(collector: TestCollector, kind: Kind) -> tuple[Envelope, bytes]:
    [entry] = collector.journal.entries(kind)
    return entry


def properties_of(collector: TestCollector, token: str) -> Any:
    return json.loads(collector.ask("GET", "/v1/properties", headers=bearer(token)).body)


@pytest.mark.parametrize("path", ["/healthcheck", "/readycheck"])
def test_the_checks_answer_an_object_to_anybody(collector: TestCollector, path: str) -> None:
    assert (collector.ask("GET", path).status, collector.ask("GET", path).body) == (200, b"{}")


def test_readycheck_says_when_the_journal_cannot_be_written(collector: TestCollector) -> None:
    collector.journal.is_ready = False
    assert collector.ask("GET", "/readycheck").status == 503
    assert collector.ask("GET", "/healthcheck").status == 200


def test_authenticate_creates_the_identity_and_starts_a_session(collector: TestCollector) -> None:
    session = collector.authenticate(IDENTITY)
    claims = jwt.decode(
        session["token"], SIGNING_KEY, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False}
    )
    assert claims["iid"] == IDENTITY
    assert claims["api"] == collector.sandbox.api_key.name
    assert claims["exp"] - claims["iat"] == 3_600
    uuid.UUID(claims["sid"])
    assert set(session["properties"]) == {"default", "computed", "custom"}
    assert system_events(collector) == ["_identityCreate", "_sessionStart"]
    envelope, body = only(collector, Kind.PLAYER_PROPERTIES)
    assert envelope.player_id == IDENTITY
    assert json.loads(body)["default"]["apiKeyName"] == collector.sandbox.api_key.name


def test_a_second_sign_in_starts_another_session_of_the_same_identity(collector: TestCollector) -> None:
    collector.authenticate(IDENTITY)
    collector.authenticate(IDENTITY)
    assert system_events(collector) == ["_identityCreate", "_sessionStart", "_sessionStart"]


def test_no_session_answers_without_tokens_and_starts_none(collector: TestCollector) -> None:
    answer = collector.ask("POST", "/v1/authenticate", {"id": IDENTITY, "noSession": True}, collector.basic())
    session = json.loads(answer.body)
    assert "token" not in session
    assert "refresh_token" not in session
    assert "properties" in session
    assert system_events(collector) == ["_identityCreate"]


@pytest.mark.parametrize("identity_id", ["", "short", "with space", "x" * 129, "naïve-name"])
def test_an_identity_id_that_is_none_is_refused(collector: TestCollector, identity_id: str) -> None:
    answer = collector.ask("POST", "/v1/authenticate", {"id": identity_id}, collector.basic())
    error = json.loads(answer.body)
    assert (answer.status, error["code"]) == (400, 3)
    assert error["message"]


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Basic", "Basic !!!", "Basic eDp5", "Bearer x.y.z", f"Basic {'A' * 5_000}", "\xff"],
)
def test_a_call_without_a_good_api_key_is_401(collector: TestCollector, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in ("/v1/authenticate", "/v1/server-event", "/v1/authenticate/refresh"):
        answer = collector.ask("POST", path, {"id": IDENTITY}, headers)
        assert (answer.status, json.loads(answer.body)["code"]) == (401, 16)
    assert collector.journal.entries(Kind.SATORI_SERVER_EVENTS) == []


def test_client_events_belong_to_the_token_whatever_the_body_says(collector: TestCollector) -> None:
    session = collector.authenticate(IDENTITY)
    body = {"events": [{**EVENT, "identity_id": OTHER, "sessionId": "forged"}]}
    answer = collector.ask("POST", "/v1/event", body, bearer(session["token"]))
    assert (answer.status, answer.body) == (200, b"{}")
    envelope, _ = only(collector, Kind.SATORI_CLIENT_EVENTS)
    claims = jwt.decode(session["token"], options={"verify_signature": False})
    assert (envelope.player_id, envelope.session_id) == (IDENTITY, claims["sid"])
    assert envelope.api_key_name == collector.sandbox.api_key.name


def test_nakamas_own_tokens_have_no_session(collector: TestCollector) -> None:
    now_s = collector.clock.now // 1_000_000
    claims = {"iid": IDENTITY, "exp": now_s + 3_600, "iat": now_s, "api": collector.sandbox.api_key.name}
    token = jwt.encode(claims, SIGNING_KEY, algorithm="HS256")
    assert collector.ask("POST", "/v1/event", {"events": [EVENT]}, bearer(token)).status == 200
    envelope, _ = only(collector, Kind.SATORI_CLIENT_EVENTS)
    assert (envelope.player_id, envelope.session_id, envelope.session_issued_at) == (IDENTITY, None, None)
    assert system_events(collector) == ["_identityCreate"], "nobody had authenticated this identity"


def test_nakamas_system_user_is_an_identity_and_no_player(collector: TestCollector) -> None:
    session = collector.authenticate(NIL_UUID)
    assert session["token"], "the protocol knows no such exception"
    assert collector.ask("PUT", "/v1/properties", {"custom": {"a": "1"}}, bearer(session["token"])).status == 200
    assert properties_of(collector, session["token"])["custom"] == {"a": "1"}
    assert collector.ask("POST", "/v1/event", {"events": [EVENT]}, bearer(session["token"])).status == 200
    of_servers = {"events": [{**EVENT, "identity_id": NIL_UUID}]}
    assert collector.ask("POST", "/v1/server-event", of_servers, collector.basic()).status == 200
    kinds = [envelope.kind for envelope, _ in collector.journal.entries()]
    assert kinds == [Kind.SATORI_CLIENT_EVENTS, Kind.SATORI_SERVER_EVENTS]
    assert collector.journal.entries()[0][0].player_id is None


def test_nan_in_properties_is_unset(collector: TestCollector) -> None:
    body = b'{"id": "%s", "custom": {"level": nan, "name": "nan"}}' % IDENTITY.encode()
    answer = collector.ask("POST", "/v1/authenticate", b"\xef\xbb\xbf" + body, collector.basic())
    assert answer.status == 200
    assert json.loads(answer.body)["properties"]["custom"] == {"name": "nan"}


def test_tokens_that_are_expired_or_signed_by_others_are_refused(collector: TestCollector) -> None:
    now_s = collector.clock.now // 1_000_000
    good = {"iid": IDENTITY, "exp": now_s + 60, "iat": now_s, "api": collector.sandbox.api_key.name}
    for claims, key in (
        ({**good, "exp": now_s - 1}, SIGNING_KEY),
        (good, "another key, also long enough for HS256"),
        ({**good, "api": "nobody"}, SIGNING_KEY),
    ):
        answer = collector.ask(
            "POST", "/v1/event", {"events": [EVENT]}, bearer(jwt.encode(claims, key, algorithm="HS256"))
        )
        assert (answer.status, json.loads(answer.body)["code"]) == (401, 16)


def test_server_events_name_their_own_identities_and_sessions(collector: TestCollector) -> None:
    body = {
        "events": [
            {**EVENT, "identityId": IDENTITY, "session_id": "2513FC77", "sessionIssuedAt": "1752577200"},
            {**EVENT, "identity_id": OTHER},
            EVENT,
        ]
    }
    answer = collector.ask("POST", "/v1/server-event", body, collector.basic())
    assert (answer.status, answer.body) == (200, b"{}")
    envelope, kept = only(collector, Kind.SATORI_SERVER_EVENTS)
    assert (envelope.player_id, json.loads(kept)) == (None, body)
    assert system_events(collector) == ["_identityCreate", "_identityCreate"]


def test_an_identity_known_by_old_events_was_created_with_the_first_of_them(collector: TestCollector) -> None:
    times = ("2025-07-15T12:00:00Z", "2025-07-14T09:30:00.25Z", "2999-01-01T00:00:00Z", "")
    events = [{**EVENT, "identityId": IDENTITY, "timestamp": time} for time in times]
    events += [{**EVENT, "identityId": OTHER, "timestamp": time} for time in times[2:]]
    events += [{**EVENT, "identityId": "of-the-year-one", "timestamp": "0001-01-01T00:00:00Z"}]
    events += [{**EVENT, "identityId": "of-1970-too", "timestamp": time} for time in ("1970-01-01T00:00:05Z", times[0])]
    ahead = [format_timestamp(collector.clock.now + hours * 3_600_000_000) for hours in (9, 7)]
    events += [{**EVENT, "identityId": "two-hours-ago", "timestamp": time} for time in ahead]
    assert collector.ask("POST", "/v1/server-event", {"events": events}, collector.basic()).status == 200
    _, body = only(collector, Kind.SATORI_SYSTEM_EVENTS)
    created = {event["identity_id"]: parse_timestamp(event["timestamp"]) for event in json.loads(body)["events"]}
    assert created == {
        IDENTITY: parse_timestamp("2025-07-14T09:30:00.25Z"),
        OTHER: collector.clock.now,
        "of-the-year-one": collector.clock.now,
        "of-1970-too": parse_timestamp(times[0]),
        "two-hours-ago": collector.clock.now - 7_200_000_000,
    }


def test_the_country_of_a_game_server_is_no_players(collector: TestCollector) -> None:
    headers = {**collector.basic(), "X-Forwarded-For": "203.0.113.7"}
    body = {"events": [{**EVENT, "identity_id": OTHER, "country": "US"}]}
    assert collector.ask("POST", "/v1/server-event", body, headers).status == 200
    told, _ = only(collector, Kind.SATORI_SERVER_EVENTS)
    created, _ = only(collector, Kind.SATORI_SYSTEM_EVENTS)
    assert (told.country, created.country) == (None, None)
    token = collector.authenticate(OTHER)["token"]
    assert properties_of(collector, token)["default"]["countryCode"] == ""


def test_the_country_of_a_client_is_the_players(collector: TestCollector) -> None:
    now_s = collector.clock.now // 1_000_000
    claims = {"iid": IDENTITY, "exp": now_s + 3_600, "iat": now_s, "api": collector.sandbox.api_key.name}
    headers = bearer(jwt.encode(claims, SIGNING_KEY, algorithm="HS256")) | {"X-Forwarded-For": "203.0.113.7"}
    assert collector.ask("POST", "/v1/event", {"events": [EVENT]}, headers).status == 200
    told, _ = only(collector, Kind.SATORI_CLIENT_EVENTS)
    created, _ = only(collector, Kind.SATORI_SYSTEM_EVENTS)
    assert (told.country, created.country) == ("NZ", "NZ")
    token = collector.authenticate(IDENTITY)["token"]
    assert properties_of(collector, token)["default"]["countryCode"] == "NZ"


def test_known_identities_are_not_created_again(collector: TestCollector) -> None:
    for _ in range(2):
        collector.ask("POST", "/v1/server-event", {"events": [{**EVENT, "identity_id": OTHER}]}, collector.basic())
    assert system_events(collector) == ["_identityCreate"]


def test_gzip_without_a_content_type_is_taken(collector: TestCollector) -> None:
    body = gzip.compress(json.dumps({"events": [EVENT]}).encode())
    answer = collector.ask("POST", "/v1/server-event", body, {**collector.basic(), "Content-Encoding": "gzip"})
    assert answer.status == 200


def test_a_batch_with_invalid_events_is_400_and_its_rest_is_stored(collector: TestCollector) -> None:
    body = {"events": [EVENT, {**EVENT, "name": "_reserved"}]}
    answer = collector.ask("POST", "/v1/server-event", body, collector.basic())
    error = json.loads(answer.body)
    assert (answer.status, error["code"], error["message"]) == (400, 3, "Event batch contained invalid events")
    only(collector, Kind.SATORI_SERVER_EVENTS)


def test_a_strict_game_refuses_undeclared_names_and_says_so_for_ever(collector: TestCollector) -> None:
    game_key = collector.sandbox.game.game_key
    collector.control.set_strict(game_key, True)
    collector.control.declare_event_names(game_key, ["levelCompleted"])
    collector.worker.directory.refresh()
    names = ["levelCompleted", "gameFinished", "enemySpawned"]
    body = {"events": [{**EVENT, "name": name} for name in names]}
    assert collector.ask("POST", "/v1/server-event", body, collector.basic()).status == 400
    envelope, _ = only(collector, Kind.SATORI_SERVER_EVENTS)
    assert envelope.refused == (2,), "gameFinished is a core event"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"events":[]}', b'{"events":null}'])
def test_an_empty_batch_is_fine(collector: TestCollector, body: bytes) -> None:
    answer = collector.ask("POST", "/v1/server-event", body, collector.basic())
    assert (answer.status, answer.body) == (200, b"{}")
    assert collector.journal.records == []


@pytest.mark.parametrize("body", [b"[]", b"{", b'"', b"\xff", b'{"events":{}}', b'{"a":' * 5_000])
def test_an_unreadable_batch_is_refused_and_kept(collector: TestCollector, body: bytes) -> None:
    answer = collector.ask("POST", "/v1/server-event", body, collector.basic())
    assert (answer.status, json.loads(answer.body)["code"]) == (400, 3)
    only(collector, Kind.REJECTED_REQUEST)


def test_refresh_leaves_the_old_tokens_usable(collector: TestCollector) -> None:
    session = collector.authenticate(IDENTITY)
    request = {"refreshToken": session["refresh_token"]}
    collector.clock.now += 1_000_000
    first = json.loads(collector.ask("POST", "/v1/authenticate/refresh", request, collector.basic()).body)
    again = collector.ask("POST", "/v1/authenticate/refresh", request, collector.basic())
    assert again.status == 200
    old, new = (jwt.decode(token, options={"verify_signature": False}) for token in (session["token"], first["token"]))
    assert (old["sid"], old["iid"]) == (new["sid"], new["iid"])
    for token in (session["token"], first["token"]):
        assert collector.ask("POST", "/v1/event", {"events": [EVENT]}, bearer(token)).status == 200


def test_a_session_token_is_no_refresh_token_and_the_other_way_round(collector: TestCollector) -> None:
    session = collector.authenticate(IDENTITY)
    request = {"refresh_token": session["token"]}
    assert collector.ask("POST", "/v1/authenticate/refresh", request, collector.basic()).status == 401
    assert collector.ask("GET", "/v1/properties", headers=bearer(session["refresh_token"])).status == 401


def test_logout_revokes_the_session(collector: TestCollector) -> None:
    session, other = collector.authenticate(IDENTITY), collector.authenticate(IDENTITY)
    request = {"token": session["token"], "refresh_token": session["refresh_token"]}
    assert collector.ask("POST", "/v1/authenticate/logout", request, bearer(session["token"])).body == b"{}"
    assert collector.ask("GET", "/v1/properties", headers=bearer(session["token"])).status == 401
    refresh = {"refresh_token": session["refresh_token"]}
    assert collector.ask("POST", "/v1/authenticate/refresh", refresh, collector.basic()).status == 401
    assert collector.ask("GET", "/v1/properties", headers=bearer(other["token"])).status == 200


def test_logout_without_tokens_ends_all_sessions_and_the_next_one_is_good(collector: TestCollector) -> None:
    sessions = [collector.authenticate(IDENTITY) for _ in range(2)]
    assert collector.ask("POST", "/v1/authenticate/logout", {}, bearer(sessions[0]["token"])).status == 200
    for session in sessions:
        assert collector.ask("GET", "/v1/properties", headers=bearer(session["token"])).status == 401
    fresh = collector.authenticate(IDENTITY)
    collector.clock.now += 2_000_000
    assert collector.ask("GET", "/v1/properties", headers=bearer(fresh["token"])).status == 200


def test_nobody_logs_another_identity_out(collector: TestCollector) -> None:
    session, victim = collector.authenticate(IDENTITY), collector.authenticate(OTHER)
    for request in ({"token": victim["token"]}, {"refresh_token": victim["refresh_token"]}):
        assert collector.ask("POST", "/v1/authenticate/logout", request, bearer(session["token"])).status == 401
    assert collector.ask("GET", "/v1/properties", headers=bearer(victim["token"])).status == 200


def test_identify_moves_the_session_and_carries_missing_properties_over(collector: TestCollector) -> None:
    known = collector.authenticate(OTHER)
    given = {"custom": {"earlyAccess": "false"}}
    assert collector.ask("PUT", "/v1/properties", given, bearer(known["token"])).body == b"{}"
    guest = collector.authenticate(IDENTITY)
    given = {"default": {"pushTokenIos": "foo"}, "custom": {"earlyAccess": "true"}}
    collector.ask("PUT", "/v1/properties", given, bearer(guest["token"]))

    request = {"id": OTHER, "default": {"pushTokenAndroid": "bar"}}
    answer = collector.ask("PUT", "/v1/identify", request, bearer(guest["token"]))
    moved = json.loads(answer.body)
    before, after = (jwt.decode(t, options={"verify_signature": False}) for t in (guest["token"], moved["token"]))
    assert (after["iid"], after["sid"]) == (OTHER, before["sid"])
    assert (
        moved["properties"]["default"] | {"pushTokenIos": "foo", "pushTokenAndroid": "bar"}
        == moved["properties"]["default"]
    )
    assert moved["properties"]["custom"] == {"earlyAccess": "false"}
    assert collector.ask("POST", "/v1/event", {"events": [EVENT]}, bearer(guest["token"])).status == 401
    assert collector.ask("POST", "/v1/event", {"events": [EVENT]}, bearer(moved["token"])).status == 200
    assert system_events(collector)[-1] == "_identify"


def test_deleting_an_identity_journals_an_erasure_before_and_after_its_sessions_end(collector: TestCollector) -> None:
    """The first for what fails on the way, the second for events that were taken meanwhile."""
    session = collector.authenticate(IDENTITY)
    assert collector.ask("DELETE", "/v1/identity", headers=bearer(session["token"])).body == b"{}"
    erasures = [envelope for envelope, _ in collector.journal.entries(Kind.PLAYER_ERASURE)]
    assert [(each.player_id, each.received_at) for each in erasures] == [(IDENTITY, collector.clock.now)] * 2
    assert collector.control.identity(collector.sandbox.game.game_id, IDENTITY) is None
    assert collector.ask("GET", "/v1/properties", headers=bearer(session["token"])).status == 401


def test_properties_are_merged_and_texts(collector: TestCollector) -> None:
    token = collector.authenticate(IDENTITY)["token"]
    collector.ask("PUT", "/v1/properties", {"custom": {"level": "1", "guild": "x"}, "recompute": True}, bearer(token))
    collector.ask("PUT", "/v1/properties", {"custom": {"level": "2"}, "default": None}, bearer(token))
    assert properties_of(collector, token)["custom"] == {"level": "2", "guild": "x"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/flag?names=a&names=b", {"flags": []}),
        ("/v1/flag/override", {"flags": []}),
        ("/v1/experiment", {"experiments": []}),
        ("/v1/live-event", {"live_events": [], "explicit_join_live_events": []}),
        ("/v1/message?cursor=", {"messages": []}),
    ],
)
def test_features_that_are_not_here_answer_emptily(collector: TestCollector, path: str, expected: object) -> None:
    token = collector.authenticate(IDENTITY)["token"]
    answer = collector.ask("GET", path, headers=bearer(token))
    assert (answer.status, json.loads(answer.body)) == (200, expected)
    assert collector.ask("GET", path).status == 401


def test_flags_can_be_asked_for_with_an_api_key(collector: TestCollector) -> None:
    assert collector.ask("GET", "/v1/flag", headers=collector.basic()).status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/v1/message/x"), ("DELETE", "/v1/message/x"), ("POST", "/v1/live-event/x/participation")],
)
def test_items_that_do_not_exist_are_404(collector: TestCollector, method: str, path: str) -> None:
    token = collector.authenticate(IDENTITY)["token"]
    answer = collector.ask(method, path, headers=bearer(token))
    assert (answer.status, json.loads(answer.body)["code"]) == (404, 5)


def test_an_unknown_path_is_404_and_a_wrong_method_501(collector: TestCollector) -> None:
    assert json.loads(collector.ask("GET", "/nothing").body)["code"] == 5
    answer = collector.ask("GET", "/v1/authenticate")
    assert (answer.status, json.loads(answer.body)["code"]) == (501, 12)


def test_a_journal_that_cannot_be_written_is_503_with_a_time_to_wait(collector: TestCollector) -> None:
    token = collector.authenticate(IDENTITY)["token"]
    collector.journal.is_ready = False
    for method, path, body in (
        ("POST", "/v1/event", {"events": [EVENT]}),
        ("PUT", "/v1/properties", {"custom": {"a": "b"}}),
        ("DELETE", "/v1/identity", {}),
    ):
        answer = collector.ask(method, path, body, bearer(token))
        assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "1")
    assert collector.ask("POST", "/v1/authenticate", {"id": OTHER}, collector.basic()).status == 503
    assert collector.control.identity(collector.sandbox.game.game_id, OTHER) is None, "nothing half done"


def test_a_revoked_api_key_ends_its_tokens(collector: TestCollector) -> None:
    token = collector.authenticate(IDENTITY)["token"]
    collector.control.revoke_api_key(collector.sandbox.game.game_key, collector.sandbox.api_key.name)
    collector.worker.directory.refresh()
    assert collector.ask("GET", "/v1/properties", headers=bearer(token)).status == 401


def test_an_api_key_that_was_replaced_is_accepted_for_as_long_as_it_is_kept(collector: TestCollector) -> None:
    token = collector.authenticate(IDENTITY)["token"]
    game, name = collector.sandbox.game.game_key, collector.sandbox.api_key.name
    collector.control.rotate_api_key(game, name, keep_old_s=60)
    collector.worker.directory.refresh()
    assert collector.ask("POST", "/v1/authenticate", {"id": OTHER}, collector.basic()).status == 200
    collector.clock.now += 60_000_000
    assert collector.ask("POST", "/v1/authenticate", {"id": OTHER}, collector.basic()).status == 401
    assert collector.ask("GET", "/v1/properties", headers=bearer(token)).status == 200


def test_games_may_have_api_keys_of_the_same_name(collector: TestCollector) -> None:
    other = collector.control.create_game("other")
    collector.control.create_api_key(other.game_key, collector.sandbox.api_key.name)
    time.sleep(0.11)
    token = collector.authenticate(IDENTITY)["token"]
    assert collector.ask("POST", "/v1/event", {"events": [EVENT]}, bearer(token)).status == 200
    envelope, _ = only(collector, Kind.SATORI_CLIENT_EVENTS)
    assert envelope.game_id == collector.sandbox.game.game_id


def test_identities_are_not_created_while_the_journal_cannot_tell_of_it(collector: TestCollector) -> None:
    body = {"events": [{**EVENT, "identityId": IDENTITY}]}
    collector.journal.is_ready = False
    assert collector.ask("POST", "/v1/server-event", body, collector.basic()).status == 503
    collector.journal.is_ready = True
    assert collector.ask("POST", "/v1/server-event", body, collector.basic()).status == 200
    assert system_events(collector) == ["_identityCreate"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/authenticate", {"id": OTHER, "custom": {"level": "1"}}),
        ("PUT", "/v1/identify", {"id": OTHER, "custom": {"level": "1"}}),
        ("POST", "/v1/server-event", {"events": [{**EVENT, "identityId": OTHER}]}),
    ],
)
def test_an_identity_whose_creation_was_not_journalled_is_announced_at_the_next_try(
    collector: TestCollector, method: str, path: str, body: object
) -> None:
    """A commit that fails after the control database was written, or a crash between the two."""
    token = collector.authenticate(IDENTITY)["token"]
    headers = bearer(token) if path == "/v1/identify" else collector.basic()
    collector.journal.is_failing = True
    assert collector.ask(method, path, body, headers).status == 503
    collector.journal.is_failing = False
    collector.journal.records.clear()
    assert collector.ask(method, path, body, headers).status == 200
    assert system_events(collector)[0] == "_identityCreate"
    collector.authenticate(OTHER)
    assert system_events(collector).count("_identityCreate") == 1
    if path != "/v1/server-event":
        assert only(collector, Kind.PLAYER_PROPERTIES)[0].player_id == OTHER


def test_a_creation_that_is_announced_again_has_the_same_id(collector: TestCollector, tmp_path: Path) -> None:
    """The journal has it, and the control database was not told: the loader stores such a one once."""
    collector.authenticate(IDENTITY)
    with closing(sqlite3.connect(tmp_path / "control.sqlite3")) as database, database:
        database.execute("UPDATE identities SET announced_at = NULL")
    collector.clock.now += 5_000_000
    collector.authenticate(IDENTITY)
    bodies = [body for _, body in collector.journal.entries(Kind.SATORI_SYSTEM_EVENTS)]
    ids = [event["id"] for body in bodies for event in json.loads(body)["events"] if event["name"] == "_identityCreate"]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_an_identity_has_so_many_properties_and_no_more(collector: TestCollector) -> None:
    token = collector.authenticate(IDENTITY)["token"]
    first = {"custom": {f"a{number}": "x" for number in range(256)}}
    assert collector.ask("PUT", "/v1/properties", first, bearer(token)).status == 200
    answer = collector.ask("PUT", "/v1/properties", {"custom": {"one": "more"}}, bearer(token))
    assert (answer.status, json.loads(answer.body)["code"]) == (400, 3)
    assert "one" not in properties_of(collector, token)["custom"]
    assert collector.ask("PUT", "/v1/properties", {"custom": {"a0": "y"}}, bearer(token)).status == 200


def test_properties_that_no_journal_record_could_hold_are_refused(collector: TestCollector) -> None:
    token = collector.authenticate(IDENTITY)["token"]
    body = gzip.compress(json.dumps({"custom": {f"a{number}": "\u0001" * 4_096 for number in range(100)}}).encode())
    answer = collector.ask("PUT", "/v1/properties", body, {**bearer(token), "Content-Encoding": "gzip"})
    assert (answer.status, json.loads(answer.body)["code"]) == (400, 3)
    assert properties_of(collector, token)["custom"] == {}


def test_a_long_lived_token_stays_revoked(collector: TestCollector) -> None:
    """Nakama chooses the lifetime of the tokens that it signs."""
    now_s = collector.clock.now // 1_000_000
    year_s = 365 * 86_400
    claims = {"iid": IDENTITY, "exp": now_s + year_s, "iat": now_s, "api": collector.sandbox.api_key.name}
    token = jwt.encode(claims, SIGNING_KEY, algorithm="HS256")
    assert collector.ask("POST", "/v1/authenticate/logout", {"token": token}, bearer(token)).status == 200
    collector.clock.now += 30 * 86_400_000_000
    other = collector.authenticate(OTHER)["token"]
    collector.ask("POST", "/v1/authenticate/logout", {"token": other}, bearer(other))  # forgets what has expired
    assert collector.ask("POST", "/v1/event", {"events": [EVENT]}, bearer(token)).status == 401


def test_too_much_that_waits_is_503(collector: TestCollector) -> None:
    with collector.worker.waiting.holding(4_194_304 - 10):
        answer = collector.ask("POST", "/v1/authenticate", {"id": IDENTITY}, collector.basic())
        assert answer.status == 503
        body = {"events": [{**EVENT, "identityId": IDENTITY}]}
        assert collector.ask("POST", "/v1/server-event", body, collector.basic()).status == 503
    assert collector.ask("POST", "/v1/server-event", body, collector.basic()).status == 200


def test_a_collector_holds_a_bounded_number_of_identities_and_tokens(collector: TestCollector) -> None:
    """A worker is to stay under 80 MB with players without number."""
    token = collector.authenticate(IDENTITY)["token"]
    worker = collector.worker
    for start in range(0, 24_000, 8_000):
        events = [{**EVENT, "identityId": f"player-{number:08}"} for number in range(start, start + 8_000)]
        assert collector.ask("POST", "/v1/server-event", {"events": events}, collector.basic()).status == 200
    assert len(worker.recent_identities) <= 20_000
    now_s = collector.clock.now // 1_000_000
    claims = {"iid": IDENTITY, "exp": now_s + 60, "iat": now_s, "api": collector.sandbox.api_key.name}
    long_token = jwt.encode({**claims, "padding": "x" * 1_000}, SIGNING_KEY, algorithm="HS256")
    for each in (token, long_token):
        assert collector.ask("GET", "/v1/flag", headers=bearer(each)).status == 200
    assert list(worker.callers._verified) == [token]


def test_properties_are_dated_by_when_they_changed(collector: TestCollector) -> None:
    """Another collector may journal a newer state before this one has journalled the older."""
    given = {"id": IDENTITY, "custom": {"level": "1"}}
    changed_at = collector.clock.now
    collector.ask("POST", "/v1/authenticate", given, collector.basic())
    collector.clock.now += 5_000_000
    collector.ask("POST", "/v1/authenticate", given, collector.basic())
    records = collector.journal.entries(Kind.PLAYER_PROPERTIES)
    assert [envelope.received_at for envelope, _ in records] == [changed_at] * 2
