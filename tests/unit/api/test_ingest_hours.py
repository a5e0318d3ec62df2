from datetime import datetime
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from tests.support.console import FakeConsole

Client = TestClient[Litestar]
HOURS = "/api/v1/games/1/ingest-hours"


def _insert(console: FakeConsole, day: int, hour: int, received: int, stored: int, game_id: int = 1) -> None:
    console.tables.insert(
        "ingest_hours",
        ingest_hour_no=game_id * 10_000 + day * 24 + hour,
        game_id=game_id,
        hour=datetime(2025, 12, day, hour),  # noqa: DTZ001 - as the engine has it
        received=received,
        stored=stored,
        rejected=2,
        duplicates=3,
        rejected_requests=1,
    )


def test_the_last_day_hour_by_hour(console: FakeConsole, client: Client, game: dict[str, Any]) -> None:
    _insert(console, day=31, hour=22, received=15, stored=10)
    _insert(console, day=31, hour=23, received=25, stored=20)
    _insert(console, day=30, hour=23, received=15, stored=10)
    _insert(console, day=31, hour=23, received=99, stored=94, game_id=2)
    assert client.get(HOURS).json() == {
        "hours": [
            {
                "hour": "2025-12-31T23:00:00.000000Z",
                "received": 25,
                "stored": 20,
                "rejected": 2,
                "duplicates": 3,
                "rejected_requests": 1,
                "adds_up": True,
            },
            {
                "hour": "2025-12-31T22:00:00.000000Z",
                "received": 15,
                "stored": 10,
                "rejected": 2,
                "duplicates": 3,
                "rejected_requests": 1,
                "adds_up": True,
            },
        ],
        "adds_up": True,
        "next": None,
    }


def test_an_hour_that_does_not_add_up_is_shown(console: FakeConsole, client: Client, game: dict[str, Any]) -> None:
    _insert(console, day=31, hour=22, received=16, stored=10)
    _insert(console, day=31, hour=23, received=25, stored=20)
    answer = client.get(HOURS).json()
    assert answer["adds_up"] is False
    assert [hour["adds_up"] for hour in answer["hours"]] == [True, False]


def test_the_span_can_be_chosen(console: FakeConsole, client: Client, game: dict[str, Any]) -> None:
    for day in (29, 30, 31):
        _insert(console, day=day, hour=12, received=15, stored=10)
    answer = client.get(f"{HOURS}?from=2025-12-29T12:30:00Z&to=2025-12-31T12:00:00Z").json()
    assert [hour["hour"][:13] for hour in answer["hours"]] == ["2025-12-30T12", "2025-12-29T12"]


def test_hours_come_in_pages(console: FakeConsole, client: Client, game: dict[str, Any]) -> None:
    for hour in (20, 21, 22):
        _insert(console, day=31, hour=hour, received=15, stored=10)
    seen: list[str] = []
    after = ""
    while True:
        page = client.get(f"{HOURS}?limit=2{after}").json()
        seen += [hour["hour"][11:13] for hour in page["hours"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == ["22", "21", "20"]
