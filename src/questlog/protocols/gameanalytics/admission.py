"""What the collector asks of a `/events` request: how many events are right, and what is wrong with the others.

The answer is that of `codec.decode_events`, found in less time because nobody reads the events: they are decoded into a
smaller type, and what the events of one session repeat is matched against the patterns once.
"""

from collections.abc import Sequence
from types import NoneType
from typing import Any, cast, get_args

from msgspec import NODEFAULT, Struct, ValidationError, defstruct, structs
from msgspec.json import Decoder

from questlog.model.reasons import DroppedEvent, RequestRejected
from questlog.protocols.gameanalytics.codec import MAX_EVENTS, decode_events, must_be_left_unread
from questlog.protocols.gameanalytics.json_text import read_json
from questlog.protocols.gameanalytics.plain import HAS_PLAIN_FIELDS, is_plain
from questlog.protocols.gameanalytics.wire import WireEvent

_REQUIRED = frozenset(
    {"user_id", "sdk_version", "os_version", "manufacturer", "device", "platform", "session_id", "session_num"}
)
# Each field costs time in every event, and these are rarely sent.
_LEFT_OUT = frozenset(
    {
        *("unknown", "user_id_ext", "receipt_info", "gender", "birth_year", "country_code"),
        *("oaid", "google_aid_src", "android_app_set_id", "android_bundle_id", "android_app_version"),
        *("android_app_build", "android_app_signature", "android_channel_id"),
        *("ios_att", "ios_testflight", "ios_bundle_id", "ios_app_version", "ios_app_build"),
    }
)


def _small_event() -> type[WireEvent]:
    """`WireEvent` without the fields left out, and with those that nearly every category requires as required.

    Like it, it refuses other fields. So whatever decodes into it decodes into `WireEvent`, with every value looked at.
    """
    fields: list[tuple[str, Any, Any]] = []
    for field in structs.fields(WireEvent):
        if field.name in _REQUIRED:
            (required_type,) = (part for part in get_args(field.type) if part is not NoneType)
            fields.append((field.name, required_type, NODEFAULT))
        elif field.name not in _LEFT_OUT:
            fields.append((field.name, field.type, field.default))
    made = defstruct("SmallEvent", fields, kw_only=True, gc=False, forbid_unknown_fields=True)
    return cast(type[WireEvent], made)  # it has what `plain` reads


_small_events: Decoder[list[WireEvent]] = Decoder(list[_small_event()])  # type: ignore[misc]


class Checked(Struct, frozen=True):
    """How many events of a request are stored, and those that are not."""

    good: int
    dropped: Sequence[DroppedEvent]


def check_events(body: bytes) -> Checked:
    """Judge the events of a `/events` request; `body` is without its content coding.

    Finds what `decode_events` finds, and raises `RequestRejected` as it does.
    """
    good = _count_if_all_are_plain(body)
    if good is not None:
        return Checked(good, ())
    decoded = decode_events(body)
    return Checked(len(decoded.events), decoded.dropped)


def _count_if_all_are_plain(body: bytes) -> int | None:
    """How many events there are, if nothing is wrong with any; None in doubt.

    A NUL character is as good here as the U+FFFD that `decode_events` puts in its place: no rule tells them apart.
    """
    if must_be_left_unread(body):
        return None
    try:
        events = read_json(_small_events, body)
    except (ValidationError, RequestRejected):
        return None
    return len(events) if len(events) <= MAX_EVENTS and _are_plain(events) else None


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
            if not is_plain(event, False):
                return False
            session_id, os_version = event.session_id, event.os_version
            sdk_version, engine_version = event.sdk_version, event.engine_version
    return True
