from litestar import Litestar
from litestar.testing import TestClient

from questlog.loader.maintenance.task import MaintenanceStatus, TaskState
from questlog.loader.rebuild import RebuildState
from tests.support.console import FakeConsole

Client = TestClient[Litestar]


def test_every_task_says_how_it_is(client: Client, console: FakeConsole) -> None:
    console.progress.tasks = [MaintenanceStatus("erase players", "players", TaskState.FAILED, left=3, error="no")]
    [task] = client.get("/api/v1/maintenance").json()
    assert (task["name"], task["state"], task["left"], task["error"]) == ("erase players", "failed", 3, "no")


def test_a_rebuild_that_waits_can_be_cancelled(client: Client, console: FakeConsole) -> None:
    client.post("/api/v1/rebuild")
    answer = client.delete("/api/v1/rebuild")
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    assert console.rebuild.status.state is RebuildState.CANCELLED
    assert not console.rebuild.has_work(0)


def test_a_reprice_that_waits_can_be_cancelled(client: Client) -> None:
    client.post("/api/v1/reprice", json={})
    answer = client.delete("/api/v1/reprice")
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
