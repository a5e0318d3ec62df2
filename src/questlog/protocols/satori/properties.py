"""The properties of an identity: how they are made, merged and carried over (satori.md §7)."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import msgspec

TextMap = Mapping[str, str]

_LARGEST_EXACT = 2**53

# The one event made by the server that feeds computed properties, and their prefix (satori.md §5.4).
_SYSTEM_PREFIXES = {"_sessionStart": "sessionStart"}


class Properties(msgspec.Struct, frozen=True):
    """Three maps with text values, numbers included."""

    default: TextMap = {}
    computed: TextMap = {}
    custom: TextMap = {}


class EventAggregate(Protocol):
    """An identity's accepted events of one name. Times are UTC microseconds.

    The values' sum and extremes are None where no event had a numeric value.
    """

    @property
    def name(self) -> str:
        """The event's name."""
        ...

    @property
    def count(self) -> int:
        """How many there were."""
        ...

    @property
    def seen_first(self) -> int:
        """When the first was seen."""
        ...

    @property
    def seen_last(self) -> int:
        """When the last was seen."""
        ...

    @property
    def value_sum(self) -> float | None:
        """All values added up."""
        ...

    @property
    def value_high(self) -> float | None:
        """The highest value."""
        ...

    @property
    def value_low(self) -> float | None:
        """The lowest value."""
        ...


def initial_properties(api_key_name: str, country: str | None, created_at: int) -> TextMap:
    """The default properties that the server sets when it creates an identity at `created_at` (UTC microseconds).

    `country` is ISO 3166 alpha-2, as the client's address tells; only the country is known of its place, the other
    parts are empty.
    """
    return {
        "apiKeyName": api_key_name,
        "firstOpen": str(created_at // 1_000_000),
        "countryCode": country or "",
        "region": "",
        "subRegion": "",
        "state": "",
        "city": "",
    }


def identified(old: TextMap, new: TextMap, update: TextMap | None) -> TextMap:
    """Properties of the identity that a session moves to by identify.

    Its own (`new`) win over those of the identity that is left (`old`), whose others are carried over; what the request
    names (`update`) wins over both. The own ones of an identity that identify creates are its `initial_properties`.
    """
    return {**old, **new, **(update or {})}


def computed(aggregates: Iterable[EventAggregate]) -> TextMap:
    """The computed properties of event names N: `NCount`, `NSeenFirst`, `NSeenLast`, `NValueSum`, `NValueHigh`,
    `NValueLow`.

    Seen times are Unix seconds. Of the events made by the server only `_sessionStart` has any, named `sessionStart…`.
    """
    texts: dict[str, str] = {}
    for aggregate in aggregates:
        prefix = _SYSTEM_PREFIXES.get(aggregate.name, aggregate.name)
        if prefix.startswith("_"):
            continue
        texts[f"{prefix}Count"] = str(aggregate.count)
        texts[f"{prefix}SeenFirst"] = str(aggregate.seen_first // 1_000_000)
        texts[f"{prefix}SeenLast"] = str(aggregate.seen_last // 1_000_000)
        values = {"Sum": aggregate.value_sum, "High": aggregate.value_high, "Low": aggregate.value_low}
        texts |= {f"{prefix}Value{name}": _number(value) for name, value in values.items() if value is not None}
    return texts


def _number(value: float) -> str:
    """A number without a needless `.0`."""
    return str(int(value)) if abs(value) <= _LARGEST_EXACT and value == int(value) else repr(value)
