"""One entry of the registry is all that an analysis needs: route, command, kind, schema and page come from it."""

from collections.abc import Sequence

import click
import msgspec
import pyarrow as pa
import pytest
from litestar.testing import TestClient

from questlog.analytics import registry
from questlog.analytics.engine.analysis import Analysis, CustomMetrics, Segments
from questlog.analytics.engine.context import Context
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.examples import Example
from questlog.analytics.registry import ANALYSES
from questlog.api.app import create_app
from questlog.cli.query import AnalysisName, command
from questlog.cli.reference import analyses_page
from questlog.console.definition_kinds import definition_examples, definition_types
from tests.support.console import FakeConsole


class Dice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often a die shows a six."""

    throws: int


def _thrown(question: Dice, context: Context) -> Answer:
    sixes = pa.table({"sixes": [question.throws // 6]})
    return Answer(sixes, [AnswerColumn("sixes", "", "Sixes.")], data_version=context.data_version)


def _check(question: Dice, segments: Segments, metrics: CustomMetrics) -> None:
    del question, segments, metrics


DICE = Analysis(
    "dice",
    Dice,
    _thrown,
    "How many sixes are thrown.",
    page="reference/analyses/README.md",
    examples=(Example("Sixty throws", {"throws": 60}),),
    is_savable=True,
    check=_check,
)
WITH_DICE: Sequence[Analysis] = (*ANALYSES, DICE)


def test_it_has_a_route_and_its_type_in_the_schema(console: FakeConsole) -> None:
    with TestClient(create_app(console.services, analyses=WITH_DICE)) as client:
        client.headers["Authorization"] = f"Bearer {console.token}"
        client.post("/api/v1/games", json={"name": "Sky Raiders"})
        assert client.post("/api/v1/games/1/dice", json={"throws": 12}).status_code == 200
        assert client.post("/api/v1/games/1/dice", json={"throw": 12}).json()["error"]["nearest"] == "throws"
        schema = client.get("/api/schema").json()
    operation = schema["paths"]["/api/v1/games/{game}/dice"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["examples"] == {
        "1": {"summary": "Sixty throws", "value": {"throws": 60}}
    }
    assert schema["components"]["schemas"]["Dice"]["description"] == "How often a die shows a six."
    assert console.analytics.asked == [(1, Dice(12))]


def test_it_can_be_saved() -> None:
    assert definition_types(WITH_DICE)["dice"] is Dice
    assert definition_examples(WITH_DICE)["dice"] == DICE.examples[0]


def test_it_is_a_choice_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    [option] = [each for each in command.params if each.name == "analysis"]
    with click.Context(command) as context:
        with pytest.raises(click.BadParameter, match="there is no analysis 'dice'; there are query, metric-preview"):
            AnalysisName().convert("dice", option, context)
        monkeypatch.setattr(registry, "ANALYSES", WITH_DICE)
        assert AnalysisName().convert("dice", option, context) == "dice"
        assert str(option.make_metavar(context)).endswith("|dice]")


def test_it_is_on_the_page() -> None:
    page = analyses_page(WITH_DICE)
    assert "| [`dice`](#dice) | How many sixes are thrown | yes | [README.md]" in page
    assert "How often a die shows a six." in page
    assert '"throws": 60' in page


def test_each_entry_is_of_a_name_and_a_type_of_its_own() -> None:
    assert len({each.name for each in ANALYSES}) == len(ANALYSES)
    assert len({each.question for each in ANALYSES}) == len(ANALYSES)
