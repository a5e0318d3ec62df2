"""Segments: players by what they are and what they did (metrics.md §5)."""

import datetime as dt
from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

from tests.support.oracle import money
from tests.support.oracle.asked import Value, Values, Where
from tests.support.oracle.dimensions import at_install
from tests.support.oracle.events import Is
from tests.support.oracle.game import Game, Stored

Rule: TypeAlias = Callable[[Game, str], bool]

_COMPARE: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "is": lambda one, other: one == other,
    "is_not": lambda one, other: one != other,
    "greater": lambda one, other: one > other,
    "greater_or_equal": lambda one, other: one >= other,
    "less": lambda one, other: one < other,
    "less_or_equal": lambda one, other: one <= other,
}


def members(game: Game, rule: Rule) -> list[str]:
    """The players for whom it holds now."""
    return [player for player in game.players if rule(game, player)]


def who(where: Where) -> Rule:
    """By what a player was at install, and all that was counted of the player up to now."""
    return lambda game, player: where(of_player(game, player))


def did(is_meant: Is, measured: str, operator: str, value: float, last_days: int | None = None) -> Rule:
    """By what is measured of a player's events of the last days, of which today is the first."""

    def holds(game: Game, player: str) -> bool:
        first = dt.date.min if last_days is None else game.today - dt.timedelta(days=last_days - 1)
        last = dt.date.max if last_days is None else game.today
        events = [event for event in game.of(player) if is_meant(event) and first <= event.day <= last]
        return _COMPARE[operator](_measure(measured, events), Fraction(value))

    return holds


def all_of(*rules: Rule) -> Rule:
    return lambda game, player: all(rule(game, player) for rule in rules)


def any_of(*rules: Rule) -> Rule:
    return lambda game, player: any(rule(game, player) for rule in rules)


def none_of(one: Rule) -> Rule:
    return lambda game, player: not one(game, player)


def of_player(game: Game, player: str) -> Values:
    """A player's values as of now."""
    events = game.of(player)
    sessions = [session for session in game.sessions if session.player == player]
    known: dict[str, Value] = {
        "player_id": player,
        "events": len(events),
        "sessions": len(sessions),
        "playtime_s": float(sum((session.length_s for session in sessions), Fraction())),
        "transactions": sum(event.is_purchase for event in events),
        "refunds": sum(event.is_refund for event in events),
        "revenue_usd": float(money.net_usd(events)),
        "first_seen": game.first_day(player),
        "last_seen": max(game.active_days(player)),
        "first_purchase": game.first_purchase_day(player),
    }
    return lambda name: known[name] if name in known else at_install(game, player)(name)


def _measure(measured: str, events: list[Stored]) -> Fraction:
    if measured == "count":
        return Fraction(len(events))
    if measured == "days":
        return Fraction(len({event.day for event in events}))
    if measured == "value_sum":
        return sum((Fraction(event.sent.value) for event in events if event.sent.value is not None), Fraction())
    return Fraction(money.net_usd(events))
