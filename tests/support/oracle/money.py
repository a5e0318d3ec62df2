"""Revenue, purchases and who pays (metrics.md §3), of all receipts or of those in one state.

Money counts by the player's values of the day; a purchase of no player counts with no values. A variant for a state of
receipts counts only purchases in that state, wherever it says purchase.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from tests.support.oracle.asked import Asked, Key, days, midnight
from tests.support.oracle.dimensions import of_player_day
from tests.support.oracle.game import Game, Stored
from tests.support.oracle.players import dau
from tests.support.oracle.ratios import divided


def _purchases(game: Game, asked: Asked, state: str | None) -> Iterator[tuple[Key, Stored]]:
    for event in game.events:
        values = of_player_day(game, event.player, event.day)
        is_meant = event.is_purchase and state in (None, event.sent.receipt_state)
        if is_meant and asked.has(event.time) and asked.where(values):
            yield asked.key(event.time, values), event


def revenue(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Decimal]:
    """Σ `amount_usd`; a refund counts against it, an unknown currency not at all."""
    total: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for key, event in _purchases(game, asked, state):
        total[key] += event.sent.amount_usd or 0
    return dict(total)


def transactions(game: Game, asked: Asked, state: str | None = None) -> dict[Key, int]:
    count: defaultdict[Key, int] = defaultdict(int)
    for key, _ in _purchases(game, asked, state):
        count[key] += 1
    return dict(count)


def revenue_per_transaction(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Fraction | None]:
    return divided(revenue(game, asked, state), transactions(game, asked, state))


def paying_players(game: Game, asked: Asked, state: str | None = None) -> dict[Key, int]:
    """Distinct players with a purchase in the bucket."""
    players: defaultdict[Key, set[str]] = defaultdict(set)
    for key, event in _purchases(game, asked, state):
        if event.player is not None:
            players[key].add(event.player)
    return {key: len(them) for key, them in players.items()}


def converting_players(game: Game, asked: Asked, state: str | None = None) -> dict[Key, int]:
    """Players whose first purchase ever is in the bucket, by their values of that day."""
    count: defaultdict[Key, int] = defaultdict(int)
    for player in game.players:
        bought = [e for e in game.of(player) if e.is_purchase and state in (None, e.sent.receipt_state)]
        if not bought:
            continue
        values = of_player_day(game, player, bought[0].day)
        if asked.has(bought[0].time) and asked.where(values):
            count[asked.key(bought[0].time, values)] += 1
    return dict(count)


def conversion(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Fraction | None]:
    """Paying players over active players."""
    return divided(paying_players(game, asked, state), dau(game, asked))


def arppu(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Fraction | None]:
    """Revenue over paying players. What nobody known has paid is revenue too."""
    return divided(revenue(game, asked, state), paying_players(game, asked, state))


def arpdau(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Fraction | None]:
    """Revenue over active players; over longer than a day, over the sum of each day's active players."""
    return divided(revenue(game, asked, state), _player_days(game, asked))


def _player_days(game: Game, asked: Asked) -> dict[Key, int]:
    if asked.granularity in ("minute", "hour"):
        return dau(game, asked)
    total: defaultdict[Key, int] = defaultdict(int)
    for day in days(asked.start, asked.end):
        of_day = dau(game, replace(asked, start=day, end=day, granularity="day"))
        bucket = next(bucket for bucket, last in asked.buckets() if day <= last)
        for key, count in of_day.items():
            assert key[0] == midnight(day)
            total[(bucket, *key[1:])] += count
    return dict(total)


def ad_revenue(game: Game, asked: Asked) -> dict[Key, Decimal]:
    """Σ `ad_revenue_usd`."""
    total: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for event in game.events:
        values = of_player_day(game, event.player, event.day)
        if event.sent.ad_revenue_usd is not None and asked.has(event.time) and asked.where(values):
            total[asked.key(event.time, values)] += event.sent.ad_revenue_usd
    return dict(total)
