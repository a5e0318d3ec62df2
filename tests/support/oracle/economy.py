"""What players get and spend (metrics.md §3): ids are `FLOW:currency:item type:item id`, amounts are values.

Some SDKs send what is spent as a negative number, some as a positive one: it counts by its absolute value.
"""

from fractions import Fraction

from tests.support.oracle import events
from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.game import Game
from tests.support.oracle.ratios import divided


def source(game: Game, asked: Asked) -> dict[Key, Fraction]:
    """Σ of the sources, as sent."""
    return events.total(events.found(game, asked, events.of_part("resource", "Source")))


def sink(game: Game, asked: Asked) -> dict[Key, Fraction]:
    """Σ of the sinks' absolute values."""
    sinks = events.found(game, asked, events.of_part("resource", "Sink"))
    return {
        key: sum((abs(Fraction(event.sent.value)) for event in of_key if event.sent.value is not None), Fraction())
        for key, of_key in sinks.items()
    }


def flow(game: Game, asked: Asked) -> dict[Key, Fraction]:
    got, spent = source(game, asked), sink(game, asked)
    return {key: got.get(key, Fraction()) - spent.get(key, Fraction()) for key in {**got, **spent}}


def players(game: Game, asked: Asked) -> dict[Key, int]:
    """Distinct players with a resource event."""
    return events.players(events.found(game, asked, events.of_category("resource")))


def source_per_player(game: Game, asked: Asked) -> dict[Key, Fraction | None]:
    return divided(source(game, asked), players(game, asked))


def sink_per_player(game: Game, asked: Asked) -> dict[Key, Fraction | None]:
    return divided(sink(game, asked), players(game, asked))


def flow_per_player(game: Game, asked: Asked) -> dict[Key, Fraction | None]:
    return divided(flow(game, asked), players(game, asked))
