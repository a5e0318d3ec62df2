"""What a unit of a currency is worth in US dollars on a day (metrics.md §3 "Money", decisions 0040 and 0041)."""

import enum
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

from questlog.rates import ecb
from questlog.rates.ecb import ReferenceRates
from questlog.rates.own import OwnRates
from questlog.rates.wide import WideRates

_MOST_REMEMBERED = 200_000


class RateSource(enum.StrEnum):
    """Where a rate is from, the first that has one."""

    OWN = "own"
    ECB = "ecb"
    WIDE = "wide"


class Quote(NamedTuple):
    """US dollars for one unit, and where that is from. Those of the wide table are approximate."""

    usd: Fraction
    source: RateSource


def shipped_reference() -> ReferenceRates:
    """The ECB's rates that come with the installation. Raises `RatesUnreadable`."""
    return ecb.read_table(ecb.shipped_table())


class Rates:
    """A studio's own rates, else the ECB's, else those of the wide table where there is one."""

    def __init__(
        self,
        own: OwnRates | None = None,
        reference: Callable[[], ReferenceRates] = shipped_reference,
        wide: WideRates | None = None,
    ) -> None:
        """`own` alone counts for the currencies it has. `reference` is called when a rate of it is first needed."""
        self._own = {currency: sorted(rates.items()) for currency, rates in (own or {}).items()}
        self._read_reference = reference
        self._reference: ReferenceRates | None = None
        self._wide = wide
        self._known: dict[tuple[str, int], Quote | None] = {}

    def usd(self, currency: str, day: int) -> Fraction | None:
        """US dollars for one unit of `currency` on `day` (days since 1970); None without a rate."""
        quote = self.quote(currency, day)
        return None if quote is None else quote.usd

    def quote(self, currency: str, day: int) -> Quote | None:
        """The rate and where it is from; None without one. Capitals do not matter: `usd` is the US dollar."""
        key = (currency, day)
        if key not in self._known:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = self._look_up(currency.upper(), day)
        return self._known[key]

    @cached_property
    def approximate_from(self) -> Mapping[str, int]:
        """The currencies whose rates are the wide table's, and the first day (since 1970) of which they are."""
        if self._wide is None:
            return {}
        reference = self._known_reference()
        days = {code: reference.unquoted_from(code) for code in self._wide.series if code not in self._own}
        return {code: day for code, day in days.items() if day is not None}

    def _look_up(self, currency: str, day: int) -> Quote | None:
        if currency in self._own:
            return Quote(_carried_forward(self._own[currency], day), RateSource.OWN)
        usd = self._reference_usd(currency, day)
        if usd is not None:
            return Quote(usd, RateSource.ECB)
        usd = None if self._wide is None else self._wide.usd(currency, day)
        return None if usd is None else Quote(usd, RateSource.WIDE)

    def _reference_usd(self, currency: str, day: int) -> Fraction | None:
        if currency == ecb.US_DOLLAR:
            return Fraction(1)
        return self._known_reference().usd(currency, day)

    def _known_reference(self) -> ReferenceRates:
        if self._reference is None:
            self._reference = self._read_reference()
        return self._reference


def _carried_forward(rates: list[tuple[int, Fraction]], day: int) -> Fraction:
    latest = rates[0][1]
    for known_day, rate in rates:
        if known_day > day:
            break
        latest = rate
    return latest
