"""What one value of a field may be: the words of the rules (spec §§2, 3.14; error types: §1.5)."""

import math
from collections.abc import Callable

from questlog.protocols.gameanalytics.patterns import Pattern
from questlog.protocols.numbers import nearest_integer

Check = Callable[[object], object]
"""Takes a value that is not None; returns what to store (None: as if absent) or raises `FieldRefused`."""


class FieldRefused(Exception):
    """The value breaks its field's rule; `error_type` is the 400 answer's word for how."""

    def __init__(self, error_type: str) -> None:
        super().__init__(error_type)
        self.error_type = error_type


def text(min_length: int = 0, max_length: int | None = None) -> Check:
    """A string of so many characters."""

    def check(value: object) -> object:
        if not isinstance(value, str):
            raise FieldRefused("wrong_type")
        if len(value) < min_length or (max_length is not None and len(value) > max_length):
            raise FieldRefused("wrong_length")
        return value

    return check


def matching(pattern: Pattern, *, may_be_empty: bool = False) -> Check:
    """A string that matches; with `may_be_empty`, an empty one is as good as none."""

    def check(value: object) -> object:
        if not isinstance(value, str):
            raise FieldRefused("wrong_type")
        if may_be_empty and not value:
            return None
        if value not in pattern.seen and not pattern.matches(value):
            raise FieldRefused("no_match")
        return value

    return check


def one_of(values: frozenset[str], *, may_be_empty: bool = False) -> Check:
    """One of these strings; with `may_be_empty`, an empty one is as good as none, but does as a required value."""

    def check(value: object) -> object:
        if not isinstance(value, str):
            raise FieldRefused("wrong_type")
        if may_be_empty and not value:
            return None
        if value not in values:
            raise FieldRefused("not_in_enum")
        return value

    return check


def integer(low: int, high: int) -> Check:
    """A whole number, also written as `2.0` or computed as `1.9999999999999998`, within bounds."""

    def check(value: object) -> object:
        if isinstance(value, float):
            value = nearest_integer(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise FieldRefused("wrong_type")
        if not low <= value <= high:
            raise FieldRefused("not_in_range")
        return value

    return check


def number(low: float = -math.inf) -> Check:
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

    return check


def boolean(value: object) -> object:
    """True or false; the documented schema has only true."""
    if not isinstance(value, bool):
        raise FieldRefused("wrong_type")
    return value


def table(value: object) -> object:
    """A free-form object; Roblox writes an empty one as `[]`."""
    if not isinstance(value, dict | list):
        raise FieldRefused("wrong_type")
    return value
