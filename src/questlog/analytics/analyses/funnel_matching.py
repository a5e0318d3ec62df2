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
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from questlog.analytics.analyses.funnel_ties import MAX_STEPS, kinds_of

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_NEVER = np.iinfo(np.int64).max
_MOST_BITS = 63
_RANK_BITS = 2
"""Room for up to four different sets of steps: for the usual funnel of three."""
_AT_ONCE = 50_000
"""So many events are sorted and matched in the processor's caches."""
_MOST_SPLIT = 6
_MOST_FOR_CACHES = 4  # each part is picked from all events


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

    def taken(self, place: Ints) -> "Matching":
        """The events at these places."""
        code = None if self.code is None else self.code[place]
        return Matching(self.unit[place], self.time_us[place], self.steps[place], code)


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


def best_attempts(
    events: Matching, steps: int, window_us: int, order: Order, go_on: Callable[[], object] = lambda: None
) -> Attempts:
    """The attempt that counts of every unit. The events may be in any order; `strict` needs all that the units had.

    `window_us` and the time from the first event to the last are together less than 2^62. `go_on` is called now and
    then, by several threads, and raises what is to end it.
    """
    return _attempts(events, _Ask(steps, window_us, order, go_on), _AT_ONCE)


def _attempts(events: Matching, ask: "_Ask", at_once: int) -> Attempts:
    """The same; more events than `at_once` are taken in parts, by several threads."""
    frame = _Frame.around(events, ask.window_us)
    split = _split(events, frame, at_once)
    if split == 0:
        begun = _begun(_sorted(events, frame), ask.steps, ask.window_us, ask.order, ask.go_on)
        best = _best(begun, frame)
        keys = begun.keys[:, best]
        code = _least_codes(events, frame, keys[0])
        return Attempts(frame.unit(keys[0]), begun.reached.take(best), frame.time_us(keys), code)

    part = ((events.unit - frame.first_unit) >> (frame.unit_bits - split)).astype(np.uint8)

    def best_of(number: int) -> Attempts:
        ask.go_on()
        return _attempts(events.taken(np.flatnonzero(part == number)), ask, len(events.unit))

    numbers = np.flatnonzero(np.bincount(part)).tolist()
    if len(events.unit) <= at_once:
        return Attempts.together(list(map(best_of, numbers)))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return Attempts.together(list(threads.map(best_of, numbers)))


@dataclass(frozen=True)
class _Ask:
    steps: int
    window_us: int
    order: Order
    go_on: Callable[[], object]


@dataclass(frozen=True)
class _Frame:
    """How a unit and a time are one number: of one unit and in one window are those that differ by the window at most.

    The time has so many bits that the last of a unit and the first of the next differ by more.
    """

    first_unit: int
    first_us: int
    time_bits: int
    unit_bits: int

    @classmethod
    def around(cls, events: Matching, window_us: int) -> "_Frame":
        if not len(events.unit):
            return cls(0, 0, 0, 0)
        unit, time = int(events.unit.min()), int(events.time_us.min())
        longest = int(events.time_us.max()) - time + window_us
        return cls(unit, time, longest.bit_length(), (int(events.unit.max()) - unit).bit_length())

    @property
    def bits(self) -> int:
        return self.unit_bits + self.time_bits

    def keys(self, events: Matching) -> Ints:
        keys: Ints = events.unit - self.first_unit
        keys <<= self.time_bits
        keys += events.time_us
        keys -= self.first_us
        return keys

    def unit(self, key: Ints) -> Ints:
        return (key >> self.time_bits) + self.first_unit

    def time_us(self, key: Ints) -> Ints:
        return (key & ((1 << self.time_bits) - 1)) + self.first_us


@dataclass(frozen=True)
class _Moments:
    """Events in order of their `key` (see `_Frame`), those of the same by the first step that they match.

    Of the `ordered` funnel one entry is a microsecond of a unit: `steps` are those of all its events, and, where one
    has several, `furthest[kind]` says for every number of steps done how many are done after it.
    """

    key: Ints
    steps: Ints
    kind: Ints | None = None
    furthest: Ints | None = None  # [kind, steps done]

    def done(self, places: Ints, before: int, steps: int) -> Ints:
        """How many of the steps are done after each place, which matches the step after those done before."""
        if self.kind is None or self.furthest is None:
            return np.full(len(places), before + 1)
        done: Ints = np.minimum(self.furthest[self.kind[places], before], steps)
        return done


