"""Every recorded request of a real client, sent again to a real server: the right answer, and the right rows."""

import base64
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from questlog.control.database import ControlDatabase
from questlog.model.clock import SystemClock
from tests.support.installation import SANDBOX_GAME_KEY, Installation, Response, Row, installation
from tests.support.recordings import RecordedRequest, recorded_requests, sent_body, sent_headers

pytestmark = pytest.mark.system

GAMEANALYTICS = ("gameanalytics/js-npm-4.4.7-chromium", "gameanalytics/goldfire-node-sdk-1.1.4")
SATORI_CLIENT, SEED, DERIVED = "satori/satori-js-2.5.1", "satori/seed-samples", "satori/derived-from-source"
# The Satori client's are the last: they end with an erasure.
REQUESTS = {client: recorded_requests(client) for client in (*GAMEANALYTICS, SEED, DERIVED, SATORI_CLIENT)}
RECORDER_API_KEY = "b7d6b3f0-5a51-4a0e-9a2f-0d6f6c2a9e11"
DERIVED_API_KEY = "6d0e8a8f-59c3-4e0b-9f21-6c2e77a31b54"
DERIVED_PLAYER = "derived-player-0001"
FIRST, SECOND = "b70f78da-c784-4f5f-ab12-2c4c12ed2c95", "f1576156-c2ad-4908-a1f1-f5637dd2e2a4"
# Collectors have a journal each, so rows are not numbered in the order of the requests.
ALL_EVENTS = "SELECT * FROM events ORDER BY received_at, writer, record_offset, record_index"
ERASURE = "satori/satori-js-2.5.1/030_DELETE_v1-identity.json"


class Replay(NamedTuple):
    """What came of all requests: each one's answer by its name, the rows, and those before the erasure at the end."""

    running: Installation
    answers: dict[str, Response]
    rows_before_erasure: list[Row]
    rows: list[Row]


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    with installation(tmp_path_factory.mktemp("corpus") / "data") as made:
        made.data_dir.mkdir()
        with ControlDatabase(made.data_dir / "control.sqlite3", SystemClock()) as control:
            for name, key_name, key in (
                ("recorded", "recorder", RECORDER_API_KEY),
                ("derived", "derived", DERIVED_API_KEY),
            ):
                control.create_game(name)
                control.create_api_key(name, key_name, key)
        made.start_run()
        yield replay_all(made)


def replay_all(made: Installation) -> Replay:
    answers: dict[str, Response] = {}
    tokens: dict[str, str] = {}
    before: list[Row] = []
    basic = base64.b64encode(f"{DERIVED_API_KEY}:".encode()).decode()
    tokens |= {"{basic}": basic, "{token}": player_token(made, basic)}
    for request in (each for requests in REQUESTS.values() for each in requests):
        if request.name == ERASURE:
            wait_until_all_is_loaded(made)
            before = made.sql(ALL_EVENTS)
        answer = made.request(
            request.method, request.target, sent_body(request, tokens), dict(sent_headers(request, tokens))
        )
        answers[request.name] = answer
        if answer.status == 200 and isinstance(request.answer, dict):
            own = answer.json()
            tokens |= {request.answer[name]: own[name] for name in ("token", "refresh_token") if name in request.answer}
    # Deleting an identity is journalled twice: before its tokens end, and after.
    made.wait_until(lambda: made.sql("SELECT count(*) AS n FROM erasures WHERE is_done") == [{"n": 2}], "the erasures")
    return Replay(made, answers, before, made.sql(ALL_EVENTS))


def player_token(made: Installation, basic: str) -> str:
    body = json.dumps({"id": DERIVED_PLAYER}).encode()
    answer = made.request("POST", "/v1/authenticate", body, {"Authorization": f"Basic {basic}"})
    assert answer.status == 200, answer.body
    token: str = answer.json()["token"]
    return token


def wait_until_all_is_loaded(made: Installation) -> None:
    """Until the loader has met as many events as were sent and made by the server."""

    def is_loaded() -> bool:
        (counted_events,) = made.sql("SELECT sum(received) AS received FROM ingest_hours")
        return bool(counted_events["received"] == SENT_EVENTS + SYSTEM_EVENTS)

    made.wait_until(is_loaded, f"{SENT_EVENTS} + {SYSTEM_EVENTS} events")


