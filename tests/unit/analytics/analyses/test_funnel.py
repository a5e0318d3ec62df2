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
from questlog.analytics.analyses.funnel import Exclusion, Funnel, Since, Step, StepTimes
from questlog.analytics.analyses.funnel_answers import Counted, steps_answer
from questlog.analytics.analyses.funnel_attempts import Attempts, Order
from questlog.analytics.analyses.funnel_rows import Unit
from questlog.analytics.engine.context import Context
from questlog.analytics.question.definitions import SegmentDefinition, Who
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, EventMatch, Filter, Granularity, Operator, Period
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
from tests.support.oracle.funnel import Exclusion as Excluded
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

_ONE = st.sampled_from(list(_STEPS))
_STEP: st.SearchStrategy[Step] = _ONE | st.lists(_ONE, min_size=1, max_size=2).map(tuple)

_FUNNELS = st.builds(
    Funnel,
    st.lists(_STEP, min_size=2, max_size=4).map(tuple),
    st.sampled_from([_ALL_DAYS, _SOME_DAYS, _SOME_DAYS]),
    st.sampled_from([1, 3600, 3 * 86_400]),
    st.sampled_from(Order),
    st.sampled_from([Unit.PLAYERS, Unit.PLAYERS, Unit.SESSIONS]),
    st.lists(st.builds(Exclusion, _STEP, st.sampled_from([None, 1])), max_size=1).map(tuple),
    st.sampled_from([Granularity.ALL, Granularity.ALL, Granularity.DAY, Granularity.WEEK]),
    st.sampled_from([(), (), ("country",), ("payer",), ("birth_year", "country")]),
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
    best = {bucket: tried(question, known, bucket) for bucket in starts(question)}
    wanted: list[Any] = []
    for bucket, attempts_of_it in best.items():
        groups = {id(attempt): group_of(attempt, question, known) for attempt in attempts_of_it}
        for group in in_order(set(groups.values())) if question.group_by else [()]:
            mine = [attempt for attempt in attempts_of_it if groups[id(attempt)] == group]
            wanted += [(bucket, *group, *row) for row in rows_of(mine, question)]
    assert answered(found.table, question) == wanted, (context.engine.dialect, question)
    if question.group_by or question.granularity is not Granularity.ALL:
        assert found.totals is not None
        total = msgspec.structs.replace(question, granularity=Granularity.ALL, group_by=())
        assert answered(found.totals, total) == [(None, *row) for row in rows_of(tried(total, known, None), total)]


def starts(question: Funnel) -> list[dt.date | None]:
    """The buckets that attempts begin in."""
    if question.granularity is Granularity.ALL:
        return [None]
    days = [question.period.start + dt.timedelta(days=place) for place in range(question.period.days)]
    return list(dict.fromkeys(bucket_of(day, question) for day in days))


def bucket_of(day: dt.date, question: Funnel) -> dt.date | None:
    if question.granularity is Granularity.ALL:
        return None
    return day if question.granularity is Granularity.DAY else day - dt.timedelta(days=day.weekday())


def tried(question: Funnel, known: Game, bucket: dt.date | None) -> list[Attempt]:
    """The attempts that count, of those that begin in the bucket."""

    def may_begin(event: Stored) -> bool:
        is_inside = question.period.start <= event.day <= question.period.end
        return is_inside and bucket_of(event.day, question) == bucket

    unit = "player" if question.count is Unit.PLAYERS else "session"
    steps = [with_filter(any_of(step), _FILTERS[question.filter]) for step in question.steps]
    exclusions = [Excluded(any_of(each.event), each.after_step) for each in question.exclusions]
    events = [event for event in known.events if event.player is not None]
    window = question.window_s * SECOND
    rules = Rules(steps, window, question.order, unit, lambda first: may_begin(first) or None, exclusions)
    return attempts(known, events, rules)


def any_of(step: Step) -> Is:
    matches = (step,) if isinstance(step, EventMatch) else step
    return lambda event: any(_STEPS[match](event) for match in matches)


def with_filter(step: Is, condition: Is) -> Is:
    return lambda event: step(event) and condition(event)


def group_of(attempt: Attempt, question: Funnel, known: Game) -> tuple[Value, ...]:
    """The least values of the events of step 1 at the time of the attempt's."""
    is_first = with_filter(any_of(question.steps[0]), _FILTERS[question.filter])
    values = {
        tuple(of_event(known, event)(name) for name in question.group_by)
        for event in known.events
        if attempt.unit == (event.player if question.count is Unit.PLAYERS else event.session)
        and event.player is not None
        and event.time == attempt.times[0]
        and is_first(event)
    }
    return in_order(values)[0]


def in_order(groups: set[tuple[Value, ...]]) -> list[tuple[Value, ...]]:
    """None last."""
    return sorted(groups, key=lambda group: [(value is None, value if value is not None else 0) for value in group])


def rows_of(best: Sequence[Attempt], question: Funnel) -> list[Any]:
    steps = len(question.steps)
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


def answered(table: pa.Table, question: Funnel) -> list[Any]:
    names = ("step", "count", "from_previous", "from_first", "median_from_previous_s", "median_from_first_s")
    return [tuple(row.get(name) for name in ("bucket", *question.group_by, *names)) for row in table.to_pylist()]


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
    rows = ask(example, Funnel(_ABC, _ALL_DAYS, window_s=600, group_by=("country",)))
    counts = {(row["country"], row["step"]): row["count"] for row in rows}
    assert [group for group, step in counts if step == 1] == ["DE", "FR", "US", None]
    assert [counts["DE", step] for step in (1, 2, 3)] == [1, 1, 1]
    assert [counts["US", step] for step in (1, 2, 3)] == [1, 1, 0]
    assert [counts["FR", step] for step in (1, 2, 3)] == [1, 0, 0]


def test_groups_beyond_the_greatest_are_one(example: list[Context]) -> None:
    rows = ask(example, Funnel(_ABC, _ALL_DAYS, group_by=("country",), top=1))
    assert [(row["country"], row["count"]) for row in rows if row["step"] == 1] == [("FR", 2), ("(other)", 2)]
    assert [row["count"] for row in rows if row["country"] == "(other)"] == [2, 1, 1]


def test_what_is_other_already_is_one_with_the_rest() -> None:
    groups = pa.table({"country": ["(other)", None, "b", "a", "b", "(other)"]})
    zeros, reached = np.zeros(6, np.int64), np.array([1, 1, 1, 1, 2, 2])
    attempts = Attempts(np.arange(6), zeros, zeros, reached, np.zeros((2, 6), np.int64), zeros, zeros > 0)
    counted = Counted(attempts, ["x", "y"], "players", 0, 1, group_by=("country",), groups=groups)
    found = [steps_answer(counted, top).table.to_pylist() for top in (None, 1)]
    assert [[(row["country"], row["count"]) for row in rows if row["step"] == 1] for rows in found] == [
        [("a", 1), ("b", 2), (None, 1), ("(other)", 2)],
        [("b", 2), ("(other)", 4)],
    ]


def test_by_segment(example: list[Context]) -> None:
    rows = ask(example, Funnel(_ABC, _ALL_DAYS, group_by=("segment.germans",)))
    assert [(row["segment.germans"], row["count"]) for row in rows] == [
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


def test_any_of_several_events_is_a_step(example: list[Context]) -> None:
    b_or_c = (EventMatch("design", "b"), EventMatch("design", "c", filter=_IN_GERMANY))
    rows = ask(example, Funnel((EventMatch("design", "a"), b_or_c, EventMatch("design", "c")), _ALL_DAYS))
    assert [(row["event"], row["count"]) for row in rows] == [
        ("design a", 4),
        ("design b or design c", 2),
        ("design c", 1),
    ]


def test_an_exclusion_ends_an_attempt(example: list[Context]) -> None:
    ac = (EventMatch("design", "a"), EventMatch("design", "c"))
    assert [row["count"] for row in ask(example, Funnel(ac, _ALL_DAYS))] == [4, 1]
    excluded = Exclusion(EventMatch("design", "b"))
    assert [row["count"] for row in ask(example, Funnel(ac, _ALL_DAYS, exclusions=(excluded,)))] == [4, 0]
    between = Exclusion(EventMatch("design", "b"), after_step=2)
    assert [row["count"] for row in ask(example, Funnel(_ABC, _ALL_DAYS, exclusions=(between,)))] == [4, 2, 1]


def test_attempts_that_can_still_go_on_are_told(example: list[Context]) -> None:
    now = FIRST_DAY + DAY + HOUR
    contexts_then = [msgspec.structs.replace(context, now_us=now) for context in example]
    rows = ask(contexts_then, Funnel(_ABC, _ALL_DAYS, window_s=86_400))
    assert [(row["count"], row["open"]) for row in rows] == [(4, 1), (2, 0), (1, 0)]
    strict = ask(contexts_then, Funnel(_ABC, _ALL_DAYS, window_s=86_400, order=Order.STRICT))
    assert [(row["count"], row["open"]) for row in strict] == [(4, 1), (2, 1), (1, 0)]
    ended = Exclusion(EventMatch("design", "c"))
    ab = (EventMatch("design", "a"), EventMatch("design", "x"))
    rows = ask(contexts_then, Funnel(ab, _ALL_DAYS, 86_400 * 2, exclusions=(ended,)))
    assert [(row["count"], row["open"]) for row in rows] == [(4, 3), (0, 0)]


def test_conversion_by_the_day_on_which_attempts_begin(example: list[Context]) -> None:
    days = Period(_FIRST, _FIRST + dt.timedelta(days=2))
    rows = ask(example, Funnel(_ABC, days, granularity=Granularity.DAY))
    assert [(row["bucket"], row["count"]) for row in rows if row["step"] == 1] == [
        (_FIRST, 3),
        (_FIRST + dt.timedelta(days=1), 1),
        (_FIRST + dt.timedelta(days=2), 0),
    ]


def test_how_long_it_took(example: list[Context]) -> None:
    rows = ask(example, Funnel(_ABC, _ALL_DAYS, times=StepTimes(bins=2, step=2)))
    assert [(row["low_s"], row["high_s"], row["count"], row["share"]) for row in rows] == [
        (60, 1_920, 1, 0.5),
        (1_920, 3_780, 1, 0.5),
    ]
    edges = StepTimes(edges=(0.0, 60.0, 120.0), since=Since.PREVIOUS)
    rows = ask(example, Funnel(_ABC, _ALL_DAYS, times=edges, group_by=("country",)))
    assert [(row["country"], row["low_s"], row["count"]) for row in rows] == [
        *(("DE", low, count) for low, count in ((None, 0), (0, 0), (60, 1), (120, 0))),
        *((country, low, 0) for country in ("FR", None) for low in (None, 0, 60, 120)),
    ]
    never = Period(dt.date(2001, 1, 1), dt.date(2001, 1, 2))
    assert ask(example, Funnel(_ABC, never, times=StepTimes())) == []


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


def test_later_steps_may_follow_after_the_period() -> None:
    first_day = Period(_FIRST, _FIRST)
    steps = (EventMatch("design", "x"), EventMatch("design", "y"))
    history = History((at(DAY - 1, "one", "x"), at(DAY + HOUR, "one", "y"), at(DAY, "two", "x"), at(DAY, "two", "y")))
    with embedded_store() as store:
        load(store, history)
        both = list(contexts(BothEngines(store)))
        assert [row["count"] for row in ask(both, Funnel(steps, first_day))] == [1, 1]
        assert [row["count"] for row in ask(both, Funnel(steps, first_day, 3600))] == [1, 0]


def test_nobody_at_all(example: list[Context]) -> None:
    never = Period(dt.date(2001, 1, 1), dt.date(2001, 1, 2))
    for order in Order:
        rows = ask(example, Funnel(_ABC, never, order=order))
        assert [(row["count"], row["from_previous"], row["from_first"]) for row in rows] == [(0, None, None)] * 3
    assert ask(example, Funnel(_ABC, never, group_by=("country",))) == []
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
        (Funnel(_ABC, _ALL_DAYS, group_by=("contry",)), "group_by[0]"),
        (Funnel(_ABC, _ALL_DAYS, dropped_after=3), "dropped_after"),
        (Funnel((EventMatch(), (EventMatch(), EventMatch(is_prefix=True))), _ALL_DAYS), "steps[1][1].is_prefix"),
        (Funnel(((EventMatch(),) * 10,) * 7, _ALL_DAYS), "steps"),
        (
            Funnel(_ABC, _ALL_DAYS, exclusions=(Exclusion(EventMatch(filter=Condition("colour"))),)),
            "exclusions[0].event.filter.dimension",
        ),
        (Funnel(_ABC, _ALL_DAYS, exclusions=(Exclusion(EventMatch(), 3),)), "exclusions[0].after_step"),
        (Funnel(_ABC, _ALL_DAYS, granularity=Granularity.HOUR), "granularity"),
        (Funnel(_ABC, _ALL_DAYS, granularity=Granularity.DAY, dropped_after=1), "granularity"),
        (Funnel(_ABC, _ALL_DAYS, granularity=Granularity.DAY, times=StepTimes()), "granularity"),
        (Funnel(_ABC, _ALL_DAYS, times=StepTimes(), dropped_after=1), "times"),
        (Funnel(_ABC, _ALL_DAYS, times=StepTimes(step=4)), "times.step"),
        (Funnel(_ABC, _ALL_DAYS, times=StepTimes(edges=(1.0,))), "times.edges"),
    ],
)
def test_what_cannot_be_asked(example: list[Context], question: Funnel, field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        funnel.answer(question, example[0])
    assert refused.value.field == field


def test_the_examples_of_the_reference_are_questions() -> None:
    page = (Path(__file__).parents[4] / "docs/reference/analyses/funnels.md").read_text("utf-8")
    examples = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        msgspec.json.decode(example, type=Funnel).check({})
    for name in Funnel.__struct_fields__:
        assert f"`{name}`" in page
