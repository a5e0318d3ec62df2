"""One number divided by another: nothing, where there is nothing to divide by (metrics.md §3)."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias

from tests.support.oracle.asked import Key

Number: TypeAlias = int | Fraction | Decimal


def ratio(above: Number, below: Number) -> Fraction | None:
    """None where `below` is 0."""
    return Fraction(above) / Fraction(below) if below else None


def divided(above: Mapping[Key, Number], below: Mapping[Key, Number]) -> dict[Key, Fraction | None]:
    """For every key of either; a key that one of them lacks is 0 there."""
    return {key: ratio(above.get(key, 0), below.get(key, 0)) for key in {**above, **below}}


def added(one: Mapping[Key, Decimal], other: Mapping[Key, Decimal]) -> dict[Key, Decimal]:
    """For every key of either."""
    return {key: one.get(key, Decimal()) + other.get(key, Decimal()) for key in {**one, **other}}