def events_in(request: RecordedRequest) -> list[Any]:
    """The events of a request that is not expected to be refused."""
    if request.method != "POST" or request.expect.startswith("401"):
        return []
    if request.target.endswith("/events"):
        return list(request.json)
    return list(request.json["events"]) if request.target in {"/v1/event", "/v1/server-event"} else []


SENT_EVENTS = sum(len(events_in(request)) for requests in REQUESTS.values() for request in requests)
# Created, session started: two players of the Satori client, two that derived requests sign in, and the one whose token
# the derived requests bear. Besides, one player identifies as another, and the seed's player is created by an event.
SYSTEM_EVENTS = 5 * 2 + 1 + 1


def of(*clients: str) -> Iterable[Any]:
    return [pytest.param(request, id=request.name) for client in clients for request in REQUESTS[client]]


# Answers


@pytest.mark.parametrize("request_", of(*GAMEANALYTICS))
def test_gameanalytics_answers_as_recorded(replay: Replay, request_: RecordedRequest) -> None:
    answer = replay.answers[request_.name]
    assert answer.headers["access-control-allow-origin"] == "*"
    if "/remote_configs/" in request_.target and request_.method == "POST":
        # The recording's server had remote configs of its own, hence another hash: ours are always new to this client.
        assert answer.status == 201
        assert_remote_configs(answer.json())
    else:
        assert answer.status == request_.status
    match request_.method, request_.target.rpartition("/")[2]:
        case "OPTIONS", _:
            assert answer.body == b""
            assert answer.headers["access-control-allow-methods"] == "POST, OPTIONS"
            allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
            assert allowed >= {"authorization", "content-type"}
        case _, "events":
            assert answer.body == b"[]"
        case _, "init":
            own = answer.json()
            assert {**own, "server_ts": 0} == {**request_.answer, "server_ts": 0}
            assert type(own["server_ts"]) is int


def assert_remote_configs(answer: dict[str, Any]) -> None:
    assert answer["configs"] == []
    assert type(answer["server_ts"]) is int
    assert all(isinstance(answer[name], str) for name in ("configs_hash", "ab_id", "ab_variant_id"))
    assert answer["configs_hash"]


def test_a_client_that_has_the_remote_configs_is_told_that_nothing_changed(replay: Replay) -> None:
    request = next(each for each in REQUESTS[GAMEANALYTICS[0]] if each.name.endswith("002_remote_configs_init.json"))
    configs_hash = replay.answers[request.name].json()["configs_hash"]
    answer = replay.running.request("POST", request.target + configs_hash, request.body, dict(request.headers))
    assert (answer.status, sorted(answer.json())) == (200, ["enabled", "server_ts"])


@pytest.mark.parametrize("request_", of(SATORI_CLIENT, SEED))
def test_satori_answers_as_recorded(replay: Replay, request_: RecordedRequest) -> None:
    answer = replay.answers[request_.name]
    assert (answer.status, answer.headers["content-type"]) == (request_.status, "application/json")
    own, recorded = answer.json(), request_.answer
    assert sorted(own) == sorted(recorded)
    if answer.status != 200:
        assert own == recorded
    for name in ("token", "refresh_token"):
        if name in recorded:
            assert claims(own[name]).keys() >= claims(recorded[name]).keys()
            assert claims(own[name])["iid"] == claims(recorded[name])["iid"]
    own_properties, properties = own.get("properties", own), recorded.get("properties", recorded)
    if "custom" in properties:
        assert own_properties["custom"] == properties["custom"]
        assert own_properties["default"].items() >= properties["default"].items()
        assert all(isinstance(value, str) for kind in own_properties.values() for value in kind.values())
    for name in ("flags", "experiments", "live_events", "explicit_join_live_events"):
        assert own.get(name) == recorded.get(name)


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


@pytest.mark.parametrize("request_", of(DERIVED))
def test_derived_requests_are_answered_as_their_sources_expect(replay: Replay, request_: RecordedRequest) -> None:
    answer = replay.answers[request_.name]
    status = 401 if request_.expect.startswith("401") else 200
    assert answer.status == status
    own = answer.json()
    if status == 401:
        assert (own["code"], own["details"]) == (16, [])
    elif request_.target == "/v1/authenticate":
        assert sorted(own["properties"]) == ["computed", "custom", "default"]
        assert own["token"].count(".") == own["refresh_token"].count(".") == 2
    else:
        assert own == {}


# Rows

