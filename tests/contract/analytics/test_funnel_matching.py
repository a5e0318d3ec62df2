"""The matching of funnels finds what trying everything finds: equal times, events that are several steps, windows."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from questlog.analytics.analyses.funnel_attempts import Matching, Order, Rules
from questlog.analytics.analyses.funnel_matching import best_attempts
from tests.support.generated_histories import Event
from tests.support.oracle import funnel
from tests.support.oracle.funnel import Is
from tests.support.oracle.game import Game, Stored

_EVENTS = st.lists(
    st.tuples(st.integers(1, 2), st.integers(0, 12), st.sampled_from([0, 1, 2, 4, 8, 3, 6, 5, 7, 15])),
    min_size=1,
    max_size=9,
)
"""Player, time and the steps that the event is, as bits."""


@settings(max_examples=300, deadline=None)
@given(events=_EVENTS, steps=st.integers(2, 4), window=st.sampled_from([0, 1, 3, 5, 100]), order=st.sampled_from(Order))
def test_the_best_attempt_is_the_best_of_all(
    events: list[tuple[int, int, int]], steps: int, window: int, order: Order
) -> None:
    masks = [mask & (1 << steps) - 1 for _, _, mask in events]
    stored = [_stored(row, *event[:2], mask) for row, (event, mask) in enumerate(zip(events, masks, strict=True))]
    game = Game(tuple(stored), (), 0)
    tried = funnel.attempts(game, stored, _steps(steps), window, order)
    columns = [np.array(column, np.int64) for column in zip(*events, strict=True)]
    rules = Rules(steps, window, order)
    found = best_attempts(Matching(columns[0], columns[1], np.array(masks, np.int64)), rules)
    times = {
        f"player-{unit}": tuple(found.times_us[:reached, place].tolist())
        for place, (unit, reached) in enumerate(zip(found.unit.tolist(), found.reached.tolist(), strict=True))
    }
    assert times == {attempt.unit: attempt.times for attempt in tried}


def _stored(row: int, player: int, time: int, mask: int) -> Stored:
    return Stored(row, time, Event("design", 0, player_id=f"player-{player}", value=mask), None)


def _steps(count: int) -> Sequence[Is]:
    return [lambda event, bit=bit: int(event.sent.value or 0) >> bit & 1 == 1 for bit in range(count)]  # type: ignore[misc]
