"""Which steps of a funnel everyone reached, from the times of the matching events (metrics.md §5).

Pure functions of numpy columns: the same answer whichever engine the columns come from.

An *attempt* begins with an event; its *window* ends `window_us` after, inclusive. An event is used for one step of an
attempt at most. Events of the same microsecond count in step order.

* `ordered`: an attempt begins with an event of step 1 and reaches step k when distinct events of steps 1 … k, at times
  that do not decrease, lie in its window. Anything may be in between.
* `strict`: the same with nothing in between: the next event of the player is the next step. Of one microsecond,
  events are taken by the first step that they match, and those of no step come last.
* `any`: an attempt begins with an event of any step and reaches step k when distinct events of steps 1 … k lie in its
  window, in whatever order.

A unit (player or session) counts with the attempt that reaches furthest, and of those with the earliest.
"""

import enum
import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MAX_STEPS = 10
_NEVER = np.iinfo(np.int64).max


class Order(enum.StrEnum):
    """What may be between the steps."""

    STRICT = "strict"
    ORDERED = "ordered"
    ANY = "any"


@dataclass(frozen=True)
class Matching:
    """One entry per event: whose it is, when it was, and the steps it matches (bit 0 is step 1; 0: none).

    `code` is for a breakdown: of several events of step 1 in the microsecond in which an attempt has its first step,
    the least code counts.
    """

    unit: Ints
    time_us: Ints
    steps: Ints
    code: Ints | None = None


@dataclass(frozen=True)
class Attempts:
    """The attempt that counts of every unit that reached step 1, by unit.

    `reached` is the last step reached, from 1; `times_us[k]` when steps 1 … k + 1 were done first, for steps not
    reached undefined; `code` that of the event of step 1, 0 where there were none.
    """

    unit: Ints
    reached: Ints
    times_us: Ints  # [step, attempt]
    code: Ints

    @classmethod
    def together(cls, parts: "list[Attempts]") -> "Attempts":
        """Those of disjoint sets of units as one."""
        return cls(
            np.concatenate([part.unit for part in parts]),
            np.concatenate([part.reached for part in parts]),
            np.concatenate([part.times_us for part in parts], axis=1),
            np.concatenate([part.code for part in parts]),
        )


def best_attempts(events: Matching, steps: int, window_us: int, order: Order) -> Attempts:
    """The attempt that counts of every unit. The events may be in any order; `strict` needs all that the units had."""
    rows = _sorted(events)
    if order is Order.ORDERED:
        moments = _joined_by_moment(rows)
        return _best(moments, _ordered(moments, steps, window_us))
    if order is Order.STRICT:
        moments = _one_by_one(_in_step_order(rows))
        return _best(moments, _strict(moments, steps, window_us))
    moments = _one_by_one(rows)
    return _best(moments, _any(moments, steps, window_us))


@dataclass(frozen=True)
class _Moments:
    """Events ordered by unit and time.

    Of the `ordered` funnel one entry is a microsecond of a unit: `steps` are those of all its events, and `furthest[i]`
    is a row of a table that says, for every number of steps done, how many can be done after it.
    """

    unit: Ints
    time_us: Ints
    steps: Ints
    code: Ints | None
    kind: Ints
    furthest: Ints  # [kind, steps done]


@dataclass(frozen=True)
class _Begun:
    """Attempts by unit and time: the place of each one's step 1, the steps reached, and when ([step, attempt])."""

    first: Ints
    reached: Ints
    times_us: Ints


# ----------------------------------------------------------------------------------------------------------- the rows


def _sorted(events: Matching) -> Matching:
    """By unit and time."""
    return _taken(events, _packed_order(events.unit, events.time_us))


def _taken(events: Matching, place: Ints) -> Matching:
    code = None if events.code is None else events.code[place]
    return Matching(events.unit[place], events.time_us[place], events.steps[place], code)


def _packed_order(major: Ints, minor: Ints) -> Ints:
    """The places in order of the one, then of the other: both in one number where they fit, for that sorts faster."""
    if not len(major):
        return np.zeros(0, np.int64)
    low, lowest = int(minor.min()), int(major.min())
    width = (int(minor.max()) - low).bit_length()
    if width + (int(major.max()) - lowest).bit_length() > 63:
        return np.lexsort((minor, major))
    return np.argsort((major - lowest) << width | (minor - low))


def _is_next_moment(rows: Matching) -> Bools:
    """Whether an event is not of the same unit and microsecond as the one before it."""
    is_next = np.ones(len(rows.unit), np.bool_)
    np.not_equal(rows.unit[1:], rows.unit[:-1], out=is_next[1:])
    is_next[1:] |= rows.time_us[1:] != rows.time_us[:-1]
    return is_next


def _one_by_one(rows: Matching) -> _Moments:
    return _Moments(rows.unit, rows.time_us, rows.steps, rows.code, rows.steps, _OF_ONE)


