"""Money in Satori events: purchases and ad revenue (satori.md §8.1, metrics.md §3).

An amount is hundredths of its currency, for every currency (decision 0040): also for those whose minor unit is another.
"""

import math
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER = 64
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_LARGEST_EXACT = 2**53
_LARGEST_AMOUNT = 2**63 - 1


class Money(NamedTuple):
    """An amount in hundredths of a currency, which is three capital letters."""

    amount: int
    currency: str


def read_number(text: str) -> float | None:
    """The finite number that `text` writes in decimal, or None.

    Not a number: `nan`, `inf`, hexadecimal, separators, spaces. Nor what would not come back as it was written and is
    therefore more likely an id: numbers with leading zeros, and integers of ±2^53 and beyond.
    """
    if len(text) > _LONGEST_NUMBER or _NUMBER.fullmatch(text) is None:
        return None
    number = float(text)
    if abs(number) < _LARGEST_EXACT:
        return number
    if math.isinf(number) or _INTEGER.fullmatch(text):
        return None
    return number


def purchase(value: str | None, metadata: Mapping[str, str]) -> Money | None:
    """What a `purchaseCompleted` event earned.

    A numeric value is US cents; without one, `metadata.amount` is in major units of `metadata.currency`. None for a
    test purchase (`metadata.test` is "true", in any case) and where nothing can be read.
    """
    if _is_test(metadata):
        return None
    if value is not None and read_number(value) is not None:
        return _money(value, "USD", decimals=0)
    amount, currency = metadata.get("amount", ""), metadata.get("currency", "").upper()
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        return None
    return _money(amount, currency, decimals=2)


def ad_revenue_usd(value: str | None, metadata: Mapping[str, str]) -> float | None:
    """US dollars that an `adImpression` event earned: its value is US cents. None without a number, and in a test."""
    cents = None if value is None or _is_test(metadata) else read_number(value)
    return None if cents is None else cents / 100


def _is_test(metadata: Mapping[str, str]) -> bool:
    return metadata.get("test", "").lower() == "true"


def _money(number: str, currency: str, decimals: int) -> Money | None:
    """`number` shifted by `decimals`, rounded half up; None if it is no number or exceeds 64 bits."""
    if len(number) > _LONGEST_NUMBER or _NUMBER.fullmatch(number) is None:
        return None
    shifted = Decimal(number).scaleb(decimals)
    if shifted.adjusted() > 19:
        return None
    amount = int(shifted.to_integral_value(ROUND_HALF_UP))
    return Money(amount, currency) if abs(amount) <= _LARGEST_AMOUNT else None
