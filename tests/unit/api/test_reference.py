"""The reference page names every route, parameter, format and metric there is."""

import re
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.console.response_formats import ResponseFormat
from questlog.loader.counters import LoaderCounters
from questlog.store.contract import Cancellation
from tests.support.console import FakeConsole, MemoryTables

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference" / "http-api.md").read_text(encoding="utf-8")
ANALYSES_PAGE = (DOCS / "reference" / "analyses" / "README.md").read_text(encoding="utf-8")
MONITORING = (DOCS / "reference" / "monitoring.md").read_text(encoding="utf-8")
GUIDE = (DOCS / "guides" / "sql.md").read_text(encoding="utf-8")

Client = TestClient[Litestar]
_ROUTE_OR_QUESTION = re.compile(r"`POST (/api/v1/games/\{game\}/[\w-]+)`|```json\n(.*?)```", re.DOTALL)


def questions_of(page: Path) -> list[tuple[frozenset[str], str]]:
    """The questions that a page shows, each with the routes that it has spoken of before."""
    found = []
    routes: set[str] = set()
    for named, question in _ROUTE_OR_QUESTION.findall(page.read_text(encoding="utf-8")):
        routes |= {named} - {""}
        if question:
            found.append((frozenset(routes), question))
    return found


SHOWN = [question for page in (DOCS / "reference" / "analyses").glob("*.md") for question in questions_of(page)]


def test_every_route_and_parameter_is_on_the_page(stranger: Client) -> None:
    for path, operations in stranger.get("/api/schema").json()["paths"].items():
        for method, operation in operations.items():
            if method != "head":
                assert f"`{method.upper()} {path}`" in PAGE + ANALYSES_PAGE
            for parameter in operation.get("parameters", []):
                name = parameter["name"]
                assert f"`{name}`" in PAGE or f"{{{name}}}" in path


@pytest.mark.parametrize("form", ResponseFormat)
def test_every_format_is_on_the_page(form: ResponseFormat) -> None:
    assert f"| `{form}`" in PAGE


def test_the_page_of_monitoring_lists_the_series_that_there_are(console: FakeConsole, client: Client) -> None:
    console.progress.loader = LoaderCounters(loaded_at=1, complete_through=1)
    text = client.get("/metrics").text
    ours = set(re.findall(r"^# TYPE (questlog_\w+)", text, re.MULTILINE))
    assert ours == set(re.findall(r"`(questlog_\w+)`", MONITORING))
    asked = re.findall(r"\bquestlog_\w+", MONITORING)
    assert {re.sub("_(bucket|count)$", "", name) for name in asked} <= ours


@pytest.mark.parametrize("statement", re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL))
def test_every_question_of_the_guide_can_be_asked(statement: str) -> None:
    tables = MemoryTables()
    assert tables.sql(statement, 10, Cancellation()).num_columns > 1
    tables.close()


@pytest.mark.parametrize(("routes", "question"), SHOWN)
@pytest.mark.usefixtures("game")
def test_every_question_of_the_pages_can_be_asked(client: Client, routes: frozenset[str], question: str) -> None:
    answers = [client.post(route.replace("{game}", "1"), content=question) for route in routes]
    assert 200 in [answer.status_code for answer in answers], [answer.text for answer in answers]
