"""Statements of SQL that people save, with the values of their parameters."""

import enum
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from questlog.analytics.question.examples import Example
from questlog.store.contract import SqlValue

MAX_SQL = 50_000
MAX_PARAMETERS = 100


class SqlShown(enum.StrEnum):
    """How the answer is shown."""

    TABLE = "table"
    LINE = "line"
    BAR = "bar"


class SavedSql(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A read-only statement. `parameters` are the values of its `$name`s until others are given.

    A chart has the first column below, and a series for each column of numbers.
    """

    sql: Annotated[str, Meta(min_length=1, max_length=MAX_SQL)]
    parameters: Annotated[Mapping[str, SqlValue], Meta(max_length=MAX_PARAMETERS)] = {}
    shown: SqlShown = SqlShown.TABLE
    description: Annotated[str, Meta(max_length=1_000)] = ""


EXAMPLE = Example(
    "New players per day since a day",
    {
        "sql": "SELECT first_day, count(*) AS players FROM players WHERE first_day >= $since GROUP BY ALL ORDER BY ALL",
        "parameters": {"since": "2026-01-01"},
        "shown": "line",
    },
)
