"""Every answer says where it comes from."""

import datetime as dt
from itertools import count

import pytest

from questlog.analytics.question.answer import SourceUse
from questlog.analytics.question.query import Comparison, Period, Query
from questlog.analytics.runner import Analytics, Definitions
from tests.support.engines import BothEngines, embedded_store
from tests.support.loading import FakeClock
from tests.support.staged import NOON, batch

DAY = dt.date(2026, 1, 1)
ROWS = [{"category": "user", "player_id": name} for name in ("ada", "bob")]


@pytest.mark.parametrize(("loaded_us", "through_us"), [(None, None), (5, 5), (NOON * 2, NOON)])
def test_an_answer_says_up_to_when_it_is_complete(
    engines: BothEngines, loaded_us: int | None, through_us: int | None
) -> None:
    clock = FakeClock()
    clock.time_us = NOON
    seconds = count(10.0, 0.25)
    for engine in engines:
        analytics = Analytics(
            engine,
            clock,
            lambda _: Definitions(),
            complete_through=lambda: loaded_us,
            monotonic_s=lambda: next(seconds),
        )
        origin = analytics.ask(1, Query(("dau",), Period(DAY, DAY))).origin
        assert origin.as_of == dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=NOON)
        assert origin.complete_through == (
            None
            if through_us is None
            else dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=through_us)
        )
        assert (origin.took_ms, origin.time_zone) == (250.0, "UTC")
        assert origin.compared_period is None
        compared = analytics.ask(1, Query(("dau",), Period(DAY, DAY), compare=Comparison.PREVIOUS_WEEKDAYS)).origin
        week_before = DAY - dt.timedelta(days=7)
        assert compared.compared_period == Period(week_before, week_before)


def test_an_answer_says_what_was_read(engines: BothEngines) -> None:
    for engine in engines:
        analytics = Analytics(engine, FakeClock(), lambda _: Definitions())
        answer = analytics.ask(1, Query(("dau",), Period(DAY, DAY)))
        assert answer.table["dau"].to_pylist() == [2]
        assert answer.origin.sources == [SourceUse("player_days", ("dau",))]
        assert answer.origin.rows_read_at_most == 2


def test_the_running_day_is_of_the_games_zone() -> None:
    with embedded_store() as store:
        store.set_time_zone(1, "Pacific/Kiritimati", lambda *_: None)
        store.load(batch(ROWS), NOON)
        analytics = Analytics(store, FakeClock(NOON), lambda _: Definitions())
        assert [analytics.state(game_id).zone.day_of(NOON) for game_id in (1, 2)] == [DAY + dt.timedelta(days=1), DAY]
        assert analytics.ask(1, Query(("dau",), Period(DAY, DAY))).origin.time_zone == "Pacific/Kiritimati"
