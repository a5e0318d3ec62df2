"""The tree of a category's event ids (metrics.md §5): every node has the numbers of all events at it and below it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from tests.support.oracle import events
from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.game import Game, Stored

Node: TypeAlias = str | None
"""A path; "" is the root, None all nodes that were asked for together."""

MEASURES: Mapping[str, Callable[[events.Found], Mapping[Key, Any]]] = {
    "count": events.count,
    "sum": events.total,
    "mean": events.mean,
    "min": events.least,
    "max": events.greatest,
    "median": events.middle,
    "p95": events.p95,
    "players": events.players,
}


def nodes_of(game: Game, category: str, asked_for: Iterable[str], depth: int) -> set[Node]:
    """The nodes that are told of: those asked for and so many levels below; all together if there are several."""
    tops = list(asked_for)
    found: set[Node] = {None, *tops} if len(tops) > 1 else set(tops)
    for event in game.events:
        if event.sent.category == category:
            for top in tops:
                if is_at(event, top):
                    start = len(path(top))
                    found |= {
                        ":".join(event.parts[:end])
                        for end in range(start + 1, min(start + depth, len(event.parts)) + 1)
                    }
    return found


def path(node: str) -> tuple[str, ...]:
    """The parts of a node's path; none for the root."""
    return tuple(node.split(":")) if node else ()


def is_at(event: Stored, node: str) -> bool:
    """Whether an event's id is the node's or below it."""
    parts = path(node)
    return event.parts[: len(parts)] == parts


def told(
    game: Game, asked: Asked, category: str, asked_for: Iterable[str], depth: int
) -> Mapping[Node, Mapping[str, Mapping[Key, Any]]]:
    """By node, measure and key (bucket, group). Without a measure's key there are no events."""
    tops = tuple(asked_for)

    def found(node: Node) -> events.Found:
        def is_meant(event: Stored) -> bool:
            is_there = any(is_at(event, top) for top in tops) if node is None else is_at(event, node)
            return event.sent.category == category and is_there

        return events.found(game, asked, is_meant)

    return {
        node: {name: measure(found(node)) for name, measure in MEASURES.items()}
        for node in nodes_of(game, category, tops, depth)
    }
