import pytest

from questlog.model.times import DEFAULT_EARLIEST_US, first_time

NOW = 1_763_750_000_000_000
HOUR = 3_600_000_000
YEAR = 365 * 24 * HOUR


@pytest.mark.parametrize(
    ("sent", "first"),
    [
        ([], 0),
        ([None], 0),
        ([-HOUR, -2 * HOUR, None], -2 * HOUR),
        ([-HOUR, -NOW, -100 * YEAR], -HOUR),
        ([HOUR // 60], 0),
        ([9 * HOUR, 8 * HOUR], -HOUR),
        ([9 * HOUR, 8 * HOUR, -2 * HOUR], -2 * HOUR),
        ([3000 * YEAR, 8 * HOUR], 0),
        ([DEFAULT_EARLIEST_US - NOW], DEFAULT_EARLIEST_US - NOW),
        ([DEFAULT_EARLIEST_US - NOW - 1], 0),
    ],
)
def test_the_first_of_a_senders_events_happened_then(sent: list[int | None], first: int) -> None:
    """Times are microseconds from the receipt."""
    times = [None if time is None else NOW + time for time in sent]
    assert first_time(times, NOW, DEFAULT_EARLIEST_US) == NOW + first
