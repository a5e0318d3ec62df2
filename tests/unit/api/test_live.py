import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from litestar import Litestar
from litestar.testing import TestClient

from questlog.api.app import create_app
from questlog.console.live import LiveFeed, Pace
from tests.support.console import FakeConsole
from tests.support.staged import batch

PATH = "/api/v1/games/1/live"
PATIENCE_S = 20

Client = TestClient[Litestar]


def watched(console: FakeConsole, feed: LiveFeed, happen: Callable[[], None]) -> list[tuple[str, Any]]:
    """Names and data of the events that are told while something happens, up to the end."""
    services = msgspec.structs.replace(console.services, live=feed)
    with TestClient(create_app(services)) as client, ThreadPoolExecutor(1) as pool:
        watching = pool.submit(client.get, PATH, headers={"Authorization": f"Bearer {console.token}"})
        until = time.monotonic() + PATIENCE_S
        while not feed._now() and time.monotonic() < until:
            time.sleep(0.001)
        happen()
        answer = watching.result(PATIENCE_S)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    begin, *events = answer.text.removesuffix("\n\n").split("\n\n")
    assert begin == "retry: 3000"
    return [_parsed(event) for event in events]


def _parsed(event: str) -> tuple[str, Any]:
    name, data = event.split("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_events_are_told_as_they_arrive(console: FakeConsole, game: dict[str, Any]) -> None:
    assert game["game_id"] == 1
    feed = LiveFeed()

    def happen() -> None:
        errors = '[{"error_type":"not_in_range"}]'
        feed.note(batch([{"event_id": "a:b", "attributes": '{"x":1}'}], [{"reason": "bad_value", "errors": errors}]))
        time.sleep(0.1)
        feed.close()

    (name, told), end = watched(console, feed, happen)
    [accepted], [rejected] = told["accepted"], told["rejected"]
    assert (name, told["passed_over"]) == ("events", 0)
    assert (accepted["event_id"], accepted["attributes"]) == ("a:b", {"x": 1})
    assert accepted["received_at"] == "2026-01-01T12:00:00.000000Z"
    assert "message" not in accepted
    assert (rejected["reason"], rejected["errors"]) == ("bad_value", [{"error_type": "not_in_range"}])
    assert end == ("end", {"reason": "the server stops"})


def test_a_line_of_an_event_cannot_be_made_to_end(console: FakeConsole, game: dict[str, Any]) -> None:
    del game
    feed, hostile = LiveFeed(), "a\n\nevent: end\r\ndata: {}\n\n"

    def happen() -> None:
        feed.note(batch([{"message": hostile}]))
        time.sleep(0.1)
        feed.close()

    (_, told), _ = watched(console, feed, happen)
    assert told["accepted"][0]["message"] == hostile


def test_it_ends_when_the_token_is_revoked(console: FakeConsole, game: dict[str, Any]) -> None:
    del game

    def happen() -> None:
        console.control.revoke_token("tests")
        console.clock.us += 10_000_000

    feed = LiveFeed(pace=Pace(recheck_s=0.01))
    assert watched(console, feed, happen) == [("end", {"reason": "this is not permitted any more"})]


def test_who_has_no_token_or_names_no_game_is_refused(client: Client, stranger: Client, console: FakeConsole) -> None:
    assert client.get(PATH).status_code == 404
    console.control.create_game("Sky Raiders")
    del stranger.headers["Authorization"]
    assert stranger.get(PATH).status_code == 401


def test_too_many_are_told_to_come_back(console: FakeConsole, game: dict[str, Any]) -> None:
    del game
    services = msgspec.structs.replace(console.services, live=LiveFeed(most_watchers=0))
    with TestClient(create_app(services)) as client:
        answer = client.get(PATH, headers={"Authorization": f"Bearer {console.token}"})
    assert (answer.status_code, answer.json()["error"]["code"], answer.headers["retry-after"]) == (503, "busy", "10")
