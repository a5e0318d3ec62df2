"""The fields whose values are counted per game and day, to bound what dashboards show (metrics.md §6)."""

from typing import NamedTuple

COLUMN_FIELDS = ("build", "platform", "device", "os_version", "custom_01", "custom_02", "custom_03", "cart_type")
"""Columns of events that are fields themselves."""


class IdPart(NamedTuple):
    """A field that is a part of the `event_id` of events of one category; `place` from 0, None for the whole id."""

    name: str
    category: str
    place: int | None


ID_PARTS = (
    IdPart("progression_01", "progression", 1),
    IdPart("progression_02", "progression", 2),
    IdPart("progression_03", "progression", 3),
    IdPart("business_item_type", "business", 0),
    IdPart("business_item_id", "business", 1),
    IdPart("resource_currency", "resource", 1),
    IdPart("resource_item_type", "resource", 2),
    IdPart("resource_item_id", "resource", 3),
    IdPart("design_event_id", "design", None),
)

FIELDS = (*COLUMN_FIELDS, *(part.name for part in ID_PARTS))
"""Every field, by the name that `field_values` has for it."""
