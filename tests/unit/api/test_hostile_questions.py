"""Whatever is asked, the answer says whose fault it is: the questions of the schema, changed, asked of a real store."""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.registry import ANALYSES
from questlog.analytics.runner import Analytics
from questlog.api.app import create_app
from questlog.console.definition_kinds import definition_examples
from questlog.console.definitions_cache import SavedDefinitions
from questlog.store.duckdb.connection import EngineSettings
from questlog.store.duckdb.store import DuckDBStore
from tests.support.console import FakeConsole
from tests.support.generated_histories import Event, History, load
from tests.support.mutations import mutated_body

Client = TestClient[Litestar]
GAME = "/api/v1/games/1"
ROUNDS = 40
DEFINITIONS = definition_examples(ANALYSES)
NOON = 1_767_268_800_000_000
ANSWERS: dict[int, set[str | None]] = {
    200: {None},
    400: {"bad_value", "bad_request", "invalid_query", "query_aborted", "too_deep", "unwritable_value"},
    404: {"not_found"},  # a player of another id
    413: {"body_too_large"},
}


@pytest.fixture(scope="module", name="client")
def _client() -> Iterator[Client]:
    events = (
        Event("user", NOON, player_id="ada", platform="ios", country="DE"),
        Event("design", NOON + 1, player_id="ada", event_id="Combat:Damage:sword", value=7.5),
        Event("progression", NOON + 2, player_id="ada", event_id="Start:world01:level01"),
        Event("resource", NOON + 3, player_id="ada", event_id="Source:gems:shop:pack", value=100.0),
        Event("business", NOON + 4, player_id="ada", event_id="shop:pack", amount=499, currency="USD"),
    )
    with tempfile.TemporaryDirectory() as directory:
        console = FakeConsole(Path(directory))
        store = DuckDBStore(Path(directory) / "store", EngineSettings(memory_limit_mb=256, threads=1))
        console.control.create_game("Sky Raiders")
        load(store, History(events))
        analytics = Analytics(store, console.clock, SavedDefinitions(console.control))
        services = msgspec.structs.replace(console.services, analytics=analytics)
        with TestClient(create_app(services), raise_server_exceptions=False) as client:
            client.headers["Authorization"] = f"Bearer {console.token}"
            yield client
        store.close()
        console.close()


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda analysis: analysis.name)
def test_each_example_is_answered(client: Client, analysis: Analysis) -> None:
    for example in analysis.examples:
        for form in ("json", "compact", "csv", "parquet", "arrow"):
            answer = client.post(f"{GAME}/{analysis.name}?format={form}", json=example.body)
            assert (answer.status_code, form) == (200, form), answer.text


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda analysis: analysis.name)
def test_a_changed_question_is_answered_or_refused(client: Client, analysis: Analysis) -> None:
    source = random.Random(analysis.name)
    for _ in range(ROUNDS):
        body = mutated_body(msgspec.json.encode(source.choice(analysis.examples).body), source)
        answer = client.post(f"{GAME}/{analysis.name}", content=body)
        code = answer.json()["error"]["code"] if answer.status_code != 200 else None
        assert code in ANSWERS.get(answer.status_code, set()), (body, answer.text)


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_what_is_saved_can_be_read_and_does_no_harm(client: Client, kind: str) -> None:
    source = random.Random(kind)
    for _ in range(ROUNDS):
        body = mutated_body(msgspec.json.encode(DEFINITIONS[kind].body), source)
        answer = client.put(f"{GAME}/definitions/{kind}/Mine", content=body)
        code = answer.json()["error"]["code"] if answer.status_code != 200 else None
        assert code in ANSWERS.get(answer.status_code, set()), (body, answer.text)
        if code is None:
            assert client.get(f"{GAME}/definitions/{kind}/Mine").json()["definition"] == answer.json()["definition"]
    question = {"metrics": ["dau"], "period": {"start": "2026-01-01", "end": "2026-01-01"}}
    assert client.post(f"{GAME}/query", json=question).json()["rows"] == [{"bucket": "2026-01-01", "dau": 1}]
