"""Releases on both engines."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from questlog.analytics.analyses import releases
from questlog.analytics.analyses.releases import Releases
from questlog.analytics.engine.context import Context
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Period
from tests.support.asked import rows_of
from tests.support.staged import DAY, MINUTE, NOON

_FIRST = dt.date(2026, 1, 1)  # the day of NOON
_JANUARY = Period(_FIRST, dt.date(2026, 1, 31))


def day(number: int) -> dt.date:
    return _FIRST + dt.timedelta(days=number)


def played(build: str | None, number: int, players: int, first: int = 0) -> Iterator[dict[str, Any]]:
    """An event of each of these players on a day."""
    for player in range(first, first + players):
        yield {"player_id": f"p{player}", "event_time": NOON + number * DAY + player * MINUTE, "build": build}


ROWS = [
    *played("1.0", -10, 20),  # the first day of all: no release
    *played("0.9", -10, 1),
    *played("0.9", -9, 20),
    *played("1.1", -3, 8),  # before January
    *played("1.1", 2, 20),
    *played("1.2", 4, 2),  # two testers, then one of many players, then enough
    *played("1.2", 5, 1),
    *played("1.2", 6, 5, first=10),
    *played("1.1", 6, 10),
    *played("1.2", 7, 20),
    *played("1.3", 7, 4),  # 20 others on the same day: a sixth
    *played("2.0", 8, 4),  # two builds of one day
    *played("2.1", 8, 5),
    *played(None, 8, 9, first=40),
    *played("night", 9, 2),  # never enough
    {"player_id": None, "event_time": NOON + 10 * DAY, "build": "server"},
    *played("slow", -9, 2),  # testers had it for longer than 30 days
    *played("slow", 29, 9),
]


def ask(context: Context, question: Releases, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows_of(releases.answer(question, context))]


def test_the_first_day_with_enough_players(context: Context) -> None:
    assert ask(context, Releases(_JANUARY), "build", "day", "players", "first_seen") == [
        ("1.2", day(6), 5, day(4)),
        ("1.3", day(7), 4, day(7)),
        ("2.1", day(8), 5, day(8)),
        ("2.0", day(8), 4, day(8)),
    ]


def test_the_share_is_of_all_active_players_of_the_day(context: Context) -> None:
    [share] = [row for row in ask(context, Releases(_JANUARY), "build", "share") if row[0] == "1.2"]
    assert share == ("1.2", pytest.approx(5 / 15))
    assert ask(context, Releases(_JANUARY, min_share=0.35), "build", "day") == [
        ("1.2", day(7)),
        ("2.1", day(8)),
    ]


def test_more_than_the_limit_are_those_with_the_most_players(context: Context) -> None:
    assert ask(context, Releases(_JANUARY, limit=1), "build") == [("1.2",)]
    assert ask(context, Releases(_JANUARY, limit=2), "build") == [("1.2",), ("2.1",)]


def test_a_release_is_of_the_period_that_has_its_day(context: Context) -> None:
    assert ask(context, Releases(Period(day(-5), day(-1))), "build", "day") == [("1.1", day(-3))]
    assert ask(context, Releases(Period(day(7), day(7))), "build") == [("1.3",)]
    assert ask(context, Releases(Period(day(20), day(40))), "build") == []


def test_one_player_is_enough_where_it_is_said(context: Context) -> None:
    assert ask(context, Releases(Period(day(4), day(9)), min_players=1), "build", "day")[0] == ("1.2", day(4))


def test_a_period_that_ends_before_it_starts_is_refused(context: Context) -> None:
    with pytest.raises(InvalidQuery):
        releases.answer(Releases(Period(day(1), day(0))), context)
