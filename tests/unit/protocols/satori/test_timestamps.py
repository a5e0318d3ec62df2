from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.protocols.satori.timestamps import MAX_UNIX_S, format_timestamp, parse_timestamp, unix_seconds

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND_US = 1_000_000


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T19:17:29Z", datetime(2026, 11, 21, 19, 17, 29, tzinfo=UTC)),
        ("2025-07-15T12:00:00.00Z", datetime(2025, 7, 15, 12, tzinfo=UTC)),
        ("2026-11-21T19:09:50.983Z", datetime(2026, 11, 21, 19, 9, 50, 983_000, tzinfo=UTC)),
        ("2026-11-21T19:09:50.9834Z", datetime(2026, 11, 21, 19, 9, 50, 983_400, tzinfo=UTC)),
        ("2026-11-21T19:17:29.896086Z", datetime(2026, 11, 21, 19, 17, 29, 896_086, tzinfo=UTC)),
        ("2026-11-21T19:17:29.8960861Z", datetime(2026, 11, 21, 19, 17, 29, 896_086, tzinfo=UTC)),
        ("2026-11-21T19:17:29.123456789Z", datetime(2026, 11, 21, 19, 17, 29, 123_456, tzinfo=UTC)),
        ("2026-11-21T22:13:32+03:00", datetime(2026, 11, 21, 19, 13, 32, tzinfo=UTC)),
        ("2026-11-21T22:13:32.5-05:30", datetime(2026, 11, 22, 3, 43, 32, 500_000, tzinfo=UTC)),
        ("1970-01-01T00:00:01.337Z", datetime(1970, 1, 1, 0, 0, 1, 337_000, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2026-11-21t19:17:29z", datetime(2026, 11, 21, 19, 17, 29, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2026-11-21T19:17:29-00:00", datetime(2026, 11, 21, 19, 17, 29, tzinfo=UTC)),
    ],
)
def test_reads_what_clients_write(text: str, moment: datetime) -> None:
    assert parse_timestamp(text) == micros(moment)


@pytest.mark.parametrize(
    ("text", "next_minute"),
    [
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016-12-31T23:59:60.25Z", datetime(2017, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("2017-01-01T05:29:60+05:30", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_leap_second_is_the_start_of_the_next_minute(text: str, next_minute: datetime) -> None:
    assert parse_timestamp(text) == micros(next_minute)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1752577200",
        "2026-11-21",
        "2026-11-21T19:17Z",
        "2026-11-21T19:17:29",  # no zone
        "2026-11-21 19:17:29Z",
        "2026-11-21T19:17:29.Z",
        "2026-11-21T19:17:29.1234567890Z",
        "2026-11-21T19:17:61Z",
        "2026-11-21T19:60:00Z",
        "2026-11-21T24:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-00-10T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "2026-11-21T19:17:29+24:00",
        "2026-11-21T19:17:29+03:60",
        "2026-11-21T19:17:29+0300",
        "2026-11-21T19:17:29+3:00",
        "0001-01-01T00:00:00+00:01",  # before the year 1 in UTC
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
        "２０２６-11-21T19:17:29Z",
        "2026-11-21T19:17:２9Z",
        "2026-11-21T19:17:29.98３Z",
        " 2026-11-21T19:17:29Z",
        "2026-11-21T19:17:29Z\n",
        "2026-W47-6T19:17:29Z",
        "-026-11-21T19:17:29Z",
        "2026-11-21T19:17:29Z" + "0" * 10_000,
    ],
)
def test_refuses_everything_else(text: str) -> None:
    assert parse_timestamp(text) is None


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),  # noqa: DTZ001 - hypothesis wants it bare
    st.integers(min_value=-23 * 60 - 59, max_value=23 * 60 + 59),
    st.sampled_from(("seconds", "milliseconds", "microseconds")),
)
def test_agrees_with_the_standard_library(naive: datetime, offset_minutes: int, precision: str) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    text = moment.isoformat(timespec=precision)
    assert parse_timestamp(text) == micros(datetime.fromisoformat(text))


@given(st.integers(min_value=parse_timestamp("0001-01-01T00:00:00Z") or 0, max_value=MAX_UNIX_S * SECOND_US))
def test_what_it_formats_it_reads(time_us: int) -> None:
    assert parse_timestamp(format_timestamp(time_us)) == time_us


@given(st.text(max_size=40))
def test_no_text_makes_it_fail(text: str) -> None:
    result = parse_timestamp(text)
    assert result is None or isinstance(result, int)


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("1752577200", 1_752_577_200), (str(MAX_UNIX_S), MAX_UNIX_S)])
def test_unix_seconds_are_decimal(text: str, seconds: int) -> None:
    assert unix_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "1e3", "0x10", " 1", "1_0", "²", "٣", str(MAX_UNIX_S + 1), "9" * 5000]
)
def test_other_texts_are_no_unix_seconds(text: str) -> None:
    assert unix_seconds(text) is None
