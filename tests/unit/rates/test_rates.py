import datetime as dt
from fractions import Fraction

import pytest

from questlog.rates.ecb import read_table
from questlog.rates.rates import Quote, Rates, RateSource, shipped_reference
from questlog.rates.wide import read_days, read_package, with_day
from tests.support.rates import ecb_archive, wide_table

FRIDAY = dt.date(2025, 3, 28)
TABLE_END = dt.date(2025, 6, 30)


def day(date: dt.date) -> int:
    return (date - dt.date(1970, 1, 1)).days


def quote(rates: Rates, currency: str, date: dt.date) -> Quote | None:
    return rates.quote(currency, day(date))


def rates_of(archive: bytes, *wide: bytes) -> Rates:
    text = ""
    for table in wide:
        text = with_day(text, read_package(table))
    return Rates(reference=lambda: read_table(archive), wide=read_days(text) if wide else None)


def months_without(first: dt.date, last: dt.date) -> dict[str, str]:
    return {str(first + dt.timedelta(days=place)): "N/A" for place in range((last - first).days + 1)}


def test_the_first_source_that_has_a_rate_decides() -> None:
    wide = read_days(with_day("", read_package(wide_table(FRIDAY, usd=1, twd=32))))
    own = {"VND": {0: Fraction(1, 20_000)}}
    rates = Rates(own, lambda: read_table(ecb_archive(TABLE_END)), wide)
    assert quote(rates, "VND", FRIDAY) == (Fraction(1, 20_000), RateSource.OWN)
    assert quote(rates, "AAA", FRIDAY) == (Fraction(5, 8), RateSource.ECB)
    assert quote(rates, "TWD", FRIDAY) == (Fraction(1, 32), RateSource.WIDE)
    assert quote(rates, "XYZ", FRIDAY) is None


def test_a_currency_that_the_ecb_does_not_quote_has_no_rate_without_the_wide_table() -> None:
    assert Rates().quote("TWD", day(FRIDAY)) is None


def test_a_weekend_has_the_rates_of_friday() -> None:
    rates = rates_of(ecb_archive(TABLE_END, {"AAA": {str(FRIDAY): "4"}}))
    monday = FRIDAY + dt.timedelta(days=3)
    found = [quote(rates, "AAA", FRIDAY + dt.timedelta(days=place)) for place in range(4)]
    assert [each.usd for each in found if each] == [Fraction(5, 16)] * 3 + [Fraction(5, 8)]
    assert monday.weekday() == 0


@pytest.mark.parametrize("code", ["usd", "Usd", "eur", "aaa"])
def test_capitals_of_a_code_do_not_matter(code: str) -> None:
    rates = rates_of(ecb_archive(TABLE_END))
    assert quote(rates, code, FRIDAY) == quote(rates, code.upper(), FRIDAY)
    assert quote(rates, code, FRIDAY) is not None


@pytest.mark.parametrize("code", ["", " USD", "US", "USDT", "евро", "ﬁm"])
def test_what_is_no_code_has_no_rate(code: str) -> None:
    assert quote(rates_of(ecb_archive(TABLE_END), wide_table(FRIDAY)), code, FRIDAY) is None


def test_a_currency_that_is_quoted_no_more_has_no_rate_after_a_month() -> None:
    ended = dt.date(2025, 3, 1)
    rates = rates_of(ecb_archive(TABLE_END, {"RUB": months_without(ended, TABLE_END)}))
    assert quote(rates, "RUB", ended + dt.timedelta(days=30)) is not None
    assert quote(rates, "RUB", ended + dt.timedelta(days=31)) is None
    assert quote(rates, "RUB", TABLE_END + dt.timedelta(days=400)) is None


def test_the_wide_table_takes_over_where_the_ecb_ended() -> None:
    ended = dt.date(2025, 3, 1)
    archive = ecb_archive(TABLE_END, {"RUB": months_without(ended, TABLE_END)})
    rates = rates_of(archive, wide_table(ended, rub=80))
    assert quote(rates, "RUB", ended) == (Fraction(5, 8), RateSource.ECB)
    assert quote(rates, "RUB", TABLE_END) == (Fraction(1, 80), RateSource.WIDE)


