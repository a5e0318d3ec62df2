"""Satori's batches of events, from bytes to checked events and from those to columns (satori.md §5).

Every event is judged on its own: those that cannot be taken are values in `Decoded.dropped`, the rest is stored.
"""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Raw, Struct

from questlog.model.event import Columns, Source
from questlog.model.reasons import DroppedEvent, Reason, RequestRejected
from questlog.model.taxonomy import CUSTOM, SATORI_IMPRESSION, SATORI_PURCHASE
from questlog.protocols.ids import known_ids
from questlog.protocols.satori.events import (
    TOO_MANY_KEYS,
    Event,
    EventInvalid,
    read_client_event,
    read_server_event,
    read_system_event,
)
from questlog.protocols.satori.limits import MAX_COMMAS, MAX_EVENTS, MAX_METADATA_KEYS, MAX_VALUE_LENGTH
from questlog.protocols.satori.money import Money, ad_revenue_usd, purchase, read_number
from questlog.protocols.satori.taxonomy import CORE_EVENT_NAMES
from questlog.protocols.satori.wire import ClientEvent, ServerEvent, is_null, quoted, read_body

_Item = TypeVar("_Item")


class Decoded(Struct, frozen=True):
    """A readable request: its good events, the place of each in the request (from 0), and the events to drop.

    `lenient` of the good ones have invalid fields.
    """

    events: Sequence[Event]
    indexes: Sequence[int]
    dropped: Sequence[DroppedEvent]
    lenient: int = 0


class _ClientRequest(Struct):
    events: list[ClientEvent] | None = None


class _ServerRequest(Struct):
    events: list[ServerEvent] | None = None


class _RawRequest(Struct):
    events: list[Raw] | None = None


class _Door(NamedTuple):
    """How the events of one source are read: all at once, and one that is not like the others."""

    read_all: Callable[[bytes], Sequence[Event]]
    read_one: Callable[[bytes], Event]


def decode_events(body: bytes, *, source: Source, refused: Collection[int] = (), is_lenient: bool = False) -> Decoded:
    """Read an EventRequest, already inflated. `source` is one of Satori's three.

    `refused` are places of events that a strict game does not take (`undeclared`): they are dropped with INVALID_NAME.
    With `is_lenient`, optional fields that break their rule become an event's `invalid` instead of dropping it.
    Raises `RequestRejected`: NOT_JSON, TOO_DEEP, NOT_AN_OBJECT, BODY_TOO_LARGE (`MAX_COMMAS`), or BAD_FIELD if `events`
    is no list or too long a one.
    """
    if len(body) > MAX_COMMAS and body.count(b",") > MAX_COMMAS:
        raise RequestRejected(Reason.BODY_TOO_LARGE, f"More than {MAX_COMMAS} values in one request")
    door = _DOORS[source]
    if not refused:
        events = read_body(lambda text: _read_all(door, text), body)
        if events is not None:
            return Decoded(events, range(len(events)), ())
    places = frozenset(refused)
    return read_body(lambda text: _read_each(door, text, places, is_lenient=is_lenient), body)


def undeclared(decoded: Decoded, declared: frozenset[str]) -> tuple[int, ...]:
    """The places in the request of the events whose name is neither a core event's nor in `declared`."""
    return tuple(
        index
        for index, event in zip(decoded.indexes, decoded.events, strict=True)
        if event.name not in declared and event.name not in CORE_EVENT_NAMES
    )


def to_columns(events: Sequence[Event]) -> Columns:
    """The columns of `model.event.DECODED_COLUMNS` that Satori's events have.

    A numeric value is in `value`, any other in `value_text`. Player and session are those that the event itself names:
    for `satori_client` they are the envelope's.
    """
    numbers = [None if event.value is None else read_number(event.value) for event in events]
    columns: dict[str, Sequence[object]] = {
        "client_event_id": known_ids([event.client_event_id for event in events]),
        "client_time": [event.client_time for event in events],
        "category": [CUSTOM] * len(events),
        "event_id": [event.name for event in events],
        "value": numbers,
        "value_text": [event.value if number is None else None for event, number in zip(events, numbers, strict=True)],
        "player_id": [event.player_id for event in events],
        "session_id": [event.session_id for event in events],
        "session_issued_at": [event.session_issued_at for event in events],
        "session_expires_at": [event.session_expires_at for event in events],
        "attributes": [event.attributes if event.invalid is None else _with_invalid(event) for event in events],
    }
    return columns | _money_columns(events)


