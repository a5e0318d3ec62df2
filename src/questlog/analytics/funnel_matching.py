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
_MOST_BITS = 63


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


def best_attempts(events: Matching, steps: int, window_us: int, order: Order) -> Attempts:
    """The attempt that counts of every unit. The events may be in any order; `strict` needs all that the units had.

    `window_us` and the time from the first event to the last are together less than 2^62.
    """
    frame = _Frame.around(events, window_us)
    if frame.bits > _MOST_BITS:
        return Attempts.together([best_attempts(half, steps, window_us, order) for half in _halves(events)])
    moments = _sorted(events, frame)
    if order is Order.ORDERED:
        begun = _ordered(_joined_by_moment(moments), steps, window_us)
    else:
        begun = _strict(moments, steps, window_us) if order is Order.STRICT else _any(moments, steps, window_us)
    best = _best(begun, frame)
    keys = begun.keys[:, best]
    code = _least_codes(events, frame, keys[0])
    return Attempts(frame.unit(keys[0]), begun.reached.take(best), frame.time_us(keys), code)


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


def _halves(events: Matching) -> list[Matching]:
    """The events of the lower and of the higher half of the units' numbers."""
    is_low = events.unit <= (int(events.unit.min()) + int(events.unit.max())) // 2
    return [events.taken(np.flatnonzero(half)) for half in (is_low, ~is_low)]


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
    kind, furthest = _kinds(moments.steps, start, size, steps)
    return _Moments(moments.key[start], steps, kind, furthest)


def _kinds(steps: Ints, start: Ints, size: Ints, joined: Ints) -> tuple[Ints, Ints]:
    """Of groups of events in one microsecond: the kind of each, and how many steps are done after it by those before.

    One event does one step; several that are one step each do all in a row; others have to be matched to steps.
    """
    is_plain = np.bitwise_or.reduceat(steps & (steps - 1), start) == 0
    kind: Ints = np.where(size == 1, 0, len(_OF_ONE)) + joined
    tables = [_OF_ONE, _OF_PLAIN]
    seen: dict[bytes, int] = {}
    for place in np.flatnonzero(~is_plain & (size > 1)):
        masks = steps[start[place] : start[place] + size[place]]
        key = masks.tobytes()
        if key not in seen:
            seen[key] = 2 * len(_OF_ONE) + len(seen)
            tables.append(_furthest_of(masks.tolist())[None])
        kind[place] = seen[key]
    return kind, np.concatenate(tables)


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


def _any(moments: _Moments, steps: int, window_us: int) -> _Begun:
    """An attempt from every event on.

    By Hall's theorem steps 1 … k are done by different events as soon as every set of them has as many events that
    match one of the set.
    """
    done_key: Ints = np.zeros(len(moments.key), np.int64)
    keys = np.empty((steps, len(done_key)), np.int64)
    for step in range(steps):
        for others in _rivals(moments.steps, step):
            nth = _nth_place(moments.steps & (others | 1 << step) != 0, others.bit_count() + 1)
            done_key = np.maximum(done_key, np.append(moments.key, _NEVER)[nth])
        keys[step] = done_key
    reached = np.count_nonzero(keys <= moments.key + window_us, axis=0).astype(np.int64)
    has_begun = reached > 0
    return _Begun(reached[has_begun], keys[:, has_begun])


def _rivals(masks: Ints, step: int) -> list[int]:
    """The sets of earlier steps with which a step may have to share events; first the empty one."""
    present = np.flatnonzero(np.bincount(masks, minlength=1)).tolist()
    joined, wider = 0, 1 << step
    while wider != joined:
        joined = wider
        for mask in present:
            if mask & joined:
                wider |= mask & ((2 << step) - 1)
    others = [1 << bit for bit in range(step) if joined >> bit & 1]
    return [sum(chosen) for size in range(len(others) + 1) for chosen in itertools.combinations(others, size)]


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
