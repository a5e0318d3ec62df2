"""Ads shown, clicked, not filled, rewarded (metrics.md §3).

An impression is an ad event `show`, or Satori's `adImpression`; what networks report (category `impression`) is counted
by itself, for the same ad may be both.
"""

from fractions import Fraction

from tests.support.oracle import events
from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.game import Game, Stored
from tests.support.oracle.ratios import divided


def _of_action(game: Game, asked: Asked, action: str) -> dict[Key, int]:
    def is_it(event: Stored) -> bool:
        return event.sent.category == "ads" and event.sent.ad_action == action

    return events.count(events.found(game, asked, is_it))


def shows(game: Game, asked: Asked) -> dict[Key, int]:
    return _of_action(game, asked, "show")


def impressions(game: Game, asked: Asked) -> dict[Key, int]:
    def is_it(event: Stored) -> bool:
        is_satori = event.sent.category == "custom" and event.sent.event_id == "adImpression"
        return is_satori or (event.sent.category == "ads" and event.sent.ad_action == "show")

    return events.count(events.found(game, asked, is_it))


def network_impressions(game: Game, asked: Asked) -> dict[Key, int]:
    return events.count(events.found(game, asked, events.of_category("impression")))


def clicks(game: Game, asked: Asked) -> dict[Key, int]:
    return _of_action(game, asked, "clicked")


def failed_shows(game: Game, asked: Asked) -> dict[Key, int]:
    return _of_action(game, asked, "failed_show")


def rewards(game: Game, asked: Asked) -> dict[Key, int]:
    return _of_action(game, asked, "reward_received")


def fill_rate(game: Game, asked: Asked) -> dict[Key, Fraction | None]:
    """Of the ads that were to be shown, the share that was."""
    shown, failed = shows(game, asked), failed_shows(game, asked)
    tried = {key: shown.get(key, 0) + failed.get(key, 0) for key in {**shown, **failed}}
    return divided(shown, tried)


def click_rate(game: Game, asked: Asked) -> dict[Key, Fraction | None]:
    return divided(clicks(game, asked), shows(game, asked))


def players(game: Game, asked: Asked) -> dict[Key, int]:
    """Distinct players with an ad event, whatever happened to the ad."""
    return events.players(events.found(game, asked, events.of_category("ads")))
