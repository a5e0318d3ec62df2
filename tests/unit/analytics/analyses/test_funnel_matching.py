"""Funnel matching, compared with a matcher that tries everything."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from questlog.analytics.analyses import funnel_matching
from questlog.analytics.analyses.funnel_attempts import ANY_TIME, Attempts, Excluded, Matching, Order, Rules, Starts
from questlog.analytics.analyses.funnel_matching import best_attempts

Steps = frozenset[int]
Tried = tuple[int, list[int], bool]


class Event(NamedTuple):
    """Of a player, at a microsecond, matching some steps (from 1); `code` is its value of the breakdown."""

    player: int
    time: int
    steps: Steps
    code: int = 0


class Exclusion(NamedTuple):
    """An event of a player that ends attempts that have done so many steps."""

    player: int
    time: int
    after: Steps


class Best(NamedTuple):
    """The attempt that counts: when the steps reached were done, and the code of its step 1."""

    times: tuple[int, ...]
    code: int


class Whole(NamedTuple):
    """An attempt in full."""

    times: tuple[int, ...]
    code: int
    start: int
    is_ended: bool


# ----------------------------------------------------------------------------------------------------- the slow matcher


def slowly(
    events: Sequence[Event],
    rules: Rules,
    exclusions: Sequence[Exclusion] = (),
    bucket_of: Callable[[int], int] = lambda _: 0,
) -> dict[tuple[int, int], Whole]:
    """The attempt that counts of each player in each bucket of starts, from the definitions."""
    attempts = {Order.ORDERED: ordered_attempts, Order.STRICT: strict_attempts, Order.ANY: any_attempts}[rules.order]
    found = {}
    for player in {event.player for event in events}:
        mine = sorted((event for event in events if event.player == player), key=lambda event: event.time)
        ending = [each for each in exclusions if each.player == player]
        tried: dict[int, list[tuple[int, list[int], bool]]] = {}
        for start, times, has_other in attempts(mine, rules.steps, rules.window_us):
            done, is_ended = until_excluded(start, times, ending, rules)
            if done and bucket_of(start) >= 0:
                tried.setdefault(bucket_of(start), []).append((start, done, is_ended or has_other))
        for bucket, all_of_it in tried.items():
            furthest = max(len(times) for _, times, _ in all_of_it)
            start, times, is_ended = next(each for each in all_of_it if len(each[1]) == furthest)
            first = [event for event in mine if event.time == times[0] and 1 in event.steps]
            found[player, bucket] = Whole(tuple(times), min(event.code for event in first), start, is_ended)
    return found


def until_excluded(start: int, times: list[int], ending: list[Exclusion], rules: Rules) -> tuple[list[int], bool]:
    """The times of the steps done before the first excluded event that came while the attempt waited for a step."""
    for done in range(min(len(times), rules.steps - 1) + 1):
        since = times[done - 1] if done else start
        until = times[done] if done < len(times) else start + rules.window_us + 1
        if any(done in each.after and since < each.time < until for each in ending):
            return times[:done], True
    return times, False


def ordered_attempts(events: list[Event], steps: int, window: int) -> Iterator[Tried]:
    """Every attempt's start and times, in the order of the starts; whether an event ended it."""
    for start in sorted({event.time for event in events if 1 in event.steps}):
        ends: dict[int, int] = {}
        for chain in chains(events, steps):
            if chain[0].time == start and chain[-1].time <= start + window:
                length = len(chain)
                ends[length] = min(ends.get(length, chain[-1].time), chain[-1].time)
        yield start, [ends[length] for length in sorted(ends)], False


def chains(events: list[Event], steps: int, begun: tuple[Event, ...] = ()) -> Iterator[tuple[Event, ...]]:
    """Every choice of different events for steps 1, 2, … whose times do not decrease."""
    if begun:
        yield begun
    if len(begun) == steps:
        return
    for place, event in enumerate(events):
        rest = events[:place] + events[place + 1 :]
        if len(begun) + 1 in event.steps and (not begun or event.time >= begun[-1].time):
            yield from chains(rest, steps, (*begun, event))


def strict_attempts(events: list[Event], steps: int, window: int) -> Iterator[Tried]:
    def rank(event: Event) -> tuple[int, int, int]:
        return event.time, min(event.steps, default=99), sum(1 << step for step in event.steps)

    lined_up = sorted(events, key=rank)
    for place, start in enumerate(lined_up):
        times, has_other = [], False
        for step, event in enumerate(lined_up[place : place + steps], 1):
            if step not in event.steps or event.time > start.time + window:
                has_other = event.time <= start.time + window
                break
            times.append(event.time)
        yield start.time, times, has_other


