"""Which events follow which, from the events of players in order (metrics.md §5). Pure functions of numpy columns.

A *path* begins with an event that is a beginning and goes on with what its unit (session or player) does next, at most
`depth` steps and `window_us` microseconds, the last one included. Of equal times, events are in the order of their
numbers. Where repeats are collapsed, events of the same node that follow one another are one step, and begin one path
at most. Looking backwards is the same with times and numbers reversed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from questlog.analytics.analyses.funnel_attempts import Bools, Ints, is_next

END = -1
"""The node after the last one of a path."""


@dataclass(frozen=True)
class PathEvents:
    """One entry per event: whose it is, when, its number among all events, its node, and whether a path may begin."""

    unit: Ints
    player: Ints
    time_us: Ints
    number: Ints
    node: Ints
    is_beginning: Bools


@dataclass(frozen=True)
class PathRules:
    """How far paths go, and whether events of one node in a row are one step."""

    depth: int
    window_us: int
    is_collapsed: bool = True
    is_backwards: bool = False


@dataclass(frozen=True)
class Walked:
    """The paths: `node[k]` is the node at step k, 0 the beginning, `END` after the last; and whose each is."""

    node: npt.NDArray[np.int32]  # [step, path]
    player: Ints


def walked(events: PathEvents, rules: PathRules) -> Walked:
    """All paths of the events, which may be in any order."""
    sign = -1 if rules.is_backwards else 1
    order = np.lexsort((sign * events.number, sign * events.time_us, events.unit))
    unit, node, time = events.unit[order], events.node[order], sign * events.time_us[order]
    begins = is_next(unit) | (is_next(node) if rules.is_collapsed else True)
    run = np.cumsum(begins) - 1
    run_unit, run_node, run_time = unit[begins], node[begins], time[begins]
    start = np.flatnonzero(events.is_beginning[order])
    start = start[is_next(run[start])]
    place, last_time = run[start], time[start] + rules.window_us
    nodes = np.full((rules.depth + 1, len(start)), END, np.int32)
    nodes[0] = node[start]
    going = np.arange(len(start))
    for step in range(1, rules.depth + 1):
        going = going[place[going] + step < len(run_unit)]
        following = place[going] + step
        is_on = (run_unit[following] == unit[start[going]]) & (run_time[following] <= last_time[going])
        going, following = going[is_on], following[is_on]
        nodes[step, going] = run_node[following]
    return Walked(nodes, events.player[order][start])


def node_counts(paths: Walked, nodes: int) -> Ints:
    """[step, node]: how many paths have the node at the step."""
    return np.array([np.bincount(at[at != END], minlength=nodes) for at in paths.node], np.int64)


def most_frequent(counts: Ints, top: int) -> list[Ints]:
    """For each step the `top` most frequent nodes, of equally frequent ones the least."""
    return [np.argsort(-each, kind="stable")[: min(top, np.count_nonzero(each))] for each in counts]


@dataclass(frozen=True)
class Flow:
    """How many paths went from one node to the next, and whose they were: every player once, in order."""

    paths: int
    players: Ints

    def plus(self, other: "Flow") -> "Flow":
        """Both together."""
        return Flow(self.paths + other.paths, np.union1d(self.players, other.players))


def flows(paths: Walked, kept: list[Ints], nodes: int) -> Mapping[tuple[int, int, int], Flow]:
    """By step (from 1), node and next node (`nodes`: one that is not kept; `END`: none) the flow between them."""
    told = np.full((len(kept), nodes + 2), nodes)  # the last one is `END`
    for step, each in enumerate(kept):
        told[step, each] = each
    told[:, END] = END
    shown = np.array([told[step][at] for step, at in enumerate(paths.node)])
    found = {}
    for step in range(1, len(shown)):
        there = np.flatnonzero(paths.node[step - 1] != END)
        pair = (shown[step - 1, there] + 1) * (nodes + 2) + shown[step, there] + 1
        order = np.argsort(pair, kind="stable")
        pairs, first = np.unique(pair[order], return_index=True)
        for key, players in zip(pairs.tolist(), np.split(paths.player[there[order]], first[1:]), strict=False):
            before, after = divmod(key, nodes + 2)
            found[step, before - 1, after - 1] = Flow(len(players), np.unique(players))
    return found
