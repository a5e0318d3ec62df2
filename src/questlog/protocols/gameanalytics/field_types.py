"""What one value of a field may be, from which both ways of reading come (spec §§2, 3.14; error types: §1.5).

`wire` is the type that msgspec decodes quickly: whatever it takes is right and is stored as it is, but for the patterns
that `plain_events` matches. `check` judges every value that msgspec refuses, and says what is wrong with it.
"""

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta

from questlog.protocols.gameanalytics.patterns import Pattern
from questlog.protocols.numbers import nearest_integer

MAX_INTEGER = 2**63 - 1
MIN_INTEGER = -(2**63)

Check = Callable[[object], object]
"""Takes a value that is not None; returns what to store (None: as if absent) or raises `FieldRefused`."""

_Scalar = str | Annotated[int, Meta(ge=MIN_INTEGER, le=MAX_INTEGER)] | float | bool | None
_FlatObject = dict[str, _Scalar]


class FieldRefused(Exception):
    """The value breaks its field's rule; `error_type` is the 400 answer's word for how."""

    def __init__(self, error_type: str) -> None:
        super().__init__(error_type)
        self.error_type = error_type


class FieldType(NamedTuple):
    """A type for msgspec, and the check of every other value; without one, none is wrong."""

    wire: Any
    check: Check | None = None


def text(min_length: int = 0, max_length: int | None = None) -> FieldType:
    """A string of so many characters."""

    def check(value: object) -> object:
        if not isinstance(value, str):
            raise FieldRefused("wrong_type")
        if len(value) < min_length or (max_length is not None and len(value) > max_length):
            raise FieldRefused("wrong_length")
        return value

    if not min_length and max_length is None:
        return FieldType(str, check)
    return FieldType(Annotated[str, Meta(min_length=min_length or None, max_length=max_length)], check)


def matching(pattern: Pattern, *, may_be_empty: bool = False) -> FieldType:
    """A string that matches; with `may_be_empty`, an empty one is as good as none.

    msgspec takes any string, since it would run the expression each time: `plain_events` asks `pattern.seen` first.
    """

    def check(value: object) -> object:
        if not isinstance(value, str):
            raise FieldRefused("wrong_type")
        if may_be_empty and not value:
            return None
        if value not in pattern.seen and not pattern.matches(value):
            raise FieldRefused("no_match")
        return value

    return FieldType(str, check)


def rare(pattern: Pattern, *, may_be_empty: bool = False) -> FieldType:
    """`matching`, for a field that few events have: msgspec runs the expression."""
    expression = Meta(pattern=rf"^(?:{pattern.text})\Z", min_length=1)
    return FieldType(Annotated[str, expression], matching(pattern, may_be_empty=may_be_empty).check)


def one_of(words: tuple[str, ...], *, may_be_empty: bool = False) -> FieldType:
    """One of these strings; with `may_be_empty`, an empty one is as good as none, but does as a required value."""
    known = frozenset(words)

    def check(value: object) -> object:
        if not isinstance(value, str):
            raise FieldRefused("wrong_type")
        if may_be_empty and not value:
            return None
        if value not in known:
            raise FieldRefused("not_in_enum")
        return value

    return FieldType(Literal[words], check)


def integer(low: int, high: int) -> FieldType:
    """A whole number, also written as `2.0` or computed as `1.9999999999999998`, within bounds."""

    def check(value: object) -> object:
        if isinstance(value, float):
            value = nearest_integer(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise FieldRefused("wrong_type")
        if not low <= value <= high:
            raise FieldRefused("not_in_range")
        return value

    return FieldType(Annotated[int, Meta(ge=low, le=high)], check)


def number(low: float = -math.inf) -> FieldType:
    """Any number that a 64-bit float holds, not below `low`."""

    def check(value: object) -> object:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise FieldRefused("wrong_type")
        try:
            as_float = float(value)
        except OverflowError as error:
            raise FieldRefused("not_in_range") from error
        if as_float < low:
            raise FieldRefused("not_in_range")
        return as_float

    return FieldType(float if low == -math.inf else Annotated[float, Meta(ge=low)], check)


def _boolean(value: object) -> object:
    if not isinstance(value, bool):
        raise FieldRefused("wrong_type")
    return value


def _table(value: object) -> object:
    if not isinstance(value, dict | list):
        raise FieldRefused("wrong_type")
    return value


BOOLEAN = FieldType(bool, _boolean)
"""True or false; the documented schema has only true."""

TABLE = FieldType(_FlatObject | list[_Scalar | _FlatObject], _table)
"""A free-form object; Roblox writes an empty one as `[]`. msgspec takes two levels, the rules more, within a bound."""

COUNT = integer(0, MAX_INTEGER)
