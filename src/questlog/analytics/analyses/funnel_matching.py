"""Which steps of a funnel everyone reached, from the times of the matching events (metrics.md §5).

Pure functions of numpy columns: the same answer whichever engine the columns come from.

An *attempt* begins with an event; its *window* ends `window_us` after, inclusive. An event is used for one step of an
attempt at most. Events of the same microsecond count in step order.

* `ordered`: an attempt begins with an event of step 1 and reaches step k when distinct events of steps 1 … k, at times
  that do not decrease, lie in its window. Anything may be in between. Events of step 1 of one microsecond begin one
  attempt together.
* `strict`: the same with nothing in between: the next event of the player is the next step. Of one microsecond,
  events are taken by the first step that they match, and those of no step come last.
* `any`: an attempt begins with an event of any step and reaches step k when distinct events of steps 1 … k lie in its
  window, in whatever order.

An attempt waits for one step after another, and does each as soon as it can. An *excluded* event that comes while it
waits, later than the step before and earlier than the next, ends it: it has reached the step before.

A unit (player or session) counts with the attempt that reaches furthest, and of those with the earliest; where attempts
are counted by when they begin, once in each bucket of time.
"""

import dataclasses
import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from questlog.analytics.analyses.funnel_attempts import Attempts, Bools, Excluded, Ints, Matching, Order, Rules, is_next
from questlog.analytics.analyses.funnel_ties import MAX_STEPS, kinds_of

_NEVER = np.iinfo(np.int64).max
_MOST_BITS = 63
_RANK_BITS = 2
"""Room for up to four different sets of steps: for the usual funnel of three."""
_AT_ONCE = 50_000
"""So many events are sorted and matched in the processor's caches."""
_MOST_SPLIT = 6
_MOST_FOR_CACHES = 4  # each part is picked from all events


def best_attempts(events: Matching, rules: Rules, go_on: Callable[[], object] = lambda: None) -> Attempts:
    """The attempts that count of every unit. The events may be in any order; `strict` needs all that the units had.

    The window and the time from the first event to the last are together less than 2^62. `go_on` is called now and
    then, by several threads, and raises what is to end it.
    """
    return _attempts(_with_own_excluded(events), rules, go_on, _AT_ONCE)


def _attempts(events: Matching, rules: Rules, go_on: Callable[[], object], at_once: int) -> Attempts:
    """The same; more events than `at_once` are taken in parts, by several threads."""
    frame = _Frame.around(events, rules.window_us)
    split = _split(events, frame, at_once)
    if split == 0:
        begun = _begun(_sorted(events, frame), rules, frame, go_on)
        if events.excluded is not None:
            begun = _until_excluded(begun, events.excluded, rules, frame)
        best = _best(begun, frame)
        keys, start = begun.keys[:, best], begun.start[best]
        code = _least_codes(events, frame, keys[0])
        bucket = begun.bucket[best]
        reached, is_ended = begun.reached.take(best), begun.is_ended.take(best)
        return Attempts(frame.unit(start), bucket, frame.time_us(start), reached, frame.time_us(keys), code, is_ended)

    part = ((events.unit - frame.first_unit) >> (frame.unit_bits - split)).astype(np.uint8)

    def best_of(number: int) -> Attempts:
        go_on()
        of_part = events.taken(np.flatnonzero(part == number))
        return _attempts(_with_own_excluded(of_part), rules, go_on, len(events.unit))

    numbers = np.flatnonzero(np.bincount(part)).tolist()
    if len(events.unit) <= at_once:
        return Attempts.together(list(map(best_of, numbers)))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return Attempts.together(list(threads.map(best_of, numbers)))


@dataclass(frozen=True)
class _Frame:
    """How a unit and a time are one number: of one unit and in one window are those that differ by the window at most.

    The time has so many bits that the last of a unit and the first of the next differ by more. `last_us` is the last
    event's that is a step, at least; `first_us` none is before.
    """

    first_unit: int
    first_us: int
    last_us: int
    time_bits: int
    unit_bits: int

    @classmethod
    def around(cls, events: Matching, window_us: int) -> "_Frame":
        if not len(events.unit):
            return cls(0, 0, 0, 0, 0)
        unit, time = int(events.unit.min()), int(events.time_us.min())
        last = last_us = int(events.time_us.max())
        if events.excluded is not None and len(events.excluded.unit):
            time = min(time, int(events.excluded.time_us.min()))
            last = max(last, int(events.excluded.time_us.max()))
        unit_bits = (int(events.unit.max()) - unit).bit_length()
        return cls(unit, time, last_us, (last - time + window_us).bit_length(), unit_bits)

    @property
    def bits(self) -> int:
        return self.unit_bits + self.time_bits

    def keys(self, unit: Ints, time_us: Ints) -> Ints:
        keys: Ints = unit - self.first_unit
        keys <<= self.time_bits
        keys += time_us
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
    """Attempts in order of their start (a key): the bucket, how many steps each reached, and when ([step, attempt]).

    `is_ended`: an event has ended it.
    """

    start: Ints
    bucket: Ints
    reached: Ints
    keys: Ints
    is_ended: Bools


