"""Zones by segments against the zone library, moment by moment."""

import datetime as dt
import random
import zoneinfo

import pytest

from questlog.model.calendar import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    UTC,
    UnknownZone,
    Zone,
    day_number,
    zone_named,
)

HARD = (
    "UTC",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Europe/Dublin",
)


def local(zone: str, moment_us: int) -> dt.datetime:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=moment_us)
    return moment.astimezone(zoneinfo.ZoneInfo(zone))


def us(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp()) * 1_000_000


@pytest.mark.parametrize("name", HARD)
def test_days_are_those_of_the_zone_library(name: str) -> None:
    rng, zone = random.Random(name), zone_named(name)
    first, last = us("1950-01-01T00:00:00+00:00"), us("2099-01-01T00:00:00+00:00")
    for _ in range(1_000):
        moment = rng.randrange(first, last)
        assert zone.day_of(moment) == local(name, moment).date()


@pytest.mark.parametrize("name", HARD)
def test_every_moment_around_a_change_is_in_its_day_and_hour(name: str) -> None:
    zone = zone_named(name)
    changes = [
        each.start_us for each in zone.segments(us("2004-01-01T00:00:00+00:00"), us("2014-01-01T00:00:00+00:00"))
    ]
    for change in changes[1:]:
        for moment in range(change - 27 * HOUR_US, change + 27 * HOUR_US, 11 * MINUTE_US):
            here = local(name, moment)
            start, end = zone.bounds(here.date(), here.date())
            assert start <= moment < end
            hour = zone.start_within(moment, HOUR_US)
            assert hour in zone.starts_within(here.date(), HOUR_US)
            assert hour <= moment < hour + HOUR_US
            assert local(name, hour).replace(minute=0, second=0).replace(tzinfo=None) == here.replace(
                minute=0, second=0, microsecond=0, tzinfo=None
            )


def test_days_of_23_and_25_hours() -> None:
    new_york = zone_named("America/New_York")
    lengths = {
        day: new_york.bounds(dt.date.fromisoformat(day), dt.date.fromisoformat(day))
        for day in ("2026-03-08", "2026-11-01", "2026-11-02")
    }
    assert [(end - start) // HOUR_US for start, end in lengths.values()] == [23, 25, 24]
    assert [len(new_york.starts_within(dt.date.fromisoformat(day), HOUR_US)) for day in lengths] == [23, 25, 24]


def test_half_an_hour_that_is_repeated_begins_a_bucket_of_its_own() -> None:
    lord_howe = zone_named("Australia/Lord_Howe")
    starts = lord_howe.starts_within(dt.date(2026, 4, 5), HOUR_US)
    assert len(starts) == 25
    change = us("2026-04-04T15:00:00+00:00")
    assert change in starts
    assert [start - change for start in starts if abs(start - change) <= HOUR_US] == [-HOUR_US, 0, HOUR_US // 2]


def test_a_date_that_a_zone_skipped_has_no_moment() -> None:
    apia = zone_named("Pacific/Apia")
    assert not apia.has_day(dt.date(2011, 12, 30))
    assert apia.starts_within(dt.date(2011, 12, 30), HOUR_US) == ()
    start, end = apia.bounds(dt.date(2011, 12, 30), dt.date(2011, 12, 30))
    assert start == end
    first, after = apia.bounds(dt.date(2011, 12, 29), dt.date(2011, 12, 31))
    assert after - first == 2 * DAY_US


def test_where_the_date_goes_back_for_a_while_bounds_are_not_exact() -> None:
    st_johns = zone_named("America/St_Johns")
    sunday = dt.date(2010, 11, 7)
    assert not st_johns.is_exact(sunday, sunday)
    assert [each.end_us - each.start_us for each in st_johns.intervals(sunday, sunday)] == [MINUTE_US, DAY_US]
    assert st_johns.is_exact(dt.date(2010, 11, 8), dt.date(2011, 1, 1))


def test_utc_is_one_segment() -> None:
    assert len(UTC.segments(-(2**61), 2**61)) == 1
    assert UTC.bounds(dt.date(2026, 1, 1), dt.date(2026, 1, 2)) == (
        day_number(dt.date(2026, 1, 1)) * DAY_US,
        day_number(dt.date(2026, 1, 3)) * DAY_US,
    )


def test_segments_begin_before_the_span_and_are_the_same_for_neighbouring_spans() -> None:
    new_york = zone_named("America/New_York")
    [summer] = new_york.segments(us("2026-07-01T00:00:00+00:00"), us("2026-07-02T00:00:00+00:00"))
    assert summer.start_us == us("2026-03-08T07:00:00+00:00")
    assert new_york.segments(us("2026-07-03T00:00:00+00:00"), us("2026-07-04T00:00:00+00:00")) == (summer,)


def test_a_far_time_has_the_offset_of_the_nearest_year_that_is_known() -> None:
    new_york = zone_named("America/New_York")
    assert new_york.day_of(us("0002-01-01T00:00:00+00:00")) == dt.date(1, 12, 31)
    assert new_york.day_of(us("9998-07-01T12:00:00+00:00")) == dt.date(9998, 7, 1)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Berlim", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("utc", "UTC"),
        ("", None),
        ("z" * 100_000, None),
    ],
)
def test_an_unknown_zone_names_the_nearest(name: str, nearest: str | None) -> None:
    with pytest.raises(UnknownZone) as raised:
        zone_named(name)
    assert raised.value.nearest == nearest


def test_zones_of_the_same_name_are_the_same_key() -> None:
    assert {Zone("UTC"): 1}[zone_named("UTC")] == 1
