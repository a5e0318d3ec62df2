import datetime as dt

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.analytics.analyses.timeline import PlayerProfile, PlayerSessions, PlayerTimeline
from questlog.analytics.question.problems import NothingOfThatName
from questlog.analytics.question.query import EventMatch, Period
from tests.support.console import FakeConsole

Client = TestClient[Litestar]
PATH = "/api/v1/games/1/players/ada%20l."
TIMELINE = f"{PATH}/timeline"

pytestmark = pytest.mark.usefixtures("game")


def asked(console: FakeConsole) -> object:
    return console.analytics.asked[-1][1]


def test_a_player_is_asked_for_by_the_id(client: Client, console: FakeConsole) -> None:
    answer = client.get(PATH)
    assert (answer.status_code, answer.json()["rows"]) == (200, [{"players": 3}])
    assert asked(console) == PlayerProfile("ada l.")
    assert client.get(PATH, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert client.get(f"{PATH}?format=csv").text.splitlines() == ['"players"', "3"]


def test_a_player_that_is_not_there_is_not_found(client: Client, console: FakeConsole) -> None:
    console.analytics.error = NothingOfThatName("player_id", "the game has no player 'ada l.'")
    for path in (PATH, f"{PATH}/sessions", TIMELINE):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_players_of_any_id_are_asked_for_in_the_body(client: Client, console: FakeConsole) -> None:
    for route, question in (
        ("player", PlayerProfile("a/b?c")),
        ("sessions", PlayerSessions("a/b?c")),
        ("timeline", PlayerTimeline("a/b?c")),
    ):
        assert client.post(f"/api/v1/games/1/{route}", json={"player_id": "a/b?c"}).status_code == 200
        assert asked(console) == question
    console.analytics.error = NothingOfThatName("player_id", "the game has no player 'a/b?c'")
    assert client.post("/api/v1/games/1/player", json={"player_id": "a/b?c"}).status_code == 404


def test_sessions_come_in_pages(client: Client, console: FakeConsole) -> None:
    assert client.get(f"{PATH}/sessions").status_code == 200
    assert asked(console) == PlayerSessions("ada l.")
    client.get(f"{PATH}/sessions?limit=7&after=abc")
    assert asked(console) == PlayerSessions("ada l.", "abc", 7)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", PlayerTimeline("ada l.")),
        ("category=design", PlayerTimeline("ada l.", event=EventMatch("design"))),
        ("event_id=boss", PlayerTimeline("ada l.", event=EventMatch(None, "boss"))),
        ("event_id=boss:*", PlayerTimeline("ada l.", event=EventMatch(None, "boss", is_prefix=True))),
        ("search=gold", PlayerTimeline("ada l.", search="gold")),
        ("from=2026-01-01", PlayerTimeline("ada l.", Period(dt.date(2026, 1, 1), dt.date(2200, 12, 31)))),
        ("to=2026-01-31", PlayerTimeline("ada l.", Period(dt.date(1970, 1, 1), dt.date(2026, 1, 31)))),
        ("limit=3", PlayerTimeline("ada l.", limit=3)),
    ],
)
def test_a_timeline_is_filtered(client: Client, console: FakeConsole, query: str, expected: object) -> None:
    assert client.get(f"{TIMELINE}?{query}").status_code == 200
    assert asked(console) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("from=soon", "from"),
        ("to=2026-01-31T12:00:00Z", "to"),
        ("from=2026-02-01&to=2026-01-31", "to"),
        ("to=1969-12-31", "to"),
        ("from=2201-01-01", "from"),
        ("search=", "search"),
        ("sarch=a", "sarch"),
        ("format=xml", "format"),
    ],
)
def test_a_wrong_parameter_is_named(client: Client, query: str, field: str) -> None:
    answer = client.get(f"{TIMELINE}?{query}")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)
