from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.api.app import create_app
from tests.support.console import FakeConsole


@pytest.fixture
def console(tmp_path: Path) -> Iterator[FakeConsole]:
    fake = FakeConsole(tmp_path)
    yield fake
    fake.close()


@pytest.fixture
def stranger(console: FakeConsole) -> Iterator[TestClient[Litestar]]:
    with TestClient(create_app(console.services), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(console: FakeConsole, stranger: TestClient[Litestar]) -> TestClient[Litestar]:
    stranger.headers["Authorization"] = f"Bearer {console.token}"
    return stranger


@pytest.fixture
def game(client: TestClient[Litestar]) -> dict[str, Any]:
    made: dict[str, Any] = client.post("/api/v1/games", json={"name": "Sky Raiders"}).json()
    return made
