"""The matching of funnels finds what trying everything finds: equal times, events that are several steps, windows."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from questlog.analytics.analyses.funnel_attempts import ANY_TIME, Excluded, Ints, Matching, Order, Rules, Starts
from questlog.analytics.analyses.funnel_matching import best_attempts
from tests.support.generated_histories import Event
from tests.support.oracle import funnel
from tests.support.oracle.game import Game, Stored

_STEPS = 4
_EVENTS = st.lists(
    st.tuples(st.integers(1, 2), st.integers(0, 12), st.sampled_from([0, 1, 2, 4, 8, 3, 6, 5, 7, 15])),
    min_size=1,
    max_size=9,
)
"""Player, time and the steps that the event is, as bits."""
_EXCLUDED = st.lists(st.tuples(st.integers(1, 2), st.integers(0, 12), st.sampled_from([1, 2, 4, 15])), max_size=2)
"""Player, time and, as bits, after which steps it ends an attempt."""
_NO_STARTS = ANY_TIME, lambda _: 0
_TWO_BUCKETS = (
    Starts(np.array([2, 6, 9], np.int64), np.array([0, 1, -1], np.int64)),
    lambda event: None if not 2 <= event.time < 9 else int(event.time >= 6),
)


@settings(max_examples=300, deadline=None)
@given(
    events=_EVENTS,
    excluded=_EXCLUDED,
    steps=st.integers(2, _STEPS),
    window=st.sampled_from([0, 1, 3, 5, 100]),
    order=st.sampled_from(Order),
    has_buckets=st.booleans(),
)
def test_the_best_attempt_is_the_best_of_all(
    events: list[tuple[int, int, int]],
    excluded: list[tuple[int, int, int]],
    steps: int,
    window: int,
    order: Order,
    has_buckets: bool,
) -> None:
    starts, bucket_of = _TWO_BUCKETS if has_buckets else _NO_STARTS
    masks = [mask & (1 << steps) - 1 for _, _, mask in events]
    if order is not Order.STRICT:  # only there other events come between
        events = [event for event, mask in zip(events, masks, strict=True) if mask]
        masks = [mask for mask in masks if mask]
    stored = [_stored(row, *event[:2], mask) for row, (event, mask) in enumerate(zip(events, masks, strict=True))]
    ending = [_stored(-row, *event) for row, event in enumerate(excluded, 1)]
    game = Game((*stored, *ending), (), 0)
    exclusions = [funnel.Exclusion(partial(_ends, step=step), step) for step in range(_STEPS)]
    rules = funnel.Rules(
        [partial(_is_step, step=step) for step in range(steps)], window, order, "player", bucket_of, exclusions
    )
    tried = {(attempt.unit, attempt.bucket): attempt for attempt in funnel.attempts(game, game.events, rules)}
    if order is Order.STRICT:
        events = [*events, *excluded]
        masks += [0] * len(excluded)
    found = best_attempts(
        Matching(
            _column(events, 0),
            _column(events, 1),
            np.array(masks, np.int64),
            excluded=Excluded(_column(excluded, 0), _column(excluded, 1), _column(excluded, 2)),
        ),
        Rules(steps, window, order, starts),
    )
    times = {
        (f"player-{unit}", int(found.bucket[place])): tuple(found.times_us[: found.reached[place], place].tolist())
        for place, unit in enumerate(found.unit.tolist())
    }
    assert times == {key: attempt.times for key, attempt in tried.items()}
    for now in (0, 5, 9, 200):
        is_open = zip(found.unit.tolist(), found.bucket.tolist(), found.is_open(window, now).tolist(), strict=True)
        assert {(f"player-{unit}", bucket) for unit, bucket, is_one in is_open if is_one} == {
            key for key, attempt in tried.items() if funnel.is_open(attempt, rules, now)
        }


def _column(events: Sequence[tuple[int, int, int]], place: int) -> Ints:
    return np.array([event[place] for event in events], np.int64)


def _stored(row: int, player: int, time: int, mask: int) -> Stored:
    return Stored(row, time, Event("design", 0, player_id=f"player-{player}", value=mask))


def _is_step(event: Stored, step: int) -> bool:
    return event.row >= 0 and _has_bit(event, step)


def _ends(event: Stored, step: int) -> bool:
    return event.row < 0 and _has_bit(event, step)


def _has_bit(event: Stored, bit: int) -> bool:
    return int(event.sent.value or 0) >> bit & 1 == 1
