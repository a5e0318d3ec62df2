"""A studio's own rates."""

import csv
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path

from questlog.rates.series import RatesUnreadable, day_number

OwnRates = Mapping[str, Mapping[int, Fraction]]
"""US dollars for one unit, by currency and day since 1970."""


def read_own_rates(path: Path) -> OwnRates:
    """CSV with the header `day,currency,usd`, where `usd` is what one unit is worth. Raises `RatesUnreadable`."""
    own: dict[str, dict[int, Fraction]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames is None or not {"day", "currency", "usd"} <= set(rows.fieldnames):
            raise RatesUnreadable(f"{path}: the first line has to be day,currency,usd")
        for row in rows:
            try:
                day = day_number(row["day"].strip())
                rate = Fraction(Decimal(row["usd"].strip()))
            except (ValueError, InvalidOperation, OverflowError, AttributeError) as error:
                raise RatesUnreadable(f"{path}, line {rows.line_num}: not a day and a rate") from error
            if rate <= 0:
                raise RatesUnreadable(f"{path}, line {rows.line_num}: a rate has to be above 0")
            own.setdefault(row["currency"].strip().upper(), {})[day] = rate
    return own
