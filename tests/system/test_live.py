"""Someone watches a real server: sees what arrives, goes away, and the server stops all the same."""

import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.installation import SANDBOX_GAME_KEY, USER_EVENT, Installation, Response, signature

pytestmark = pytest.mark.system

PATIENCE_S = 30


@pytest.fixture(name="running", scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("live") / "data")
    installation.start_run()
    yield installation
    installation.kill_everything()


class Watching:
    """A connection that reads server-sent events."""

    def __init__(self, installation: Installation) -> None:
        place = json.loads((installation.data_dir / "console.json").read_bytes())
        self.connection = http.client.HTTPConnection("127.0.0.1", installation.console_port, timeout=PATIENCE_S)
        self.connection.request("GET", "/api/v1/games/1/live", headers={"Authorization": f"Bearer {place['token']}"})
        self.answer = self.connection.getresponse()

    def next(self) -> tuple[str, Any]:
        """The name and the data of the next event; raises `TimeoutError` where none comes."""
        name = ""
        while line := self.answer.readline().decode():
            if line.startswith("event: "):
                name = line.removeprefix("event: ").strip()
            elif line.startswith("data: "):
                return name, json.loads(line.removeprefix("data: "))
        return "closed", None

    def leave(self) -> None:
        self.answer.close()
        self.connection.close()


def send(installation: Installation, *events: object) -> Response:
    body = json.dumps(events).encode()
    path = f"/v2/{SANDBOX_GAME_KEY}/events"
    return installation.request("POST", path, body, {"Authorization": signature(body)})


def test_what_arrives_is_seen_and_so_is_what_is_rejected(running: Installation) -> None:
    watching = Watching(running)
    assert watching.answer.status == 200
    answer = send(running, {**USER_EVENT, "user_id": "watched"}, {**USER_EVENT, "category": "nothing known"})
    assert answer.status == 400  # one of them is dropped
    seen: dict[str, list[Any]] = {"accepted": [], "rejected": []}
    while not all(seen.values()):
        name, told = watching.next()
        assert name == "events"
        for kind, rows in seen.items():
            rows.extend(told[kind])
    assert [row["player_id"] for row in seen["accepted"]] == ["watched"]
    assert seen["rejected"][0]["errors"]
    watching.leave()


def test_those_who_went_make_room(running: Installation) -> None:
    for _ in range(60):  # more than may watch at once
        watching = Watching(running)
        while watching.answer.status == 503:
            watching = Watching(running)
        assert watching.answer.status == 200
        watching.leave()


def test_a_server_that_is_watched_stops_in_time(running: Installation) -> None:
    watching = [Watching(running) for _ in range(3)]
    stopping = threading.Thread(target=running.stop, args=["run"])
    stopping.start()
    for each in watching:
        assert each.next() == ("end", {"reason": "the server stops"})
        each.leave()
    stopping.join(PATIENCE_S)
    assert not stopping.is_alive()
