from datetime import datetime, timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.support.console import FakeConsole

Client = TestClient[Litestar]
EVENTS = "/api/v1/games/1/events"
START = datetime(2026, 1, 1)  # noqa: DTZ001 - as the engine has it: UTC without saying so


@pytest.fixture(autouse=True)
def _stored(console: FakeConsole, game: dict[str, Any]) -> None:
    """Ten events, three of which share a moment; one of another game; two rejected."""
    seconds = [0, 1, 2, 3, 3, 3, 4, 5, 6, 7]
    for row_no, second in enumerate(seconds, start=1):
        console.tables.insert(
            "events",
            row_no=row_no,
            game_id=1,
            source="gameanalytics" if row_no % 2 else "satori_client",
            received_at=START + timedelta(seconds=second),
            category="design",
            event_id=f"level:{row_no}",
            player_id=f"p{row_no % 3}",
            attributes='{"deep": {"big": 12345678901234567890}}',
            amount=2**60,
        )
    console.tables.insert("events", row_no=11, game_id=2, received_at=START, category="design", event_id="other:game")
    for rejected_no, reason in enumerate(["failed_validation", "not_json"], start=1):
        console.tables.insert(
            "rejected_events",
            rejected_no=rejected_no,
            game_id=1,
            source="gameanalytics",
            received_at=START + timedelta(seconds=rejected_no),
            is_whole_request=reason == "not_json",
            reason=reason,
            detail="/x: wrong",
            errors='[{"error_type": "schema", "path": "/x"}]' if rejected_no == 1 else None,
            raw='{"x": 1',
        )


def numbers(client: Client, query: str = "") -> list[int]:
    answer = client.get(f"{EVENTS}?{query}")
    assert answer.status_code == 200, answer.text
    return [event["row_no"] for event in answer.json()["events"]]


def test_events_come_newest_first_and_only_of_the_game(client: Client) -> None:
    assert numbers(client) == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]


def test_an_event_has_all_its_columns_and_its_attributes_as_sent(client: Client) -> None:
    answer = client.get(f"{EVENTS}?limit=1")
    event = answer.json()["events"][0]
    assert event["received_at"] == "2026-01-01T00:00:07.000000Z"
    assert event["amount"] == str(2**60)
    assert event["session_id"] is None
    assert {"event_time", "country", "build", "custom_01", "amount_usd", "event_uuid"} <= event.keys()
    assert '"attributes":{"deep": {"big": 12345678901234567890}}' in answer.text


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 10])
def test_pages_together_are_the_whole_list(client: Client, limit: int) -> None:
    seen: list[int] = []
    after = ""
    while True:
        page = client.get(f"{EVENTS}?limit={limit}{after}").json()
        seen += [event["row_no"] for event in page["events"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("category=user", []),
        ("event_id=level:3", [3]),
        ("event_id=level:1*", [10, 1]),
        ("event_id=level:%25*", []),
        ("event_id=*", [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ("player_id=p0", [9, 6, 3]),
        ("player_id=p*&category=des*", [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        ("player_id=q*", []),
        ("session_id=*", []),
        ("build=1*", []),
        ("source=satori*&event_id=level:1*", [10]),
        ("player_id=' OR 1=1 --", []),
        ("source=satori_client&player_id=p0", [6]),
        ("from=2026-01-01T00:00:05Z", [10, 9, 8]),
        ("to=2026-01-01T00:00:02Z", [2, 1]),
        ("from=2026-01-01T01:00:03%2B01:00&to=2026-01-01T00:00:04Z", [6, 5, 4]),
    ],
)
def test_filters_restrict_the_list(client: Client, query: str, expected: list[int]) -> None:
    assert numbers(client, query) == expected


def test_events_of_a_lenient_game_with_invalid_annotations_are_listed_as_warned(
    console: FakeConsole, client: Client
) -> None:
    for row_no, attributes in (
        (20, '{"invalid": {"build": 5}}'),
        (21, '{"a": {"invalid": 1}}'),
        (22, None),
        (24, '{"invalid": "cut off'),
        (23, '{"invalid": {"value": "x"}, "b": 1}'),
    ):
        console.tables.insert(
            "events", row_no=row_no, game_id=1, received_at=START, event_id=f"n:{row_no}", attributes=attributes
        )
    assert numbers(client, "status=warned") == [23, 20]
    assert numbers(client, "status=warned&event_id=n:20") == [20]
    (event,) = client.get(f"{EVENTS}?status=warned&limit=1").json()["events"]
    assert event["attributes"] == {"invalid": {"value": "x"}, "b": 1}
    refused = client.get(f"{EVENTS}?status=warned&reason=not_json")
    assert refused.json()["error"]["message"] == "`reason` cannot filter events"


def test_rejected_events_come_with_reason_errors_and_what_was_sent(client: Client) -> None:
    events = client.get(f"{EVENTS}?status=rejected").json()["events"]
    assert [(event["reason"], event["is_whole_request"]) for event in events] == [
        ("not_json", True),
        ("failed_validation", False),
    ]
    assert events[0]["errors"] is None
    assert events[1]["errors"] == [{"error_type": "schema", "path": "/x"}]
    assert events[1]["detail"] == "/x: wrong"
    assert events[1]["raw"] == '{"x": 1'


def test_rejected_events_are_filtered_by_reason_and_paged(client: Client) -> None:
    only = client.get(f"{EVENTS}?status=rejected&reason=not_json").json()["events"]
    assert [event["rejected_no"] for event in only] == [2]
    beginning = client.get(f"{EVENTS}?status=rejected&reason=fail*").json()["events"]
    assert [event["rejected_no"] for event in beginning] == [1]
    page = client.get(f"{EVENTS}?status=rejected&limit=1").json()
    rest = client.get(f"{EVENTS}?status=rejected&limit=1&after={page['next']}").json()
    assert [event["rejected_no"] for event in rest["events"]] == [1]
