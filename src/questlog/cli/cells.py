"""Writes the values of a column for people: rounded, with their unit. CSV, JSON and Parquet keep the values as they
are.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeGuard

from questlog.cli.table import NUMBERS

NOTHING = "–"
"""What stands for null."""

Number = int | float | Decimal
Write = Callable[[Number], str]

_MINUTE_S, _HOUR_S = 60, 3_600


def cells(values: Sequence[object], unit: str, kind: str, nothing: str = NOTHING) -> list[object]:
    """The values of one column of that unit and of Arrow's type `kind`; what is no number stays as it is.

    All values of a column get the same unit and number of decimals, so that they can be compared.
    """
    if not kind.startswith(NUMBERS):
        return [nothing if value is None else value for value in values]
    numbers = [value for value in values if _is_number(value)]
    write = _writer(numbers, unit)
    return [write(value) if _is_number(value) else nothing if value is None else value for value in values]


def _is_number(value: object) -> TypeGuard[Number]:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _writer(numbers: Sequence[Number], unit: str) -> Write:
    greatest = max((abs(float(number)) for number in numbers), default=0.0)
    is_whole = all(number == int(number) for number in numbers)
    match unit:
        case "share":
            return lambda share: f"{share * 100:.1f} %"
        case "USD":
            decimals = 2 if greatest >= 1 or not greatest else 4
            return lambda amount: f"$ {amount:,.{decimals}f}"
        case "s":
            return _duration(greatest)
        case "" if is_whole:
            return lambda number: f"{number:.0f}"  # an age, a level, a place: not a quantity
        case _:
            decimals = 0 if is_whole else 2 if greatest >= 1 else 4
            return lambda number: f"{number:,.{decimals}f}"


def _duration(greatest_s: float) -> Write:
    if greatest_s >= 2 * _HOUR_S:
        return lambda seconds: f"{float(seconds) / _HOUR_S:,.1f} h"
    if greatest_s >= 2 * _MINUTE_S:
        return lambda seconds: f"{float(seconds) / _MINUTE_S:,.1f} min"
    return lambda seconds: f"{seconds:,.1f} s"
