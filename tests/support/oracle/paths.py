"""What players do next, or did before (metrics.md §5): every path followed by hand.

A path begins with an anchor of the period, or with the session's first event, and goes on with what follows within the
window, the last microsecond included. Of equal times, events are in the order of loading. Events at one node that
follow one another are one step; they begin one path at most, with the first of them that may.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any

from tests.support.oracle.game import Game, Stored

_Node = str | None
"""None: the path has ended."""
OTHER = "(other)"


@dataclass(frozen=True)
class Paths:
    """What is asked; `is_anchor` None: paths begin with the first event of a session."""

    may_begin: Callable[[Stored], bool]
    is_anchor: Callable[[Stored], bool] | None
    is_step: Callable[[Stored], bool]
    depth: int
    window: int
    is_backwards: bool = False
    is_collapsed: bool = True
    within: str = "session"
    parts: int | None = None
    top: int = 10


def flows(game: Game, asked: Paths) -> dict[tuple[int, _Node, _Node], dict[str, Any]]:
    """By step, node and next node: the paths, their players, and the share of the paths that were at the node."""
    found = _paths(game, asked)
    kept = [_most_frequent([path[step] for _, path in found], asked.top) for step in range(asked.depth + 1)]
    took: defaultdict[tuple[int, _Node, _Node], list[str]] = defaultdict(list)
    for player, path in found:
        for step, (before, after) in enumerate(pairwise(path), 1):
            if before is not None:
                took[step, _shown(before, kept[step - 1]), _shown(after, kept[step])].append(player)
    return {
        (step, before, after): {
            "paths": len(them),
            "players": len(set(them)),
            "share": Fraction(len(them), sum(len(others) for key, others in took.items() if key[:2] == (step, before))),
        }
        for (step, before, after), them in took.items()
    }


def _paths(game: Game, asked: Paths) -> list[tuple[str, tuple[_Node, ...]]]:
    """Whose each path is, and its nodes, as many as it may have: None after its last."""
    found = []
    for unit in game.sessions if asked.within == "session" else game.players:
        mine = [
            event for event in game.events if (event.session if asked.within == "session" else event.player) == unit
        ]
        steps = [event for event in mine if asked.is_step(event) or (asked.is_anchor and asked.is_anchor(event))]
        steps.sort(key=lambda event: event.order, reverse=asked.is_backwards)
        runs = [list(run) for _, run in groupby(steps, lambda event: _node(event, asked.parts))]
        if not asked.is_collapsed:
            runs = [[event] for event in steps]
        for place, run in enumerate(runs):
            first = next((event for event in run if _begins(event, steps, asked)), None)
            if first is not None and first.player is not None:
                after = [each[0] for each in runs[place + 1 : place + 1 + asked.depth]]
                nodes = [_node(each, asked.parts) for each in after if abs(each.time - first.time) <= asked.window]
                ended = [None] * (asked.depth - len(nodes))
                found.append((first.player, (_node(first, asked.parts), *nodes, *ended)))
    return found


def _begins(event: Stored, steps: Sequence[Stored], asked: Paths) -> bool:
    is_anchor = event is steps[0] if asked.is_anchor is None else asked.is_anchor(event)
    return is_anchor and asked.may_begin(event)


def _node(event: Stored, parts: int | None) -> str:
    told = ":".join(event.parts[:parts])
    return f"{event.sent.category} {told}" if told else event.sent.category


def _most_frequent(nodes: Sequence[_Node], top: int) -> list[str]:
    """Of equally frequent ones the least."""
    counts = Counter(node for node in nodes if node is not None)
    return sorted(counts, key=lambda node: (-counts[node], node))[:top]


def _shown(node: _Node, kept: Sequence[str]) -> _Node:
    return node if node is None or node in kept else OTHER
