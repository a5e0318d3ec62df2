"""Funnels by trying everything (metrics.md §5): whoever has several attempts converts by the best of them.

An attempt begins with an event and has `window` microseconds, the last one included. It takes an event for one step
only. Events of the same microsecond may have happened in any order.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median

from tests.support.oracle.game import Game, Stored

Is = Callable[[Stored], bool]


@dataclass(frozen=True)
class Attempt:
    """Who, the event it begins with, and when steps 1, 2, … were first done in it."""

    unit: str
    first: Stored
    times: tuple[int, ...]

    @property
    def reached(self) -> int:
        return len(self.times)


def attempts(
    game: Game,
    events: Sequence[Stored],
    steps: Sequence[Is],
    window: int,
    order: str,
    unit: str = "player",
    *,
    may_begin: Is = lambda _: True,
    cut: Callable[[Attempt], Attempt] = lambda attempt: attempt,
) -> list[Attempt]:
    """The attempt that counts of everyone who did step 1: of those that get furthest the earliest, and the quickest.

    `events` are those to look at, `may_begin` those that an attempt can begin with; `cut` says how far an attempt
    came before an exclusion ended it; `unit` is `player` or `session`.
    """
    best = []
    for name in _units(game, unit):
        mine = [event for event in events if (event.player if unit == "player" else event.session_id) == name]
        tried = [cut(attempt) for attempt in _ORDERS[order](name, mine, steps, window) if may_begin(attempt.first)]
        tried = [attempt for attempt in tried if attempt.reached]
        if tried:
            best.append(min(tried, key=lambda attempt: (-attempt.reached, attempt.first.time, attempt.times)))
    return best


def counts(found: Sequence[Attempt], steps: int) -> list[int]:
    """How many reached each step."""
    return [sum(attempt.reached > step for attempt in found) for step in range(steps)]


def median_times_s(found: Sequence[Attempt], steps: int) -> list[Fraction | None]:
    """For each step the median seconds since the step before, of those who reached it; None for the first."""
    times: list[Fraction | None] = [None]
    for step in range(1, steps):
        took = [
            Fraction(attempt.times[step] - attempt.times[step - 1], 1_000_000)
            for attempt in found
            if attempt.reached > step
        ]
        times.append(median(took) if took else None)
    return times


def _units(game: Game, unit: str) -> list[str]:
    return list(game.players) if unit == "player" else [session.session_id for session in game.sessions]


def _ordered(unit: str, events: Sequence[Stored], steps: Sequence[Is], window: int) -> list[Attempt]:
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
    return found


def _chains(chain: list[Stored], events: Sequence[Stored], steps: Sequence[Is], until: int) -> list[list[Stored]]:
    if len(chain) == len(steps):
        return [chain]
    step = steps[len(chain)]
    following = [
        event for event in events if step(event) and event not in chain and chain[-1].time <= event.time <= until
    ]
    return [found for event in following for found in _chains([*chain, event], events, steps, until)]


def _strict(unit: str, events: Sequence[Stored], steps: Sequence[Is], window: int) -> list[Attempt]:
    """The very next event is the next step. Of one microsecond, events come in the order of the steps they are."""

    def place(event: Stored) -> tuple[int, int, tuple[bool, ...]]:
        is_step = [step(event) for step in steps]
        first = is_step.index(True) if True in is_step else len(steps)
        return event.time, first, tuple(reversed(is_step))

    ordered = sorted(events, key=place)
    found = []
    for start, first in enumerate(ordered):
        following = ordered[start : start + len(steps)]
        done = itertools.takewhile(
            lambda pair: pair[1](pair[0]) and pair[0].time <= first.time + window,  # noqa: B023 - used at once
            zip(following, steps, strict=False),
        )
        found.append(Attempt(unit, first, tuple(event.time for event, _ in done)))
    return found


def _any(unit: str, events: Sequence[Stored], steps: Sequence[Is], window: int) -> list[Attempt]:
    """Steps 1 to k are done as soon as there is an event for each, whichever came first."""
    found = []
    for first in events:
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
