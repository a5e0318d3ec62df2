import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.support.console import FakeConsole

Client = TestClient[Litestar]


@pytest.mark.parametrize("path", ["/healthcheck", "/readycheck"])
def test_a_check_needs_no_token(stranger: Client, path: str) -> None:
    answer = stranger.get(path)
    assert (answer.status_code, answer.text) == (200, "{}")
    assert stranger.head(path).status_code == 200


def test_not_ready_says_why(console: FakeConsole, stranger: Client) -> None:
    console.progress.reasons = ["the disk is full"]
    answer = stranger.get("/readycheck")
    assert (answer.status_code, answer.json()) == (503, {"reasons": ["the disk is full"]})
    assert stranger.get("/healthcheck").status_code == 200
