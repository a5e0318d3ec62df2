"""Frame rates, memory and boot times (metrics.md §3).

A health event's table says how many samples had which value: the place of an entry is the value. What is no number of
samples does not count.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from tests.support.oracle import events
from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.game import Game, Stored

Aggregate = Callable[[list[Fraction]], Fraction | None]


def sampled(game: Game, asked: Asked, table: str, aggregate: Aggregate) -> dict[Key, Fraction | None]:
    """Over all samples of a table of the health events."""
    found = events.found(game, asked, events.of_category("health"))
    return {
        key: aggregate([value for event in of_key for value in _samples(event, table)]) for key, of_key in found.items()
    }


def boot_time(game: Game, asked: Asked, aggregate: Aggregate) -> dict[Key, Fraction | None]:
    """Over the times from the launch to the SDK's start, milliseconds."""
    found = events.found(game, asked, events.of_category("sdk_init"))
    return {key: aggregate([time for event in of_key for time in _boot_times(event)]) for key, of_key in found.items()}


def percentile(percent: int) -> Aggregate:
    return lambda numbers: events.quantile(numbers, Fraction(percent, 100))


def players(game: Game, asked: Asked) -> Mapping[Key, int]:
    return events.players(events.found(game, asked, events.of_category("health")))


def _samples(event: Stored, table: str) -> list[Fraction]:
    entries = _attribute(event, table)
    if not isinstance(entries, list):
        return []
    return [
        Fraction(value) for value, count in enumerate(entries[:121]) if isinstance(count, int) for _ in range(count)
    ]


def _boot_times(event: Stored) -> list[Fraction]:
    time = _attribute(event, "app_boot_time")
    return [Fraction(time)] if isinstance(time, int) else []


def _attribute(event: Stored, name: str) -> Any:
    return (event.sent.attributes or {}).get(name)
