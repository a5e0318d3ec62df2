"""The wider daily table: about 150 currencies, approximate, from a package that the installation fetches itself.

A version of the package holds one day. Only units of national currencies for one US dollar are taken from it, and added
to a file of the data directory, so that days are known from the first one fetched on.
"""

import csv
import io
import math
import tarfile
import zlib
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple, cast

import msgspec

from questlog.rates.series import RatesUnreadable, Series, date_of, day_number, series_by_currency

PACKAGE = "@fawazahmed0/currency-api"

# ISO 4217, national currencies: the package also has metals, crypto-currencies with codes of three letters (ADA, SOL)
# and currencies that are no more, which its source goes on converting.
_ISO_4217 = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
    CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD
    HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD
    LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
    PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS
    TMT TND TOP TRY TTD TWD TZS UAH UGX UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_ISO_4217.split())

_MEMBERS = ("package/v1/currencies/usd.min.json", "package/v1/currencies/usd.json")
_GZIP = b"\x1f\x8b"
_MAX_INFLATED_BYTES = 64 * 1024 * 1024
_MAX_TABLE_BYTES = 1024 * 1024
_LEAST_CURRENCIES = 100
_LARGEST_RATE = 1e12
_CREDIBLE_DIFFERENCE = 1.5  # the table in use may be some months old
_HEADER = ("day", "currency", "units_for_one_usd")


class DayRates(NamedTuple):
    """What the table says of one day: units of a currency for one US dollar."""

    day: int
    units: Mapping[str, float]


class _Table(msgspec.Struct):
    date: str
    usd: dict[str, object]


class WideRates(NamedTuple):
    """All days that were fetched."""

    series: Mapping[str, Series]
    newest_day: int | None

    def usd(self, currency: str, day: int) -> Fraction | None:
        """US dollars for one unit on the last day known by then; before the first, on the first.

        None for a currency that is not in the table.
        """
        series = self.series.get(currency)
        return None if series is None else 1 / series.on(day)[1]


def read_package(content: bytes) -> DayRates:
    """The day in a package (a gzipped tar archive), or in the one file of it that matters (`usd.json`).

    Raises `RatesUnreadable`.
    """
    table = _table_of_package(content) if content.startswith(_GZIP) else content
    if len(table) > _MAX_TABLE_BYTES:
        raise RatesUnreadable(f"the wide table is larger than {_MAX_TABLE_BYTES} bytes")
    try:
        read = msgspec.json.decode(table, type=_Table)
        day = day_number(read.date)
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise RatesUnreadable(f"not the wide table: {error}") from error
    # A boolean is an int, and no rate.
    units = {currency.upper(): cast("float", rate) for currency, rate in read.usd.items() if type(rate) in (int, float)}
    return DayRates(
        day,
        {
            currency: float(rate)
            for currency, rate in units.items()
            if currency in CURRENCIES and 1 / _LARGEST_RATE < rate < _LARGEST_RATE
        },
    )


def checked_day(rates: DayRates, euro_usd: float, today: int) -> DayRates:
    """The rates, if they can be used: of a day that has been, of many currencies, and near to the ECB's euro.

    Raises `RatesUnreadable`.
    """
    if rates.day > today + 1:
        raise RatesUnreadable(f"the wide table is of {date_of(rates.day)}, which is yet to come")
    if len(rates.units) < _LEAST_CURRENCIES:
        raise RatesUnreadable(f"the wide table has {len(rates.units)} currencies only")
    euros = rates.units.get("EUR", 0.0)
    if not 1 / _CREDIBLE_DIFFERENCE < euros * euro_usd < _CREDIBLE_DIFFERENCE:
        raise RatesUnreadable(f"the wide table says that a US dollar is worth {euros} euros")
    return rates


def read_days(text: str) -> WideRates:
    """The days of the file that `with_day` makes; none of an empty text. Raises `RatesUnreadable`."""
    lines = csv.reader(io.StringIO(text))
    if text and tuple(next(lines)) != _HEADER:
        raise RatesUnreadable("not the file of the wide table's days")
    try:
        series = series_by_currency((currency, day_number(day), _positive(rate)) for day, currency, rate in lines)
    except (ValueError, OverflowError, csv.Error) as error:
        raise RatesUnreadable(f"line {lines.line_num} of the wide table's days: {error}") from error
    return WideRates(series, max((int(each.days[-1]) for each in series.values()), default=None))


def with_day(text: str, rates: DayRates) -> str:
    """The file of days with one more; what it had of that day is replaced."""
    date = date_of(rates.day).isoformat()
    kept = [line for line in text.splitlines() if not line.startswith(f"{date},")] or [",".join(_HEADER)]
    added = [f"{date},{currency},{rate!r}" for currency, rate in sorted(rates.units.items())]
    return "\n".join([*kept, *added, ""])


def _positive(text: str) -> float:
    rate = float(text)
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"{text} is no rate")
    return rate


def _table_of_package(content: bytes) -> bytes:
    """The file of dollars. The archive is read on as a stream, so that no more of it is in memory than a block."""
    inflated = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r|gz") as archive:
            for member in archive:
                inflated += member.size
                if inflated > _MAX_INFLATED_BYTES:
                    raise RatesUnreadable(f"the wide table's package is larger than {_MAX_INFLATED_BYTES} bytes")
                if member.name in _MEMBERS and member.isfile():
                    file = archive.extractfile(member)
                    return b"" if file is None else file.read(_MAX_TABLE_BYTES + 1)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise RatesUnreadable(f"not the wide table's package: {error}") from error
    raise RatesUnreadable(f"the wide table's package has no {_MEMBERS[0]}")
