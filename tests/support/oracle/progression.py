"""Starts, fails, completes and what comes of them (metrics.md §3): ids are `STATUS:part:part:part`."""

from fractions import Fraction

from tests.support.oracle import events
from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.game import Game
from tests.support.oracle.ratios import divided


def of_status(game: Game, asked: Asked, status: str) -> events.Found:
    """The progression events of a status."""
    return events.found(game, asked, events.of_part("progression", status))


def count(game: Game, asked: Asked, status: str) -> dict[Key, int]:
    return events.count(of_status(game, asked, status))


def players(game: Game, asked: Asked, status: str) -> dict[Key, int]:
    return events.players(of_status(game, asked, status))


def score(game: Game, asked: Asked, status: str) -> dict[Key, Fraction | None]:
    """The mean score of those that have one."""
    return events.mean(of_status(game, asked, status), "score")


def attempts(game: Game, asked: Asked) -> dict[Key, int]:
    """Fails and completes."""
    fails, completes = count(game, asked, "Fail"), count(game, asked, "Complete")
    return {key: fails.get(key, 0) + completes.get(key, 0) for key in {**fails, **completes}}


def completion_rate(game: Game, asked: Asked) -> dict[Key, Fraction | None]:
    return divided(count(game, asked, "Complete"), count(game, asked, "Start"))


def fail_rate(game: Game, asked: Asked) -> dict[Key, Fraction | None]:
    return divided(count(game, asked, "Fail"), attempts(game, asked))


def attempts_to_complete(game: Game, asked: Asked) -> dict[Key, Fraction | None]:
    """The mean `attempt_num` of the completes that have one."""
    return events.mean(of_status(game, asked, "Complete"), "attempt_num")
