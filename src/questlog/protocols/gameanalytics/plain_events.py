"""The quick way to read a `/events` request: all at once, if nothing is wrong with any event.

What msgspec decodes is right but for some patterns and for what a category requires; both are checked here. Yes means
that the rules would find nothing wrong and change nothing; no means only that they have to decide.
"""

from collections.abc import Callable, Sequence

from msgspec import ValidationError
from msgspec.json import Decoder

from questlog.model.reasons import RequestRejected
from questlog.protocols.gameanalytics.json_text import read_json
from questlog.protocols.gameanalytics.patterns import (
    BUSINESS_ID,
    DESIGN_ID,
    ENGINE_VERSION,
    OS_VERSION,
    PROGRESSION_ID,
    RESOURCE_ID,
    SDK_VERSION,
    SESSION_ID,
)
from questlog.protocols.gameanalytics.wire import PLAIN_EVENT_TYPES, WireEvent

_decoders: tuple[Decoder[list[WireEvent]], ...] = tuple(Decoder(list[each]) for each in PLAIN_EVENT_TYPES)  # type: ignore[valid-type]


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
            has_plain_fields = _HAS_PLAIN_FIELDS.get(event.category)
            if has_plain_fields is None or not has_plain_fields(event):
                return False
        else:
            if not is_plain(event):
                return False
            session_id, os_version = event.session_id, event.os_version
            sdk_version, engine_version = event.sdk_version, event.engine_version
    return True


def is_plain(event: WireEvent) -> bool:
    """Whether nothing is wrong with the event; patterns are matched against values seen before first."""
    has_plain_fields = _HAS_PLAIN_FIELDS.get(event.category)
    engine_version = event.engine_version
    return (
        has_plain_fields is not None
        and has_plain_fields(event)
        and ((text := event.os_version) in OS_VERSION.seen or (text is not None and OS_VERSION.matches(text)))
        and ((text := event.sdk_version) in SDK_VERSION.seen or (text is not None and SDK_VERSION.matches(text)))
        and ((text := event.session_id) in SESSION_ID.seen or (text is not None and SESSION_ID.matches(text)))
        and (engine_version is None or engine_version in ENGINE_VERSION.seen or ENGINE_VERSION.matches(engine_version))
        and event.user_id is not None
        and event.session_num is not None
        and event.manufacturer is not None
        and event.device is not None
        and event.platform is not None
    )


def _is_plain_design(event: WireEvent) -> bool:
    event_id = event.event_id
    return event.amount is None and (
        event_id in DESIGN_ID.seen or (event_id is not None and DESIGN_ID.matches(event_id))
    )


def _is_plain_progression(event: WireEvent) -> bool:
    event_id = event.event_id
    return (
        event.amount is None
        and event.value is None
        and (event_id in PROGRESSION_ID.seen or (event_id is not None and PROGRESSION_ID.matches(event_id)))
    )


def _is_plain_resource(event: WireEvent) -> bool:
    event_id = event.event_id
    return (
        event.amount is not None
        and event.value is None
        and (event_id in RESOURCE_ID.seen or (event_id is not None and RESOURCE_ID.matches(event_id)))
    )


def _is_plain_business(event: WireEvent) -> bool:
    event_id = event.event_id
    return (
        type(event.amount) is int
        and event.currency is not None
        and event.transaction_num is not None
        and event.value is None
        and (event_id in BUSINESS_ID.seen or (event_id is not None and BUSINESS_ID.matches(event_id)))
    )


def _is_plain_error(event: WireEvent) -> bool:
    return event.severity is not None and event.message is not None and _is_plain_without_id(event)


def _is_plain_session_end(event: WireEvent) -> bool:
    return event.length is not None and _is_plain_without_id(event)


def _is_plain_ad(event: WireEvent) -> bool:
    return (
        event.ad_sdk_name is not None
        and event.ad_placement is not None
        and event.ad_type is not None
        and event.ad_action is not None
        and _is_plain_without_id(event)
    )


def _is_plain_impression(event: WireEvent) -> bool:
    return event.ad_network_name is not None and event.impression_data is not None and _is_plain_without_id(event)


def _is_plain_without_id(event: WireEvent) -> bool:
    return event.event_id is None and event.amount is None and event.value is None


_HAS_PLAIN_FIELDS: dict[str, Callable[[WireEvent], bool]] = {
    "user": _is_plain_without_id,
    "session_end": _is_plain_session_end,
    "business": _is_plain_business,
    "resource": _is_plain_resource,
    "progression": _is_plain_progression,
    "design": _is_plain_design,
    "error": _is_plain_error,
    "ads": _is_plain_ad,
    "impression": _is_plain_impression,
    "sdk_init": _is_plain_without_id,
    "health": _is_plain_without_id,
}
"""Per category, whether nothing is wrong with the fields that only some categories have."""
