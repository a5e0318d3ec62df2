"""The Python reader says what the API takes: a method for each analysis, with the question's fields as arguments."""

import ast
from pathlib import Path

import msgspec
import pytest

from questlog.analytics.registry import ANALYSES

READER = Path(__file__).parents[3] / "clients" / "python" / "src" / "questlog_client" / "reader.py"
QUESTIONS = {analysis.name: analysis.question for analysis in ANALYSES}


def methods() -> dict[str, ast.FunctionDef]:
    tree = ast.parse(READER.read_text(encoding="utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("analysis", QUESTIONS)
def test_each_analysis_has_a_method_with_the_fields_of_its_question(analysis: str) -> None:
    arguments = methods()[analysis.replace("-", "_")].args
    named = [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]
    fields = [field.encode_name for field in msgspec.structs.fields(QUESTIONS[analysis])]
    assert sorted(named) == sorted(["self", "game", *fields])
