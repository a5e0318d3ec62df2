from litestar import Litestar
from litestar.testing import TestClient

from questlog.control.grants import Role
from questlog.model.finding import Finding, Level
from tests.support.console import FakeConsole

Client = TestClient[Litestar]


def test_the_server_says_what_it_is_and_what_the_checks_find(console: FakeConsole, client: Client) -> None:
    console.progress.found = [Finding(Level.WARN, "disk", "4.0 GB free")]
    for name, days in (("short", 2), ("long", 0)):
        console.control.create_game(name)
        console.control.set_keep_days(name, days)
    state = client.get("/api/v1/server").json()
    assert state["vitals"]["build"]["version"] == "1.2.3"
    assert state["findings"] == [
        {"level": "WARN", "what": "disk", "text": "4.0 GB free"},
        {
            "level": "OK",
            "what": "expiry",
            "text": "short keeps events for 2 days; short has no events before 2025-12-30",
        },
    ]
    assert (state["as_of"], state["maintenance"]) == (console.clock.us, [])


def test_who_manages_one_game_does_not_see_the_server(console: FakeConsole, client: Client) -> None:
    console.control.create_game("Mine")
    client.headers["Authorization"] = f"Bearer {console.token_of(Role.OWNER, 'Mine')}"
    assert client.get("/api/v1/server").status_code == 403