def _with_invalid(event: Event) -> str:
    """The attributes of a lenient game's event; metadata of the same name becomes one of its invalid fields."""
    metadata = _metadata.decode(event.attributes) if event.attributes else {}
    invalid = dict(event.invalid or {})
    if _INVALID in metadata:
        invalid[_INVALID] = metadata.pop(_INVALID)
    return _encode({**metadata, _INVALID: invalid}).decode()


def _money_columns(events: Sequence[Event]) -> dict[str, Sequence[object]]:
    """`amount`, `currency` and `ad_revenue`, or nothing if no event may have them."""
    places = [place for place, event in enumerate(events) if event.name in (SATORI_PURCHASE, SATORI_IMPRESSION)]
    if not places:
        return {}
    amounts: list[int | None] = [None] * len(events)
    currencies: list[str | None] = [None] * len(events)
    ad_revenues: list[float | None] = [None] * len(events)
    for place in places:
        money, ad_revenues[place] = _earned(events[place])
        if money is not None:
            amounts[place], currencies[place] = money
        elif ad_revenues[place] is not None:
            currencies[place] = "USD"
    return {"amount": amounts, "currency": currencies, "ad_revenue": ad_revenues}


def _earned(event: Event) -> tuple[Money | None, float | None]:
    metadata = _metadata.decode(event.attributes) if event.attributes else {}
    if event.name == SATORI_PURCHASE:
        return purchase(event.value, metadata), None
    return None, ad_revenue_usd(event.value, metadata)


def _read_all(door: _Door, body: bytes) -> Sequence[Event] | None:
    """All events, or None if one of them has to be judged on its own."""
    try:
        return door.read_all(body)
    except (msgspec.ValidationError, EventInvalid):
        return None


def _read_each(door: _Door, body: bytes, refused: frozenset[int], *, is_lenient: bool) -> Decoded:
    raws = _bounded(_raw_request.decode(body).events or [])
    events: list[Event] = []
    indexes: list[int] = []
    dropped: list[DroppedEvent] = []
    for index, raw in enumerate(raws):
        try:
            event = _read_leniently(door, raw) if is_lenient else _read_one(door, _fields_of(raw))
            if index in refused:
                raise _undeclared(event.name)
        except EventInvalid as invalid:
            dropped.append(DroppedEvent(index, bytes(raw), invalid.reason, invalid.detail))
        else:
            events.append(event)
            indexes.append(index)
    return Decoded(events, indexes, dropped, sum(event.invalid is not None for event in events))


def _undeclared(name: str) -> EventInvalid:
    return EventInvalid("name", Reason.INVALID_NAME, f"Event name invalid: `{name}` is not declared")


def _fields_of(raw: Raw) -> dict[str, Raw]:
    try:
        return _fields.decode(raw)
    except msgspec.ValidationError:
        raise EventInvalid("name", Reason.INVALID_NAME, "The event is no JSON object, so it has no name") from None


def _read_leniently(door: _Door, raw: Raw) -> Event:
    """One event without those of its optional fields that break their rule; they are its `invalid`."""
    fields = _fields_of(raw)
    invalid: dict[str, str] = {}
    while True:
        try:
            event = _read_one(door, dict(fields))
        except EventInvalid as error:
            moved = [name for name in _SPELLINGS.get(error.field, ()) if name in fields]
            if not moved:
                raise
            invalid |= {name: _text_of(fields.pop(name)) for name in moved}
        else:
            event.invalid = invalid or None
            return event


def _text_of(raw: Raw) -> str:
    """What was sent, as text that can be stored: a string's characters, the JSON of anything else."""
    try:
        text = _string.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        text = bytes(raw).decode(errors="replace")
    return text[:MAX_VALUE_LENGTH].replace("\0", "\ufffd")


