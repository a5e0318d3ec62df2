"""The pages of a console, to talk to in a test."""

import re

import httpx
from litestar import Litestar
from litestar.testing import TestClient

from questlog.api.app import create_app
from questlog.console.queries import QueryService
from questlog.console.services import ConsoleServices
from questlog.web.app import pages


def app_with_pages(services: ConsoleServices) -> Litestar:
    """API and pages together, as the server has them."""
    queries = QueryService(services)
    return create_app(services, pages(services, queries), queries=queries)


def log_in(browser: TestClient[Litestar], **fields: str) -> httpx.Response:
    """What the log-in form answers."""
    form = browser.get("/login")
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', form.text)
    assert found is not None
    return browser.post("/login", data={"form_token": found[1], **fields})
