"""Which of a player's events decides what the player is: an order in one number."""

import duckdb

from questlog.store.duckdb.facts import FIRST_RANK

_TIMES = ("0001-01-01", "1969-12-31 23:59:59.999999", "2026-01-01", "9999-12-31 23:59:59.999999")
_ROWS = (1, 2**40 - 1)
_TIERS = (("'ios'", "NULL"), ("NULL", "'DE'"), ("NULL", "NULL"))


def _ranks(rank: str, tiers: tuple[tuple[str, str], ...]) -> list[int]:
    """The ranks of events of these tiers, of each by time, of a time by row."""
    events = ", ".join(
        f"({place}, TIMESTAMP '{time}', {row}, {platform}, {country})"
        for place, (platform, country, time, row) in enumerate(
            (*tier, time, row) for tier in tiers for time in _TIMES for row in _ROWS
        )
    )
    ranked = f"SELECT {rank} FROM (VALUES {events}) AS events (place, event_time, row_no, platform, country)"  # noqa: S608
    with duckdb.connect() as connection:
        return [value for (value,) in connection.execute(f"{ranked} ORDER BY place").fetchall()]


def test_a_platform_goes_before_a_country_before_the_time_before_the_row() -> None:
    ranks = _ranks(FIRST_RANK, _TIERS)
    assert ranks == sorted(set(ranks))


def test_a_platform_with_a_country_is_a_platform() -> None:
    both, one = (("'ios'", "'DE'"),), (("'ios'", "NULL"),)
    assert _ranks(FIRST_RANK, both) == _ranks(FIRST_RANK, one)
