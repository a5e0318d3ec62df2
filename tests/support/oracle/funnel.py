"""Funnels by trying everything (metrics.md §5): whoever has several attempts converts by the best of them.

An attempt begins with an event and has `window` microseconds, the last one included. It takes an event for one step
only. Events of the same microsecond may have happened in any order. The period says when an attempt begins; its later
steps may follow until the window ends.

An event that is excluded ends an attempt that waits for a step when it is later than the step before, and earlier than
the step that is waited for.
"""

import itertools
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import median

from tests.support.oracle.game import Game, Stored

Is = Callable[[Stored], bool]


@dataclass(frozen=True)
class Exclusion:
    """Events that end an attempt that waits for the step after `after_step`, or for any where that is None.

    After step 0 an attempt waits that has not done step 1: in any order it may begin with another step.
    """

    is_excluded: Is
    after_step: int | None = None


@dataclass(frozen=True)
class Attempt:
    """Who, the event it begins with, and when steps 1, 2, … were first done in it; whether an event has ended it."""

    unit: Hashable
    first: Stored
    times: tuple[int, ...]
    is_ended: bool = False
    bucket: Hashable = None

    @property
    def reached(self) -> int:
        return len(self.times)


def _always(_: Stored) -> Hashable:
    return "all"


@dataclass(frozen=True)
class Rules:
    """What an attempt is. `bucket` says in which one an attempt counts that begins with an event; None: in none.

    `unit` is `player` or `session`.
    """

    steps: Sequence[Is]
    window: int
    order: str = "ordered"
    unit: str = "player"
    bucket: Callable[[Stored], Hashable] = _always
    exclusions: Sequence[Exclusion] = ()


def attempts(game: Game, events: Sequence[Stored], rules: Rules) -> list[Attempt]:
    """The attempt that counts of everyone who did step 1, in each bucket.

    Of those that begin in the bucket and get furthest that is the earliest, and the quickest. `events` are those to
    look at.
    """
    best = []
    for name in _units(game, rules.unit):
        mine = [event for event in events if (event.player if rules.unit == "player" else event.session) == name]
        tried = [_cut(attempt, mine, rules) for attempt in _ORDERS[rules.order](name, mine, rules.steps, rules.window)]
        placed = [replace(attempt, bucket=rules.bucket(attempt.first)) for attempt in tried if attempt.reached]
        for bucket in dict.fromkeys(attempt.bucket for attempt in placed if attempt.bucket is not None):
            of_bucket = [attempt for attempt in placed if attempt.bucket == bucket]
            best.append(min(of_bucket, key=lambda each: (-each.reached, each.first.time, each.times)))
    return best


def is_open(attempt: Attempt, rules: Rules, now: int) -> bool:
    """Whether an attempt may still go on: it has steps left, nothing ended it, and its window is not over."""
    has_steps = attempt.reached < len(rules.steps)
    return has_steps and not attempt.is_ended and now <= attempt.first.time + rules.window


def counts(found: Sequence[Attempt], steps: int) -> list[int]:
    """How many reached each step."""
    return [sum(attempt.reached > step for attempt in found) for step in range(steps)]


def open_counts(found: Sequence[Attempt], rules: Rules, now: int) -> list[int]:
    """For each step how many of those who reached it, and not the next, may yet."""
    return [
        sum(attempt.reached == step + 1 and is_open(attempt, rules, now) for attempt in found)
        for step in range(len(rules.steps))
    ]


def took_s(found: Sequence[Attempt], step: int, since: int) -> list[Fraction]:
    """The seconds from one step to a later one, both from 0, of those who reached it."""
    return [
        Fraction(attempt.times[step] - attempt.times[since], 1_000_000) for attempt in found if attempt.reached > step
    ]


def median_times_s(found: Sequence[Attempt], steps: int) -> list[Fraction | None]:
    """For each step the median seconds since the step before, of those who reached it; None for the first."""
    times: list[Fraction | None] = [None]
    for step in range(1, steps):
        took = took_s(found, step, step - 1)
        times.append(median(took) if took else None)
    return times


