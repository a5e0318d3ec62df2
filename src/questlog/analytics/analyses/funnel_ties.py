"""Several events of one player in one microsecond: how many steps of a funnel they do, in whatever order.

Each is used for one step at most: which events do which steps is a matching of a bipartite graph.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

MAX_STEPS = 10


def kinds_of(steps: Ints, start: Ints, size: Ints, joined: Ints) -> tuple[Ints, Ints]:
    """Of groups of events in one microsecond: the kind of each, and how many steps are done after it by those before.

    One event does one step; several that are one step each do all in a row; others have to be matched to steps.
    """
    is_plain = np.bitwise_or.reduceat(steps & (steps - 1), start) == 0
    kind: Ints = np.where(size == 1, 0, len(_OF_ONE)) + joined
    tables = [_OF_ONE, _OF_PLAIN]
    seen: dict[bytes, int] = {}
    for place in np.flatnonzero(~is_plain & (size > 1)):
        masks = _few(steps[start[place] : start[place] + size[place]])
        key = masks.tobytes()
        if key not in seen:
            seen[key] = 2 * len(_OF_ONE) + len(seen)
            tables.append(_furthest_of(masks.tolist())[None])
        kind[place] = seen[key]
    return kind, np.concatenate(tables)


def _few(masks: Ints) -> Ints:
    """The same without more of a kind than there are steps."""
    if len(masks) <= MAX_STEPS:
        return masks
    kinds, counts = np.unique(masks, return_counts=True)
    return np.repeat(kinds, np.minimum(counts, MAX_STEPS))


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
