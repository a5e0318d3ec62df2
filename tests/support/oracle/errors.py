"""Errors and the players who had them (metrics.md §3)."""

from fractions import Fraction

from tests.support.oracle import events
from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.game import Game
from tests.support.oracle.ratios import divided


def count(game: Game, asked: Asked) -> dict[Key, int]:
    return events.count(events.found(game, asked, events.of_category("error")))


def players(game: Game, asked: Asked) -> dict[Key, int]:
    return events.players(events.found(game, asked, events.of_category("error")))


def per_player(game: Game, asked: Asked) -> dict[Key, Fraction | None]:
    """Errors over the players who had one; an error of no player counts above."""
    return divided(count(game, asked), players(game, asked))


def of_sdks(game: Game, asked: Asked) -> dict[Key, int]:
    return events.count(events.found(game, asked, events.of_category("sdk_error")))
