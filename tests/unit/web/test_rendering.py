import pytest

from questlog.web.rendering import age, clock_time, count, rate, size, utc

_S = 1_000_000


@pytest.mark.parametrize(
    ("elapsed_s", "text"),
    [
        (-5, "0 s ago"),
        (0, "0 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3_599, "59 min ago"),
        (3_600, "1 h ago"),
        (47 * 3_600, "47 h ago"),
        (48 * 3_600, "2 days ago"),
    ],
)
def test_an_age_is_said_in_one_unit(elapsed_s: int, text: str) -> None:
    assert age(1_000 * _S, (1_000 + elapsed_s) * _S) == text


@pytest.mark.parametrize(
    ("per_s", "text"), [(0, "0"), (1 / 60, "0.02"), (9.994, "9.99"), (10.4, "10"), (51234.5, "51\u202f234")]
)
def test_a_rate_has_decimals_where_there_are_few(per_s: float, text: str) -> None:
    assert rate(per_s) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (123_456, "123 kB"), (67_108_864, "67 MB"), (5_300_000_000, "5.3 GB")],
)
def test_a_size_is_said_in_one_unit(size_bytes: int, text: str) -> None:
    assert size(size_bytes) == text


def test_numbers_and_times() -> None:
    assert count(1_234_567) == "1\u202f234\u202f567"
    assert clock_time(1_767_225_600 * _S) == "00:00"
    assert utc(1_767_225_600 * _S + 999_999) == "2026-01-01T00:00:00Z"
