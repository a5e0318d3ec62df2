"""dau, wau, mau, stickiness, new and returning players (metrics.md §3).

A player is active in a bucket that has an event of theirs. With dimensions a player counts under every value that an
event of theirs had in it.
"""

import datetime as dt
from collections import defaultdict

from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.dimensions import at_install, of_event
from tests.support.oracle.game import Game

Counts = dict[Key, int]


def dau(game: Game, asked: Asked) -> Counts:
    """Distinct players with an event in the bucket."""
    return _counts(_active(game, asked))


def returning_players(game: Game, asked: Asked) -> Counts:
    """Those of them whose first event of all lies before the bucket."""
    active = _active(game, asked)
    return {
        key: len([player for player in players if not _is_new_in(game, asked, player, key)])
        for key, players in active.items()
    }


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


def new_players(game: Game, asked: Asked) -> Counts:
    """Players whose first event ever is in the bucket, by what they were at install."""
    new: defaultdict[Key, int] = defaultdict(int)
    for player in game.players:
        values = at_install(game, player)
        if asked.has_day(game.first_day(player)) and asked.where(values):
            new[(first_bucket(game, asked, player), *asked.group(values))] += 1
    return dict(new)


def first_bucket(game: Game, asked: Asked, player: str) -> dt.datetime | None:
    """The bucket in which a player is new: that of the first day, or of the first event where buckets are shorter."""
    if asked.granularity in ("minute", "hour"):
        return asked.bucket(game.of(player)[0].time)
    return asked.bucket_of_day(game.first_day(player))


def _active(game: Game, asked: Asked) -> dict[Key, set[str]]:
    active: defaultdict[Key, set[str]] = defaultdict(set)
    for event in game.events:
        if event.player is not None and asked.has(event.time):
            values = of_event(game, event)
            if asked.where(values):
                active[asked.key(event.time, values)].add(event.player)
    return active


def _is_new_in(game: Game, asked: Asked, player: str, key: Key) -> bool:
    return asked.has_day(game.first_day(player)) and first_bucket(game, asked, player) == key[0]


def _active_in_last(days: int, game: Game, asked: Asked) -> Counts:
    active: defaultdict[Key, set[str]] = defaultdict(set)
    for bucket, last in asked.buckets():
        for event in game.events:
            if event.player is not None and _is_within(asked.zone.day(event.time), last, days):
                values = of_event(game, event)
                if asked.where(values):
                    active[(bucket, *asked.group(values))].add(event.player)
    return _counts(active)


def _is_within(day: dt.date, last: dt.date, days: int) -> bool:
    return last - dt.timedelta(days=days) < day <= last


def _counts(players: dict[Key, set[str]]) -> Counts:
    return {key: len(them) for key, them in players.items()}