# Column -> field of the wire, where a value is stored as it was sent.
GAMEANALYTICS_COLUMNS = {
    "category": "category",
    "event_id": "event_id",
    "player_id": "user_id",
    "session_id": "session_id",
    "session_num": "session_num",
    "currency": "currency",
    "transaction_num": "transaction_num",
    "cart_type": "cart_type",
    "score": "score",
    "attempt_num": "attempt_num",
    "length_s": "length",
    "severity": "severity",
    "message": "message",
    "ad_sdk_name": "ad_sdk_name",
    "ad_placement": "ad_placement",
    "ad_type": "ad_type",
    "ad_action": "ad_action",
    "ad_fail_show_reason": "ad_fail_show_reason",
    "ad_duration_ms": "ad_duration",
    "platform": "platform",
    "os_version": "os_version",
    "device": "device",
    "manufacturer": "manufacturer",
    "build": "build",
    "engine_version": "engine_version",
    "sdk_version": "sdk_version",
    "connection_type": "connection_type",
    "custom_01": "custom_01",
    "custom_02": "custom_02",
    "custom_03": "custom_03",
}
ELSEWHERE = {"v", "event_uuid", "client_ts", "value", "amount", "ip", *GAMEANALYTICS_COLUMNS.values()}


def sent_gameanalytics_events(client: str) -> list[dict[str, Any]]:
    """Every event that was sent, those with an id once."""
    events: dict[object, dict[str, Any]] = {}
    for request in REQUESTS[client]:
        for event in events_in(request):
            events.setdefault(event.get("event_uuid", id(event)), event)
    return list(events.values())


def expected_gameanalytics_row(event: dict[str, Any]) -> dict[str, Any]:
    is_business = event["category"] == "business"
    return {
        **{column: event.get(field) for column, field in GAMEANALYTICS_COLUMNS.items()},
        "amount": event.get("amount") if is_business else None,
        "value": event.get("amount") if event["category"] == "resource" else event.get("value"),
        "client_time": event.get("client_ts"),
        "attributes": {name: value for name, value in event.items() if name not in ELSEWHERE} or None,
    }


def as_sent(row: Row) -> dict[str, Any]:
    columns = (*GAMEANALYTICS_COLUMNS, "amount", "value", "client_time", "attributes")
    attributes = row["attributes"]
    return {name: row[name] for name in columns} | {
        "client_time": unix_s(row["client_time"]),
        "attributes": attributes and json.loads(attributes),
    }


