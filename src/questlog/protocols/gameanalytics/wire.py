"""What msgspec decodes a GameAnalytics event into, made from the table of fields."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, cast

from msgspec import NODEFAULT, Struct, defstruct

from questlog.model.taxonomy import GAMEANALYTICS_CATEGORIES
from questlog.protocols.gameanalytics.fields import BOUND, COMMON_FIELDS, UNCOMMON_FIELDS, Field

PLACED_FIELDS = frozenset(field.name for field in (*COMMON_FIELDS, *UNCOMMON_FIELDS))
"""Fields that have a place in `WireEvent`; the others become attributes."""

INVALID = "invalid"
"""The attribute of a lenient game's event that holds its invalid annotations by name."""


class UnknownFields(dict[str, Any]):
    """Fields without a place in `WireEvent`, as sent. A type of its own, so that no JSON value can pass for it."""


class InvalidFields(dict[str, Any]):
    """Optional annotations that break their rule, as sent. A type of its own, for the same reason."""


def _members(fields: Iterable[Field], required_in: frozenset[str]) -> list[tuple[str, Any, Any]]:
    """Members of a struct: required are those of the fields that all these categories require."""
    meanings: dict[str, list[Field]] = {}
    for field in fields:
        meanings.setdefault(field.name, []).append(field)
    members = []
    for name, same in meanings.items():
        wire = reduce(or_, dict.fromkeys(field.type_.wire for field in same))
        is_required = any(required_in <= field.required_in for field in same)
        members.append((name, wire, NODEFAULT) if is_required else (name, wire | None, None))
    return members


def _event_type(name: str, members: list[tuple[str, Any, Any]]) -> type[Struct]:
    return defstruct(name, members, module=__name__, kw_only=True, gc=False, forbid_unknown_fields=True)


_ALL = frozenset(GAMEANALYTICS_CATEGORIES)
_UNKNOWN = ("unknown", UnknownFields | None, None)

if TYPE_CHECKING:

    class WireEvent(Struct):
        """One event, of any category: the fields of the table, each None where it is absent or null.

        Decoding straight into this type takes plain events only: some patterns and what a category requires are
        checked afterwards (`plain_events`), and whatever it refuses goes through `rules`, which decide. Both the
        number of fields and their order cost time.
        """

        unknown: UnknownFields | None

        def __init__(self, **fields: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

else:
    WireEvent = _event_type("WireEvent", [*_members((*COMMON_FIELDS, *UNCOMMON_FIELDS), _ALL), _UNKNOWN])

OpenWireEvent = cast(
    type[WireEvent],
    defstruct("OpenWireEvent", [], bases=(WireEvent,), kw_only=True, gc=False, forbid_unknown_fields=False),
)
"""The same, decoded without a look at the fields that have no place in it."""

PLAIN_EVENT_TYPES = (
    cast(type[WireEvent], _event_type("CommonEvent", _members(COMMON_FIELDS, BOUND))),
    cast(type[WireEvent], _event_type("PlainEvent", _members((*COMMON_FIELDS, *UNCOMMON_FIELDS), BOUND))),
)
"""The first fields of a `WireEvent`, in its order, with those that nearly every category requires as required.

Each field costs time in every event, so that the smaller type is tried first: those that it lacks are sent with every
event or never. Whatever decodes into one of them decodes into `WireEvent`.
"""
