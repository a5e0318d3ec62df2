"""Kinds of events that rollups tell apart: a player day as bits of its column `kinds`, an event day as counts of ads.

So players of a kind, and ads to which something happened, are counted without looking at events.
"""

from collections.abc import Mapping

import msgspec


class EventKind(msgspec.Struct, frozen=True):
    """The events of a category; with a `first_part`, those whose id is or begins with it."""

    category: str
    first_part: str | None = None


KINDS = (
    EventKind("design"),
    EventKind("resource"),
    EventKind("error"),
    EventKind("ads"),
    EventKind("health"),
    EventKind("progression"),
    EventKind("progression", "Start"),
    EventKind("progression", "Fail"),
    EventKind("progression", "Complete"),
)
"""In the order of their bits, which are stored: new ones go to the end, with a migration."""


AD_COUNTS: Mapping[str, str] = {
    "ad_shows": "show",
    "ad_failed_shows": "failed_show",
    "ad_clicks": "clicked",
    "ad_rewards": "reward_received",
}
"""The columns of `event_days` that count by `ad_action`, and the action."""


def bit(kind: EventKind) -> int:
    """The kind's bit."""
    return 1 << KINDS.index(kind)


def bits_of(category: str, event_id: str | None) -> int:
    """The bits of an event."""
    first_part = (event_id or "").split(":", 1)[0]
    return sum(bit(kind) for kind in KINDS if kind.category == category and kind.first_part in (None, first_part))


def bits_sql() -> str:
    """SQL: the bits of an event, from its `category` and `event_id`."""
    whole = {kind.category: bit(kind) for kind in KINDS if kind.first_part is None}
    cases = " ".join(f"WHEN '{category}' THEN {found}{_parts_sql(category)}" for category, found in whole.items())
    return f"CASE category {cases} ELSE 0 END"


def _parts_sql(category: str) -> str:
    parts = [kind for kind in KINDS if kind.category == category and kind.first_part is not None]
    if not parts:
        return ""
    cases = " ".join(f"WHEN '{kind.first_part}' THEN {bit(kind)}" for kind in parts)
    return f" | CASE split_part(coalesce(event_id, ''), ':', 1) {cases} ELSE 0 END"
