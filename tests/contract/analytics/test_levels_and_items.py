"""The tables of levels and of items: both engines say what the oracle says."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given

from questlog.analytics.analyses.economy import Balances, Economy
from questlog.analytics.analyses.economy_rows import Level
from questlog.analytics.analyses.progression import Progression
from questlog.analytics.question.query import Condition, Granularity, Operator, Period
from tests.support.answers import answers, is_same_row, rows
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, FRAMES, MANY, History, histories, load
from tests.support.oracle import filters, items, levels
from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.game import Game, game

_NOT_FR = Condition("country", Operator.IS_NOT, ("FR",))
_OFTEN = ("progression", "resources")


@FEW
@given(history=histories(_OFTEN, frames=(FRAMES["two midnights"],)))
def test_levels_and_items(history: History) -> None:
    _compare(history)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(history=histories(_OFTEN, frames=tuple(FRAMES.values())))
def test_levels_and_items_at_length(history: History) -> None:
    _compare(history)


def _compare(history: History) -> None:
    with embedded_store() as store:
        load(store, history)
        engines, known = BothEngines(store), game(history)
        period = Period(history.frame.day(1), history.frame.day(8))
        for depth, is_filtered in ((2, False), (1, True)):
            _compare_levels(engines, known, period, depth, is_filtered)
        for level, granularity, is_filtered in (
            (Level.CURRENCY, "day", False),
            (Level.ITEM_TYPE, "all", True),
            (Level.ITEM_ID, "week", False),
        ):
            _compare_items(engines, known, period, level, granularity, is_filtered)
        _compare_balances(engines, known, period.end)


def _compare_levels(engines: BothEngines, known: Game, period: Period, depth: int, is_filtered: bool) -> None:
    where = filters.condition("country", "is_not", "FR") if is_filtered else filters.all_of()
    events = levels.level_events(known, period.start, period.end, where)
    order = sorted({levels.level_of(event, depth) for event in events})
    wanted = {
        level: levels.told(events, level, following, depth)
        for level, following in zip(order, [*order[1:], None], strict=False)
    }
    question = Progression(period, depth, filter=_NOT_FR if is_filtered else None)
    for engine, answer in answers(engines, question, now_us=known.now):
        found = {row["level"]: row for row in rows(answer)}
        assert list(found) == order, engine
        for level, row in wanted.items():
            assert is_same_row(found[level], row), (engine, level, found[level], row)


def _compare_items(
    engines: BothEngines, known: Game, period: Period, level: Level, granularity: str, is_filtered: bool
) -> None:
    parts = list(Level)[: list(Level).index(level) + 1]
    where = filters.condition("country", "is_not", "FR") if is_filtered else filters.all_of()
    asked = Asked(period.start, period.end, granularity, (), where, known.zone)
    wanted = items.flows(known, asked, len(parts))
    question = Economy(period, level, granularity=Granularity(granularity), filter=_NOT_FR if is_filtered else None)
    for engine, answer in answers(engines, question, now_us=known.now):
        found: dict[Key, Any] = {
            (_midnight(row.get("bucket")), *(row[part] for part in parts)): row for row in rows(answer)
        }
        assert set(found) == set(wanted), (engine, level)
        for key, row in wanted.items():
            assert is_same_row(found[key], row), (engine, level, key, found[key], row)


def _compare_balances(engines: BothEngines, known: Game, end: dt.date) -> None:
    wanted = items.balances(known, end)
    for engine, answer in answers(engines, Balances(end), now_us=known.now):
        found = {row["currency"]: row for row in rows(answer)}
        assert set(found) == set(wanted), engine
        for currency, row in wanted.items():
            assert is_same_row(found[currency], row), (engine, currency, found[currency], row)


def _midnight(day: dt.date | None) -> dt.datetime | None:
    return None if day is None else dt.datetime.combine(day, dt.time())
