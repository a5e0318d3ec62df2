"""What a question is answered with: a table, what its columns mean, what to be warned of, and where it comes from."""

import datetime as dt
from collections.abc import Sequence

import msgspec
import pyarrow as pa

from questlog.analytics.question.query import Period


class AnswerColumn(msgspec.Struct, frozen=True):
    """A column's name, the unit of its values ("players", "USD", "s", "share", …; "" for none) and its definition."""

    name: str
    unit: str
    definition: str


class Warned(msgspec.Struct, frozen=True):
    """Something to know about the answer: `field` is what it is about (a dimension, a metric)."""

    field: str
    detail: str


class SourceUse(msgspec.Struct, frozen=True):
    """A source that answered: a table, or a way to ask several. `answers` are the metrics it was asked for, if any."""

    name: str
    answers: Sequence[str] = ()


class Origin(msgspec.Struct, frozen=True):
    """Where an answer comes from.

    `as_of` is when the state of the data was taken. Everything that was acknowledged before `complete_through` is in
    that state; null where the server does not know yet. `took_ms` is how long answering took. `rows_read_at_most` are
    the rows of the tables that the statements read, of all games and days: an engine skips what it can (decision 0066).
    Days are those of `time_zone`. `compared_period` is the period that `compare` names; null without it.
    """

    as_of: dt.datetime = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    complete_through: dt.datetime | None = None
    took_ms: float = 0.0
    rows_read_at_most: int = 0
    sources: Sequence[SourceUse] = ()
    time_zone: str = "UTC"
    compared_period: Period | None = None


class Answer(msgspec.Struct, frozen=True):
    """A table and its columns' meanings, in the same order.

    `totals` has the same columns but those of the groups, where a total was asked for. `data_version` is the last load
    transaction that the answer knows of, at least. `next`, given as `after`, asks for the next page of a list; None for
    the last one. `origin` is filled in when all is known.
    """

    table: pa.Table
    columns: Sequence[AnswerColumn]
    warnings: Sequence[Warned] = ()
    totals: pa.Table | None = None
    data_version: int = 0
    next: str | None = None
    origin: Origin = Origin()
