from litestar import Litestar
from litestar.testing import TestClient

from questlog.loader.rebuild import RebuildState, RebuildStatus
from tests.support.console import FakeConsole

Client = TestClient[Litestar]


def test_nothing_is_rebuilt_until_it_is_asked_for(client: Client) -> None:
    assert client.get("/api/v1/rebuild").json()["state"] == "none"


def test_a_rebuild_waits_for_the_loader(client: Client) -> None:
    answer = client.post("/api/v1/rebuild")
    assert answer.status_code == 202
    assert answer.json() == {"state": "waiting", "table": "", "share_done": 0.0, "message": ""}
    assert client.get("/api/v1/rebuild").json()["state"] == "waiting"


def test_asking_while_it_runs_starts_no_second_one(console: FakeConsole, client: Client) -> None:
    running = RebuildStatus(RebuildState.RUNNING, "sessions", 0.25)
    console.rebuild._status = running
    assert client.post("/api/v1/rebuild").json() == {
        "state": "running", "table": "sessions", "share_done": 0.25, "message": "",
    }  # fmt: skip
    assert console.rebuild.status is running
