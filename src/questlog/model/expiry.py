"""How long a game's events are kept."""

import datetime as dt

FOR_EVER = 0
"""As a number of days."""

LEAST_KEEP_DAYS, MOST_KEEP_DAYS = 1, 36_500


def days_kept(of_game: int | None, by_default: int) -> int:
    """The days that count for a game: its own, or those of the settings where it has none. `FOR_EVER` is 0."""
    return by_default if of_game is None else of_game


def first_day_kept(today: dt.date, keep_days: int) -> dt.date | None:
    """The first day whose events stay: `keep_days` whole days before today, and today. None where all stay."""
    if keep_days == FOR_EVER:
        return None
    return dt.date.fromordinal(max(today.toordinal() - keep_days, 1))


def is_shorter(new: int, old: int) -> bool:
    """Whether events go earlier than before."""
    return new != FOR_EVER and (old == FOR_EVER or new < old)
