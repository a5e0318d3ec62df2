"""Funnels on both engines, beside trying every attempt of everyone (metrics.md §5)."""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.analytics.analyses import funnel
from questlog.analytics.analyses.funnel import Funnel, Unit
from questlog.analytics.analyses.funnel_answers import Counted, steps_answer
from questlog.analytics.analyses.funnel_matching import Attempts, Order
from questlog.analytics.engine.context import Context
from questlog.analytics.question.definitions import SegmentDefinition, Who
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, EventMatch, Filter, Operator, Period
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import (
    DAYS,
    FEW,
    FIRST_DAY,
    GAME,
    IN_UTC,
    MANY,
    NOW,
    Event,
    History,
    histories,
    load,
)
from tests.support.oracle.asked import Value
from tests.support.oracle.dimensions import of_event
from tests.support.oracle.funnel import Attempt, Rules, attempts
from tests.support.oracle.game import Game, Stored, game
from tests.support.staged import DAY, HOUR, MINUTE, SECOND

SEGMENTS = {"germans": SegmentDefinition(Who(Condition("country", values=("DE",))))}

_FIRST = IN_UTC.first_day
_ALL_DAYS = Period(_FIRST - dt.timedelta(days=60), _FIRST + dt.timedelta(days=DAYS + 2))
_SOME_DAYS = Period(_FIRST, _FIRST + dt.timedelta(days=5))

Is = Callable[[Stored], bool]

_IN_GERMANY = Condition("country", values=("DE",))
_STEPS: dict[EventMatch, Is] = {
    EventMatch("progression"): lambda event: event.sent.category == "progression",
    EventMatch("progression", "Start", is_prefix=True): lambda event: event.parts[:1] == ("Start",),
    EventMatch("progression", "Complete:w1:l1"): lambda event: event.sent.event_id == "Complete:w1:l1",
    EventMatch("design", filter=_IN_GERMANY): lambda event: (
        event.sent.category == "design" and event.sent.country == "DE"
    ),
    EventMatch(): lambda _: True,
    EventMatch(event_id="a", is_prefix=True): lambda event: event.parts[:1] == ("a",),
    EventMatch("business"): lambda event: event.sent.category == "business",
}
_IOS = Condition("platform", Operator.IS, ("ios",))
_FILTERS: dict[Filter | None, Is] = {None: lambda _: True, _IOS: lambda event: event.sent.platform == "ios"}

_FUNNELS = st.builds(
    Funnel,
    st.lists(st.sampled_from(list(_STEPS)), min_size=2, max_size=4).map(tuple),
    st.sampled_from([_ALL_DAYS, _SOME_DAYS]),
    st.sampled_from([1, 3600, 3 * 86_400]),
    st.sampled_from(Order),
    st.sampled_from([Unit.PLAYERS, Unit.PLAYERS, Unit.SESSIONS]),
    st.sampled_from([None, "country", "payer", "birth_year"]),
    filter=st.sampled_from(list(_FILTERS)),
)


def contexts(engines: BothEngines) -> Iterator[Context]:
    for engine in engines:
        yield Context(GAME, engine, NOW, SEGMENTS, last_player_no=100)


_HISTORIES = histories(often=("progression", "design"), max_events=30)
_TWO = st.lists(_FUNNELS, min_size=2, max_size=2)
_ROWS_AT_ONCE = st.sampled_from([1_000, 10])


@FEW
@given(history=_HISTORIES, asked=_TWO, rows_at_once=_ROWS_AT_ONCE)
def test_a_funnel_is_what_it_is_defined_to_be(history: History, asked: list[Funnel], rows_at_once: int) -> None:
    compare_all(history, asked, rows_at_once)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@MANY
@given(history=_HISTORIES, asked=_TWO, rows_at_once=_ROWS_AT_ONCE)
def test_a_funnel_is_what_it_is_defined_to_be_at_length(
    history: History, asked: list[Funnel], rows_at_once: int
) -> None:
    compare_all(history, asked, rows_at_once)


