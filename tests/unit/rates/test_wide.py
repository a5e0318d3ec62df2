import datetime as dt
import gzip

import pytest

from questlog.rates.series import RatesUnreadable
from questlog.rates.wide import CURRENCIES, DayRates, checked_day, read_days, read_package, with_day
from tests.support.rates import package, wide_package, wide_table

DAY = dt.date(2026, 11, 29)
NUMBER = (DAY - dt.date(1970, 1, 1)).days
EURO_USD = 1.25
TABLE = "package/v1/currencies/usd.json"


@pytest.mark.parametrize("content", [wide_package(DAY, twd=32), wide_table(DAY, twd=32)], ids=["package", "table"])
def test_the_package_and_its_one_file_say_the_same(content: bytes) -> None:
    rates = read_package(content)
    assert (rates.day, rates.units["TWD"]) == (NUMBER, 32.0)
    assert rates.units.keys() == CURRENCIES


def test_only_national_currencies_with_a_rate_are_taken() -> None:
    rates = read_package(wide_table(DAY, twd=0, vnd=-1, ars="1500", clp=None, cop=1e300, doge=9, xau=0.0002, uah=True))
    missing = {"TWD", "VND", "ARS", "CLP", "COP", "UAH"}
    assert rates.units.keys() == CURRENCIES - missing


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not the wide table"),
        (b"<html>", "not the wide table"),
        (b'{"date": "2026-11-29"}', "not the wide table"),
        (b'{"date": "29.11.2026", "usd": {}}', "not the wide table"),
        (b"{" + b" " * 1024 * 1024, "larger than"),
        (b"\x1f\x8b", "not the wide table's package"),
        (wide_package(DAY)[:200], "not the wide table's package"),
        (gzip.compress(b"no archive" * 100), "not the wide table's package"),
        (package([("package/package.json", b"{}")]), "has no package/v1"),
        (package([(TABLE, b" " * (1024 * 1024 + 1))]), "larger than"),
        (package([("package/big", b"0" * (64 * 1024 * 1024 + 1)), (TABLE, wide_table(DAY))]), "larger than"),
    ],
    ids=[
        *("nothing", "a page", "no rates", "another date", "too much"),
        *("a cut head", "a cut package", "no archive", "another package", "a large table", "a large neighbour"),
    ],
)
def test_what_is_not_the_table_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(RatesUnreadable, match=message):
        read_package(content)


@pytest.mark.parametrize(
    ("rates", "today", "message"),
    [
        (read_package(wide_table(DAY)), NUMBER - 2, "yet to come"),
        (DayRates(NUMBER, {"EUR": 0.8, "TWD": 32.0}), NUMBER, "2 currencies only"),
        (read_package(wide_table(DAY, eur=2)), NUMBER, "worth 2.0 euros"),
        (read_package(wide_table(DAY, eur=0.4)), NUMBER, "worth 0.4 euros"),
        (read_package(wide_table(DAY, eur=None)), NUMBER, "worth 0.0 euros"),
    ],
)
def test_rates_that_cannot_be_right_are_refused(rates: DayRates, today: int, message: str) -> None:
    with pytest.raises(RatesUnreadable, match=message):
        checked_day(rates, EURO_USD, today)


def test_days_are_added_and_replaced() -> None:
    text = with_day("", read_package(wide_table(DAY, twd=32)))
    text = with_day(text, read_package(wide_table(DAY + dt.timedelta(days=1), twd=33.5)))
    text = with_day(text, read_package(wide_table(DAY, twd=31)))
    days = read_days(text)
    assert (days.newest_day, days.series["TWD"].rates.tolist()) == (NUMBER + 1, [31.0, 33.5])
    assert len(text.splitlines()) == 1 + 2 * len(CURRENCIES)


def test_no_day_is_no_rate() -> None:
    assert read_days("") == ({}, None)


@pytest.mark.parametrize(
    "text",
    [
        "date,code\n",
        "day,currency,units_for_one_usd\n2026-11-29,TWD\n",
        "day,currency,units_for_one_usd\n2026-11-29,TWD,0\n",
        "day,currency,units_for_one_usd\n2026-11-29,TWD,nan\n",
        "day,currency,units_for_one_usd\n2026-11-32,TWD,32\n",
    ],
)
def test_a_damaged_file_of_days_is_refused(text: str) -> None:
    with pytest.raises(RatesUnreadable):
        read_days(text)
