"""Books by sender, rejections with what to do, findings, replays and one event with what was sent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.analytics.question.answer import Answer
from questlog.control.audit_log import AuditFilter
from questlog.control.grants import Role
from tests.support.console import FakeConsole

Client = TestClient[Litestar]
NOW = datetime(2026, 1, 1)  # noqa: DTZ001 - as the engine has it
GAME = "/api/v1/games/1"


@pytest.fixture(autouse=True)
def _no_limit_is_reached(console: FakeConsole, game: dict[str, Any]) -> None:
    assert game["game_id"] == 1
    console.analytics.answer = Answer(pa.table({"field": pa.array([], pa.string())}), [])


def reject(console: FakeConsole, number: int, **values: object) -> None:
    row: dict[str, object] = {
        "rejected_no": number,
        "game_id": 1,
        "received_at": NOW - timedelta(hours=1),
        "source": "gameanalytics",
        "is_whole_request": False,
        "reason": "failed_validation",
        "detail": "build: wrong_type",
        "errors": '[{"error_type":"wrong_type","path":"/build"}]',
        "raw": '{"build":7,"category":"design"}',
        "category": "design",
        "sdk_version": "unity 7.10.6",
        "build": "1.0",
        "is_complete": True,
        "writer": 1,
    }
    console.tables.insert("rejected_events", **row | values)


def count(console: FakeConsole, **values: object) -> None:
    row: dict[str, object] = {
        "game_id": 1,
        "hour": NOW - timedelta(hours=1),
        "source": "gameanalytics",
        "sdk_version": "unity 7.10.6",
        "build": "1.0",
        "received": 10,
        "stored": 7,
        "rejected": 2,
        "duplicates": 1,
        "rejected_requests": 0,
    }
    console.tables.insert("ingest_hours", **row | values)


def test_rejections_are_put_together_by_sender_field_and_rule(console: FakeConsole, client: Client) -> None:
    two = '[{"error_type":"wrong_type","path":"/build"},{"error_type":"no_match","path":"/event_id"}]'
    reject(console, 1)
    reject(console, 2, errors=two, raw='{"build":8,"event_id":"a::b","category":"design"}', is_complete=False)
    reject(console, 3, sdk_version="android 6.0.0")
    reject(console, 4, received_at=NOW - timedelta(days=15))
    reject(console, 5, game_id=2)
    found = client.get(f"{GAME}/rejections").json()
    told = [(each["sdk"], each["field"], each["error_type"], each["events"], each["replayable"]) for each in found]
    assert told == [
        ("Unity", "build", "wrong_type", 2, 1),
        ("Android", "build", "wrong_type", 1, 1),
        ("Unity", "event_id", "no_match", 1, 0),
    ]
    assert [each["value"] for each in found] == ["8", "7", '"a::b"']
    assert found[0]["remedy"]["line"] == 'GameAnalytics.SetBuildAllPlatforms("1.0.0");'
    assert found[1]["remedy"]["guide"] == "android.md"
    assert "1 to 5 parts" in found[2]["remedy"]["rule"]
    assert found[2]["remedy"]["line"].startswith("GameAnalytics.NewDesignEvent(")


def test_it_says_whether_a_lenient_game_would_take_the_event(console: FakeConsole, client: Client) -> None:
    full = {
        "v": 2, "user_id": "u", "session_id": "11111111-2222-4333-8444-555555555555", "session_num": 1,
        "client_ts": 1_767_225_600, "sdk_version": "unity 7.10.6", "os_version": "ios 17.4", "platform": "ios",
        "device": "d", "manufacturer": "m", "category": "design", "event_id": "a:b",
    }  # fmt: skip
    good, lenient = (msgspec.json.encode(event).decode() for event in (full, full | {"build": 7}))
    reject(console, 1, raw=good, build="good")
    reject(console, 2, raw=lenient, build="lenient")
    reject(console, 3, build="bad")
    reject(console, 4, raw=good, build="cut", is_complete=False)
    reject(console, 5, raw="[]", build="request", is_whole_request=True, errors=None, reason="not_json")
    taken = {each["build"]: each["taken_if"] for each in client.get(f"{GAME}/rejections").json()}
    assert taken == {"good": "now", "lenient": "lenient", "bad": None, "cut": None, "request": None}
    client.patch(GAME, json={"is_lenient": True})
    assert {each["build"] for each in client.get(f"{GAME}/rejections").json() if each["taken_if"] == "now"} == {
        "good",
        "lenient",
    }


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        ({"source": "satori_client", "reason": "INVALID_TIMESTAMP"}, "RFC 3339"),
        ({"source": "satori_server", "reason": "INVALID_NAME"}, "strict game"),
        ({"reason": "wrong_signature", "is_whole_request": True}, "secret key"),
        ({"reason": "expired", "raw": ""}, "older than"),
        ({"reason": "who knows", "raw": "\\ud800 no JSON"}, ""),
    ],
)
def test_every_reason_has_something_to_do(
    console: FakeConsole, client: Client, values: dict[str, object], advice: str
) -> None:
    reject(console, 1, **{"errors": None, "sdk_version": None} | values)
    [found] = client.get(f"{GAME}/rejections").json()
    assert advice in found["remedy"]["advice"]
    assert (found["field"], found["detail"]) == (None, "build: wrong_type")


def test_books_add_up_by_sender(console: FakeConsole, client: Client) -> None:
    count(console)
    count(console, hour=NOW - timedelta(hours=2), received=5, stored=5, rejected=0, duplicates=0)
    count(console, source="satori_client", sdk_version=None, build=None, received=3, stored=1, rejected=1, duplicates=0)
    count(console, hour=NOW - timedelta(days=2))
    report = client.get(f"{GAME}/integration").json()
    assert [(book["sdk"], book["received"], book["stored"]) for book in report["books"]] == [
        ("Unity", 15, 12),
        ("Nakama or Satori client", 3, 1),
    ]
    assert (report["total"]["received"], report["adds_up"]) == (18, False)
    assert client.get(f"{GAME}/integration", params={"from": "2025-12-30"}).json()["total"]["received"] == 28


def test_what_to_look_into(console: FakeConsole, client: Client) -> None:
    insert = console.tables.insert
    insert("purchases", game_id=1, currency="GLD", event_time=NOW - timedelta(hours=2), day=NOW.date())
    sender = {"game_id": 1, "source": "gameanalytics", "sdk_version": "unity 7.10.6", "build": "1.0"}
    at = NOW - timedelta(hours=1)
    for row_no, client_time in enumerate((at, at + timedelta(days=1), datetime(1970, 1, 1), None)):  # noqa: DTZ001
        event = {"received_at": at, "event_time": at, "client_time": client_time, "player_no": row_no}
        attributes = '{"invalid":{"build":7}}' if row_no == 0 else None
        insert("events", row_no=row_no, attributes=attributes, **event, **sender)
    for number in range(20):
        session = {"session_no": number, "start_time": at, "end_time": at}
        insert("sessions", ended_length_s=None if number < 9 else 5, **session, **sender)
    count(console)
    limits = {"field": ["custom_01"], "limit": [100], "values": [130], "day": [NOW.date()]}
    console.analytics.answer = Answer(pa.table(limits), [])
    found = {each["kind"]: each for each in client.get(f"{GAME}/integration").json()["findings"]}
    assert {kind: (each["count"], each["of"]) for kind, each in found.items()} == {
        "unknown_currency": (1, None),
        "clock_ahead": (1, 4),
        "clock_wrong": (1, 4),
        "no_time": (1, 4),
        "warned": (1, 4),
        "no_session_end": (9, 20),
        "duplicates": (1, 10),
        "limit_reached": (130, 100),
    }
    assert all(each["advice"] for each in found.values())
    assert (found["unknown_currency"]["subject"], found["clock_ahead"]["players"]) == ("GLD", 2)


@pytest.mark.parametrize(
    "span", [{"from": "2026-01-02"}, {"from": "2025-11-01"}, {"from": "nonsense"}, {"to": "9999999"}]
)
def test_a_span_that_is_none_is_refused(client: Client, span: dict[str, str]) -> None:
    for route in ("integration", "rejections"):
        assert client.get(f"{GAME}/{route}", params=span).status_code == 400


def test_rejections_are_personal_data_and_replaying_is_managing(console: FakeConsole, client: Client) -> None:
    client.headers["Authorization"] = f"Bearer {console.token_of(Role.VIEWER)}"
    assert client.get(f"{GAME}/integration").status_code == 200
    assert client.get(f"{GAME}/rejections").status_code == 403
    client.headers["Authorization"] = f"Bearer {console.token_of(Role.ANALYST)}"
    assert client.get(f"{GAME}/rejections").status_code == 200
    assert client.post(f"{GAME}/replay", json={}).status_code == 403


def test_a_replay_is_asked_for_once_told_of_and_cancelled(console: FakeConsole, client: Client) -> None:
    assert client.get(f"{GAME}/replay").json()["state"] == "none"
    body = {"reason": "failed_validation", "error_type": "wrong_type", "field": "build", "dry_run": True}
    started = client.post(f"{GAME}/replay", json=body)
    assert (started.status_code, started.json()["state"], started.json()["is_dry_run"]) == (202, "waiting", True)
    again = client.post(f"{GAME}/replay", json={})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_running")
    client.post("/api/v1/games", json={"name": "Other"})
    assert client.get("/api/v1/games/2/replay").json()["state"] == "none"
    client.delete("/api/v1/games/2/replay")
    assert client.delete(f"{GAME}/replay").status_code == 202
    actions = [entry.action for entry in console.control.list_audit(AuditFilter())]
    assert actions.count("replay.start") == 1
    assert client.post(f"{GAME}/replay", json={"field": "build"}).status_code == 400


def test_one_event_comes_with_what_was_sent(console: FakeConsole, client: Client) -> None:
    place = {"writer": 1, "segment": 2, "record_offset": 3}
    for index in range(2):
        console.tables.insert("events", game_id=1, row_no=index, received_at=NOW, record_index=index, **place)
    console.raw[1] = '{"v": 2}'
    assert client.get(f"{GAME}/events/1").json()["raw"] == {"v": 2}
    found = client.get(f"{GAME}/events/0").json()
    assert (found["event"]["row_no"], found["raw"]) == (0, None)
    assert client.get(f"{GAME}/events/7").status_code == 404


def test_events_are_filtered_by_patterns_and_exclusions(console: FakeConsole, client: Client) -> None:
    for number, event_id in enumerate(("menu:open", "menu_open", "fps:low", None)):
        at = datetime.fromtimestamp(number, UTC).replace(tzinfo=None)
        console.tables.insert("events", game_id=1, row_no=number, received_at=at, category="design", event_id=event_id)

    def ids(**parameters: str) -> list[str | None]:
        return [event["event_id"] for event in client.get(f"{GAME}/events", params=parameters).json()["events"]]

    assert ids(event_id="*_open") == ["menu_open"]
    assert ids(event_id="m*:o*") == ["menu:open"]
    assert ids(not_event_id="fps*, menu_*") == [None, "menu:open"]
    assert ids(not_category="design") == []
    assert client.get(f"{GAME}/events", params={"not_event_id": "a," * 21}).status_code == 400
