"""The value of every dimension: of an event, and of a player on a day (metrics.md §4)."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from tests.support.oracle.asked import Value, Values
from tests.support.oracle.game import EPOCH, Game, Stored

OF_LAST_EVENT = (
    "country", "platform", "os_version", "device", "manufacturer", "build", "engine_version", "sdk_version",
    "connection_type", "custom_01", "custom_02", "custom_03",
)  # fmt: skip
"""Of a player's day these are what the day's last event says that names a platform (`telling`)."""

PARTS = {
    "progression_status": {"progression": 0},
    "progression_01": {"progression": 1},
    "progression_02": {"progression": 2},
    "flow_type": {"resource": 0},
    "resource_currency": {"resource": 1},
    "item_type": {"resource": 2, "business": 0},
    "item_id": {"resource": 3, "business": 1},
    "design_01": {"design": 0},
    "design_02": {"design": 1},
}
"""What is a part of an event's id: its place in the ids of each category."""


def of_event(game: Game, event: Stored) -> Values:
    """An event's own values; what is the player's (payer, install date, …) as of the event."""

    def value(name: str) -> Value:
        if event.player is not None and name in _OF_PLAYER:
            return _of_player(game, event.player, name, event.day, event.time)
        return None if name in _OF_PLAYER else own_value(event, name)

    return value


def of_player_day(game: Game, player: str | None, day: dt.date) -> Values:
    """A player's values of a UTC day: the last ones. An event of no player has none."""

    def value(name: str) -> Value:
        if player is None:
            return None
        if name in _OF_PLAYER:
            return _of_player(game, player, name, day, _end_of(day))
        events = [event for event in game.of(player) if event.day == day]
        if name in OF_LAST_EVENT:
            last = max(telling(events), key=lambda event: event.order, default=None)
            return None if last is None else own_value(last, name)
        told = [event for event in events if own_value(event, name) is not None]
        return own_value(max(told, key=lambda event: event.order), name) if told else None

    return value


def at_install(game: Game, player: str) -> Values:
    """What a player was at first: by the earliest event that names a platform (`telling`).

    `payer` is whether there is a purchase up to now. What players do not carry is the last of their first day.
    """

    def value(name: str) -> Value:
        if name in (*OF_LAST_EVENT, "source"):
            return own_value(first_telling(game.of(player)), name)
        if name == "payer":
            return "no" if game.first_purchase(player) is None else "yes"
        return of_player_day(game, player, game.first_day(player))(name)

    return value


def telling(events: Sequence[Stored]) -> Sequence[Stored]:
    """Those that name a platform; if none does, those with a country; if none has one, all."""
    with_platform = [event for event in events if event.sent.platform is not None]
    with_country = [event for event in events if event.sent.country is not None]
    return with_platform or with_country or events


def first_telling(events: Sequence[Stored]) -> Stored:
    """The event that says what a player was at install, or a session was of."""
    return min(telling(events), key=lambda event: event.order)


def own_value(event: Stored, name: str) -> Value:
    """What the event itself says."""
    if name.startswith("attributes.custom_fields."):
        fields = (event.sent.attributes or {}).get("custom_fields") or {}
        return attribute_text(fields.get(name.removeprefix("attributes.custom_fields.")))
    if name.startswith("attributes."):
        return attribute_text((event.sent.attributes or {}).get(name.removeprefix("attributes.")))
    if name in PARTS:
        place = PARTS[name].get(event.sent.category)
        return event.parts[place] or None if place is not None and place < len(event.parts) else None
    if name == "session_id":
        return event.session_id
    found: Value = getattr(event.sent, name, None)
    return found


def attribute_text(value: Any) -> str | None:
    """An attribute as text: what JSON writes, without the quotes of a string; null is no value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


_OF_PLAYER = {"first_build", "install_date", "player_age", "payer"}


def _of_player(game: Game, player: str, name: str, day: dt.date, until: int) -> Value:
    if not game.of(player):
        return None
    if name == "first_build":
        return first_telling(game.of(player)).sent.build
    if name == "install_date":
        return game.first_day(player)
    if name == "player_age":
        return "new" if game.first_day(player) == day else "returning"
    purchase = game.first_purchase(player)
    return "yes" if purchase is not None and purchase <= until else "no"


def _end_of(day: dt.date) -> int:
    """The last microsecond of a UTC day."""
    midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time())
    return (midnight - EPOCH) // dt.timedelta(microseconds=1) - 1
