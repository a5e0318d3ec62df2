"""Progression: the table of levels, the same on both engines, and what somebody with the events at hand would count."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.analytics.analyses import progression_rows
from questlog.analytics.analyses.progression import LevelOrder, Part, Progression, answer, natural_order
from questlog.analytics.analyses.progression_rows import Levels
from questlog.analytics.engine.context import Context
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, Operator, Period
from questlog.analytics.selection.selection import select
from tests.support.asked import column, context_of, rows_of
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, MANY, NOW, History, histories, load
from tests.support.oracle.game import Stored, game
from tests.support.staged import DAY, MINUTE, NOON, new_id

PERIOD = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 2))


def event(player: str | None, event_id: str, at: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "client_event_id": new_id(),
        "category": "progression",
        "player_id": player,
        "event_id": event_id,
        "event_time": NOON + at,
        "platform": "ios",
        "country": "DE",
        **fields,
    }


ROWS = [
    event("ann", "Start:w1:l2"),
    event("ann", "Fail:w1:l2", MINUTE, score=10.0, attempt_num=1),
    event("ann", "Start:w1:l2", 2 * MINUTE),
    event("ann", "Complete:w1:l2", 3 * MINUTE, score=20.0, attempt_num=2),
    event("ann", "Complete:w1:l2", 9 * MINUTE, score=40.0),
    event("ann", "Start:w1:l10", 4 * MINUTE),
    event("bob", "Start:w1:l2", DAY, country="FR"),
    event("bob", "Complete:w1:l2", DAY + 5 * MINUTE, attempt_num=3, country="FR"),
    event("bob", "Start:w1", DAY, country="FR"),
    event("cid", "Complete:w1:l2", MINUTE),  # started before the period, and again after
    event("cid", "Start:w1:l2", 2 * MINUTE),
    event("cid", "Start:w2:l1:deep", 3 * MINUTE, country=None),
    event(None, "Fail:w1:l10"),
    event("cid", "Start:w1:l2", -DAY),
    event("ann", "Start"),
    event("ann", "Start:w1:l2", category="design"),
    event("ann", "Start:w1:l2", game_id=2),
]


def ask(context: Context, **asked: Any) -> list[dict[str, Any]]:
    return rows_of(answer(Progression(**{"period": PERIOD, **asked}), context))


EVERYTHING_OF_LEVEL_2 = {
    "level": "w1:l2",
    "starts": 4, "fails": 1, "completes": 4, "attempts": 5, "completion_rate": 1.0, "fail_rate": 0.2,
    "attempts_to_complete": 2.5,
    "start_score": None, "fail_score": 10.0, "complete_score": 30.0,
    "start_players": 3, "fail_players": 1, "complete_players": 3,
    "drop_off": pytest.approx(2 / 3),
    "time_to_complete_s": 240.0,
}  # fmt: skip


@pytest.mark.parametrize("condition", [None, Condition("platform", Operator.IS, ("ios",))])
def test_a_level_has_all_its_numbers(context: Context, condition: Condition | None) -> None:
    rows = ask(context, filter=condition)
    assert column(rows, "level") == ["w1", "w1:l2", "w1:l10", "w2:l1:deep"]
    assert rows[1] == EVERYTHING_OF_LEVEL_2


def test_nothing_to_divide_by_is_null(context: Context) -> None:
    row = ask(context)[2]
    assert row == {
        "level": "w1:l10",
        "starts": 1, "fails": 1, "completes": 0, "attempts": 1, "completion_rate": 0.0, "fail_rate": 1.0,
        "attempts_to_complete": None,
        "start_score": None, "fail_score": None, "complete_score": None,
        "start_players": 1, "fail_players": 0, "complete_players": 0,
        "drop_off": 1.0,
        "time_to_complete_s": None,
    }  # fmt: skip


def test_the_depth_says_what_a_level_is(context: Context) -> None:
    rows = ask(context, depth=1)
    assert column(rows, "level", "starts", "start_players") == [("w1", 6, 3), ("w2", 1, 1)]
    assert column(rows, "drop_off") == [pytest.approx(2 / 3), None]
    assert column(ask(context, depth=2), "level") == ["w1", "w1:l2", "w1:l10", "w2:l1"]


def test_the_next_level_may_be_the_next_often_started(context: Context) -> None:
    rows = ask(context, order=LevelOrder.STARTS, parts=(Part.COUNTS, Part.DROP_OFF))
    assert column(rows, "level", "starts") == [("w1:l2", 4), ("w1", 1), ("w1:l10", 1), ("w2:l1:deep", 1)]
    assert column(rows, "drop_off") == [pytest.approx(2 / 3), 1.0, 1.0, None]


def test_numbers_in_ids_sort_by_their_size() -> None:
    levels = ["a10", "a9", "b", "a", "10", "9", "a9:2", "a09"]
    assert sorted(levels, key=natural_order) == ["9", "10", "a", "a09", "a9", "a9:2", "a10", "b"]


def test_a_level_is_told_of_each_group(context: Context) -> None:
    rows = ask(context, depth=2, group_by=("country",), top=1)
    assert column(rows, "country", "level", "start_players", "time_to_complete_s") == [
        ("DE", "w1:l2", 2, 180.0),
        ("DE", "w1:l10", 1, None),
        ("(other)", "w1", 1, None),
        ("(other)", "w1:l2", 1, 300.0),
        ("(other)", "w2:l1", 1, None),
    ]
    assert column(rows, "drop_off") == [0.5, 1.0, 0.0, 1.0, None]


def test_only_the_parts_asked_for_are_there(context: Context, engines: BothEngines) -> None:
    engines.duckdb.statements.clear()
    engines.clickhouse.statements.clear()
    [row, *_] = ask(context, parts=(Part.SCORES,))
    assert set(row) == {"level", "start_score", "fail_score", "complete_score"}
    assert len(engines.duckdb.statements) + len(engines.clickhouse.statements) == 1


def test_nothing_at_all_is_an_empty_table(context: Context) -> None:
    assert ask(context, period=Period(dt.date(2020, 1, 1), dt.date(2020, 1, 2))) == []


@pytest.mark.parametrize("condition", [None, Condition("platform", Operator.IS, ("ios",))])
def test_a_part_above_the_limit_of_a_day_is_other(context: Context, condition: Condition | None) -> None:
    limited = msgspec.structs.replace(context, limits={"progression_02": 1}, data_version=1)
    found = answer(Progression(PERIOD, filter=condition), limited)
    rows = found.table.to_pylist()
    assert column(rows, "level", "starts", "fails", "start_players") == [
        ("w1", 1, 0, 1),
        ("w1:(other)", 1, 1, 1),
        ("w1:l2", 4, 1, 3),
        ("w2:(other):deep", 1, 0, 1),
    ]
    assert rows[2]["time_to_complete_s"] == 240.0
    assert [warned.field for warned in found.warnings] == ["progression_02"]
    assert [sum(row[name] for row in rows) for name in ("starts", "attempts")] == [7, 6]


@pytest.mark.parametrize("by", [None, "country"])
def test_players_are_the_same_with_bitmaps_and_without(context: Context, by: str | None) -> None:
    selection = select(context, PERIOD, group_by=() if by is None else (by,))
    levels = Levels(3, selection=selection)
    order = ("w1", "w1:l2", "w1:l10")
    few, many = (
        context.run(progression_rows.players, levels, order, has_few).select(
            ["level", "status", *levels.groups, "players", "next_players"]
        )
        for has_few in (True, False)
    )
    assert Counter(map(repr, few.to_pylist())) == Counter(map(repr, many.to_pylist()))


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"period": Period(PERIOD.end, PERIOD.start)}, "period.end"),
        ({"group_by": ("contry",)}, "group_by[0]"),
        ({"parts": (Part.TIME, Part.TIME)}, "parts[1]"),
    ],
)
def test_what_cannot_be_asked_is_named(asked: dict[str, Any], field: str, engines: BothEngines) -> None:
    with pytest.raises(InvalidQuery) as refused:
        ask(context_of(engines.duckdb), **asked)
    assert refused.value.field == field


# ------------------------------------------------------------------------------------------------------------ property

ASKED = {"depth": st.integers(1, 3), "by": st.sampled_from([None, "country"])}


@FEW
@given(history=histories(("progression", "progression")), **ASKED)
def test_the_table_is_what_counting_gives(history: History, depth: int, by: str | None) -> None:
    _compare(history, depth, by)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@MANY
@given(history=histories(("progression", "progression")), **ASKED)
def test_the_table_is_what_counting_gives_at_length(history: History, depth: int, by: str | None) -> None:
    _compare(history, depth, by)


def _compare(history: History, depth: int, by: str | None) -> None:
    period = Period(dt.date(2025, 12, 28), dt.date(2026, 1, 3))
    events = [
        event
        for event in game(history, NOW).events
        if event.sent.category == "progression" and period.start <= event.day <= period.end
    ]
    levels = sorted({_level(event, depth) for event in events}, key=natural_order)
    groups = {event.sent.country for event in events} if by else {None}
    expected = {}
    for group in groups:
        of_group = [event for event in events if by is None or event.sent.country == group]
        starters = {level: _players(_of(of_group, level, depth, "Start")) for level in levels}
        for place, level in enumerate(levels):
            found = {status: _of(of_group, level, depth, status) for status in ("Start", "Fail", "Complete")}
            if any(found.values()):
                after = starters[levels[place + 1]] if level != levels[-1] else None
                expected[group, level] = _row(found, after)
    with embedded_store() as store:
        load(store, history)
        for engine in BothEngines(store):
            rows = answer(
                Progression(period, depth, group_by=(by,) if by else ()), context_of(engine)
            ).table.to_pylist()
            assert {(row.pop("country", None), row.pop("level")): row for row in rows} == expected


def _level(event: Stored, depth: int) -> str:
    return ":".join(event.parts[1 : depth + 1])


def _of(events: Sequence[Stored], level: str, depth: int, status: str) -> list[Stored]:
    return [event for event in events if event.parts[0] == status and _level(event, depth) == level]


def _players(events: Sequence[Stored]) -> set[str]:
    return {event.player for event in events if event.player is not None}


def _row(found: Mapping[str, Sequence[Stored]], after: set[str] | None) -> dict[str, Any]:
    starts, fails, completes = (len(found[status]) for status in ("Start", "Fail", "Complete"))
    starters = _players(found["Start"])
    numbers = [event.sent.attempt_num for event in found["Complete"] if event.sent.attempt_num is not None]
    times = []
    for player in starters & _players(found["Complete"]):
        start, end = (min(each.time for each in found[of] if each.player == player) for of in ("Start", "Complete"))
        times += [(end - start) / 1_000_000] if end >= start else []
    return {
        "starts": starts,
        "fails": fails,
        "completes": completes,
        "attempts": fails + completes,
        "completion_rate": completes / starts if starts else None,
        "fail_rate": fails / (fails + completes) if fails + completes else None,
        "attempts_to_complete": sum(numbers) / len(numbers) if numbers else None,
        **{f"{status.lower()}_score": _mean_score(found[status]) for status in found},
        **{f"{status.lower()}_players": len(_players(found[status])) for status in found},
        "drop_off": pytest.approx(1 - len(starters & after) / len(starters))
        if starters and after is not None
        else None,
        "time_to_complete_s": pytest.approx(median(times)) if times else None,
    }


def _mean_score(events: Sequence[Stored]) -> Any:
    scores = [event.sent.score for event in events if event.sent.score is not None]
    return pytest.approx(sum(scores) / len(scores)) if scores else None
