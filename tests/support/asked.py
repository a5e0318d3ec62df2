"""A question asked of one engine, and its answer as rows."""

from collections.abc import Iterable, Mapping
from typing import Any

from questlog.analytics.engine.context import Context
from questlog.analytics.question.answer import Answer
from tests.support.engines import ExactOnly
from tests.support.generated_histories import GAME, NOW


def context_of(engine: ExactOnly) -> Context:
    """A question's surroundings in the generated histories' game, at their time."""
    return Context(GAME, engine, NOW, last_player_no=100_000)


def rows_of(answer: Answer) -> list[dict[str, Any]]:
    """The answer's rows; every column has been described."""
    assert [column.name for column in answer.columns] == answer.table.column_names
    rows: list[dict[str, Any]] = answer.table.to_pylist()
    return rows


def column(rows: Iterable[Mapping[str, Any]], *names: str) -> list[Any]:
    """One column of rows, or several as tuples."""
    return [tuple(row[name] for name in names) if len(names) > 1 else row[names[0]] for row in rows]