def compare_all(history: History, asked: list[Funnel], rows_at_once: int) -> None:
    with embedded_store() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(funnel, "_ROWS_AT_ONCE", rows_at_once)
        load(store, history)
        known = game(history, NOW)
        for context in contexts(BothEngines(store)):
            for question in asked:
                compare(question, context, known)


def compare(question: Funnel, context: Context, known: Game) -> None:
    found = funnel.answer(question, context)
    best = tried(question, known)
    count = len(question.steps)
    groups = {id(attempt): group_of(attempt, question, known) for attempt in best}
    wanted: list[Any] = []
    for group in in_order(set(groups.values())) if question.group_by else [None]:
        mine = [attempt for attempt in best if not question.group_by or groups[id(attempt)] == group]
        wanted += [(group, *row) for row in rows_of(mine, count)]
    assert answered(found.table.to_pylist()) == wanted, (context.engine.dialect, question)
    if question.group_by:
        assert found.totals is not None
        assert answered(found.totals.to_pylist()) == [(None, *row) for row in rows_of(best, count)]


def tried(question: Funnel, known: Game) -> list[Attempt]:
    events = [
        event
        for event in known.events
        if event.player is not None and question.period.start <= event.day <= question.period.end
    ]
    steps = [with_filter(_STEPS[step], _FILTERS[question.filter]) for step in question.steps]
    unit = "player" if question.count is Unit.PLAYERS else "session"
    return attempts(known, events, Rules(steps, question.window_s * SECOND, question.order, unit))


def with_filter(step: Is, condition: Is) -> Is:
    return lambda event: step(event) and condition(event)


def group_of(attempt: Attempt, question: Funnel, known: Game) -> Value:
    """The least value of the events of step 1 at the time of the attempt's."""
    if question.group_by is None:
        return None
    is_first = with_filter(_STEPS[question.steps[0]], _FILTERS[question.filter])
    values = [
        of_event(known, event)(question.group_by)
        for event in known.events
        if attempt.unit == (event.player if question.count is Unit.PLAYERS else event.session)
        and event.player is not None
        and event.time == attempt.times[0]
        and is_first(event)
    ]
    return in_order(set(values))[0]


def in_order(values: set[Value]) -> list[Value]:
    """None last."""
    return sorted(values, key=lambda value: (value is None, value if value is not None else 0))


def rows_of(best: Sequence[Attempt], steps: int) -> list[Any]:
    counts = [sum(attempt.reached > step for attempt in best) for step in range(steps)]
    rows: list[Any] = []
    for step, count in enumerate(counts):
        there = [attempt for attempt in best if attempt.reached > step]
        rows.append(
            (
                step + 1,
                count,
                count / counts[step - 1] if step and counts[step - 1] else None,
                count / counts[0] if counts[0] else None,
                seconds([attempt.times[step] - attempt.times[step - 1] for attempt in there]) if step else None,
                seconds([attempt.times[step] - attempt.times[0] for attempt in there]) if step else None,
            )
        )
    return rows


def seconds(times_us: Sequence[int]) -> float | None:
    return float(Fraction(median([Fraction(time) for time in times_us]), SECOND)) if times_us else None


def answered(rows: Sequence[dict[str, Any]]) -> list[Any]:
    names = ("step", "count", "from_previous", "from_first", "median_from_previous_s", "median_from_first_s")
    return [(row.get("group"), *(row[name] for name in names)) for row in rows]


# ------------------------------------------------------------------------------------------------------------ examples


def at(time: int, player: str | None, event_id: str, **fields: Any) -> Event:
    time += FIRST_DAY
    return Event("design", time, time, event_id=event_id, player_id=player, **fields)


_EXAMPLE = History(
    (
        at(0, "one", "a", country="DE", session_id="s1"),
        at(MINUTE, "one", "b", country="FR", session_id="s1"),
        at(2 * MINUTE, "one", "c", session_id="s2"),
        at(0, "two", "a", country="FR"),
        at(HOUR, "two", "a", country="US"),
        at(HOUR + 3 * MINUTE, "two", "b"),
        at(0, "three", "a"),
        at(DAY, "four", "a", country="FR"),
        at(0, None, "a"),
        at(0, "five", "b"),
    )
)
_ABC = tuple(EventMatch("design", event_id) for event_id in "abc")


