"""Lays rows out as an aligned text table."""

import unicodedata
from collections.abc import Iterator, Sequence

import click
import msgspec

MAX_CELL = 80
_encoder = msgspec.json.Encoder(decimal_format="number")
NUMBERS = ("int", "uint", "float", "double", "decimal")
"""How Arrow's names of the types of numbers begin."""


def text_table(
    names: Sequence[str], kinds: Sequence[str], rows: Sequence[Sequence[object]], max_cell: int = MAX_CELL
) -> Iterator[str]:
    """The lines of a table: heading, rule, rows. Numbers are flush right; a cell longer than `max_cell` ends in `…`.

    `kinds` are Arrow's names of the columns' types.
    """
    cells = [[_cell(value, max_cell) for value in row] for row in rows]
    heading = [_cell(name, max_cell) for name in names]
    widths = [max(_width(row[place]) for row in [heading, *cells]) for place in range(len(names))]
    is_number = [kind.startswith(NUMBERS) for kind in kinds]
    yield _line(heading, widths, [False] * len(names))
    yield "  ".join("─" * width for width in widths)
    for row in cells:
        yield _line(row, widths, is_number)


def echo_table(
    names: Sequence[str], kinds: Sequence[str], rows: Sequence[Sequence[object]], max_cell: int = MAX_CELL
) -> None:
    """Print a table to stdout: the heading is bold and the rule dim on a terminal, and plain in a pipe."""
    heading, rule, *lines = text_table(names, kinds, rows, max_cell)
    click.secho(heading, bold=True)
    click.secho(rule, dim=True)
    for line in lines:
        click.echo(line)


def _line(row: Sequence[str], widths: Sequence[int], flush_right: Sequence[bool]) -> str:
    padded = []
    for cell, width, is_right in zip(row, widths, flush_right, strict=True):
        space = " " * (width - _width(cell))
        padded.append(space + cell if is_right else cell + space)
    return "  ".join(padded).rstrip()


def _cell(value: object, longest: int) -> str:
    match value:
        case None:
            text = "NULL"
        case str():
            text = value
        case _:
            text = _encoder.encode(value).decode()
    text = "".join(map(_visible, text[: longest + 1]))
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _visible(character: str) -> str:
    """Players choose what is in their events: nothing of it may steer the terminal."""
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return character.encode("unicode_escape", "surrogatepass").decode()
    return character


def _width(text: str) -> int:
    """How many places the text takes on a terminal."""
    return sum(_places(character) for character in text)


def _places(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
