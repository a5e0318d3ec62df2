from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.support.console import FakeConsole
from tests.support.pages import app_with_pages


@pytest.fixture
def console(tmp_path: Path) -> Iterator[FakeConsole]:
    fake = FakeConsole(tmp_path)
    yield fake
    fake.close()


@pytest.fixture
def browser(console: FakeConsole) -> Iterator[TestClient[Litestar]]:
    """A client that keeps cookies and does not follow redirects."""
    app = app_with_pages(console.services)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.follow_redirects = False
        yield client