@dataclass(frozen=True)
class _Begun:
    """Attempts in order: how many steps each reached, and the keys of when ([step, attempt])."""

    reached: Ints
    keys: Ints


# ----------------------------------------------------------------------------------------------------------- the rows


def _split(events: Matching, frame: _Frame, at_once: int) -> int:
    """By how many bits of the units the events are parted: where one number has no room for them, or they are many."""
    missing = frame.bits + _RANK_BITS - _MOST_BITS
    for_caches = min((len(events.unit) // at_once).bit_length(), _MOST_FOR_CACHES)
    return max(0, min(max(missing, for_caches), frame.unit_bits, _MOST_SPLIT))


def _sorted(events: Matching, frame: _Frame) -> _Moments:
    """In order; with the steps in the same number where there is room for them, for that sorts faster."""
    key = frame.keys(events)
    masks = _masks_in_order(events.steps)
    rank_of: Ints = np.zeros(1 << MAX_STEPS, np.int64)
    rank_of[masks] = np.arange(len(masks))
    rank_bits = (len(masks) - 1).bit_length()
    if frame.bits + rank_bits <= _MOST_BITS:
        key <<= rank_bits
        key |= rank_of[events.steps]
        key.sort()
        return _Moments(key >> rank_bits, masks.astype(np.uint16)[key & ((1 << rank_bits) - 1)])
    place = np.argsort(key)
    if not _is_next(key[place]).all():
        place = np.lexsort((rank_of[events.steps], key))
    return _Moments(key[place], events.steps[place])


def _masks_in_order(steps: Ints) -> Ints:
    """The different sets of steps, by their first one; none is the last."""
    masks = np.flatnonzero(np.bincount(steps, minlength=1))
    lowest = np.where(masks == 0, 1 << MAX_STEPS, masks & -masks)
    in_order: Ints = masks[np.lexsort((masks, lowest))]
    return in_order


def _is_next(key: Ints) -> Bools:
    """Whether it is not the same as the one before."""
    is_next = np.ones(len(key), np.bool_)
    np.not_equal(key[1:], key[:-1], out=is_next[1:])
    return is_next


def _joined_by_moment(moments: _Moments) -> _Moments:
    """Events of a unit in the same microsecond as one entry."""
    is_next = _is_next(moments.key)
    if is_next.all():
        return moments
    start = np.flatnonzero(is_next)
    size = np.diff(start, append=len(moments.key))
    steps = np.bitwise_or.reduceat(moments.steps, start)
    kind, furthest = kinds_of(moments.steps, start, size, steps)
    return _Moments(moments.key[start], steps, kind, furthest)


# -------------------------------------------------------------------------------------------------------- the attempts


def _begun(moments: _Moments, steps: int, window_us: int, order: Order, go_on: Callable[[], object]) -> _Begun:
    if order is Order.ORDERED:
        return _ordered(_joined_by_moment(moments), steps, window_us)
    return _strict(moments, steps, window_us) if order is Order.STRICT else _any(moments, steps, window_us, go_on)


def _ordered(moments: _Moments, steps: int, window_us: int) -> _Begun:
    """Every attempt goes on with the first event of its next step: no later one could take it further."""
    start = np.flatnonzero(moments.steps & 1 != 0)
    start_key = moments.key.take(start)
    last_key, later_key = start_key + window_us, np.append(moments.key, _NEVER)
    place, reached, keys = start.copy(), moments.done(start, 0, steps), np.empty((steps, len(start)), np.int64)
    _note(keys, np.arange(len(start)), 0, reached, start_key)
    for step in range(1, steps):
        going = np.flatnonzero(reached == step)
        following = _next_places(moments.steps >> step & 1 != 0).take(place.take(going) + 1)
        following_key = later_key.take(following)
        in_window = np.flatnonzero(following_key <= last_key.take(going))
        going, following = going.take(in_window), following.take(in_window)
        place[going] = following
        done = moments.done(following, step, steps)
        reached[going] = done
        _note(keys, going, step, done, following_key.take(in_window))
    return _Begun(reached, keys)


def _note(keys: Ints, attempts: Ints, before: int, done: Ints, key: Ints) -> None:
    """Write down when the attempts did the steps after those done before; mostly it is one step."""
    keys[before, attempts] = key
    for step in range(before + 1, int(done.max(initial=0))):
        has = np.flatnonzero(done > step)
        keys[step, attempts.take(has)] = key.take(has)


def _next_places(has: Bools) -> Ints:
    """For every place and the one after all of them, the first from there on at which it holds; else the last."""
    places = np.concatenate([[-1], np.flatnonzero(has), [len(has)]])
    following: Ints = np.repeat(places[1:], np.diff(places))
    return following


def _strict(moments: _Moments, steps: int, window_us: int) -> _Begun:
    """Every attempt goes on with the very next event."""
    start = np.flatnonzero(moments.steps & 1 != 0)
    last_key = moments.key[start] + window_us
    later_key = np.concatenate([moments.key, np.full(steps, _NEVER)])
    later_steps = np.concatenate([moments.steps, np.zeros(steps, np.int64)])
    reached, keys = np.ones_like(start), np.empty((steps, len(start)), np.int64)
    keys[0] = moments.key[start]
    for step in range(1, steps):
        following = start + step
        is_next = (reached == step) & (later_steps[following] >> step & 1 != 0) & (later_key[following] <= last_key)
        reached[is_next] = step + 1
        keys[step] = later_key[following]
    return _Begun(reached, keys)


def _any(moments: _Moments, steps: int, window_us: int, go_on: Callable[[], object]) -> _Begun:
    """An attempt from every event on.

    By Hall's theorem steps 1 … k are done by different events as soon as every set of them has as many events that
    match one of the set.
    """
    done_key: Ints = np.zeros(len(moments.key), np.int64)
    keys = np.empty((steps, len(done_key)), np.int64)
    present = np.flatnonzero(np.bincount(moments.steps, minlength=1)).tolist()
    for step in range(steps):
        for rivals in _rivals(present, step):
            go_on()
            nth = _nth_place(moments.steps & rivals != 0, rivals.bit_count())
            done_key = np.maximum(done_key, np.append(moments.key, _NEVER)[nth])
        keys[step] = done_key
    reached = np.count_nonzero(keys <= moments.key + window_us, axis=0).astype(np.int64)
    has_begun = reached > 0
    return _Begun(reached[has_begun], keys[:, has_begun])


def _rivals(present: list[int], step: int) -> list[int]:
    """The sets of a step and earlier ones that may have to share events; of those of the same events the largest.

    `present` are the sets of steps that events match.
    """
    joined, wider = 0, 1 << step
    while wider != joined:
        joined = wider
        for mask in present:
            if mask & joined:
                wider |= mask & ((2 << step) - 1)
    others = [1 << bit for bit in range(step) if joined >> bit & 1]
    largest: dict[tuple[bool, ...], int] = {}
    for size in range(len(others) + 1):
        for chosen in itertools.combinations(others, size):
            rivals = sum(chosen) | 1 << step
            largest[tuple(mask & rivals != 0 for mask in present)] = rivals
    return list(largest.values())


def _nth_place(has: Bools, count: int) -> Ints:
    """From every place on, the n-th place at which it holds; the number of places where there is none."""
    places: Ints = np.concatenate([np.flatnonzero(has), np.full(count, len(has))])
    nth: Ints = places[np.cumsum(has) - has + count - 1]
    return nth


# ------------------------------------------------------------------------------------------------------- the best one


def _best(begun: _Begun, frame: _Frame) -> Ints:
    """Of each unit the attempt that reaches furthest, and of those the earliest."""
    unit = frame.unit(begun.keys[0])
    starts = np.flatnonzero(_is_next(unit))
    most = np.repeat(np.maximum.reduceat(begun.reached, starts), np.diff(starts, append=len(unit))) if len(unit) else 0
    furthest = np.flatnonzero(begun.reached == most)
    best: Ints = furthest[_is_next(unit[furthest])]
    return best


def _least_codes(events: Matching, frame: _Frame, key: Ints) -> Ints:
    """For every key, the least code of the events of step 1 that have it; 0 without codes."""
    if events.code is None or not len(key):
        return np.zeros(len(key), np.int64)
    first = np.flatnonzero(events.steps & 1 != 0)
    first_key = frame.keys(events.taken(first))
    order = np.argsort(first_key)
    first_key = first_key[order]
    starts = np.flatnonzero(_is_next(first_key))
    least: Ints = np.minimum.reduceat(events.code[first[order]], starts)
    return least[np.searchsorted(first_key[starts], key)]