# ----------------------------------------------------------------------------------------------------------- the rows


def _split(events: Matching, frame: _Frame, at_once: int) -> int:
    """By how many bits of the units the events are parted: where one number has no room for them, or they are many."""
    missing = frame.bits + _RANK_BITS - _MOST_BITS
    for_caches = min((len(events.unit) // at_once).bit_length(), _MOST_FOR_CACHES)
    return max(0, min(max(missing, for_caches), frame.unit_bits, _MOST_SPLIT))


def _sorted(events: Matching, frame: _Frame) -> _Moments:
    """In order; with the steps in the same number where there is room for them, for that sorts faster."""
    key = frame.keys(events.unit, events.time_us)
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
    if not is_next(key[place]).all():
        place = np.lexsort((rank_of[events.steps], key))
    return _Moments(key[place], events.steps[place])


def _masks_in_order(steps: Ints) -> Ints:
    """The different sets of steps, by their first one; none is the last."""
    masks = np.flatnonzero(np.bincount(steps, minlength=1))
    lowest = np.where(masks == 0, 1 << MAX_STEPS, masks & -masks)
    in_order: Ints = masks[np.lexsort((masks, lowest))]
    return in_order


def _joined_by_moment(moments: _Moments) -> _Moments:
    """Events of a unit in the same microsecond as one entry."""
    is_first = is_next(moments.key)
    if is_first.all():
        return moments
    start = np.flatnonzero(is_first)
    size = np.diff(start, append=len(moments.key))
    steps = np.bitwise_or.reduceat(moments.steps, start)
    kind, furthest = kinds_of(moments.steps, start, size, steps)
    return _Moments(moments.key[start], steps, kind, furthest)


# -------------------------------------------------------------------------------------------------------- the attempts


def _begun(moments: _Moments, rules: Rules, frame: _Frame, go_on: Callable[[], object]) -> _Begun:
    if rules.order is Order.ORDERED:
        return _ordered(_joined_by_moment(moments), rules, frame)
    return _strict(moments, rules, frame) if rules.order is Order.STRICT else _any(moments, rules, frame, go_on)


def _may_begin(key: Ints, place: Ints, rules: Rules, frame: _Frame) -> tuple[Ints, Ints]:
    """Those of the places whose events may begin an attempt, and the bucket of each."""
    if not len(place):
        return place, np.zeros(0, np.int64)
    buckets = rules.starts.buckets(frame.first_us, frame.last_us)
    if len(buckets) == 1 and buckets[0] >= 0:
        return place, np.full(len(place), buckets[0])
    bucket = rules.starts.of(frame.time_us(key.take(place)))
    may = np.flatnonzero(bucket >= 0)
    return place.take(may), bucket.take(may)


def _ordered(moments: _Moments, rules: Rules, frame: _Frame) -> _Begun:
    """Every attempt goes on with the first event of its next step: no later one could take it further."""
    start, bucket = _may_begin(moments.key, np.flatnonzero(moments.steps & 1 != 0), rules, frame)
    start_key, steps = moments.key.take(start), rules.steps
    last_key, later_key = start_key + rules.window_us, np.append(moments.key, _NEVER)
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
    return _Begun(start_key, bucket, reached, keys, np.zeros(len(start), np.bool_))


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


def _strict(moments: _Moments, rules: Rules, frame: _Frame) -> _Begun:
    """Every attempt goes on with the very next event: any other ends it."""
    start, bucket = _may_begin(moments.key, np.flatnonzero(moments.steps & 1 != 0), rules, frame)
    steps = rules.steps
    last_key = moments.key[start] + rules.window_us
    later_key = np.concatenate([moments.key, np.full(steps, _NEVER)])
    later_steps = np.concatenate([moments.steps, np.zeros(steps, np.int64)])
    reached, keys = np.ones_like(start), np.empty((steps, len(start)), np.int64)
    keys[0] = moments.key[start]
    for step in range(1, steps):
        following = start + step
        goes_on = (reached == step) & (later_steps[following] >> step & 1 != 0) & (later_key[following] <= last_key)
        reached[goes_on] = step + 1
        keys[step] = later_key[following]
    is_ended = (reached < steps) & (later_key[start + np.minimum(reached, steps - 1)] <= last_key)
    return _Begun(keys[0], bucket, reached, keys, is_ended)


def _any(moments: _Moments, rules: Rules, frame: _Frame, go_on: Callable[[], object]) -> _Begun:
    """An attempt from every event on.

    By Hall's theorem steps 1 … k are done by different events as soon as every set of them has as many events that
    match one of the set.
    """
    done_key: Ints = np.zeros(len(moments.key), np.int64)
    keys = np.empty((rules.steps, len(done_key)), np.int64)
    present = np.flatnonzero(np.bincount(moments.steps, minlength=1)).tolist()
    for step in range(rules.steps):
        for rivals in _rivals(present, step):
            go_on()
            nth = _nth_place(moments.steps & rivals != 0, rivals.bit_count())
            done_key = np.maximum(done_key, np.append(moments.key, _NEVER)[nth])
        keys[step] = done_key
    reached = np.count_nonzero(keys <= moments.key + rules.window_us, axis=0).astype(np.int64)
    start, bucket = _may_begin(moments.key, np.flatnonzero(reached), rules, frame)
    return _Begun(moments.key[start], bucket, reached[start], keys[:, start], np.zeros(len(start), np.bool_))


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


# ------------------------------------------------------------------------------------------------- what is excluded


def _with_own_excluded(events: Matching) -> Matching:
    """The events with what is excluded of their units only."""
    if events.excluded is None or not len(events.unit):
        return dataclasses.replace(events, excluded=None)
    unit = events.excluded.unit
    own = np.flatnonzero((unit >= events.unit.min()) & (unit <= events.unit.max()))
    excluded = Excluded(unit[own], events.excluded.time_us[own], events.excluded.after[own])
    return dataclasses.replace(events, excluded=excluded)


def _until_excluded(begun: _Begun, excluded: Excluded, rules: Rules, frame: _Frame) -> _Begun:
    """The attempts as far as they had come when the first excluded event came while they waited for a step."""
    key = frame.keys(excluded.unit, excluded.time_us)
    reached, is_ended, last_key = begun.reached.copy(), begun.is_ended.copy(), begun.start + rules.window_us
    for done in range(rules.steps):
        ending = np.append(np.sort(key[excluded.after >> done & 1 != 0]), _NEVER)
        waiting = np.flatnonzero(reached >= done)
        since = (begun.keys[done - 1] if done else begun.start).take(waiting)
        until = np.where(reached.take(waiting) > done, begun.keys[done].take(waiting), last_key.take(waiting) + 1)
        hit = waiting[ending.take(np.searchsorted(ending, since, "right").clip(max=len(ending) - 1)) < until]
        reached[hit], is_ended[hit] = done, True
    has_begun = np.flatnonzero(reached)
    return _Begun(
        begun.start[has_begun],
        begun.bucket[has_begun],
        reached[has_begun],
        begun.keys[:, has_begun],
        is_ended[has_begun],
    )


# ------------------------------------------------------------------------------------------------------- the best one


def _best(begun: _Begun, frame: _Frame) -> Ints:
    """Of each unit and bucket the attempt that reaches furthest, and of those the earliest."""
    group, order = frame.unit(begun.start), None
    if len(group) and begun.bucket.max() != begun.bucket.min():
        group = (np.cumsum(is_next(group)) - 1) * (int(begun.bucket.max()) + 1) + begun.bucket
        order = np.argsort(group, kind="stable")  # a day that a zone has twice is not in one piece
    reached = begun.reached if order is None else begun.reached[order]
    group = group if order is None else group[order]
    starts = np.flatnonzero(is_next(group))
    most = np.repeat(np.maximum.reduceat(reached, starts), np.diff(starts, append=len(group))) if len(group) else 0
    furthest = np.flatnonzero(reached == most)
    best: Ints = furthest[is_next(group[furthest])]
    return best if order is None else order[best]


def _least_codes(events: Matching, frame: _Frame, key: Ints) -> Ints:
    """For every key, the least code of the events of step 1 that have it; 0 without codes."""
    if events.code is None or not len(key):
        return np.zeros(len(key), np.int64)
    first = np.flatnonzero(events.steps & 1 != 0)
    first_key = frame.keys(events.unit[first], events.time_us[first])
    order = np.argsort(first_key)
    first_key = first_key[order]
    starts = np.flatnonzero(is_next(first_key))
    least: Ints = np.minimum.reduceat(events.code[first[order]], starts)
    return least[np.searchsorted(first_key[starts], key)]
