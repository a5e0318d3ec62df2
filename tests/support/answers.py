"""Asking both engines, and comparing what they say with exact numbers."""

import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from questlog.analytics.question.answer import Answer
from questlog.analytics.runner import Analytics, Definitions
from tests.support.engines import BothEngines
from tests.support.generated_histories import GAME, NOW
from tests.support.loading import FakeClock


def answers(
    engines: BothEngines, question: msgspec.Struct, definitions: Definitions | None = None, now_us: int = NOW
) -> Iterator[tuple[str, Answer]]:
    """The engine's name and its answer."""
    for engine in engines:
        analytics = Analytics(engine, FakeClock(now_us), lambda _: definitions or Definitions())
        yield engine.dialect, analytics.ask(GAME, question)


def rows(answer: Answer) -> list[dict[str, Any]]:
    """The answer row by row."""
    found: list[dict[str, Any]] = answer.table.to_pylist()
    return found


def is_same(one: Any, other: Any) -> bool:
    """Whole numbers and money to the last digit, quotients but for the last digits; nothing is not 0."""
    if one is None or other is None or isinstance(one, str):
        return bool(one == other) and type(one) is type(other)
    if isinstance(one, float):
        return math.isclose(one, float(other), rel_tol=1e-12, abs_tol=1e-12)
    if isinstance(one, int | Decimal) and isinstance(other, int | Decimal | Fraction):
        return Fraction(one) == Fraction(other)
    return bool(one == other)


def is_same_row(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether all columns of the second are the same in the first."""
    return all(is_same(one[name], value) for name, value in other.items())
