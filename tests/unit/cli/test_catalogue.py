import csv
import io
from collections.abc import Callable
from typing import Any

import click
import pytest

from questlog.cli.saved import question_named

CommandLine = Callable[..., Any]

SAVED = [
    {"kind": "query", "name": "Money", "definition": {}},
    {"kind": "retention", "name": "Money", "definition": {}},
    {"kind": "funnel", "name": "Start", "definition": {}},
    {"kind": "segment", "name": "Whales", "definition": {}},
]


def test_metrics_are_listed_with_unit_and_definition(questlog: CommandLine) -> None:
    listed = questlog("metrics", "--format", "json").json
    dau = next(each for each in listed if each["metric"] == "dau")
    assert (dau["group"], dau["unit"]) == ("players", "players")
    assert dau["definition"]
    assert "retention_dN" in {each["metric"] for each in listed}


def test_a_text_chooses_among_metrics(questlog: CommandLine) -> None:
    rows = list(csv.DictReader(io.StringIO(questlog("metrics", "ARPDAU", "--format", "csv").stdout)))
    assert "arpdau" in {row["metric"] for row in rows}
    assert "crashes" not in {row["metric"] for row in rows}


def test_dimensions_are_listed_as_a_table(questlog: CommandLine) -> None:
    lines = questlog("dimensions", "country").stdout.splitlines()
    assert lines[0].split() == ["dimension", "kind", "meaning"]
    assert any(line.startswith("country ") for line in lines)


def test_a_saved_question_is_found_by_name_and_kind() -> None:
    assert question_named(SAVED, "Start", None)["kind"] == "funnel"
    assert question_named(SAVED, "Money", "retention")["kind"] == "retention"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Money", "say which with --kind: query, retention"),
        ("Strat", "did you mean 'Start'?"),
        ("Whales", "there is no saved question 'Whales'"),
    ],
)
def test_a_name_that_is_not_one_question_is_refused(name: str, told: str) -> None:
    with pytest.raises(click.ClickException, match=told.replace("?", r"\?")):
        question_named(SAVED, name, None)