@pytest.fixture(scope="module")
def example() -> Iterator[list[Context]]:
    with embedded_store() as store:
        load(store, _EXAMPLE)
        yield list(contexts(BothEngines(store)))


def ask(example: list[Context], question: Funnel) -> list[dict[str, Any]]:
    one, other = (funnel.answer(question, context) for context in example)
    assert one.table.equals(other.table)
    assert [column.name for column in one.columns] == one.table.column_names
    return one.table.to_pylist()  # type: ignore[no-any-return]


def test_steps_and_their_names(example: list[Context]) -> None:
    rows = ask(example, Funnel(_ABC, _ALL_DAYS))
    assert [(row["event"], row["count"]) for row in rows] == [("design a", 4), ("design b", 2), ("design c", 1)]
    assert [row["median_from_previous_s"] for row in rows] == [None, 1_920, 60]
    everything = ask(example, Funnel((EventMatch(), EventMatch(event_id="a", is_prefix=True)), _ALL_DAYS))
    assert [row["event"] for row in everything] == ["any event", "a:*"]


def test_a_session_has_only_its_own_events(example: list[Context]) -> None:
    rows = ask(example, Funnel(_ABC, _ALL_DAYS, count=Unit.SESSIONS))
    assert [row["count"] for row in rows] == [1, 1, 0]
    assert rows[2]["from_previous"] == 0
    assert rows[2]["median_from_previous_s"] is None


def test_groups_are_those_of_the_attempt_that_counts(example: list[Context]) -> None:
    rows = ask(example, Funnel(_ABC, _ALL_DAYS, window_s=600, group_by="country"))
    counts = {(row["group"], row["step"]): row["count"] for row in rows}
    assert [group for group, step in counts if step == 1] == ["DE", "FR", "US", None]
    assert [counts["DE", step] for step in (1, 2, 3)] == [1, 1, 1]
    assert [counts["US", step] for step in (1, 2, 3)] == [1, 1, 0]
    assert [counts["FR", step] for step in (1, 2, 3)] == [1, 0, 0]


def test_groups_beyond_the_greatest_are_one(example: list[Context]) -> None:
    rows = ask(example, Funnel(_ABC, _ALL_DAYS, group_by="country", top=1))
    assert [(row["group"], row["count"]) for row in rows if row["step"] == 1] == [("FR", 2), ("(other)", 2)]
    assert [row["count"] for row in rows if row["group"] == "(other)"] == [2, 1, 1]


def test_what_is_other_already_is_one_with_the_rest() -> None:
    groups = pa.array(["(other)", None, "b", "a", "b", "(other)"])
    attempts = Attempts(np.arange(6), np.array([1, 1, 1, 1, 2, 2]), np.zeros((2, 6), np.int64), np.zeros(6, np.int64))
    counted = Counted(attempts, ["x", "y"], "players", groups)
    found = [steps_answer(counted, top).table.to_pylist() for top in (None, 1)]
    assert [[(row["group"], row["count"]) for row in rows if row["step"] == 1] for rows in found] == [
        [("a", 1), ("b", 2), (None, 1), ("(other)", 2)],
        [("b", 2), ("(other)", 4)],
    ]


def test_by_segment(example: list[Context]) -> None:
    rows = ask(example, Funnel(_ABC, _ALL_DAYS, group_by="segment.germans"))
    assert [(row["group"], row["count"]) for row in rows] == [
        *(("no", count) for count in (3, 1, 0)),
        *(("yes", count) for count in (1, 1, 1)),
    ]
    is_member = Condition("segment.germans", values=("yes",))
    assert [row["count"] for row in ask(example, Funnel(_ABC, _ALL_DAYS, filter=is_member))] == [1, 1, 1]


