"""What is counted event by event: by the events' own values, those of no player included (metrics.md §§3, 5)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from statistics import median
from typing import TypeAlias

from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.dimensions import of_event
from tests.support.oracle.game import Game, Stored

Is: TypeAlias = Callable[[Stored], bool]
Found: TypeAlias = Mapping[Key, list[Stored]]


def found(game: Game, asked: Asked, is_meant: Is) -> Found:
    """The events that are meant, where they belong."""
    groups: defaultdict[Key, list[Stored]] = defaultdict(list)
    for event in game.events:
        values = of_event(game, event)
        if is_meant(event) and asked.has(event.time) and asked.where(values):
            groups[asked.key(event.time, values)].append(event)
    return groups


def of_category(category: str) -> Is:
    return lambda event: event.sent.category == category


def of_part(category: str, part: str) -> Is:
    """Of a category, with an id whose first part is the one given."""
    return lambda event: event.sent.category == category and event.parts[:1] == (part,)


def of_node(category: str, node: str) -> Is:
    """Of a category, with an id that is the node's or below it."""
    parts = tuple(node.split(":"))
    return lambda event: event.sent.category == category and event.parts[: len(parts)] == parts


def count(groups: Found) -> dict[Key, int]:
    return {key: len(events) for key, events in groups.items()}


def players(groups: Found) -> dict[Key, int]:
    """Distinct players."""
    return {key: len({event.player for event in events} - {None}) for key, events in groups.items()}


def total(groups: Found, field: str = "value") -> dict[Key, Fraction]:
    return {key: sum(_numbers(events, field), Fraction()) for key, events in groups.items()}


def mean(groups: Found, field: str = "value") -> dict[Key, Fraction | None]:
    """Of the events that have one."""
    return {key: mean_of(_numbers(events, field)) for key, events in groups.items()}


def least(groups: Found) -> dict[Key, Fraction | None]:
    return {key: min(_numbers(events), default=None) for key, events in groups.items()}


def greatest(groups: Found) -> dict[Key, Fraction | None]:
    return {key: max(_numbers(events), default=None) for key, events in groups.items()}


def middle(groups: Found) -> dict[Key, Fraction | None]:
    """The median; of an even number the mean of the middle two."""
    return {key: median(numbers) if (numbers := _numbers(events)) else None for key, events in groups.items()}


def p95(groups: Found) -> dict[Key, Fraction | None]:
    return {key: quantile(_numbers(events), Fraction(95, 100)) for key, events in groups.items()}


def quantile(numbers: Iterable[Fraction], share: Fraction) -> Fraction | None:
    """The number that the share of the way from the least to the greatest leads to, between two in proportion."""
    ordered = sorted(numbers)
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below, above = ordered[int(place)], ordered[min(int(place) + 1, len(ordered) - 1)]
    return below + (above - below) * (place - int(place))


def mean_of(numbers: list[Fraction]) -> Fraction | None:
    return sum(numbers, Fraction()) / len(numbers) if numbers else None


def _numbers(events: Iterable[Stored], field: str = "value") -> list[Fraction]:
    values = (getattr(event.sent, field) for event in events)
    return [Fraction(value) for value in values if value is not None]
