"""Boards: rows of cards and texts that people put together. A board is JSON; the changes here give another board.

A card is named by its address on the pages: its name, and the parameters that it is shown with.
"""

import enum
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from questlog.analytics.question.examples import Example

MAX_ROWS = 30
MAX_IN_ROW = 4
MAX_TEXT = 10_000
MAX_PARAMETERS = 16_384

Parameters = Annotated[str, Meta(max_length=MAX_PARAMETERS)]
"""The query of an address, without `?`: `period=7d&f=platform%3Dios`."""


class CardItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="card", tag_field="type"):
    """A card of a page, such as `overview.players`. Without a `title` it has its own."""

    card: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[a-z0-9_]+\.[A-Za-z0-9_.-]+$")]
    parameters: Parameters = ""
    title: Annotated[str, Meta(max_length=200)] = ""


class TextItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="text", tag_field="type"):
    """A text: paragraphs; lines that begin with `# ` are headings, with `- ` items of a list."""

    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]


Item = CardItem | TextItem


class Board(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of up to four items.

    `parameters` are the period, the comparison and the filters that the board is shown with: each card gets them in
    addition to its own.
    """

    rows: Annotated[
        tuple[Annotated[tuple[Item, ...], Meta(min_length=1, max_length=MAX_IN_ROW)], ...], Meta(max_length=MAX_ROWS)
    ] = ()
    parameters: Parameters = ""
    description: Annotated[str, Meta(max_length=1_000)] = ""


EXAMPLE = Example(
    "Players and revenue on iOS, in one row under a heading",
    {
        "rows": [
            [{"type": "text", "text": "# After the winter update"}],
            [
                {"type": "card", "card": "overview.players"},
                {
                    "type": "card",
                    "card": "overview.revenue",
                    "parameters": "period=90d",
                    "title": "A quarter's revenue",
                },
            ],
        ],
        "parameters": "period=28d&f=platform%3Dios",
    },
)


class Move(enum.StrEnum):
    """Where to an item goes."""

    LEFT = "left"
    RIGHT = "right"
    UP = "up"
    DOWN = "down"


class BoardFull(Exception):
    """A board has no place for another row. Safe to show."""

    def __init__(self) -> None:
        super().__init__(f"a board has at most {MAX_ROWS} rows")


def with_item(board: Board, item: Item) -> Board:
    """The board with an item at its end: a card in the last row if it has cards and a place, else in a row of its own.

    Raises `BoardFull`.
    """
    last = board.rows[-1] if board.rows else ()
    joins = isinstance(item, CardItem) and 0 < len(last) < 2 and isinstance(last[0], CardItem)
    rows = (*board.rows[:-1], (*last, item)) if joins else (*board.rows, (item,))
    return _with_rows(board, rows)


def without_item(board: Board, row: int, place: int) -> Board:
    """The board without an item; one that is not there changes nothing."""
    return _with_rows(board, [_without(items, place) if at == row else items for at, items in enumerate(board.rows)])


def with_changed(board: Board, row: int, place: int, item: Item) -> Board:
    """The board with an item in place of the one that is there; changes nothing where none is."""
    if not _is_there(board, row, place):
        return board
    items = board.rows[row]
    return _with_rows(board, _replaced(board.rows, row, (*items[:place], item, *items[place + 1 :])))


def moved(board: Board, row: int, place: int, move: Move) -> Board:
    """The board with an item moved: by one place within its row, or to the row above or below.

    An item that leaves a row by the end of the board, or for a row that is full, gets a row of its own there. Raises
    `BoardFull`.
    """
    if not _is_there(board, row, place):
        return board
    items = board.rows[row]
    if move in (Move.LEFT, Move.RIGHT):
        target = place + (1 if move is Move.RIGHT else -1)
        if not 0 <= target < len(items):
            return board
        swapped = list(items)
        swapped[place], swapped[target] = swapped[target], swapped[place]
        return _with_rows(board, _replaced(board.rows, row, tuple(swapped)))
    return _with_rows(board, _to_other_row(board.rows, row, place, is_up=move is Move.UP))


def placed(board: Board, start: tuple[int, int], end: tuple[int, int]) -> Board:
    """The board with the item of row and place `start` at `end`, as it is dropped there; changes nothing if it cannot.

    Row `len(rows)` is a new one.
    """
    (row, place), (to_row, to_place) = start, end
    if not _is_there(board, row, place) or not 0 <= to_row <= len(board.rows):
        return board
    item = board.rows[row][place]
    rows = [list(items) for items in board.rows] + [[]]
    rows[row].pop(place)
    if len(rows[to_row]) >= MAX_IN_ROW:
        return board
    rows[to_row].insert(max(0, to_place), item)
    return _with_rows(board, [tuple(items) for items in rows])


def _to_other_row(rows: Sequence[tuple[Item, ...]], row: int, place: int, *, is_up: bool) -> Sequence[tuple[Item, ...]]:
    item, left = rows[row][place], _without(rows[row], place)
    other = row - 1 if is_up else row + 1
    if not 0 <= other < len(rows):
        if not left:
            return rows
        return [(item,), left, *rows[1:]] if is_up else [*rows[:row], left, (item,)]
    changed = [*rows]
    changed[row] = left
    if len(rows[other]) < MAX_IN_ROW:
        changed[other] = (*rows[other], item)
        return changed
    between = row if is_up else row + 1
    return [*changed[:between], (item,), *changed[between:]]


def _is_there(board: Board, row: int, place: int) -> bool:
    return 0 <= row < len(board.rows) and 0 <= place < len(board.rows[row])


def _without(items: tuple[Item, ...], place: int) -> tuple[Item, ...]:
    return tuple(item for at, item in enumerate(items) if at != place)


def _replaced(rows: Sequence[tuple[Item, ...]], row: int, items: tuple[Item, ...]) -> Sequence[tuple[Item, ...]]:
    return [items if at == row else each for at, each in enumerate(rows)]


def _with_rows(board: Board, rows: Sequence[tuple[Item, ...]]) -> Board:
    kept = tuple(items for items in rows if items)
    if len(kept) > MAX_ROWS:
        raise BoardFull
    return msgspec.structs.replace(board, rows=kept)
