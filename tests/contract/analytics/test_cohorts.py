"""Retention and cohorts, cell by cell: both engines say what the oracle says."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given

from questlog.analytics.analyses.cohort_members import CohortBy, CohortStart, Form
from questlog.analytics.analyses.cohorts import Cohort as CohortQuestion
from questlog.analytics.analyses.retention import Retention, Return
from questlog.analytics.question.query import Condition, EventMatch, Granularity, Operator, Period
from tests.support.answers import answers, is_same, is_same_row, rows
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, FRAMES, MANY, History, histories, load
from tests.support.oracle import cohorts as oracle
from tests.support.oracle import filters
from tests.support.oracle.cohorts import Cohort, Cohorts
from tests.support.oracle.events import Is
from tests.support.oracle.game import Game, Stored, game

_FIRST, _LAST = -37, 9
_AGES = 9


def _any_event(_: Stored) -> bool:
    return True


def _purchase(event: Stored) -> bool:
    return event.is_purchase


def _start_of_w1(event: Stored) -> bool:
    return event.sent.category == "progression" and event.parts[:2] == ("Start", "w1")


def _jump_of_ios(event: Stored) -> bool:
    return event.sent.event_id == "jump" and event.sent.platform == "ios"


_W1 = EventMatch("progression", "Start:w1", is_prefix=True)
_JUMP = EventMatch(None, "jump", filter=Condition("platform", Operator.IS, ("ios",)))
_BEGINS: Mapping[str, tuple[CohortBy, Is]] = {
    "first seen": (CohortStart.FIRST_SEEN, _any_event),
    "first purchase": (CohortStart.FIRST_PURCHASE, _purchase),
    "first start of w1": (_W1, _start_of_w1),
}
_RETURNS: Mapping[str, tuple[EventMatch | None, Is]] = {
    "active": (None, _any_event),
    "jump": (_JUMP, _jump_of_ios),
}
_NOT_FR = Condition("country", Operator.IS_NOT, ("FR",))
_Shape = tuple[str, str, str, str | None, bool]
_SHAPES: tuple[_Shape, ...] = (
    ("first seen", "active", "day", None, False),
    ("first seen", "active", "week", None, False),
    ("first seen", "active", "month", "platform", False),
    ("first seen", "active", "week", "gender", False),
    ("first purchase", "active", "month", "attributes.mode", False),
    ("first purchase", "active", "day", None, True),
    ("first start of w1", "jump", "day", "country", False),
    ("first seen", "jump", "week", None, True),
)
"""Who begins, what is coming back, by what time and dimension, and whether filtered."""
_OFTEN = ("purchases", "progression", "satori")


@FEW
@given(history=histories(_OFTEN, frames=(FRAMES["spring"],)))
def test_retention_and_cohorts(history: History) -> None:
    _compare(history, (*_SHAPES[:1], *_SHAPES[2:7]))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(history=histories(_OFTEN, frames=tuple(FRAMES.values())))
def test_retention_and_cohorts_at_length(history: History) -> None:
    _compare(history)


def _compare(history: History, shapes: Sequence[_Shape] = _SHAPES) -> None:
    with embedded_store() as store:
        load(store, history)
        engines, known = BothEngines(store), game(history)
        period = Period(history.frame.day(_FIRST), history.frame.day(_LAST))
        for begins, returns, granularity, group_by, is_filtered in shapes:
            by, is_begun = _BEGINS[begins]
            where = filters.condition("country", "is_not", "FR") if is_filtered else filters.all_of()
            asked = Cohorts(period.start, period.end, granularity, is_begun, group_by, where)
            common: dict[str, Any] = {
                "period": period,
                "granularity": Granularity(granularity),
                "cohort": by,
                "ages": _AGES,
                "group_by": (group_by,) if group_by else (),
                "filter": _NOT_FR if is_filtered else None,
            }
            _compare_cohorts(engines, known, asked, common)
            match, comes_back = _RETURNS[returns]
            for kind in Return:
                _compare_retention(engines, known, asked, comes_back, Retention(kind=kind, returned=match, **common))


def _compare_retention(engines: BothEngines, known: Game, asked: Cohorts, comes_back: Is, question: Retention) -> None:
    is_rolling = question.kind is Return.ROLLING

    def cell(cohort: Cohort, age: int) -> dict[str, Any]:
        players = oracle.returned(known, asked, cohort, age, is_rolling=is_rolling, comes_back=comes_back)
        return {"players": players, "share": None if players is None else players / len(cohort.players)}

    wanted = _cells(known, asked, cell)
    for engine, answer in answers(engines, question, now_us=known.now):
        found = {(row["cohort"], row.get("group"), row["age"]): row for row in rows(answer)}
        assert set(found) == set(wanted), engine
        for key, row in wanted.items():
            assert is_same_row(found[key], row), (engine, key, found[key], row)
        for row in answer.totals.to_pylist() if answer.totals is not None else []:
            of_age = [each for (_, _, age), each in wanted.items() if age == row["age"] and each["players"] is not None]
            size, players = (sum(each[name] for each in of_age) for name in ("size", "players"))
            assert row["size"] == size
            assert row["players"] == (players if size else None)
            assert is_same(row["share"], players / size if size else None)


def _compare_cohorts(engines: BothEngines, known: Game, asked: Cohorts, common: dict[str, Any]) -> None:
    measures = {"revenue": oracle.revenue, "playtime": oracle.playtime, "sessions": oracle.sessions}

    def cell(cohort: Cohort, age: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, measure in measures.items():
            for label, is_total in ((name, False), (f"{name}_total", True)):
                value = oracle.brought(known, asked, cohort, age, measure, is_total=is_total)
                found[label] = value
                each = "ltv" if label == "revenue_total" else f"{label}_per_player"
                found[each] = None if value is None else value / len(cohort.players)
        return found

    wanted = _cells(known, asked, cell)
    for engine, answer in answers(engines, CohortQuestion(form=Form.TRIANGLE, **common), now_us=known.now):
        found = {(row["cohort"], row.get("group"), row["age"]): row for row in rows(answer)}
        assert set(found) == set(wanted), engine
        for key, row in wanted.items():
            assert is_same_row(found[key], row), (engine, key, found[key], row)


_Key = tuple[dt.date, Any, int]


def _cells(known: Game, asked: Cohorts, cell: Any) -> dict[_Key, dict[str, Any]]:
    return {
        (cohort.start, cohort.group, age): {"size": len(cohort.players), **cell(cohort, age)}
        for cohort in asked.of(known)
        for age in range(_AGES + 1)
    }


def test_the_oracle_counts_calendar_months() -> None:
    asked = Cohorts(dt.date(2025, 11, 20), dt.date(2026, 1, 5), "month", _any_event)
    cohort = Cohort(dt.date(2025, 12, 1), None, ())
    assert asked.cell(cohort, 2) == (dt.date(2026, 2, 1), dt.date(2026, 2, 28))
