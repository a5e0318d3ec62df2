"""The value of every dimension: of an event, of a session, of a player (metrics.md §4).

Every event counts under its own values. What an event does not say is the player's: `payer` is `yes` from the local day
of the first purchase on, `player_age` is `new` on the local day of the first event.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from tests.support.oracle.asked import Value, Values
from tests.support.oracle.game import Game, Stored
from tests.support.oracle.sessions import Session

DIMENSIONS = (
    "country", "platform", "os_version", "device", "manufacturer", "build", "engine_version", "sdk_version",
    "connection_type", "custom_01", "custom_02", "custom_03",
)  # fmt: skip
"""Those that sessions, players and their days carry a copy of."""

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
    """An event's own values; those of its player as of its day."""

    def value(name: str) -> Value:
        if name not in _OF_PLAYER:
            return own_value(event, name)
        return None if event.player is None else _of_player(game, event.player, name, event.day)

    return value


def of_session(game: Game, session: Session) -> Values:
    """The values of the session's first event; those of its player as of the day on which it began."""
    first = first_telling(game.in_session(session))

    def value(name: str) -> Value:
        return _of_player(game, session.player, name, session.day) if name in _OF_PLAYER else own_value(first, name)

    return value


def at_install(game: Game, player: str) -> Values:
    """What a player was at first: the values of the player's first event. `payer` is what the player is now."""
    first = first_telling(game.of(player))

    def value(name: str) -> Value:
        if name == "payer":
            return "no" if game.first_purchase(player) is None else "yes"
        return _of_player(game, player, name, game.first_day(player)) if name in _OF_PLAYER else own_value(first, name)

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


def _of_player(game: Game, player: str, name: str, day: dt.date) -> Value:
    if name == "first_build":
        return first_telling(game.of(player)).sent.build
    if name == "install_date":
        return game.first_day(player)
    if name == "player_age":
        return "new" if game.first_day(player) == day else "returning"
    first = game.first_purchase_day(player)
    return "yes" if first is not None and first <= day else "no"
