import datetime as dt

import pytest

from questlog.cli.asked_game import AskedGame


class FixedClock:
    """It is 2026-01-31 23:30 UTC."""

    def now_us(self) -> int:
        return 1_769_902_200_000_000


@pytest.mark.parametrize(
    ("time_zone", "today"),
    [("UTC", dt.date(2026, 1, 31)), ("Asia/Tokyo", dt.date(2026, 2, 1)), ("America/New_York", dt.date(2026, 1, 31))],
)
def test_today_is_a_day_of_the_games_zone(time_zone: str, today: dt.date) -> None:
    assert AskedGame("/api/v1/games/1", time_zone).today(FixedClock()) == today
