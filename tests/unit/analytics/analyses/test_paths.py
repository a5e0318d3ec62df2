"""Paths on both engines, beside walking through every player's events one by one."""

import datetime as dt
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.analytics.analyses import paths
from questlog.analytics.analyses.funnel_rows import Unit
from questlog.analytics.analyses.paths import Direction, Paths
from questlog.analytics.engine.context import Context
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, EventMatch, Filter, Period
from tests.support.asked import context_of, rows_of
from tests.support.engines import BothEngines, embedded_store
from tests.support.generated_histories import FEW, FIRST_DAY, IN_UTC, NOW, Event, History, histories, load
from tests.support.oracle.game import Game, Stored, game
from tests.support.staged import DAY, HOUR, MINUTE, SECOND

_FIRST = IN_UTC.first_day
_SOME_DAYS = Period(_FIRST, _FIRST + dt.timedelta(days=5))
_STARTS = EventMatch("progression", "Start", is_prefix=True)
_GERMAN = EventMatch("design", filter=Condition("country", values=("DE",)))
_IOS = Condition("platform", values=("ios",))

_IS = {
    EventMatch("progression"): lambda event: event.sent.category == "progression",
    _STARTS: lambda event: event.parts[:1] == ("Start",),
    _GERMAN: lambda event: event.sent.category == "design" and event.sent.country == "DE",
    EventMatch("design"): lambda event: event.sent.category == "design",
}
_MATCH = st.sampled_from(list(_IS))

_PATHS = st.builds(
    Paths,
    st.just(_SOME_DAYS),
    st.none() | _MATCH | st.lists(_MATCH, min_size=1, max_size=2).map(tuple),
    st.sampled_from(Direction),
    st.integers(1, 4),
    st.sampled_from(Unit),
    st.sampled_from([60, 3 * 3600, 5 * 86_400]),
    st.none() | st.just((EventMatch("design"), EventMatch("progression"))),
    st.sampled_from([None, 0, 1, 2]),
    st.booleans(),
    st.sampled_from([1, 3, 50]),
    st.sampled_from([None, None, _IOS]),
).filter(lambda asked: asked.anchor is not None or asked.within is Unit.SESSIONS)


@pytest.mark.timeout(600)
@FEW
@given(
    history=histories(often=("progression", "design"), max_events=30),
    asked=st.lists(_PATHS, min_size=2, max_size=2),
    rows_at_once=st.sampled_from([1_000, 7]),
)
def test_paths_are_what_walking_through_the_events_finds(
    history: History, asked: list[Paths], rows_at_once: int
) -> None:
    with embedded_store() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "_ROWS_AT_ONCE", rows_at_once)
        load(store, history)
        known = game(history, NOW)
        for engine in BothEngines(store):
            for question in asked:
                found = paths.answer(question, context_of(engine))
                told = {(row["step"], row["from"], row["to"]): row for row in rows_of(found)}
                walks = walk(question, known)
                wanted = flows(question, walks)
                assert {key: (row["paths"], row["players"]) for key, row in told.items()} == wanted, question
                assert found.totals is not None
                assert found.totals.to_pylist() == [{"paths": len(walks), "players": len({who for who, _ in walks})}]


def walk(question: Paths, known: Game) -> list[tuple[str | None, list[str]]]:
    """Every path: whose it is, and its nodes, from the definitions."""
    sign = -1 if question.direction is Direction.BEFORE else 1
    found = []
    units = {unit_of(event, question) for event in known.events if event.player is not None}
    for unit in units - {None}:
        mine = [
            e for e in known.events if unit_of(e, question) == unit and e.player is not None and is_step(e, question)
        ]
        mine.sort(key=lambda event: (sign * event.time, sign * event.row))
        for place, first in enumerate(mine):
            if (
                not is_beginning(place, first, question)
                or not question.period.start <= first.day <= question.period.end
            ):
                continue
            nodes = [node_of(first, question)]
            for event in mine[place + 1 :]:
                if sign * (event.time - first.time) > question.window_s * SECOND or len(nodes) > question.depth:
                    break
                if question.repeats or node_of(event, question) != nodes[-1]:
                    nodes.append(node_of(event, question))
            if question.repeats or not is_second_of_run(mine, place, question):
                found.append((first.player, nodes[: question.depth + 1]))
    return found


def is_second_of_run(mine: Sequence[Stored], place: int, question: Paths) -> bool:
    """Whether a path has begun at the same node already, with nothing else in between."""
    for earlier in range(place - 1, -1, -1):
        if node_of(mine[earlier], question) != node_of(mine[place], question):
            return False
        is_inside = question.period.start <= mine[earlier].day <= question.period.end
        if is_inside and is_beginning(earlier, mine[earlier], question):
            return True
    return False


def is_beginning(place: int, event: Stored, question: Paths) -> bool:
    return place == 0 if question.anchor is None else is_any(event, question.anchor, question.filter)


def is_step(event: Stored, question: Paths) -> bool:
    is_anchor = question.anchor is not None and is_any(event, question.anchor, question.filter)
    return is_anchor or is_any(event, question.events, question.filter)


def is_any(event: Stored, step: Any, condition: Filter | None) -> bool:
    if condition is not None and event.sent.platform != "ios":
        return False
    matches = (step,) if isinstance(step, EventMatch) else step
    return step is None or any(_IS[match](event) for match in matches)


def unit_of(event: Stored, question: Paths) -> Hashable:
    return event.session if question.within is Unit.SESSIONS else event.player


