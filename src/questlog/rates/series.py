"""One currency's rates by day."""

import datetime
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Days = npt.NDArray[np.int32]
"""Days since 1970."""

_EPOCH = datetime.date(1970, 1, 1)


class RatesUnreadable(Exception):
    """Rates that cannot be used. The message is one line that says which, and why."""


class Series(NamedTuple):
    """Days in ascending order, and the rate of each. A rate is the shortest decimal that reads back as the float."""

    days: Days
    rates: npt.NDArray[np.float64]

    def on(self, day: int) -> tuple[int, Fraction]:
        """The last day with a rate by then, and the rate; before the first day, the first."""
        place = max(int(np.searchsorted(self.days, day, side="right")) - 1, 0)
        return int(self.days[place]), Fraction(repr(float(self.rates[place])))


def series_by_currency(rows: Iterable[tuple[str, int, float]]) -> Mapping[str, Series]:
    """The series of (currency, day, rate) in any order; of several rates of a day, the last counts."""
    found: dict[str, dict[int, float]] = {}
    for currency, day, rate in rows:
        found.setdefault(currency, {})[day] = rate
    return {currency: _series(rates) for currency, rates in found.items()}


def day_number(text: str) -> int:
    """Days since 1970 of `YYYY-MM-DD`. Raises `ValueError`."""
    return (datetime.date.fromisoformat(text) - _EPOCH).days


def date_of(day: int) -> datetime.date:
    """The date of a day since 1970."""
    return _EPOCH + datetime.timedelta(days=day)


def _series(rates: Mapping[int, float]) -> Series:
    days = sorted(rates)
    return Series(np.array(days, dtype=np.int32), np.array([rates[day] for day in days], dtype=np.float64))