def test_who_dropped_after_a_step(example: list[Context]) -> None:
    rows = ask(example, Funnel(_ABC, _ALL_DAYS, dropped_after=1))
    assert [row["player_id"] for row in rows] == ["four", "three"]
    assert rows[0]["started_at"] == rows[0]["reached_at"] == dt.datetime(2025, 12, 28)  # noqa: DTZ001
    assert [row["player_id"] for row in ask(example, Funnel(_ABC, _ALL_DAYS, dropped_after=1, limit=1))] == ["four"]
    [two] = ask(example, Funnel(_ABC, _ALL_DAYS, dropped_after=2))
    assert (two["player_id"], two["reached_at"] - two["started_at"]) == ("two", dt.timedelta(minutes=63))
    assert ask(example, Funnel(_ABC, _ALL_DAYS, window_s=1, dropped_after=2)) == []


def test_which_sessions_dropped(example: list[Context]) -> None:
    [row] = ask(example, Funnel(_ABC, _ALL_DAYS, count=Unit.SESSIONS, dropped_after=2))
    assert (row["session_id"], row["player_id"]) == ("s1", "one")


def test_what_is_between_and_what_is_of_no_player() -> None:
    history = History(
        (
            at(0, "one", "a", session_id="s1"),
            at(1, "one", "x", session_id="s1"),
            at(2, "one", "b", session_id="s1"),
            at(0, "two", "a", session_id="s2"),
            at(1, "two", "b", session_id="s2"),
            at(2, None, "x", session_id="s2"),
            at(3, "two", "c", session_id="s2"),
            at(0, None, "a", session_id="s3"),
            at(1, None, "b", session_id="s3"),
        )
    )
    with embedded_store() as store:
        load(store, history)
        both = list(contexts(BothEngines(store)))
        for unit in Unit:
            for order, counts in ((Order.ORDERED, [2, 2, 1]), (Order.STRICT, [2, 1, 1])):
                rows = ask(both, Funnel(_ABC, _ALL_DAYS, order=order, count=unit))
                assert [row["count"] for row in rows] == counts


def test_nobody_at_all(example: list[Context]) -> None:
    never = Period(dt.date(2001, 1, 1), dt.date(2001, 1, 2))
    for order in Order:
        rows = ask(example, Funnel(_ABC, never, order=order))
        assert [(row["count"], row["from_previous"], row["from_first"]) for row in rows] == [(0, None, None)] * 3
    assert ask(example, Funnel(_ABC, never, group_by="country")) == []
    assert ask(example, Funnel(_ABC, never, dropped_after=1)) == []


@pytest.mark.parametrize(
    ("question", "field"),
    [
        (Funnel(_ABC, Period(_FIRST, _FIRST - dt.timedelta(days=1))), "period.end"),
        (Funnel((*_ABC, EventMatch(is_prefix=True)), _ALL_DAYS), "steps[3].is_prefix"),
        (Funnel((*_ABC, EventMatch(filter=Condition("colour"))), _ALL_DAYS), "steps[3].filter.dimension"),
        (
            Funnel((*_ABC, EventMatch(filter=Condition("segment.whales", values=("yes",)))), _ALL_DAYS),
            "steps[3].filter.dimension",
        ),
        (Funnel(_ABC, _ALL_DAYS, filter=Condition("country")), "filter.values"),
        (Funnel(_ABC, _ALL_DAYS, group_by="contry"), "group_by"),
        (Funnel(_ABC, _ALL_DAYS, dropped_after=3), "dropped_after"),
    ],
)
def test_what_cannot_be_asked(example: list[Context], question: Funnel, field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        funnel.answer(question, example[0])
    assert refused.value.field == field


def test_the_examples_of_the_reference_are_questions() -> None:
    page = (Path(__file__).parents[4] / "docs/reference/analyses/funnels.md").read_text("utf-8")
    examples = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        msgspec.json.decode(example, type=Funnel).check({})
    for name in Funnel.__struct_fields__:
        assert f"`{name}`" in page
