"""Money in US dollars, fixed at load with the rate of the event's day (metrics.md §3, decision 0040)."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from questlog.rates.rates import Rates
from questlog.rates.series import Days
from questlog.store.contract import MONEY_USD

_MICRO = 1_000_000
_MINOR_PER_MAJOR = 100  # GameAnalytics: "multiplying the price by 100", for every currency
_MOST_MICRO_USD = 10**18 - 1  # what DECIMAL(18,6) holds
_MOST_REMEMBERED = 200_000

_Units = Callable[[int | float], Fraction | None]
_Money = tuple[_Units, int | float, str, int]  # how to read the number, the number, its currency, the day


class Converter:
    """Turns columns of money into columns of US dollars. Columns are converted by one thread."""

    def __init__(self, rates: Rates) -> None:
        self._newest_rates = rates
        self._rates = rates
        self._known: dict[_Money, int | None] = {}

    @property
    def rates(self) -> Rates:
        """Those that the next column is converted with."""
        return self._newest_rates

    def use(self, rates: Rates) -> None:
        """Convert with these from the next column on; from any thread."""
        self._newest_rates = rates

    def amounts_usd(self, amounts: pa.Array, currencies: pa.Array, days: Days) -> pa.Array:
        """`amount_usd` of integer minor units (hundredths, whatever the currency)."""
        return self._column(amounts, currencies, days, _minor_units)

    def revenues_usd(self, revenues: pa.Array, currencies: pa.Array, days: Days) -> pa.Array:
        """`ad_revenue_usd` of numbers of major units."""
        return self._column(revenues, currencies, days, _major_units)

    def _column(self, amounts: pa.Array, currencies: pa.Array, days: Days, units: _Units) -> pa.Array:
        self._take_newest_rates()
        has_money = np.logical_and(
            amounts.is_valid().to_numpy(zero_copy_only=False), currencies.is_valid().to_numpy(zero_copy_only=False)
        )
        places = np.flatnonzero(has_money)
        if not len(places):
            return pa.nulls(len(days), MONEY_USD)
        money = zip(
            (units for _ in places),
            amounts.take(places).to_pylist(),
            currencies.take(places).to_pylist(),
            days[places].tolist(),
            strict=True,
        )
        return _money_array(places, [self._micro_usd(each) for each in money], len(days))

    def _take_newest_rates(self) -> None:
        newest = self._newest_rates
        if self._rates is not newest:
            self._rates = newest
            self._known.clear()

    def _micro_usd(self, money: _Money) -> int | None:
        """Millionths of a US dollar, half to even; None without a rate or above what the column holds."""
        if money not in self._known:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[money] = self._convert(*money)
        return self._known[money]

    def _convert(self, units: _Units, amount: float, currency: str, day: int) -> int | None:
        major = units(amount)
        rate = self._rates.usd(currency, day)
        if major is None or rate is None:
            return None
        micro = round(major * rate * _MICRO)
        return micro if abs(micro) <= _MOST_MICRO_USD else None


def _minor_units(amount: float) -> Fraction | None:
    return Fraction(int(amount), _MINOR_PER_MAJOR)


def _major_units(amount: float) -> Fraction | None:
    """The shortest decimal that reads back as the same float, which is what was sent."""
    written = Decimal(repr(amount))
    return Fraction(written) if written.is_finite() else None


def _money_array(places: npt.NDArray[np.intp], micros: Sequence[int | None], length: int) -> pa.Array:
    """A DECIMAL(18,6) column of millionths; a 128-bit number is its low half, then its sign-extended high half."""
    low = np.zeros(length, dtype=np.int64)
    low[places] = [micro or 0 for micro in micros]
    is_known = np.zeros(length, dtype=np.bool_)
    is_known[places] = [micro is not None for micro in micros]
    halves = np.column_stack((low, low >> 63))
    validity = np.packbits(is_known, bitorder="little")
    return pa.Array.from_buffers(MONEY_USD, length, [pa.py_buffer(validity), pa.py_buffer(halves)])
