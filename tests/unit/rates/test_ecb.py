import datetime as dt

import pytest

from questlog.rates.ecb import checked_table, newest_day, read_table, shipped_table
from questlog.rates.series import RatesUnreadable
from tests.support.rates import ecb_archive, zipped

TODAY = dt.date(2026, 11, 30)  # a Monday
EPOCH = dt.date(1970, 1, 1)


def day(date: dt.date) -> int:
    return (date - EPOCH).days


def test_the_shipped_table_is_read_and_good() -> None:
    archive = shipped_table()
    newest = newest_day(archive)
    table = checked_table(archive, newest, newest)
    assert table.newest_day == newest
    assert table.currencies >= 29
    assert len(table.series) >= 40


def test_a_newer_table_is_taken() -> None:
    table = checked_table(ecb_archive(TODAY), day(TODAY) - 3, day(TODAY))
    assert (table.newest_day, table.currencies) == (day(TODAY), 16)


def test_the_same_table_again_is_taken() -> None:
    assert checked_table(ecb_archive(TODAY), day(TODAY), day(TODAY)).newest_day == day(TODAY)


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (b"", "not an archive"),
        (b"<html>not here</html>", "not an archive"),
        (ecb_archive(TODAY)[:-30], "not an archive"),
        (ecb_archive(TODAY - dt.timedelta(days=40)), "ends on 2026-10-21"),
        (ecb_archive(TODAY + dt.timedelta(days=2)), "yet to come"),
        (ecb_archive(TODAY, first=TODAY - dt.timedelta(days=90)), "days and 16 currencies only"),
        (ecb_archive(TODAY, {"USD": {"2026-11-30": "125"}}), "a euro is worth 125"),
        (ecb_archive(TODAY, {"AAA": {"2026-11-30": "-2"}}), "-2 is no rate"),
        (ecb_archive(TODAY, {"AAA": {"2026-11-30": "nan"}}), "nan is no rate"),
        (ecb_archive(TODAY, {"AAA": {"2026-11-30": "much"}}), "could not convert"),
        (ecb_archive(TODAY, {f"AA{each}": {str(TODAY): "N/A"} for each in "ABCDE"}), "11 currencies only"),
        (zipped(""), "not the ECB's table"),
        (zipped("Date,USD,\n"), "no US dollar"),
        (zipped("Date,JPY,\n2026-11-30,2,\n"), "no US dollar"),
        (zipped("Date,USD,\n2026-11-30,1.1,2,\n"), "not the ECB's table"),
        (zipped("Date,USD,\n30.11.2026,1.1,\n"), "not the ECB's table"),
        (zipped("Date,USD,\n2026-11-30,1.1€,\n"), "not the ECB's table"),
        (zipped("0" * (32 * 1024 * 1024 + 1)), "larger than"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(archive: bytes, message: str) -> None:
    with pytest.raises(RatesUnreadable, match=message) as refused:
        checked_table(archive, day(TODAY) - 3, day(TODAY))
    assert "\n" not in str(refused.value)


def test_the_newest_day_is_found_without_reading_all() -> None:
    assert newest_day(ecb_archive(TODAY)) == read_table(ecb_archive(TODAY)).newest_day
    with pytest.raises(RatesUnreadable):
        newest_day(zipped("Date,USD,"))
