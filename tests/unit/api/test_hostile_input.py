"""Whatever a stranger or a mistaken program sends, the answer says whose fault it is: never ours."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from tests.support.console import FakeConsole
from tests.support.pages import app_with_pages

Client = TestClient[Litestar]

ROUTES = [
    "/api/v1/games",
    "/api/v1/games/{}",
    "/api/v1/games/{}/rotate-secret",
    "/api/v1/games/{}/api-keys",
    "/api/v1/games/{}/api-keys/{}",
    "/api/v1/games/{}/receipts",
    "/api/v1/games/{}/definitions",
    "/api/v1/games/{}/definitions/{}",
    "/api/v1/games/{}/definitions/segment/{}",
    "/api/v1/games/{}/players/{}",
    "/api/v1/games/{}/players/{}/sessions",
    "/api/v1/games/{}/players/{}/timeline",
    "/api/v1/games/{}/query",
    "/api/v1/games/{}/events",
    "/api/v1/games/{}/ingest-hours",
    "/api/v1/sql",
    "/login",
    "/logout",
    "/assets/{}",
    "/{}",
]
PARAMETERS = ["status", "event_id", "player_id", "from", "to", "limit", "before", "reason", "other", "search"]
PARAMETERS += ["after", "format"]
FIELDS = [
    "name",
    "game_key",
    "secret_key",
    "is_enabled",
    "is_strict",
    "is_lenient",
    "time_zone",
    "event_names",
    "sql",
    "format",
]
FIELDS += ["google_licence_key", "apple_bundle_id", "definition", "rule", "metrics", "period"]

texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.sampled_from(
        ["1", "a", "\x00", "..", "9" * 30, "0001-01-01T00:00:00+23:59", "9" * 18 + "-" + "9" * 18, "x" * 5000]
    ),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=5,
)
bodies = st.one_of(
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from(FIELDS), values, max_size=3).map(lambda fields: json.dumps(fields).encode()),
    st.sampled_from([b"[" * 5000, b'{"a":' * 3000, b'{"name":"a","name":"b"}', b"\xef\xbb\xbf{}", b"null"]),
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Accept": st.sampled_from(["text/csv", "*/*;q=x", ";", "application/json;q=nan", "text/csv;q=inf", ",,,"]),
        "Content-Type": st.sampled_from(
            ["application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x",
             "application/x-www-form-urlencoded", "application/json; charset=utf-16", "x"]
        ),
        "Cookie": st.sampled_from(["questlog_login=x", 'questlog_form="', ";;=", "questlog_form=a; questlog_login=b"]),
    },
)  # fmt: skip


@pytest.fixture(scope="module")
def everything() -> Iterator[Client]:
    with tempfile.TemporaryDirectory() as directory:
        console = FakeConsole(Path(directory))
        console.control.create_game("a")
        app = app_with_pages(console.services)
        with TestClient(app, raise_server_exceptions=False) as client:
            client.follow_redirects = False
            client.headers["Authorization"] = f"Bearer {console.token}"
            yield client
        console.close()


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_no_request_makes_it_fail(everything: Client, data: Any) -> None:
    path = data.draw(st.sampled_from(ROUTES))
    while "{}" in path:
        path = path.replace("{}", quote(data.draw(texts), safe=""), 1)
    query = data.draw(st.dictionaries(st.sampled_from(PARAMETERS), texts, max_size=2))
    answer = everything.request(
        data.draw(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"])),
        path,
        params=query,
        headers=data.draw(headers),
        content=data.draw(bodies),
    )
    assert answer.status_code < 500
    assert "Traceback" not in answer.text
    if answer.status_code >= 400 and "json" in answer.headers["Content-Type"]:
        assert answer.json()["error"]["message"]
