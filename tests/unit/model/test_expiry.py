import datetime as dt

from questlog.model.expiry import days_kept, first_day_kept, is_shorter

TODAY = dt.date(2026, 3, 10)


def test_a_game_without_days_of_its_own_has_those_of_the_settings() -> None:
    assert (days_kept(None, 90), days_kept(30, 90), days_kept(0, 90)) == (90, 30, 0)


def test_the_whole_days_before_today_stay_and_today() -> None:
    assert first_day_kept(TODAY, 1) == dt.date(2026, 3, 9)
    assert first_day_kept(TODAY, 365) == dt.date(2025, 3, 10)
    assert first_day_kept(TODAY, 0) is None
    assert first_day_kept(dt.date(3, 1, 1), 36_500) == dt.date(1, 1, 1)


def test_for_ever_is_the_longest() -> None:
    assert is_shorter(30, 31)
    assert is_shorter(36_500, 0)
    assert not is_shorter(0, 30)
    assert not is_shorter(0, 0)
    assert not is_shorter(31, 30)
    assert not is_shorter(30, 30)