def unix_s(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


def counted(rows: Iterable[dict[str, Any]]) -> Counter[str]:
    return Counter(json.dumps(row, sort_keys=True) for row in normalised(rows))


def normalised(rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Whole numbers alike, whatever the column's type."""
    for row in rows:
        yield {name: float(value) if isinstance(value, int | float) else value for name, value in row.items()}


def rows_of_gameanalytics(replay: Replay, client: str) -> list[Row]:
    version = "javascript 4.4.6" if "npm" in client else "rest api v2"
    return [row for row in replay.rows if (row["source"], row["sdk_version"]) == ("gameanalytics", version)]


@pytest.mark.parametrize("client", GAMEANALYTICS)
def test_every_gameanalytics_event_is_one_row_with_all_that_was_sent(replay: Replay, client: str) -> None:
    sent = sent_gameanalytics_events(client)
    rows = rows_of_gameanalytics(replay, client)
    assert counted(map(as_sent, rows)) == counted(map(expected_gameanalytics_row, sent))


def test_events_keep_the_uuid_that_the_client_gave(replay: Replay) -> None:
    sent = [event["event_uuid"] for event in sent_gameanalytics_events(GAMEANALYTICS[0])]
    rows = rows_of_gameanalytics(replay, GAMEANALYTICS[0])
    assert sorted(row["event_uuid"] for row in rows) == sorted(sent)
    assert all(row["has_client_id"] for row in rows)
    others = rows_of_gameanalytics(replay, GAMEANALYTICS[1])
    assert len({row["event_uuid"] for row in others}) == len(others) == 4
    assert not any(row["has_client_id"] for row in others)


def test_an_address_in_an_event_is_nowhere(replay: Replay) -> None:
    address = b"203.0.113.7"
    assert any(address.decode() in str(each.headers) for each in REQUESTS[GAMEANALYTICS[1]])
    store = replay.running.data_dir / "store"
    assert not [path for path in store.rglob("*") if path.is_file() and address in path.read_bytes()]
    assert address.decode() not in replay.running.log()


def test_sessions_of_the_javascript_sdk(replay: Replay) -> None:
    assert replay.running.sql(
        "SELECT session_id, session_num, length_s FROM sessions "
        "WHERE player_id = 'a35278d1-0d6b-4d0f-bf19-8dfde20af8db' ORDER BY session_num"
    ) == [
        {"session_id": "942a012a-4911-4d6c-aff7-f42bf5d9c3fc", "session_num": 1, "length_s": 5},
        {"session_id": "f33f6660-a62b-4454-a1c7-c84e890f1c2c", "session_num": 2, "length_s": 1},
        {"session_id": "76813d01-7a5f-443c-95fe-8867cba156c4", "session_num": 3, "length_s": 1},
    ]


SATORI_COLUMNS = ("event_id", "value", "value_text", "amount", "currency", "attributes")


def satori_rows(rows: Iterable[Row], player_id: str | None) -> list[tuple[object, ...]]:
    return [
        tuple(row[name] for name in SATORI_COLUMNS)
        for row in rows
        if row["player_id"] == player_id and row["source"].startswith("satori") and row["api_key_name"] == "recorder"
    ]


def test_events_of_the_satori_client_are_rows_and_a_duplicate_is_stored_once(replay: Replay) -> None:
    assert satori_rows(replay.rows_before_erasure, FIRST) == [
        ("_identityCreate", None, None, None, None, None),
        ("_sessionStart", None, None, None, None, None),
        ("gameFinished", None, "lobby", None, None, '{"score":"100"}'),
        ("gameStarted", None, None, None, None, None),
        ("adStarted", None, "banner-1", None, None, None),
        ("appLaunched", None, "demo", None, None, None),
        ("screenViewed", None, "main_menu", None, None, None),
        ("purchaseCompleted", 499, None, 499, "USD", '{"currency":"USD","amount":"4.99"}'),
        ("gameFinished", None, "dup", None, None, None),
    ]


def test_events_after_identify_are_the_other_players_and_carry_the_same_session(replay: Replay) -> None:
    assert [row[0] for row in satori_rows(replay.rows_before_erasure, SECOND)] == [
        "_identityCreate",
        "_identify",
        "gameFinished",
        "gameFinished",
        "_sessionStart",
    ]
    tokens = [replay.answers[f"satori/satori-js-2.5.1/{name}.json"].json()["token"] for name in SIGNING_IN]
    sessions = [claims(token)["sid"] for token in tokens]
    stored = {
        (row["player_id"], row["session_id"])
        for row in replay.rows_before_erasure
        if row["event_id"] in {"gameFinished", "gameStarted", "_sessionStart"} and row["api_key_name"] == "recorder"
    }
    assert stored == {(FIRST, sessions[0]), (SECOND, sessions[1]), (SECOND, sessions[2])}
    assert sessions[0] == sessions[1]
    assert sessions[1] != sessions[2]


SIGNING_IN = ("005_POST_v1-authenticate", "020_PUT_v1-identify", "029_POST_v1-authenticate")


def test_what_a_deleted_identity_did_is_gone_everywhere(replay: Replay) -> None:
    assert satori_rows(replay.rows, SECOND) == []
    assert SECOND not in {row["player_id"] for row in replay.running.sql("SELECT player_id FROM players")}
    assert satori_rows(replay.rows, FIRST)


def test_ids_of_satori_events_are_kept(replay: Replay) -> None:
    ids = {row["event_uuid"] for row in replay.rows_before_erasure if row["has_client_id"]}
    assert ids >= {"894760ec-55b5-4b14-a73b-527cb9fefa94", "1eac049d-ed71-4a8b-8cd8-94dadc7be681"}


SEED_PLAYER = "00000000-0000-0000-0000-000000000001"
SEED_TIME = "2025-07-15T12:00:00.000000Z"


def test_the_seeds_samples_are_a_purchase_a_non_player_event_and_a_level(replay: Replay) -> None:
    rows = [row for row in replay.rows if (row["source"], row["api_key_name"]) == ("satori_server", "recorder")]
    columns = ("event_id", "player_id", "amount", "currency", "value", "client_time", "event_time")
    purchase = ("purchaseCompleted", SEED_PLAYER, 2000, "GBP", None, SEED_TIME, SEED_TIME)
    spawn = ("enemySpawned", None, None, None, 5, SEED_TIME, SEED_TIME)
    level = ("levelCompleted", SEED_PLAYER, None, None, 10, SEED_TIME, SEED_TIME)
    assert [tuple(row[name] for name in columns) for row in rows] == [purchase, spawn, level] * 4
    assert [json.loads(row["attributes"]) for row in rows] == [
        {"test": "false", "amount": "20", "currency": "GBP"},
        {
            "matchId": "0078EC13-FDE4-44E7-990C-3ABE180B6298",
            "partyId": "8D47AF50-8EAF-4C2E-B721-D39A06F9F5E3",
            "spawnCount": "5",
            "gameTimeSec": "528",
        },
        {"levelId": "10", "retryCount": "2"},
    ] * 4
    assert {row["amount_usd"] for row in rows if row["amount"]} == {rows[0]["amount_usd"]}
    assert 20 < float(rows[0]["amount_usd"]) < 40  # pounds in dollars


def test_the_seeds_session_has_the_times_it_was_sent_with(replay: Replay) -> None:
    (session,) = replay.running.sql(
        "SELECT start_time, issued_at, expires_at, player_id, transactions FROM sessions JOIN (SELECT DISTINCT game_id "
        "FROM events WHERE api_key_name = 'recorder') USING (game_id) "
        "WHERE session_id = '2513FC77-3B8D-487B-9709-18E0A27F0ECB'"
    )
    assert session["issued_at"] == session["start_time"] == "2025-07-15T11:00:00.000000Z"
    assert session["expires_at"] == "2025-07-16T11:00:00.000000Z"
    assert session["player_id"] == SEED_PLAYER
    # The purchase came without a session and was matched to this one, which was open then (metrics.md §2).
    assert session["transactions"] == 4


def test_derived_requests_are_rows(replay: Replay) -> None:
    rows = [row for row in replay.rows if row["api_key_name"] == "derived" and row["source"] != "satori_system"]
    columns = ("event_id", "player_id", "client_time", "value", "value_text", "amount", "currency", "attributes")
    unreal, told = "11111111-1111-0000-0000-000000000000", '{"gameId":"id-1234"}'
    metadata = '{"platform":"windows","version":"1.0"}'
    assert [tuple(row[name] for name in columns) for row in rows] == [
        ("gameFinished", DERIVED_PLAYER, "2026-11-21T19:17:29.896086Z", *[None] * 5),
        ("gameFinished", DERIVED_PLAYER, "2026-11-21T19:17:30.000001Z", *[None] * 4, '{"score":"100","level":"1"}'),
        ("gameFinished", DERIVED_PLAYER, "2026-11-21T19:17:29.896086Z", *[None] * 5),
        ("gameFinished", DERIVED_PLAYER, None, None, told, *[None] * 3),
        ("testEvent", DERIVED_PLAYER, "1970-01-01T00:00:01.337000Z", *[None] * 5),
        ("gameStarted", None, "2026-11-21T19:17:29.896000Z", *[None] * 5),
        ("purchaseCompleted", unreal, "2026-11-21T19:17:29.896000Z", 100, None, 100, "USD", metadata),
        ("gameStarted", unreal, "2026-11-21T19:13:32.000000Z", *[None] * 5),
        ("gameStarted", None, "2026-11-21T19:17:29.000000Z", *[None] * 5),
    ]
    # Without a timestamp, the time of receipt.
    assert all(row["event_time"] == row["received_at"] for row in rows if row["client_time"] is None)


def test_received_is_stored_and_duplicates_and_nothing_was_rejected(replay: Replay) -> None:
    hours = replay.running.sql("SELECT * FROM ingest_hours")
    assert sum(hour["received"] for hour in hours) == sum(hour["stored"] + hour["duplicates"] for hour in hours)
    assert sum(hour["rejected"] for hour in hours) == 0
    # Sent twice: one event of the Satori client; a session_end and an unsent event of the JavaScript SDK.
    assert sum(hour["duplicates"] for hour in hours) == 3
    assert {row["game_id"] for row in rows_of_gameanalytics(replay, GAMEANALYTICS[0])} == {
        row["game_id"] for row in rows_of_gameanalytics(replay, GAMEANALYTICS[1])
    }
    assert SANDBOX_GAME_KEY in REQUESTS[GAMEANALYTICS[0]][0].target
    assert "Traceback" not in replay.running.log()
