"""Pages of a list: the `next` of an answer, given as `after`, asks for the rows that follow.

To askers it is an opaque text. It holds the place of the last row in the order of the list, as whole numbers.
"""

import base64
from typing import Annotated

import msgspec
from msgspec import Meta

from questlog.analytics.question.problems import InvalidQuery

MAX_MARK = 64
_BOUND = 2**62
_MOST_ROWS = 2**31
Mark = Annotated[str, Meta(min_length=1, max_length=MAX_MARK)]
"""The `next` of an earlier answer."""

_decoder = msgspec.msgpack.Decoder(tuple[int, ...])


def mark_of(*place: int) -> str:
    """The text that stands for a place."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode().rstrip("=")


def place_of(mark: str, numbers: int, field: str = "after") -> tuple[int, ...]:
    """The place that a text stands for, of so many numbers. Raises `InvalidQuery` for any other text."""
    try:
        place = _decoder.decode(base64.b64decode(mark.encode() + b"=" * (-len(mark) % 4), b"-_", validate=True))
    except (ValueError, msgspec.DecodeError):
        place = ()
    if len(place) != numbers or not all(-_BOUND <= number < _BOUND for number in place):
        raise InvalidQuery(field, f"`{field}` must be the `next` of an earlier answer")
    return place


def known_mark(text: str, numbers: int) -> str | None:
    """The text where it stands for a place of so many numbers, None for any other: for addresses of pages."""
    try:
        place_of(text, numbers)
    except InvalidQuery:
        return None
    return text


def row_after(mark: str | None) -> int:
    """The number of rows before the page. Raises `InvalidQuery`."""
    (rows,) = (0,) if mark is None else place_of(mark, 1)
    return min(max(rows, 0), _MOST_ROWS)


def player_after(mark: str | None) -> int:
    """The number of the last player of the page before; less than all numbers for None. Raises `InvalidQuery`."""
    (number,) = (-1,) if mark is None else place_of(mark, 1)
    return number


def next_row(before: int, rows: int, total: int) -> str | None:
    """The mark of the page after one of so many `rows`, with so many `before` it, of a list of `total`."""
    return mark_of(before + rows) if rows and before + rows < total else None
