"""What an answer looks like, so that engines can be compared: canonical text, checksum."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

Rows = Sequence[Sequence[Any]]

FUNNEL_STEPS = ["Start:world01:level01", "Complete:world01:level01", "Start:world01:level02"]
FUNNEL_WINDOW_US = 86_400_000_000
PLATFORM = "android"
BUILDS = ["1.4", "1.5", "1.6", "1.7", "1.8"]
"""What the questions with filters are about."""
LAST_30_DAYS = "2025-01-31"
"""The first of the last 30 days of the history."""

# question -> its columns: (first) day, age, step or value, then numbers; `float` is written with two decimals
COLUMNS: Mapping[str, Sequence[Callable[[Any], object]]] = {
    "dau": (str, int),
    "dau_by_platform": (str, str, int),
    "dau_one_filter": (str, int),
    "dau_two_filters": (str, int),
    "mau": (str, int),
    "revenue": (str, float),
    "revenue_by_country": (str, str, float),
    "arpdau": (str, float),
    "session_length_median": (str, float),
    "retention": (str, int, int),
    "funnel": (int, int),
    "funnel_30_days": (int, int),
    "explore": (str, int, float),
    "explore_players": (str, int, float, int),
    "attribute": (str, int),
    "attribute_30_days": (str, int),
}
QUESTIONS = tuple(COLUMNS)


class Engine(Protocol):
    """Something that can be asked all the questions."""

    name: str

    def ask(self, question: str) -> Rows:
        """The rows of the answer, in any order."""
        ...


def checksum(question: str, rows: Rows) -> str:
    """12 hex digits of the SHA-256 of the rows as lines: comma-separated, sorted; rows that count nothing left out."""
    kinds = COLUMNS[question]
    lines = sorted(",".join(map(_text, kinds, row)) for row in rows if float(row[-1] or 0))
    return hashlib.sha256(_lines(lines).encode()).hexdigest()[:12]


def _lines(lines: Iterable[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _text(kind: Callable[[Any], object], value: Any) -> str:
    return f"{float(value):.2f}" if kind is float else str(kind(value))