def _cut(attempt: Attempt, events: Sequence[Stored], rules: Rules) -> Attempt:
    """The attempt until the first excluded event that comes while it waits."""
    waits_since = (attempt.first.time, *attempt.times)
    ends = attempt.first.time + rules.window
    for step, since in enumerate(waits_since[: len(rules.steps)]):
        until = attempt.times[step] if step < attempt.reached else ends + 1
        is_ended = any(
            each.after_step in (None, step) and each.is_excluded(event) and since < event.time < until
            for event in events
            for each in rules.exclusions
        )
        if is_ended:
            return replace(attempt, times=attempt.times[:step], is_ended=True)
    return attempt


def _units(game: Game, unit: str) -> Sequence[Hashable]:
    return game.players if unit == "player" else game.sessions


def _ordered(unit: Hashable, events: Sequence[Stored], steps: Sequence[Is], window: int) -> list[Attempt]:
    """Anything may happen between a step and the next."""
    found = []
    for first in events:
        if not steps[0](first):
            continue
        times: list[int] = [first.time]
        for reached in range(2, len(steps) + 1):
            ends = [
                chain[-1].time for chain in _chains([first], events, steps[:reached], first.time + window)
            ]  # every way to do so many steps
            if not ends:
                break
            times.append(min(ends))
        found.append(Attempt(unit, first, tuple(times)))
    return [_together([each for each in found if each.first.time == time]) for time in {a.first.time for a in found}]


def _together(attempts: Sequence[Attempt]) -> Attempt:
    """Events of step 1 of one microsecond begin one attempt, which does each step as soon as any of them could."""
    furthest = max(attempts, key=lambda each: each.reached)
    times = [min(each.times[step] for each in attempts if each.reached > step) for step in range(furthest.reached)]
    return replace(furthest, times=tuple(times))


def _chains(chain: list[Stored], events: Sequence[Stored], steps: Sequence[Is], until: int) -> list[list[Stored]]:
    if len(chain) == len(steps):
        return [chain]
    step = steps[len(chain)]
    following = [
        event for event in events if step(event) and event not in chain and chain[-1].time <= event.time <= until
    ]
    return [found for event in following for found in _chains([*chain, event], events, steps, until)]


def _strict(unit: Hashable, events: Sequence[Stored], steps: Sequence[Is], window: int) -> list[Attempt]:
    """The very next event is the next step; another ends it. Of one microsecond, events come in the order of steps."""

    def place(event: Stored) -> tuple[int, int, tuple[bool, ...]]:
        is_step = [step(event) for step in steps]
        first = is_step.index(True) if True in is_step else len(steps)
        return event.time, first, tuple(reversed(is_step))

    ordered = sorted(events, key=place)
    found = []
    for start, first in enumerate(ordered):
        following = [event for event in ordered[start:] if event.time <= first.time + window][: len(steps)]
        done = list(itertools.takewhile(lambda pair: pair[1](pair[0]), zip(following, steps, strict=False)))
        times = tuple(event.time for event, _ in done)
        found.append(Attempt(unit, first, times, is_ended=len(done) < len(following)))
    return found


def _any(unit: Hashable, events: Sequence[Stored], steps: Sequence[Is], window: int) -> list[Attempt]:
    """It begins with an event of any step. Steps 1 to k are done as soon as there is an event for each."""
    found = []
    for first in events:
        if not any(step(first) for step in steps):
            continue
        within = [event for event in events if first.time <= event.time <= first.time + window]
        times = []
        for reached in range(1, len(steps) + 1):
            ends = [
                end
                for end in sorted({event.time for event in within})
                if _is_assignable(steps[:reached], [event for event in within if event.time <= end])
            ]
            if not ends:
                break
            times.append(ends[0])
        found.append(Attempt(unit, first, tuple(times)))
    return found


def _is_assignable(steps: Sequence[Is], events: Sequence[Stored]) -> bool:
    """Whether there is an event of its own for each step."""
    if not steps:
        return True
    return any(
        steps[0](event) and _is_assignable(steps[1:], [other for other in events if other is not event])
        for event in events
    )


_ORDERS = {"ordered": _ordered, "strict": _strict, "any": _any}
