"""One event: from its wire shape to checked values (satori.md §4.2, §5.3)."""

import msgspec

from questlog.model.event import NIL_UUID
from questlog.model.reasons import Reason
from questlog.protocols.numbers import nearest_integer
from questlog.protocols.satori.limits import (
    IDENTITY_ID_RULE,
    MAX_ID_LENGTH,
    MAX_METADATA_BYTES,
    MAX_METADATA_KEYS,
    MAX_NAME_LENGTH,
    MAX_VALUE_LENGTH,
    is_identity_id,
)
from questlog.protocols.satori.timestamps import MAX_UNIX_S, parse_timestamp, unix_seconds
from questlog.protocols.satori.wire import ClientEvent, ServerEvent

TOO_MANY_KEYS = f"The metadata has more than {MAX_METADATA_KEYS} keys"


class EventInvalid(Exception):
    """One event cannot be taken for this field of its; `detail` is safe to show to the sender."""

    def __init__(self, field: str, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.reason = reason
        self.detail = detail


class Event(msgspec.Struct, gc=False):
    """A checked event. Times are UTC microseconds; `attributes` is the metadata as a JSON object with text values.

    `player_id` and the session's fields are None for an event that came in by `/v1/event`. `invalid` are the texts of
    the fields that a lenient game passes over.
    """

    name: str
    client_event_id: str | None
    client_time: int | None
    value: str | None
    attributes: str | None
    player_id: str | None = None
    session_id: str | None = None
    session_issued_at: int | None = None
    session_expires_at: int | None = None
    invalid: dict[str, str] | None = None


def read_client_event(wire: ClientEvent) -> Event:
    """Check an event of `/v1/event`. Raises `EventInvalid`."""
    return Event(
        _client_name(wire.name),
        _id(wire.id) if wire.id else None,
        _time(wire.timestamp) if wire.timestamp else None,
        _value(wire.value) if wire.value else None,
        _attributes(wire.metadata) if wire.metadata else None,
    )


def read_server_event(wire: ServerEvent) -> Event:
    """Check an event of `/v1/server-event`. Raises `EventInvalid`."""
    return _with_session(read_client_event(wire), wire)


def read_system_event(wire: ServerEvent) -> Event:
    """Check an event that the server made itself: its name may be a reserved one. Raises `EventInvalid`."""
    event = Event(
        _name(wire.name),
        _id(wire.id) if wire.id else None,
        _time(wire.timestamp) if wire.timestamp else None,
        _value(wire.value) if wire.value else None,
        _attributes(wire.metadata) if wire.metadata else None,
    )
    return _with_session(event, wire)


def _with_session(event: Event, wire: ServerEvent) -> Event:
    player_id = wire.identity_id or wire.identity_id_camel
    if player_id and player_id != NIL_UUID:
        event.player_id = _player_id(player_id)
    session_id = wire.session_id or wire.session_id_camel
    if session_id:
        event.session_id = _id(session_id, "session_id")
    issued_at = wire.session_issued_at or wire.session_issued_at_camel
    if issued_at:
        event.session_issued_at = _unix_time(issued_at, "session_issued_at")
    expires_at = (
        wire.session_expires_at
        or wire.session_expires_at_camel
        or wire.session_expired_at
        or wire.session_expired_at_camel
    )
    if expires_at:
        event.session_expires_at = _unix_time(expires_at, "session_expires_at")
    return event


def _client_name(name: str | None) -> str:
    if name and name[0] == "_":
        raise EventInvalid("name", Reason.INVALID_NAME, "Event name invalid: a leading underscore is reserved")
    return _name(name)


def _name(name: str | None) -> str:
    if not name:
        raise EventInvalid("name", Reason.INVALID_NAME, "Event name invalid: it is missing")
    if len(name) > MAX_NAME_LENGTH:
        raise EventInvalid("name", Reason.INVALID_NAME, f"Event name invalid: longer than {MAX_NAME_LENGTH} characters")
    if not name.isprintable():
        raise EventInvalid("name", Reason.INVALID_NAME, "Event name invalid: a character is not printable")
    return name


def _id(text: str, field: str = "id") -> str:
    if len(text) > MAX_ID_LENGTH or not text.isprintable():
        raise EventInvalid(field, Reason.INVALID_ID, f"An id must be at most {MAX_ID_LENGTH} printable characters")
    return text


def _player_id(text: str) -> str:
    if not is_identity_id(text):
        raise EventInvalid("identity_id", Reason.INVALID_ID, IDENTITY_ID_RULE)
    return text


def _time(text: str) -> int:
    time_us = parse_timestamp(text)
    if time_us is None:
        raise EventInvalid(
            "timestamp", Reason.INVALID_TIMESTAMP, "The timestamp is no RFC 3339 time with `Z` or an offset"
        )
    return time_us


def _unix_time(value: float | str, field: str) -> int | None:
    """Microseconds of int64 Unix seconds, sent as a number or a string; None for 0, which means unset."""
    seconds = unix_seconds(value) if isinstance(value, str) else nearest_integer(value)
    if seconds is None or not 0 <= seconds <= MAX_UNIX_S:
        raise EventInvalid(field, Reason.INVALID_TIMESTAMP, "A session's times must be Unix seconds")
    return seconds * 1_000_000 or None


def _value(text: str) -> str:
    if len(text) > MAX_VALUE_LENGTH:
        raise EventInvalid(
            "value", Reason.VALUE_LENGTH_EXCEEDED, f"The value is longer than {MAX_VALUE_LENGTH} characters"
        )
    if "\0" in text:
        raise EventInvalid("value", Reason.INVALID_VALUE, "The value holds a NUL character")
    return text


def _attributes(metadata: dict[str, str]) -> str:
    if len(metadata) > MAX_METADATA_KEYS:
        raise EventInvalid("metadata", Reason.METADATA_SIZE_EXCEEDED, TOO_MANY_KEYS)
    attributes = _encode(metadata)
    if len(attributes) > MAX_METADATA_BYTES:
        raise EventInvalid(
            "metadata", Reason.METADATA_SIZE_EXCEEDED, f"The metadata is larger than {MAX_METADATA_BYTES} bytes"
        )
    if b"\\u0000" in attributes and any("\0" in text for item in metadata.items() for text in item):
        raise EventInvalid("metadata", Reason.INVALID_METADATA, "The metadata holds a NUL character")
    return attributes.decode()


_encode = msgspec.json.Encoder().encode