def node_of(event: Stored, question: Paths) -> str:
    parts = event.parts if question.parts is None else event.parts[: question.parts]
    return f"{event.sent.category} {':'.join(parts)}" if parts else event.sent.category


def flows(question: Paths, walks: list[tuple[str | None, list[str]]]) -> dict[Any, tuple[int, int]]:
    kept = []
    for step in range(question.depth + 1):
        at = Counter(nodes[step] for _, nodes in walks if len(nodes) > step)
        kept.append(sorted(at, key=lambda node: (-at[node], node))[: question.max_nodes])
    passing: dict[Any, list[str | None]] = {}
    for who, nodes in walks:
        shown: list[str | None] = [node if node in kept[step] else "(other)" for step, node in enumerate(nodes)]
        shown.append(None)
        for step in range(1, min(len(shown), question.depth + 1)):
            passing.setdefault((step, shown[step - 1], shown[step]), []).append(who)
    return {key: (len(who), len(set(who))) for key, who in passing.items()}


# ------------------------------------------------------------------------------------------------------------ examples


def at(time: int, player: str, event_id: str, session: str | None = None, **fields: Any) -> Event:
    time += FIRST_DAY
    return Event("design", time, time, event_id=event_id, player_id=player, session_id=session, **fields)


_EXAMPLE = History(
    (
        at(0, "one", "a:1", "s1"),
        at(MINUTE, "one", "b", "s1"),
        at(2 * MINUTE, "one", "b", "s1"),
        at(3 * MINUTE, "one", "c", "s1"),
        at(HOUR, "one", "a:2", "s2"),
        at(HOUR + MINUTE, "one", "c", "s2"),
        at(0, "two", "a:1", "s3"),
        at(DAY, "two", "b", "s4"),
    )
)


@pytest.fixture(scope="module")
def example() -> Iterator[list[Context]]:
    with embedded_store() as store:
        load(store, _EXAMPLE)
        yield [context_of(engine) for engine in BothEngines(store)]


def ask(example: list[Context], question: Paths) -> list[tuple[Any, ...]]:
    one, other = (paths.answer(question, context) for context in example)
    assert one.table.equals(other.table)
    return [tuple(row.values()) for row in rows_of(one)]


_A = EventMatch("design", "a", is_prefix=True)


def test_what_comes_next_in_the_session(example: list[Context]) -> None:
    assert ask(example, Paths(_SOME_DAYS, _A, depth=2, parts=1)) == [
        (1, "design a", "design b", 1, 1, pytest.approx(1 / 3)),
        (1, "design a", "design c", 1, 1, pytest.approx(1 / 3)),
        (1, "design a", None, 1, 1, pytest.approx(1 / 3)),
        (2, "design b", "design c", 1, 1, 1.0),
        (2, "design c", None, 1, 1, 1.0),
    ]


def test_what_came_before(example: list[Context]) -> None:
    before_c = Paths(_SOME_DAYS, EventMatch("design", "c"), Direction.BEFORE, 2, parts=1)
    assert [row[:4] for row in ask(example, before_c)] == [
        (1, "design c", "design a", 1),
        (1, "design c", "design b", 1),
        (2, "design a", None, 1),
        (2, "design b", "design a", 1),
    ]


def test_repeats_are_steps_where_they_are_wanted(example: list[Context]) -> None:
    rows = ask(example, Paths(_SOME_DAYS, EventMatch("design", "b"), depth=1, repeats=True))
    assert [row[:4] for row in rows] == [
        (1, "design b", "design b", 1),
        (1, "design b", "design c", 1),
        (1, "design b", None, 1),
    ]


def test_the_first_event_of_a_session_is_where_paths_begin(example: list[Context]) -> None:
    rows = ask(example, Paths(_SOME_DAYS, depth=1, parts=1))
    assert [row[:5] for row in rows] == [
        (1, "design a", "design b", 1, 1),
        (1, "design a", "design c", 1, 1),
        (1, "design a", None, 1, 1),
        (1, "design b", None, 1, 1),
    ]


def test_a_players_path_goes_on_through_sessions_until_the_window_ends(example: list[Context]) -> None:
    day = Paths(_SOME_DAYS, _A, depth=1, within=Unit.PLAYERS, window_s=86_400)
    assert (1, "design a:1", "design b", 2, 2, 1.0) in ask(example, day)
    less = Paths(_SOME_DAYS, _A, depth=1, within=Unit.PLAYERS, window_s=86_399)
    assert (1, "design a:1", "design b", 1, 1, 0.5) in ask(example, less)


def test_nothing_at_all(example: list[Context]) -> None:
    assert ask(example, Paths(Period(dt.date(2001, 1, 1), dt.date(2001, 1, 2)), _A)) == []


@pytest.mark.parametrize(
    ("question", "field"),
    [
        (Paths(_SOME_DAYS, within=Unit.PLAYERS), "anchor"),
        (Paths(Period(_FIRST, _FIRST - dt.timedelta(days=1))), "period.end"),
        (Paths(_SOME_DAYS, EventMatch(filter=Condition("colour"))), "anchor.filter.dimension"),
        (Paths(_SOME_DAYS, events=(EventMatch(), EventMatch(is_prefix=True))), "events[1].is_prefix"),
        (Paths(_SOME_DAYS, filter=Condition("country")), "filter.values"),
    ],
)
def test_what_cannot_be_asked(example: list[Context], question: Paths, field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        paths.answer(question, example[0])
    assert refused.value.field == field
