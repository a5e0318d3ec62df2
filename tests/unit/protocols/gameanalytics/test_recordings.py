"""Requests of real clients, byte for byte: what comes of them must not change."""

import json
from collections import Counter
from typing import Any

import pytest

from questlog.protocols.gameanalytics.codec import decode_events, to_columns
from tests.support.gameanalytics import Recording, recordings

EVENTS = {recording.name: recording for recording in recordings("events")}
JS = "js-npm-4.4.7-chromium"
COUNTS: dict[str, dict[str, int]] = {
    "goldfire-node-sdk-1.1.4/002_events.json": {"user": 1},
    "goldfire-node-sdk-1.1.4/003_events.json": {"error": 1, "design": 1, "session_end": 1},
    f"{JS}/004_events.json": {"user": 1},
    f"{JS}/005_events.json": {"sdk_error": 1},
    f"{JS}/006_events.json": {"sdk_error": 1},
    f"{JS}/007_events.json": {
        "business": 2, "resource": 2, "progression": 6, "design": 4, "error": 7, "ads": 5,
    },
    f"{JS}/008_events.json": {"design": 1},
    f"{JS}/009_events.json": {"session_end": 1},
    f"{JS}/010_events.json": {"session_end": 1},
    f"{JS}/013_events.json": {"user": 1},
    f"{JS}/014_events.json": {"design": 1},
    f"{JS}/016_events.json": {"user": 1},
    f"{JS}/017_events.json": {"design": 2, "session_end": 1},
}  # fmt: skip


def rows_of(recording: Recording) -> list[dict[str, Any]]:
    decoded = decode_events(recording.plain_body)
    columns = to_columns(decoded.events)
    return [
        {name: column[place] for name, column in columns.items() if column[place] is not None}
        for place in range(len(decoded.events))
    ]


def test_all_recordings_are_counted() -> None:
    assert set(EVENTS) == set(COUNTS)


@pytest.mark.parametrize("name", COUNTS)
def test_no_recorded_event_is_dropped(name: str) -> None:
    decoded = decode_events(EVENTS[name].plain_body)
    assert decoded.dropped == []
    assert list(decoded.indexes) == list(range(len(EVENTS[name].json)))
    assert Counter(event.category for event in decoded.events) == COUNTS[name]


@pytest.mark.parametrize("name", COUNTS)
def test_every_recorded_field_is_in_a_column_or_an_attribute(name: str) -> None:
    for sent, row in zip(EVENTS[name].json, rows_of(EVENTS[name]), strict=True):
        stored = [value for column, value in row.items() if column != "attributes"]
        attributes = json.loads(row.get("attributes", "{}"))
        for field, value in sent.items():
            if field == "client_ts":
                assert row["client_time"] == value * 1_000_000
            elif field not in ("v", "ip"):
                assert attributes.get(field, "") == value or value in stored, field
        assert set(attributes) <= set(sent)


def test_a_design_event_of_the_javascript_sdk() -> None:
    (row,) = rows_of(EVENTS[f"{JS}/014_events.json"])
    assert json.loads(row.pop("attributes")) == {
        "browser_version": "chrome 156",
        "configurations": {"difficulty": "hard", "drop_rate": "0.25"},
        "ab_id": "exp-1",
        "ab_variant_id": "A",
        "custom_fields": {"global_str": "abc", "global_num": 7},
    }
    assert row == {
        "client_event_id": "94a49c12-13d8-427d-85dd-5624a96e7a63",
        "client_time": 1_795_288_130_000_000,
        "category": "design",
        "event_id": "Second:Session",
        "value": 2.0,
        "player_id": "a35278d1-0d6b-4d0f-bf19-8dfde20af8db",
        "session_id": "f33f6660-a62b-4454-a1c7-c84e890f1c2c",
        "session_num": 2,
        "platform": "linux",
        "os_version": "linux 0.0.0",
        "device": "unknown",
        "manufacturer": "unknown",
        "build": "web 1.2.3",
        "engine_version": "construct 3.40.0",
        "sdk_version": "javascript 4.4.6",
        "connection_type": "lan",
        "custom_02": "whale",
        "custom_03": "horde",
    }


def test_the_big_batch_of_the_javascript_sdk() -> None:
    rows = rows_of(EVENTS[f"{JS}/007_events.json"])
    first, free = rows[0], rows[1]
    assert (first["event_id"], first["amount"], first["currency"]) == ("GoldPacks:1000GoldPack", 99, "USD")
    assert (first["transaction_num"], first["cart_type"]) == (1, "EndOfLevel")
    assert (free["event_id"], free["amount"], "cart_type" in free) == ("Gold Packs!:free (promo)?", 0, False)
    assert [(row["event_id"], row["value"]) for row in rows if row["category"] == "resource"] == [
        ("Source:gems:boost:rainbow", 400.0),
        ("Sink:gold:lives:extra-life", -12.5),
    ]
    assert [(row.get("score"), row.get("attempt_num")) for row in rows if row["category"] == "progression"] == [
        (None, None), (13.0, None), (None, None), (1234.0, 2), (None, None), (0.0, 1)
    ]  # fmt: skip
    assert rows[14]["message"] == "msg Debug – ünïcödé ✓ 😀\nline2"
    assert [len(row["message"]) for row in rows if row["category"] == "error"][-2:] == [0, 8192]
    assert [row.get("ad_fail_show_reason") or row.get("ad_duration_ms") for row in rows[-5:]] == [
        None, None, None, 5000, "no_fill"
    ]  # fmt: skip


def test_the_goldfire_client() -> None:
    error, design, end = rows_of(EVENTS["goldfire-node-sdk-1.1.4/003_events.json"])
    assert (error["severity"], error["message"]) == ("error", "boom")
    assert (design["event_id"], design["value"]) == ("Kill:Robot", 3.0)
    assert end["length_s"] == 1.0
    for row in (error, design, end):
        assert (row["player_id"], row["sdk_version"], row["custom_01"]) == ("server-user-1", "rest api v2", "ninja")
        assert "203.0.113.7" not in row.values()
        assert "attributes" not in row


def test_a_resent_event_has_the_same_id() -> None:
    first, again = (rows_of(EVENTS[f"{JS}/{number}_events.json"]) for number in ("009", "010"))
    assert first[0]["client_event_id"] == again[0]["client_event_id"]
