"""Buckets of a period: which there are, where they begin, and which days they have."""

import datetime as dt

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pytest

from questlog.analytics.engine.context import Context
from questlog.analytics.engine.functions import epoch_us
from questlog.analytics.question.query import Granularity, Period
from questlog.analytics.selection.buckets import Bucket, LocalDays, start_of, start_type
from questlog.model.calendar import HOUR_US, MINUTE_US, zone_named
from tests.support.engines import ExactOnly


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


ZONES = {
    "America/New_York": "2025-11-02",  # 25 hours
    "Australia/Lord_Howe": "2025-04-06",  # a change of half an hour
    "Asia/Kathmandu": "2025-12-30",
    "America/St_Johns": "2010-11-07",  # back to the day before
    "Pacific/Apia": "2011-12-31",  # there was no 30 December
}
WIDTHS = {Granularity.HOUR: HOUR_US, Granularity.MINUTE: MINUTE_US}


def _span(name: str) -> LocalDays:
    around = day(ZONES[name])
    return LocalDays(Period(around - dt.timedelta(days=3), around + dt.timedelta(days=2)), zone_named(name))


def _local(days: LocalDays) -> ir.Table:
    times = ibis.table({"event_time": "timestamp(6)"}, name="events").event_time
    found = times.as_table().mutate(us=epoch_us(times), day=days.day_of(times), is_held=days.holds(times))
    return found.mutate(**{each.value: days.bucket_of(times, each) for each in WIDTHS})


@pytest.mark.parametrize("name", ZONES)
def test_engines_know_days_hours_and_minutes_of_a_zone(name: str, engine: ExactOnly) -> None:
    days = _span(name)
    zone, rows = days.zone, Context(1, engine, 0).run(_local, days).to_pylist()
    for row in rows:
        is_held = days.period.start <= zone.day_of(row["us"]) <= days.period.end
        assert row["is_held"] == is_held
        if is_held:
            assert row["day"] == zone.day_of(row["us"])
            for granularity, width_us in WIDTHS.items():
                assert row[granularity.value] == zone.start_within(row["us"], width_us)
    assert sum(row["is_held"] for row in rows) > 100


@pytest.mark.parametrize("name", ZONES)
def test_every_bucket_of_a_zone_is_there_in_order(name: str) -> None:
    days = _span(name)
    for granularity, width_us in WIDTHS.items():
        times = pa.array([bucket.start for bucket in days.buckets(granularity)], pa.timestamp("us"))
        starts = times.cast(pa.int64()).to_pylist()
        assert starts == sorted({days.zone.start_within(us, width_us) for us in starts})
    skipped = [bucket.start for bucket in days.buckets(Granularity.DAY) if bucket.start == day("2011-12-30")]
    assert skipped == []


MINUTES_AROUND = (-3 * 24 * 60, 3 * 24 * 60, 10)
ROWS = [
    {"event_time": (day(text) - day("1970-01-01")).days * 24 * HOUR_US + minute * MINUTE_US - 1}
    for text in ZONES.values()
    for minute in range(*MINUTES_AROUND)
]