def test_a_gap_of_years_in_a_currency_is_not_filled() -> None:
    # The Icelandic krona was not quoted from December 2008 to January 2018.
    rates = Rates()
    assert rates.usd("ISK", day(dt.date(2008, 12, 9))) is not None
    assert rates.usd("ISK", day(dt.date(2012, 6, 1))) is None
    assert rates.usd("ISK", day(dt.date(2018, 6, 1))) is not None


@pytest.mark.parametrize("currency", ["BGN", "CYP", "EEK", "HRK", "LTL", "LVL", "MTL", "SIT", "SKK"])
def test_a_currency_that_joined_the_euro_keeps_its_last_rate(currency: str) -> None:
    reference = shipped_reference()
    rates = Rates(reference=lambda: reference)
    for date in (dt.date(2026, 6, 1), dt.date(2030, 1, 1)):
        euro, joined = rates.usd("EUR", day(date)), rates.usd(currency, day(date))
        assert euro is not None
        assert joined == euro / reference.series[currency].on(day(date))[1]


@pytest.mark.parametrize("currency", ["RUB", "ROL", "TRL"])
def test_a_dead_currency_has_no_rate_today(currency: str) -> None:
    assert Rates().usd(currency, day(dt.date(2004, 6, 1))) is not None
    assert Rates().usd(currency, day(dt.date(2026, 6, 1))) is None


def test_days_after_the_table_have_its_last_rates() -> None:
    rates = rates_of(ecb_archive(TABLE_END, {"AAA": {str(TABLE_END): "4"}}))
    assert quote(rates, "AAA", TABLE_END + dt.timedelta(days=700)) == (Fraction(5, 16), RateSource.ECB)


def test_days_before_the_first_rate_have_the_first() -> None:
    rates = rates_of(ecb_archive(TABLE_END, {"AAA": {"2025-01-01": "4"}}), wide_table(FRIDAY, twd=32))
    assert quote(rates, "AAA", dt.date(1999, 1, 1)) == (Fraction(5, 16), RateSource.ECB)
    assert quote(rates, "TWD", dt.date(1999, 1, 1)) == (Fraction(1, 32), RateSource.WIDE)


def test_a_day_that_the_wide_table_misses_has_the_rate_of_the_day_before() -> None:
    after = FRIDAY + dt.timedelta(days=2)
    rates = rates_of(ecb_archive(TABLE_END), wide_table(FRIDAY, twd=32), wide_table(after, twd=40))
    found = [quote(rates, "TWD", FRIDAY + dt.timedelta(days=place)) for place in range(4)]
    assert [each.usd for each in found if each] == [Fraction(1, 32), Fraction(1, 32), Fraction(1, 40), Fraction(1, 40)]


def test_a_day_on_which_the_wide_table_misses_a_currency_has_its_rate_of_the_day_before() -> None:
    after = FRIDAY + dt.timedelta(days=1)
    rates = rates_of(ecb_archive(TABLE_END), wide_table(FRIDAY, twd=32), wide_table(after, twd=None))
    assert quote(rates, "TWD", after) == (Fraction(1, 32), RateSource.WIDE)


def test_crypto_currencies_with_codes_of_three_letters_have_no_rate() -> None:
    rates = rates_of(ecb_archive(TABLE_END), wide_table(FRIDAY))
    assert [quote(rates, code, FRIDAY) for code in ("BTC", "SOL")] == [None, None]


def test_currencies_of_the_wide_table_are_told_with_the_day_from_which_they_are() -> None:
    ended = dt.date(2025, 3, 1)
    archive = ecb_archive(TABLE_END, {"RUB": months_without(ended, TABLE_END), "THB": {}})
    wide = read_days(with_day("", read_package(wide_table(FRIDAY))))
    rates = Rates({"VND": {0: Fraction(1)}}, lambda: read_table(archive), wide)
    found = rates.approximate_from
    assert (found["TWD"], found["RUB"]) == (0, day(ended) + 31)
    assert not {"VND", "THB", "EUR", "USD", "BTC"} & found.keys()
    for currency, first in found.items():
        quote = rates.quote(currency, first)
        assert quote is not None
        assert quote.source is RateSource.WIDE
    before = rates.quote("RUB", found["RUB"] - 1)
    assert before is not None
    assert before.source is RateSource.ECB
    assert Rates({}, lambda: read_table(archive)).approximate_from == {}
