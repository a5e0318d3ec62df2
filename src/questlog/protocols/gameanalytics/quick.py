"""The quick way to read a `/events` request: all at once, into a type that is no larger than need be, if nothing is
wrong with any event.

What the events of one session repeat is matched against the patterns once.
"""

from collections.abc import Sequence
from itertools import takewhile
from types import NoneType
from typing import Any, cast, get_args

from msgspec import NODEFAULT, ValidationError, defstruct, structs
from msgspec.json import Decoder

from questlog.model.reasons import RequestRejected
from questlog.protocols.gameanalytics.json_text import read_json
from questlog.protocols.gameanalytics.plain import HAS_PLAIN_FIELDS, is_plain
from questlog.protocols.gameanalytics.wire import WireEvent

_REQUIRED = frozenset(
    {"user_id", "sdk_version", "os_version", "manufacturer", "device", "platform", "session_id", "session_num"}
)
# Each field costs time in every event. Those left out are sent with every event or never: the first one tells.
_FIRST_LEFT_OUT = "user_id_ext"


def _plain_event(name: str, end: str) -> type[WireEvent]:
    """`WireEvent` without its fields from `end` on, and with those that nearly every category requires as required.

    Like it, it refuses other fields. So whatever decodes into it decodes into `WireEvent`, with every value looked at.
    """
    fields: list[tuple[str, Any, Any]] = []
    for field in takewhile(lambda field: field.name != end, structs.fields(WireEvent)):
        if field.name in _REQUIRED:
            (required_type,) = (part for part in get_args(field.type) if part is not NoneType)
            fields.append((field.name, required_type, NODEFAULT))
        else:
            fields.append((field.name, field.type, field.default))
    made = defstruct(name, fields, kw_only=True, gc=False, forbid_unknown_fields=True)
    return cast(type[WireEvent], made)  # it has what `plain` reads


_decoders: tuple[Decoder[list[WireEvent]], ...] = (
    Decoder(list[_plain_event("SmallEvent", _FIRST_LEFT_OUT)]),  # type: ignore[misc]
    Decoder(list[_plain_event("PlainEvent", "unknown")]),  # type: ignore[misc]
)


def read_plain_events(body: bytes) -> list[WireEvent] | None:
    """The events, if `WireEvent` has a place for all their fields and nothing is wrong with any; else None.

    They are of a type with the first fields of a `WireEvent`, in its order.
    """
    for decoder in _decoders:
        try:
            events = read_json(decoder, body)
        except ValidationError:
            continue
        except RequestRejected:
            return None
        return events if _are_plain(events) else None
    return None


def _are_plain(events: Sequence[WireEvent]) -> bool:
    session_id = os_version = sdk_version = engine_version = None
    for event in events:
        if (
            event.session_id == session_id
            and event.os_version == os_version
            and event.sdk_version == sdk_version
            and event.engine_version == engine_version
        ):
            has_plain_fields = HAS_PLAIN_FIELDS.get(event.category)
            if has_plain_fields is None or not has_plain_fields(event):
                return False
        else:
            if not is_plain(event, is_platform_list_strict=False):
                return False
            session_id, os_version = event.session_id, event.os_version
            sdk_version, engine_version = event.sdk_version, event.engine_version
    return True
