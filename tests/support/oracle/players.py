"""dau, wau, mau, stickiness, new and returning players (metrics.md §3).

A player is active in a bucket that has an event of theirs. With dimensions a player counts in every group whose values
were theirs on a day on which they were active in it.
"""

import datetime as dt
from collections import defaultdict

from tests.support.oracle.asked import Asked, Key, midnight
from tests.support.oracle.dimensions import of_player_day
from tests.support.oracle.game import EPOCH, Game

Counts = dict[Key, int]


def dau(game: Game, asked: Asked) -> Counts:
    """Distinct players with an event in the bucket."""
    active: defaultdict[Key, set[str]] = defaultdict(set)
    for event in game.events:
        if event.player is None or not asked.has(event.time):
            continue
        values = of_player_day(game, event.player, event.day)
        if asked.where(values):
            active[asked.key(event.time, values)].add(event.player)
    return {key: len(players) for key, players in active.items()}


def wau(game: Game, asked: Asked) -> Counts:
    """Distinct players of the 7 days that end with the bucket's last day in the period."""
    return _active_in_last(7, game, asked)


def mau(game: Game, asked: Asked) -> Counts:
    """The same of 30 days."""
    return _active_in_last(30, game, asked)


def stickiness(game: Game, asked: Asked) -> dict[Key, float]:
    """The share of the month's players who were active on its last day."""
    today, month = _active_in_last(1, game, asked), mau(game, asked)
    return {key: today.get(key, 0) / month[key] for key in month}


def _active_in_last(days: int, game: Game, asked: Asked) -> Counts:
    active: defaultdict[Key, set[str]] = defaultdict(set)
    for bucket, last in asked.buckets():
        for player in game.players:
            for day in game.active_days(player):
                values = of_player_day(game, player, day)
                if last - dt.timedelta(days=days) < day <= last and asked.where(values):
                    active[(bucket, *asked.group(values))].add(player)
    return {key: len(players) for key, players in active.items()}


def new_players(game: Game, asked: Asked) -> Counts:
    """Players whose first event ever is in the bucket, by their values of that day."""
    new: defaultdict[Key, int] = defaultdict(int)
    for player in game.players:
        first = game.of(player)[0]
        values = of_player_day(game, player, first.day)
        if asked.has(first.time) and asked.where(values):
            new[asked.key(first.time, values)] += 1
    return dict(new)


def returning_players(game: Game, asked: Asked) -> Counts:
    """Active players less new ones."""
    active, new = dau(game, asked), new_players(game, asked)
    return {key: active[key] - new.get(key, 0) for key in active}


def micros(day: dt.date) -> int:
    """The start of a UTC day in microseconds."""
    return (midnight(day) - EPOCH) // dt.timedelta(microseconds=1)
