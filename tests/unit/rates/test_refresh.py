import datetime as dt
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from questlog.rates.download import FetchFailed
from questlog.rates.files import RatesFiles
from questlog.rates.rates import RateSource
from questlog.rates.refresh import RatesRefresh, Sources
from questlog.rates.series import RatesUnreadable
from questlog.rates.status import RatesMonitor, RatesStatus
from tests.support.console import SettableClock
from tests.support.rates import ecb_archive, wide_package

EPOCH = dt.date(1970, 1, 1)
TODAY = dt.date(2026, 11, 30)
NOW_US = (TODAY - EPOCH).days * 86_400_000_000
HOUR_US = 3_600_000_000


class Source:
    """Something to fetch, as the test says."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = content
        self.error: Exception | None = None
        self.fetched = 0

    def __call__(self) -> bytes:
        self.fetched += 1
        if self.error is not None:
            raise self.error
        return self.content


class Made:
    """A refresh over a directory, with sources that are as the test says."""

    def __init__(self, directory: Path) -> None:
        self.clock = SettableClock(NOW_US)
        self.files = RatesFiles(directory)
        self.reference = Source(ecb_archive(TODAY))
        self.wide = Source(wide_package(TODAY, twd=32))
        self.told = 0
        self.has_wide = True
        self.refresh = self.started()

    def started(self) -> RatesRefresh:
        return RatesRefresh(
            self.files, Sources(self.reference, self.wide if self.has_wide else None), self.note, self.clock
        )

    def note(self) -> None:
        self.told += 1

    def statuses(self) -> dict[RateSource, RatesStatus]:
        monitor = RatesMonitor(self.files, self.clock, has_wide=self.has_wide, is_fetched_daily=True)
        return {each.source: each for each in monitor.status()}


@pytest.fixture(name="made")
def _made(tmp_path: Path) -> Made:
    return Made(tmp_path / "rates")


def test_new_rates_are_kept_and_told_of(made: Made) -> None:
    made.refresh.step()
    rates = made.files.rates(None, has_wide=True)
    today = (TODAY - EPOCH).days
    assert (rates.usd("EUR", today), rates.usd("TWD", today)) == (Fraction(5, 4), Fraction(1, 32))
    assert made.told == 1


def test_rates_survive_a_restart_and_are_fetched_once_a_day(made: Made) -> None:
    made.refresh.step()
    made.refresh.step()
    made.started().step()
    assert (made.reference.fetched, made.wide.fetched) == (1, 1)
    made.clock.us += 22 * HOUR_US
    made.started().step()
    assert made.reference.fetched == 1
    made.clock.us += 2 * HOUR_US
    made.started().step()
    assert (made.reference.fetched, made.wide.fetched, made.told) == (2, 2, 2)


def test_a_failure_leaves_the_rates_and_is_tried_again_after_an_hour(made: Made) -> None:
    made.refresh.step()
    made.clock.us += 24 * HOUR_US
    made.reference.error = FetchFailed("no way out")
    made.refresh.step()
    status = made.statuses()[RateSource.ECB]
    assert (status.newest_day, status.age_days, status.fetched_at) == (TODAY, 1, NOW_US)
    assert status.problem is not None
    assert "1 day old" in status.problem
    assert "no way out" in status.problem
    made.refresh.step()
    made.started().step()
    assert made.reference.fetched == 2
    made.clock.us += HOUR_US
    made.reference.error = None
    made.refresh.step()
    assert made.reference.fetched == 3
    assert made.statuses()[RateSource.ECB].problem is None


def test_one_table_that_fails_does_not_keep_the_other_back(made: Made) -> None:
    made.reference.error = OSError("disk")
    made.refresh.step()
    assert made.told == 1
    assert [made.statuses()[source].error for source in RateSource if source is not RateSource.OWN] == ["disk", None]


def test_a_table_that_is_damaged_is_not_used(made: Made) -> None:
    made.refresh.step()
    made.clock.us += 24 * HOUR_US
    made.reference.content = b"<html>busy</html>"
    made.wide.content = wide_package(TODAY + dt.timedelta(days=1), eur=80)
    made.refresh.step()
    assert made.told == 1
    assert made.files.reference_day() == made.files.wide().newest_day == (TODAY - EPOCH).days
    assert all(status.problem for status in made.statuses().values())


def test_a_clock_that_was_set_back_does_not_stop_the_fetching(made: Made) -> None:
    made.clock.us += 48 * HOUR_US
    made.refresh.step()
    made.clock.us = NOW_US
    made.started().step()
    assert made.reference.fetched == 2


def test_without_the_wide_table_nothing_of_it_is_fetched(made: Made) -> None:
    made.has_wide = False
    made.started().step()
    assert (made.reference.fetched, made.wide.fetched) == (1, 0)
    assert made.statuses().keys() == {RateSource.ECB}


def test_a_disk_that_takes_nothing_is_not_asked_for_rates_every_minute(tmp_path: Path) -> None:
    (tmp_path / "rates").write_text("a file where a directory should be")
    made = Made(tmp_path / "rates")
    made.refresh.step()
    made.refresh.step()
    assert made.reference.fetched == 1
    assert made.told == 0


def test_a_fetched_table_that_was_damaged_on_disk_leaves_the_shipped_one(tmp_path: Path) -> None:
    files = RatesFiles(tmp_path)
    shipped = files.reference_day()
    files.keep_reference(ecb_archive(TODAY))
    assert files.reference_day() == (TODAY - EPOCH).days
    (tmp_path / "ecb.zip").write_bytes(ecb_archive(TODAY)[:-1000])
    assert files.reference_day() == shipped
    assert files.reference().newest_day == shipped


def test_a_fetched_table_that_is_older_than_the_shipped_one_is_not_used(tmp_path: Path) -> None:
    files = RatesFiles(tmp_path)
    shipped = files.reference_day()
    files.keep_reference(ecb_archive(dt.date(2026, 1, 5)))
    assert files.reference_day() == shipped


def test_damaged_days_of_the_wide_table_are_named(made: Made, tmp_path: Path) -> None:
    made.refresh.step()
    path = tmp_path / "rates" / "wide.csv"
    path.write_text(path.read_text()[:-3] + "x\n")
    with pytest.raises(RatesUnreadable, match=r"wide\.csv: line 15\d .*delete the file"):
        made.files.wide()
    problem = made.statuses()[RateSource.WIDE].problem
    assert problem is not None
    assert "delete the file" in problem


@pytest.mark.parametrize("content", [b"", b"[]", b'{"gold": {}}', b"\xff"])
def test_what_is_written_of_attempts_may_be_damaged(made: Made, tmp_path: Path, content: bytes) -> None:
    made.refresh.step()
    (tmp_path / "rates" / "attempts.json").write_bytes(content)
    made.started().step()
    assert made.reference.fetched == 2


@pytest.mark.parametrize(("age_days", "is_old"), [(0, False), (7, False), (8, True)])
def test_old_rates_are_a_problem(made: Made, age_days: int, is_old: bool) -> None:
    made.has_wide = False
    made.started().step()
    made.clock.us += age_days * 24 * HOUR_US
    status = made.statuses()[RateSource.ECB]
    assert status.age_days == age_days
    assert (status.problem is not None) is is_old


def test_where_nothing_is_fetched_old_rates_say_what_to_do(made: Made) -> None:
    made.clock.us += 3000 * 24 * HOUR_US
    monitor = RatesMonitor(made.files, made.clock, has_wide=True, is_fetched_daily=False)
    reference, wide = monitor.status()
    assert reference.problem is not None
    assert "money.refresh" in reference.problem
    assert wide.problem is not None
    assert "not been fetched yet" in wide.problem


def test_the_status_is_read_at_most_every_half_minute(made: Made) -> None:
    monitor = RatesMonitor(made.files, made.clock, has_wide=False, is_fetched_daily=True)
    before = monitor.status()[0].newest_day
    made.refresh.step()
    assert monitor.status()[0].newest_day == before
    made.clock.us += 31_000_000
    assert monitor.status()[0].newest_day == TODAY


def test_after_stop_nothing_is_begun(made: Made) -> None:
    made.refresh.stop()
    made.refresh.step()
    made.refresh.run()
    assert made.reference.fetched == 0


def test_the_thread_fetches_and_ends(made: Made) -> None:
    made.refresh.start()
    wait_for(lambda: made.told == 1)
    made.refresh.stop()
    assert made.reference.fetched == 1


def wait_for(is_so: Callable[[], bool]) -> None:
    import time

    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)
