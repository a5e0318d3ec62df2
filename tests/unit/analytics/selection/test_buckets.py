"""Buckets of a period: which there are, where they begin, and which days they have."""

import datetime as dt

import pyarrow as pa
import pytest

from questlog.analytics.question.query import Granularity, Period
from questlog.analytics.selection.buckets import Bucket, LocalDays, start_of, start_type


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


OVER_NEW_YEAR = Period(day("2025-12-31"), day("2026-01-05"))


def test_weeks_begin_on_monday_also_before_the_period_and_end_with_it() -> None:
    assert LocalDays(OVER_NEW_YEAR).buckets(Granularity.WEEK) == [
        Bucket(day("2025-12-29"), day("2026-01-04")),
        Bucket(day("2026-01-05"), day("2026-01-05")),
    ]


def test_months_are_cut_by_the_period() -> None:
    assert LocalDays(OVER_NEW_YEAR).buckets(Granularity.MONTH) == [
        Bucket(day("2025-12-01"), day("2025-12-31")),
        Bucket(day("2026-01-01"), day("2026-01-05")),
    ]


def test_all_is_one_bucket() -> None:
    assert LocalDays(OVER_NEW_YEAR).buckets(Granularity.ALL) == [Bucket(day("2025-12-31"), day("2026-01-05"))]


@pytest.mark.parametrize(("granularity", "count"), [(Granularity.MINUTE, 2880), (Granularity.HOUR, 48)])
def test_a_day_has_its_hours_and_minutes(granularity: Granularity, count: int) -> None:
    found = LocalDays(Period(day("2025-12-31"), day("2026-01-01"))).buckets(granularity)
    assert len(found) == count
    assert found[0].start == dt.datetime(2025, 12, 31)  # noqa: DTZ001 - stored times are UTC without saying so
    assert found[-1].last_day == day("2026-01-01")
    assert start_type(granularity) == pa.timestamp("us")


def test_days_are_their_own_buckets() -> None:
    assert [bucket.start for bucket in LocalDays(OVER_NEW_YEAR).buckets(Granularity.DAY)][:2] == [
        day("2025-12-31"),
        day("2026-01-01"),
    ]
    assert start_of(day("2026-01-01"), Granularity.DAY) == day("2026-01-01")
    assert start_type(Granularity.DAY) == pa.date32()