def _in_step_order(rows: Matching) -> Matching:
    """Events of the same microsecond by the first step that they match; those of none come last."""
    is_next = _is_next_moment(rows)
    if is_next.all():
        return rows
    rank = _FIRST_STEP[rows.steps] << MAX_STEPS | rows.steps
    return _taken(rows, _packed_order(np.cumsum(is_next), rank))


_FIRST_STEP = np.array([MAX_STEPS, *((mask & -mask).bit_length() - 1 for mask in range(1, 1 << MAX_STEPS))])


def _joined_by_moment(rows: Matching) -> _Moments:
    is_next = _is_next_moment(rows)
    return _one_by_one(rows) if is_next.all() else _joined(rows, np.flatnonzero(is_next))


def _joined(rows: Matching, start: Ints) -> _Moments:
    """Events of a unit in the same microsecond as one entry."""
    size = np.diff(start, append=len(rows.unit))
    steps = np.bitwise_or.reduceat(rows.steps, start)
    is_plain = np.bitwise_or.reduceat(rows.steps & (rows.steps - 1), start) == 0
    kind = np.where(size == 1, steps, steps + len(_OF_ONE))
    tables = [_OF_ONE, _OF_PLAIN]
    seen: dict[bytes, int] = {}
    for place in np.flatnonzero(~is_plain & (size > 1)):
        masks = np.sort(rows.steps[start[place] : start[place] + size[place]])
        key = masks.tobytes()
        if key not in seen:
            seen[key] = 2 * len(_OF_ONE) + len(seen)
            tables.append(_furthest_of(masks.tolist())[None])
        kind[place] = seen[key]
    code = None
    if rows.code is not None:
        code = np.minimum.reduceat(np.where(rows.steps & 1, rows.code, _NEVER), start)
    return _Moments(rows.unit[start], rows.time_us[start], steps, code, kind, np.concatenate(tables))


def _furthest_of(masks: list[int]) -> Ints:
    """How many steps are done after events of the same time, by how many were done before; each is used once."""
    return np.array([_chain(masks, done) for done in range(MAX_STEPS)], np.int64)


def _chain(masks: list[int], done: int) -> int:
    """Bipartite matching of the steps that follow, one after another, by augmenting paths."""
    event_of: dict[int, int] = {}  # event -> step

    def can_take(step: int, tried: set[int]) -> bool:
        for event, mask in enumerate(masks):
            if mask >> step & 1 and event not in tried:
                tried.add(event)
                if event not in event_of or can_take(event_of[event], tried):
                    event_of[event] = step
                    return True
        return False

    while done < MAX_STEPS and can_take(done, set()):
        done += 1
    return done


def _tables() -> tuple[Ints, Ints]:
    """For every set of steps: of one event; of several events of one step each."""
    masks = np.arange(1 << MAX_STEPS)[:, None]
    done = np.arange(MAX_STEPS)
    has_next = masks >> done & 1
    several = np.zeros_like(has_next)
    for step in reversed(range(MAX_STEPS)):
        after = several[:, step + 1] if step + 1 < MAX_STEPS else MAX_STEPS
        several[:, step] = np.where(has_next[:, step], after, step)
    return done + has_next, several


_OF_ONE, _OF_PLAIN = _tables()


# -------------------------------------------------------------------------------------------------------- the attempts


def _ordered(moments: _Moments, steps: int, window_us: int) -> _Begun:
    """Every attempt goes on with the first event of its next step: no later one could take it further."""
    start = np.flatnonzero(moments.steps & 1)
    reached = np.minimum(moments.furthest[moments.kind[start], 0], steps)
    times = np.empty((steps, len(start)), np.int64)
    times[0] = moments.time_us[start]
    _fill(times, np.arange(len(start)), np.ones_like(reached), reached, times[0])
    place = start.copy()
    for step in range(1, steps):
        going = np.flatnonzero(reached == step)
        following = _next_with(moments.steps >> step & 1 != 0, place[going])
        is_in = _is_in_window(moments, start[going], following, window_us)
        going, following = going[is_in], following[is_in]
        place[going] = following
        reached[going] = np.minimum(moments.furthest[moments.kind[following], step], steps)
        _fill(times, going, np.full_like(going, step), reached[going], moments.time_us[following])
    return _Begun(start, reached, times)


def _fill(times: Ints, attempts: Ints, done: Ints, reached: Ints, time_us: Ints) -> None:
    """Note the time of the steps after `done` up to `reached`."""
    for step in range(int(done.min(initial=MAX_STEPS)), int(reached.max(initial=0))):
        is_new = (done <= step) & (step < reached)
        times[step, attempts[is_new]] = time_us[is_new]


def _next_with(has: Bools, place: Ints) -> Ints:
    """The first place after each at which it holds; the number of places where there is none."""
    places = np.append(np.flatnonzero(has), len(has))
    return places[np.cumsum(has)[place]]