def _read_one(door: _Door, fields: dict[str, Raw]) -> Event:
    """One event, read with patience: numbers and booleans where strings belong are taken as their text.

    Raises `EventInvalid` for a wrong type; damaged JSON stays a `DecodeError` of the whole request.
    """
    try:
        if "value" in fields:
            fields["value"] = quoted(fields["value"])
        if "metadata" in fields and not is_null(fields["metadata"]):
            metadata = _fields.decode(fields["metadata"])
            if len(metadata) > MAX_METADATA_KEYS:
                raise EventInvalid("metadata", Reason.METADATA_SIZE_EXCEEDED, TOO_MANY_KEYS)
            fields["metadata"] = Raw(_encode({k: quoted(v) for k, v in metadata.items() if not is_null(v)}))
        return door.read_one(_encode(fields))
    except msgspec.ValidationError as error:
        raise _invalid_field(str(error)) from None


def _invalid_field(text: str) -> EventInvalid:
    """What msgspec says of a field, as one of Satori's reasons: ``Expected `str`, got `array` - at `$.name` ``."""
    what, _, path = text.partition(" - at `$")
    name = path.strip(".`[]").partition("[")[0]
    if not name:  # the metadata is read by itself
        name = "metadata"
    reason = _REASON_OF_FIELD.get(name, Reason.INVALID_TIMESTAMP)
    return EventInvalid(_FIELD_OF_SPELLING.get(name, name), reason, f"{name}: {what}")


def _bounded(events: list[_Item]) -> list[_Item]:
    if len(events) > MAX_EVENTS:
        raise RequestRejected(Reason.BAD_FIELD, f"More than {MAX_EVENTS} events in one request")
    return events


_REASON_OF_FIELD = {
    "name": Reason.INVALID_NAME,
    "id": Reason.INVALID_ID,
    "value": Reason.INVALID_VALUE,
    "metadata": Reason.INVALID_METADATA,
    "timestamp": Reason.INVALID_TIMESTAMP,
    "identity_id": Reason.INVALID_ID,
    "identityId": Reason.INVALID_ID,
    "session_id": Reason.INVALID_ID,
    "sessionId": Reason.INVALID_ID,
}
"""What a wrong type means; the fields that are not named here are a session's times."""

_INVALID = "invalid"
_SPELLINGS = {
    "id": ("id",),
    "timestamp": ("timestamp",),
    "value": ("value",),
    "metadata": ("metadata",),
    "session_id": ("session_id", "sessionId"),
    "session_issued_at": ("session_issued_at", "sessionIssuedAt"),
    "session_expires_at": ("session_expires_at", "sessionExpiresAt", "session_expired_at", "sessionExpiredAt"),
}
"""The optional fields as they may be written. Without its name or its identity an event would be another one."""
_FIELD_OF_SPELLING = {spelling: field for field, spellings in _SPELLINGS.items() for spelling in spellings}

_client_event = msgspec.json.Decoder(ClientEvent)
_server_event = msgspec.json.Decoder(ServerEvent)
_client_request = msgspec.json.Decoder(_ClientRequest)
_server_request = msgspec.json.Decoder(_ServerRequest)
_raw_request = msgspec.json.Decoder(_RawRequest)
_fields = msgspec.json.Decoder(dict[str, Raw])
_metadata = msgspec.json.Decoder(dict[str, str])
_string = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode

_DOORS = {
    Source.SATORI_CLIENT: _Door(
        lambda body: [read_client_event(wire) for wire in _bounded(_client_request.decode(body).events or [])],
        lambda event: read_client_event(_client_event.decode(event)),
    ),
    Source.SATORI_SERVER: _Door(
        lambda body: [read_server_event(wire) for wire in _bounded(_server_request.decode(body).events or [])],
        lambda event: read_server_event(_server_event.decode(event)),
    ),
    Source.SATORI_SYSTEM: _Door(
        lambda body: [read_system_event(wire) for wire in _bounded(_server_request.decode(body).events or [])],
        lambda event: read_system_event(_server_event.decode(event)),
    ),
}
