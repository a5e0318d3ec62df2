"""Tables of answers, as pages show them: the text of each cell, and its value as the API says it."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import pyarrow as pa

from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.web.cards import Drawing
from questlog.web.formats import Formats
from questlog.web.titles import title_of
from questlog.web.translations import Translate, mark

PREVIOUS = "previous_"

Link = Callable[[Mapping[str, object]], str | None]
"""The address that a cell leads to, from its row."""


class Column(NamedTuple):
    """A column's heading, unit and definition; numbers stand right."""

    name: str
    title: str
    unit: str
    definition: str
    is_number: bool


class Cell(NamedTuple):
    """A cell: `value` as the API has it, `text` as people read it. `share` (0 to 1) draws a bar behind the text.

    `is_data` marks what players or games sent: never translated, isolated from the text around it.
    """

    text: str
    value: str = ""
    url: str | None = None
    share: float | None = None
    is_data: bool = False


class Table(NamedTuple):
    """A table under a chart, or by itself. `totals` is a last row."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    totals: Sequence[Cell] | None = None
    caption: str = ""


def table_of(  # noqa: PLR0913 - each is another choice, by name
    answer: Answer,
    formats: Formats,
    translate: Translate,
    *,
    columns: Sequence[str] | None = None,
    links: Mapping[str, Link] | None = None,
    bars: Sequence[str] = (),
    titles: Mapping[str, str] | None = None,
    most_rows: int = 1_000,
    unset: str = "",
) -> Table:
    """The answer's rows, at most `most_rows` of them. `columns` chooses and orders; `bars` have their share drawn.

    `unset` is what a text that is not there is called.
    """
    named = {column.name: column for column in answer.columns}
    chosen = [named[name] for name in (columns or list(named)) if name in named]
    shown = answer.table.slice(0, most_rows)
    rows = shown.to_pylist()
    greatest = {name: _greatest(shown, name) for name in bars if name in named}
    heads = [_head(column, shown, translate, (titles or {}).get(column.name)) for column in chosen]

    def cells(row: Mapping[str, object], *, may_link: bool) -> list[Cell]:
        return [
            _cell(row, head, formats, greatest.get(head.name), (links or {}).get(head.name) if may_link else None)
            if not unset or head.is_number or row.get(head.name) is not None
            else Cell(translate(unset))
            for head in heads
        ]

    totals = None
    if answer.totals is not None and answer.totals.num_rows:
        [total] = answer.totals.slice(0, 1).to_pylist()
        totals = [
            cell if head.name in total else Cell("")
            for head, cell in zip(heads, cells({**dict.fromkeys(named), **total}, may_link=False), strict=True)
        ]
    return Table(heads, [cells(row, may_link=True) for row in rows], totals)


def drawn(table: Table) -> Drawing:
    """A card that is a table; empty without a row."""
    return Drawing("cards/table.html", {"table": table}, is_empty=not table.rows)


def plain(value: object) -> str:
    """A value as the API's JSON says it."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return str(value)


def _head(column: AnswerColumn, table: pa.Table, translate: Translate, title: str | None) -> Column:
    kind = table.schema.field(column.name).type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    said = translate(title or title_of(column.name))
    if column.name.startswith(PREVIOUS):
        said = translate(mark("{name} (before)")).format(name=said)
    return Column(column.name, said, column.unit, column.definition, is_number)


def _greatest(table: pa.Table, name: str) -> float:
    return max((abs(float(value)) for value in table[name].to_pylist() if value is not None), default=0.0)


def _cell(row: Mapping[str, object], head: Column, formats: Formats, greatest: float | None, link: Link | None) -> Cell:
    value = row.get(head.name)
    share = None
    if greatest and isinstance(value, (int, float, Decimal)):
        share = round(abs(float(value)) / greatest, 4)
    is_data = isinstance(value, str)
    return Cell(formats.value(value, head.unit), plain(value), link(row) if link else None, share, is_data)
