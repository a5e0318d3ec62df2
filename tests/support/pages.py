"""The pages of a console, to talk to in a test."""

import re

import httpx
from litestar import Litestar
from litestar.testing import TestClient

from questlog.api.app import create_app
from questlog.console.queries import QueryService
from questlog.web.app import pages
from tests.support.console import FakeConsole


def pages_of(console: FakeConsole) -> Litestar:
    """The API with all pages."""
    queries = QueryService(console.services)
    return create_app(console.services, pages(console.services, queries), queries=queries)


def log_in(browser: TestClient[Litestar], **fields: str) -> httpx.Response:
    """What the log-in form answers."""
    form = browser.get("/login")
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', form.text)
    assert found is not None
    return browser.post("/login", data={"form_token": found[1], **fields})
