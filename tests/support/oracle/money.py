"""Revenue, purchases, refunds and who pays (metrics.md §3), of all receipts or of those in one state.

Money counts by the values of the purchase itself. A purchase has an amount above 0, a refund one below. A variant for a
state of receipts counts only purchases and refunds in that state, wherever it says purchase or refund.

`arppu` and `revenue_per_transaction` leave out what has no price in dollars, above and below.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from tests.support.oracle import events
from tests.support.oracle.asked import Asked, Key, days
from tests.support.oracle.dimensions import of_event
from tests.support.oracle.events import Found
from tests.support.oracle.game import Game, Stored
from tests.support.oracle.players import dau
from tests.support.oracle.ratios import added, divided
from tests.support.oracle.zones import midnight


def revenue(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Decimal]:
    """Σ `amount_usd` of purchases and refunds; what has no price in dollars adds nothing."""
    return _dollars(_found(game, asked, state, lambda event: event.is_money))


def gross_revenue(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Decimal]:
    """Σ `amount_usd` of purchases, refunds left out."""
    return _dollars(_found(game, asked, state, lambda event: event.is_purchase))


def refunds(game: Game, asked: Asked, state: str | None = None) -> dict[Key, int]:
    return events.count(_found(game, asked, state, lambda event: event.is_refund))


def refunded(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Decimal]:
    """Σ `amount_usd` of refunds, as a positive number."""
    return {key: -total for key, total in _dollars(_found(game, asked, state, lambda event: event.is_refund)).items()}


def ad_revenue(game: Game, asked: Asked) -> dict[Key, Decimal]:
    """Σ `ad_revenue_usd`."""
    found = events.found(game, asked, lambda event: event.sent.ad_revenue_usd is not None)
    return {
        key: sum((each.sent.ad_revenue_usd or Decimal() for each in them), Decimal()) for key, them in found.items()
    }


def total_revenue(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Decimal]:
    """What players paid, net of refunds, and what ads earned; a state of receipts is of the first only."""
    return added(revenue(game, asked, state), ad_revenue(game, asked))


def transactions(game: Game, asked: Asked, state: str | None = None) -> dict[Key, int]:
    return events.count(_found(game, asked, state, lambda event: event.is_purchase))


def revenue_per_transaction(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Fraction | None]:
    priced = _found(game, asked, state, lambda event: event.is_purchase and _is_priced(event))
    return divided(revenue(game, asked, state), events.count(priced))


def paying_players(game: Game, asked: Asked, state: str | None = None) -> dict[Key, int]:
    """Distinct players with a purchase in the bucket."""
    return events.players(_found(game, asked, state, lambda event: event.is_purchase))


def converting_players(game: Game, asked: Asked, state: str | None = None) -> dict[Key, int]:
    """Players whose first purchase ever is in the bucket, by the values of that purchase."""
    count: defaultdict[Key, int] = defaultdict(int)
    for player in game.players:
        first = next((event for event in game.of(player) if event.is_purchase and _is_in(event, state)), None)
        if first is not None:
            values = of_event(game, first)
            if asked.has(first.time) and asked.where(values):
                count[asked.key(first.time, values)] += 1
    return dict(count)


def conversion(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Fraction | None]:
    """Paying players over active players."""
    return divided(paying_players(game, asked, state), dau(game, asked))


def arppu(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Fraction | None]:
    """Revenue over paying players, of purchases with a price. What nobody known has paid is revenue too."""
    priced = _found(game, asked, state, lambda event: event.is_purchase and _is_priced(event))
    return divided(revenue(game, asked, state), events.players(priced))


def arpdau(game: Game, asked: Asked, state: str | None = None) -> dict[Key, Fraction | None]:
    """Revenue over active players; over longer than a day, over the sum of each day's active players."""
    return divided(revenue(game, asked, state), _player_days(game, asked))


def net_usd(bought: Iterable[Stored], state: str | None = None) -> Decimal:
    """What the purchases of some events are worth, less the refunds."""
    return sum(
        (event.sent.amount_usd or Decimal() for event in bought if event.is_money and _is_in(event, state)), Decimal()
    )


def _found(game: Game, asked: Asked, state: str | None, is_meant: Callable[[Stored], bool]) -> Found:
    return events.found(game, asked, lambda event: is_meant(event) and _is_in(event, state))


def _is_in(event: Stored, state: str | None) -> bool:
    return state in (None, event.sent.receipt_state)


def _is_priced(event: Stored) -> bool:
    return event.sent.amount_usd is not None


def _dollars(found: Found) -> dict[Key, Decimal]:
    return {key: net_usd(them) for key, them in found.items()}


def _player_days(game: Game, asked: Asked) -> dict[Key, int]:
    if asked.granularity in ("minute", "hour"):
        return dau(game, asked)
    total: defaultdict[Key, int] = defaultdict(int)
    for day in days(asked.start, asked.end):
        of_day = dau(game, replace(asked, start=day, end=day, granularity="day"))
        for key, count in of_day.items():
            assert key[0] == midnight(day)
            bucket = next(bucket for bucket, last in asked.buckets() if day <= last)
            total[(bucket, *key[1:])] += count
    return dict(total)
