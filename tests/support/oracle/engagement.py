"""Sessions, their lengths, playtime and events (metrics.md §3).

A session counts where it started, by the values of its first event. "Per player" is per active player of the bucket.
"""

from collections import defaultdict
from fractions import Fraction
from statistics import median

from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.dimensions import of_event, of_session
from tests.support.oracle.game import Game
from tests.support.oracle.players import dau
from tests.support.oracle.ratios import divided


def _lengths(game: Game, asked: Asked) -> dict[Key, list[Fraction]]:
    lengths: defaultdict[Key, list[Fraction]] = defaultdict(list)
    for session in game.sessions:
        values = of_session(game, session)
        if asked.has(session.start) and asked.where(values):
            lengths[asked.key(session.start, values)].append(session.length_s)
    return lengths


def sessions(game: Game, asked: Asked) -> dict[Key, int]:
    """Sessions started in the bucket."""
    return {key: len(lengths) for key, lengths in _lengths(game, asked).items()}


def session_length(game: Game, asked: Asked) -> dict[Key, Fraction]:
    """The mean length, seconds."""
    return {key: sum(lengths, Fraction()) / len(lengths) for key, lengths in _lengths(game, asked).items()}


def session_length_median(game: Game, asked: Asked) -> dict[Key, Fraction]:
    """The median length; of an even number the mean of the middle two."""
    return {key: median(lengths) for key, lengths in _lengths(game, asked).items()}


def playtime(game: Game, asked: Asked) -> dict[Key, Fraction]:
    """The lengths of the sessions started in the bucket, added up."""
    return {key: sum(lengths, Fraction()) for key, lengths in _lengths(game, asked).items()}


def sessions_per_player(game: Game, asked: Asked) -> dict[Key, Fraction | None]:
    return divided(sessions(game, asked), dau(game, asked))


def playtime_per_player(game: Game, asked: Asked) -> dict[Key, Fraction | None]:
    return divided(playtime(game, asked), dau(game, asked))


def events(game: Game, asked: Asked) -> dict[Key, int]:
    """All events, of players and of none, by their own values."""
    count: defaultdict[Key, int] = defaultdict(int)
    for event in game.events:
        values = of_event(game, event)
        if asked.has(event.time) and asked.where(values):
            count[asked.key(event.time, values)] += 1
    return dict(count)


def events_per_session(game: Game, asked: Asked) -> dict[Key, Fraction | None]:
    """All events by their own values, over the sessions started by those of their first events."""
    return divided(events(game, asked), sessions(game, asked))
