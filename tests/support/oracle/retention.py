"""Who comes back (metrics.md §3): players by the bucket of their first event, and by what they were at install.

Of a number of days only those players count whose day has passed; with none of them there is no answer.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from tests.support.oracle import money
from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.dimensions import at_install
from tests.support.oracle.game import Game
from tests.support.oracle.players import first_bucket


def _cohorts(game: Game, asked: Asked, days: int) -> dict[Key, list[str]]:
    cohorts: defaultdict[Key, list[str]] = defaultdict(list)
    for player in game.players:
        first = game.first_day(player)
        values = at_install(game, player)
        if asked.has_day(first) and asked.where(values) and first + dt.timedelta(days=days) < game.today:
            cohorts[(first_bucket(game, asked, player), *asked.group(values))].append(player)
    return cohorts


def _share(game: Game, asked: Asked, days: int, has: Callable[[str, dt.date], bool]) -> dict[Key, Fraction]:
    return {
        key: Fraction(
            sum(has(player, game.first_day(player) + dt.timedelta(days=days)) for player in players), len(players)
        )
        for key, players in _cohorts(game, asked, days).items()
    }


def classic(game: Game, asked: Asked, days: int) -> dict[Key, Fraction]:
    """The share who have an event on exactly that day."""
    return _share(game, asked, days, lambda player, day: day in game.active_days(player))


def rolling(game: Game, asked: Asked, days: int) -> dict[Key, Fraction]:
    """The share who have an event on that day or later."""
    return _share(game, asked, days, lambda player, day: max(game.active_days(player)) >= day)


def churn(game: Game, asked: Asked, days: int) -> dict[Key, Fraction]:
    """The share who have none."""
    return {key: 1 - share for key, share in rolling(game, asked, days).items()}


def ltv(game: Game, asked: Asked, days: int, state: str | None = None) -> dict[Key, Fraction]:
    """Revenue of a cohort, net of refunds, through that day over its size."""
    return {
        key: Fraction(sum((_spent(game, player, days, state) for player in players), Decimal())) / len(players)
        for key, players in _cohorts(game, asked, days).items()
    }


def _spent(game: Game, player: str, days: int, state: str | None) -> Decimal:
    last = game.first_day(player) + dt.timedelta(days=days)
    return money.net_usd((event for event in game.of(player) if event.day <= last), state)