def any_attempts(events: list[Event], steps: int, window: int) -> Iterator[Tried]:
    for start in events:
        times: list[int] = []
        for end in sorted({event.time for event in events if start.time <= event.time <= start.time + window}):
            inside = [event for event in events if start.time <= event.time <= end]
            while len(times) < steps and can_all_be_done(range(1, len(times) + 2), inside):
                times.append(end)
        yield start.time, times, False


def can_all_be_done(steps: Sequence[int], events: list[Event]) -> bool:
    if not steps:
        return True
    return any(
        can_all_be_done(steps[1:], events[:place] + events[place + 1 :])
        for place, event in enumerate(events)
        if steps[0] in event.steps
    )


# ------------------------------------------------------------------------------------------------------------ the tests


def quickly(events: Sequence[Event], steps: int, window: int, order: Order) -> dict[int, Best]:
    return as_dictionary(best_attempts(matching(events), Rules(steps, window, order)))


def column(values: Iterator[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(list(values), np.int64)


def bits(places: Steps) -> int:
    return sum(1 << place for place in places)


def matching(events: Sequence[Event], exclusions: Sequence[Exclusion] = ()) -> Matching:
    excluded = Excluded(
        column(each.player for each in exclusions),
        column(each.time for each in exclusions),
        column(bits(each.after) for each in exclusions),
    )

    return Matching(
        column(event.player for event in events),
        column(event.time for event in events),
        column(bits(event.steps) >> 1 for event in events),
        column(event.code for event in events),
        excluded if exclusions else None,
    )


def as_dictionary(attempts: Attempts) -> dict[int, Best]:
    assert list(attempts.unit) == sorted(set(attempts.unit))
    return {
        int(unit): Best(tuple(attempts.times_us[: attempts.reached[place], place].tolist()), int(attempts.code[place]))
        for place, unit in enumerate(attempts.unit)
    }


def as_whole(attempts: Attempts) -> dict[tuple[int, int], Whole]:
    return {
        (int(attempts.unit[place]), int(attempts.bucket[place])): Whole(
            tuple(attempts.times_us[: attempts.reached[place], place].tolist()),
            int(attempts.code[place]),
            int(attempts.start_us[place]),
            bool(attempts.is_ended[place]),
        )
        for place in range(len(attempts.unit))
    }


def events_of(steps: int, masks: SearchStrategy[Steps]) -> SearchStrategy[list[Event]]:
    one = st.builds(Event, st.integers(1, 3), st.integers(0, 6), masks, st.integers(0, 2))
    return st.lists(one, max_size=9)


@pytest.mark.parametrize("order", Order)
@settings(deadline=None)
@given(st.data())
def test_the_same_as_trying_everything(order: Order, data: st.DataObject) -> None:
    steps = data.draw(st.integers(2, 4))
    single = st.integers(1, steps).map(lambda step: frozenset([step]))
    several = st.frozensets(st.integers(1, steps), min_size=1)
    masks = data.draw(st.sampled_from([single, several]))
    if order is Order.STRICT:
        masks = masks | st.just(frozenset[int]())
    events = data.draw(events_of(steps, masks))
    waits = st.frozensets(st.integers(0, steps - 1), min_size=1)
    exclusions = data.draw(st.lists(st.builds(Exclusion, st.integers(1, 3), st.integers(-1, 8), waits), max_size=3))
    starts = data.draw(st.sampled_from([ANY_TIME, *_STARTS]))
    rules = Rules(steps, data.draw(st.integers(0, 7)), order, starts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(funnel_matching, "_AT_ONCE", data.draw(st.sampled_from([1_000, 1_000, 1_000, 3])))
        found = best_attempts(matching(events, exclusions), rules)
    assert as_whole(found) == slowly(events, rules, exclusions, lambda time: bucket(starts, time))
    assert list(as_whole(found.best_of_units()).values()) == best_of_players(as_whole(found))


_STARTS = (
    Starts(np.array([2, 5]), np.array([0, -1])),
    Starts(np.array([0, 3, 5, 6]), np.array([0, 1, -1, 2])),
    Starts(np.array([0, 2, 3, 4]), np.array([0, 1, 0, 1])),
)


def bucket(starts: Starts, time: int) -> int:
    found = -1
    for begin, number in zip(starts.from_us.tolist(), starts.bucket.tolist(), strict=True):
        found = number if begin <= time else found
    return found


def best_of_players(found: dict[tuple[int, int], Whole]) -> list[Whole]:
    """Of each player's attempts over all buckets the one that reaches furthest, of those the earliest."""
    return [
        min((best for (of, _), best in found.items() if of == player), key=lambda best: (-len(best.times), best.start))
        for player in sorted({player for player, _ in found})
    ]


def funnel(*events: tuple[int, Steps | int], order: Order = Order.ORDERED, window: int = 100, steps: int = 3) -> Best:
    found = quickly(
        [Event(1, time, frozenset([which]) if isinstance(which, int) else which) for time, which in events],
        steps,
        window,
        order,
    )
    return found[1]


def test_the_window_includes_its_end() -> None:
    assert funnel((0, 1), (100, 2)).times == (0, 100)
    assert funnel((0, 1), (101, 2)).times == (0,)


def test_a_later_start_is_an_attempt_of_its_own() -> None:
    assert funnel((0, 1), (90, 1), (150, 2), (190, 3)).times == (90, 150, 190)


def test_of_attempts_that_reach_as_far_the_earliest_counts() -> None:
    assert funnel((0, 1), (10, 1), (20, 2)).times == (0, 20)


def test_events_of_one_microsecond_count_in_step_order() -> None:
    assert funnel((5, 3), (5, 1), (5, 2)).times == (5, 5, 5)


def test_an_event_is_used_for_one_step_only() -> None:
    both = frozenset([1, 2])
    assert funnel((5, both)).times == (5,)
    assert funnel((5, both), (5, both)).times == (5, 5)
    assert funnel((5, both), (5, frozenset([1]))).times == (5, 5)
    assert funnel((5, both), order=Order.ANY).times == (5,)


def test_any_order_takes_the_first_step_last() -> None:
    assert funnel((0, 3), (40, 2), (100, 1), order=Order.ANY).times == (100, 100, 100)
    assert funnel((0, 3), (40, 2), (101, 1), order=Order.ANY).times == (101, 101)


def test_strict_bears_nothing_between() -> None:
    assert funnel((0, 1), (1, frozenset[int]()), (2, 2), order=Order.STRICT).times == (0,)
    assert funnel((0, 1), (2, 2), (3, frozenset[int]()), (4, 3), order=Order.STRICT).times == (0, 2)


def test_players_do_not_mix() -> None:
    events = [Event(1, 0, frozenset([1])), Event(2, 1, frozenset([2])), Event(2, 2, frozenset([1]))]
    assert {player: len(best.times) for player, best in quickly(events, 2, 100, Order.ORDERED).items()} == {1: 1, 2: 1}


@pytest.mark.parametrize("order", Order)
def test_nothing_at_all(order: Order) -> None:
    assert quickly([], 2, 10, order) == {}


@pytest.mark.parametrize("order", Order)
def test_times_and_numbers_that_do_not_fit_into_one_number(order: Order) -> None:
    far, later = 2**59, 2**60
    events = [
        Event(player, time, frozenset([1 + (time > 0)])) for player in (1, later, 2 * later) for time in (-far, far)
    ]
    found = quickly(events, 2, 2 * far, order)
    assert found == {player: Best((-far, far), 0) for player in (1, later, 2 * later)}


def test_parts_are_put_together() -> None:
    histories = [[Event(player, 0, frozenset([1])), Event(player, 1, frozenset([2]))] for player in (1, 2)]
    parts = [best_attempts(matching(events), Rules(2, 5, Order.ORDERED)) for events in histories]
    assert as_dictionary(Attempts.together(parts)) == {1: Best((0, 1), 0), 2: Best((0, 1), 0)}


def test_very_many_events_of_one_microsecond_that_are_every_step() -> None:
    every = frozenset(range(1, 11))
    events = [Event(1, 5, every)] * 5_000 + [Event(1, 6, every)] * 3
    for order in Order:
        assert quickly(events, 10, 5, order) == {1: Best((5,) * 10, 0)}


def test_matching_can_be_stopped() -> None:
    class Enough(Exception):
        pass

    def stop() -> None:
        raise Enough

    events = matching([Event(1, 0, frozenset([1, 2])), Event(2**40, 2**61, frozenset([1, 2]))])
    for order in Order:
        with pytest.raises(Enough):
            best_attempts(events, Rules(2, 5, order), stop)