def _is_in_window(moments: _Moments, start: Ints, place: Ints, window_us: int) -> Bools:
    is_there = place < len(moments.unit)
    place = np.where(is_there, place, 0)
    is_there &= moments.unit[place] == moments.unit[start]
    is_there &= moments.time_us[place] - moments.time_us[start] <= window_us
    return is_there


def _strict(moments: _Moments, steps: int, window_us: int) -> _Begun:
    start = np.flatnonzero(moments.steps & 1)
    reached = np.ones_like(start)
    times = np.empty((steps, len(start)), np.int64)
    times[0] = moments.time_us[start]
    for step in range(1, steps):
        going = np.flatnonzero(reached == step)
        following = start[going] + step
        is_in = _is_in_window(moments, start[going], following, window_us)
        going, following = going[is_in], following[is_in]
        is_next = moments.steps[following] >> step & 1 != 0
        going, following = going[is_next], following[is_next]
        reached[going] = step + 1
        times[step, going] = moments.time_us[following]
    return _Begun(start, reached, times)


def _any(moments: _Moments, steps: int, window_us: int) -> _Begun:
    """An attempt from every event on.

    By Hall's theorem steps 1 … k are done by different events as soon as every set of them has as many events that
    match one of the set.
    """
    start = np.arange(len(moments.unit))
    last_us = moments.time_us + window_us
    done_us = np.full(len(start), np.iinfo(np.int64).min)
    times = np.empty((steps, len(start)), np.int64)
    for step in range(steps):
        for others in _rivals(moments.steps, step):
            done_us = np.maximum(done_us, _nth_of(moments, others | 1 << step, others.bit_count() + 1))
        times[step] = done_us
    reached = np.count_nonzero(times <= last_us, axis=0).astype(np.int64)
    has_begun = reached > 0
    first = _nth_place(moments.steps & 1 != 0, 1)[has_begun]
    return _Begun(first, reached[has_begun], times[:, has_begun])


def _rivals(masks: Ints, step: int) -> list[int]:
    """The sets of earlier steps with which a step may have to share events; first the empty one."""
    present = np.flatnonzero(np.bincount(masks, minlength=1)).tolist()
    joined = 1 << step
    while True:
        wider = joined
        for mask in present:
            if mask & joined:
                wider |= mask & ((2 << step) - 1)
        if wider == joined:
            break
        joined = wider
    others = [1 << bit for bit in range(step) if joined >> bit & 1]
    return [sum(chosen) for size in range(len(others) + 1) for chosen in itertools.combinations(others, size)]


def _nth_of(moments: _Moments, steps: int, count: int) -> Ints:
    """From every event on, the time of the unit's n-th event that matches one of the steps; `_NEVER` without one."""
    place = _nth_place(moments.steps & steps != 0, count)
    is_there = place < len(place)
    place = np.where(is_there, place, 0)
    return np.where(is_there & (moments.unit[place] == moments.unit), moments.time_us[place], _NEVER)


def _nth_place(has: Bools, count: int) -> Ints:
    """From every place on, the n-th place at which it holds; the number of places where there is none."""
    places: Ints = np.concatenate([np.flatnonzero(has), np.full(count, len(has))])
    nth: Ints = places[np.cumsum(has) - has + count - 1]
    return nth


# ------------------------------------------------------------------------------------------------------- the best one


def _best(moments: _Moments, begun: _Begun) -> Attempts:
    """Of each unit the attempt that reaches furthest, and of those the earliest."""
    unit = moments.unit[begun.first]
    if not len(unit):
        return Attempts(unit, begun.reached, begun.times_us, np.zeros(0, np.int64))
    starts = np.flatnonzero(_differs_from_before(unit))
    most = np.repeat(np.maximum.reduceat(begun.reached, starts), np.diff(starts, append=len(unit)))
    furthest = np.flatnonzero(begun.reached == most)
    best = furthest[_differs_from_before(unit[furthest])]
    code = np.zeros(len(best), np.int64)
    if moments.code is not None:
        code = _least_codes(moments, moments.code)[begun.first[best]]
    return Attempts(unit[best], begun.reached[best], begun.times_us[:, best], code)


def _least_codes(moments: _Moments, code: Ints) -> Ints:
    """For every event of step 1, the least code of those of the same unit and microsecond."""
    first = np.flatnonzero(moments.steps & 1)
    rows = Matching(moments.unit[first], moments.time_us[first], moments.steps[first])
    starts = np.flatnonzero(_is_next_moment(rows))
    least = np.zeros(len(moments.unit), np.int64)
    sizes = np.diff(starts, append=len(first))
    least[first] = np.repeat(np.minimum.reduceat(code[first], starts), sizes)
    return least


def _differs_from_before(ordered: Ints) -> Bools:
    differs: Bools = np.diff(ordered, prepend=ordered[0] - 1) != 0
    return differs
