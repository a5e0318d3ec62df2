"""The body of `/events` to typed events, and what is wrong with the others (spec §§1.5, 2, 3).

A pure function of the body: the collector answers by it and the loader stores by it, so both always agree.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from questlog.model.reasons import DroppedEvent, FieldError, Reason, RequestRejected
from questlog.protocols.gameanalytics.columns import to_columns
from questlog.protocols.gameanalytics.json_text import check_utf8, mended, read_json, with_storable_text
from questlog.protocols.gameanalytics.plain_events import is_plain, read_plain_events
from questlog.protocols.gameanalytics.rules import RULED_FIELDS_WITHOUT_A_PLACE, Judgement, judge
from questlog.protocols.gameanalytics.wire import (
    INVALID,
    PLACED_FIELDS,
    InvalidFields,
    OpenWireEvent,
    UnknownFields,
    WireEvent,
)

__all__ = ["MAX_DEPTH", "MAX_EVENTS", "Checked", "Decoded", "check_events", "decode_events", "to_columns"]

MAX_EVENTS = 10_000
"""Events of one request: SDKs send 500 at most."""
MAX_DEPTH = 32
"""Levels of objects and lists within one event; SDKs send three."""
_MAX_COMMAS = 500_000  # a bound on the values of a body, and so on what decoding it can allocate

_open_event = msgspec.json.Decoder(OpenWireEvent)
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, Any])


class Decoded(msgspec.Struct, frozen=True):
    """The events of a request that are stored, their places in it (from 0), and those that are not.

    `lenient` of those that are stored have invalid annotations. Events may lack the last fields of a `WireEvent`
    (`read_plain_events`); `to_columns` takes them all the same.
    """

    events: list[WireEvent]
    indexes: Sequence[int]
    dropped: list[DroppedEvent]
    lenient: int = 0


class Checked(msgspec.Struct, frozen=True):
    """What the collector asks of a request: how many of its events are stored, and those that are not.

    `lenient` of those that are stored have invalid annotations.
    """

    good: int
    dropped: Sequence[DroppedEvent]
    lenient: int = 0


def decode_events(body: bytes, *, is_lenient: bool = False) -> Decoded:
    """Read the JSON list of a `/events` request; `body` is without its content coding.

    No text in the result has a NUL character or half a surrogate pair; U+FFFD is in their place. Raises
    `RequestRejected`: `NOT_JSON` (also for bad UTF-8), `NOT_A_LIST`, `TOO_DEEP` (`MAX_DEPTH`) or `BODY_TOO_LARGE`
    (`MAX_EVENTS`). With `is_lenient`, optional annotations that break their rule go to `invalid` among the unknown
    fields.
    """
    body = _without_nul(body)
    events = read_plain_events(body)
    if events is None:
        return _decode_mended(body, is_lenient=is_lenient)
    _check_count(len(events))
    return Decoded(events, range(len(events)), [])


def check_events(body: bytes, *, is_lenient: bool = False) -> Checked:
    """Find what `decode_events` finds, and raise as it does, with less to do where nothing is wrong."""
    good = _count_if_all_are_plain(body)
    if good is not None:
        return Checked(good, ())
    decoded = _decode_mended(_without_nul(body), is_lenient=is_lenient)
    return Checked(len(decoded.events), decoded.dropped, decoded.lenient)


def _count_if_all_are_plain(body: bytes) -> int | None:
    """How many events there are, if nothing is wrong with any; None in doubt.

    A NUL character is as good here as the U+FFFD that `decode_events` puts in its place: no rule tells them apart.
    """
    if _has_too_many_values(body):
        return None
    events = read_plain_events(body)
    return None if events is None or len(events) > MAX_EVENTS else len(events)


def _without_nul(body: bytes) -> bytes:
    if _has_too_many_values(body):
        raise RequestRejected(Reason.BODY_TOO_LARGE, f"more than {_MAX_COMMAS} values in one request")
    return with_storable_text(body) if b"\\" in body and rb"\u0000" in body else body


def _has_too_many_values(body: bytes) -> bool:
    return len(body) > _MAX_COMMAS and body.count(b",") > _MAX_COMMAS


def _decode_mended(body: bytes, *, is_lenient: bool) -> Decoded:
    try:
        return _decode_one_by_one(body, is_lenient=is_lenient)
    except RequestRejected as rejected:
        if rejected.reason is not Reason.NOT_JSON or (other := mended(body)) == body:
            raise
    return _decode_one_by_one(other, is_lenient=is_lenient)


def _decode_one_by_one(body: bytes, *, is_lenient: bool) -> Decoded:
    check_utf8(body)
    try:
        raws = read_json(_raw_list, body)
    except msgspec.ValidationError as error:
        raise RequestRejected(Reason.NOT_A_LIST, "the body must be a JSON list of events") from error
    _check_count(len(raws))
    events: list[WireEvent] = []
    indexes: list[int] = []
    dropped: list[DroppedEvent] = []
    for index, raw in enumerate(raws):
        event_or_errors = _decode_one(raw, is_lenient=is_lenient)
        if isinstance(event_or_errors, WireEvent):
            events.append(event_or_errors)
            indexes.append(index)
        else:
            dropped.append(_dropped(index, raw, event_or_errors))
    lenient = sum(_has_invalid(event) for event in events) if is_lenient else 0
    return Decoded(events, indexes, dropped, lenient)


def _has_invalid(event: WireEvent) -> bool:
    return event.unknown is not None and isinstance(event.unknown.get(INVALID), InvalidFields)


def _decode_one(raw: msgspec.Raw, *, is_lenient: bool) -> WireEvent | Sequence[FieldError]:
    try:
        fields = read_json(_object, raw)
    except msgspec.ValidationError:
        # An object that is none is out of range: a number that no 64-bit float and no integer of ours holds.
        return [FieldError("not_in_range" if bytes(raw).startswith(b"{") else "wrong_type", "")]
    if _is_deeper_than(MAX_DEPTH, fields):
        raise RequestRejected(Reason.TOO_DEEP, f"an event is nested more than {MAX_DEPTH} levels deep")
    event = _decode_plain(raw, fields)
    if event is not None:
        return event
    judgement = judge(fields, is_lenient=is_lenient)
    if judgement.errors:
        return judgement.errors
    if judgement.invalid:
        _keep_invalid(judgement)
    return WireEvent(**judgement.placed, unknown=judgement.unplaced or None)


def _keep_invalid(judgement: Judgement) -> None:
    """Put the invalid fields together; a field that the client itself calls so becomes one of them."""
    invalid = InvalidFields(judgement.invalid)
    if INVALID in judgement.unplaced:
        invalid[INVALID] = judgement.unplaced[INVALID]
    judgement.unplaced[INVALID] = invalid


def _decode_plain(raw: msgspec.Raw, fields: dict[str, Any]) -> WireEvent | None:
    """The event, if only its unknown fields kept it from being decoded with the others: a third of the rules' cost."""
    if not fields.keys().isdisjoint(RULED_FIELDS_WITHOUT_A_PLACE):
        return None
    try:
        event = read_json(_open_event, raw)
    except msgspec.ValidationError:
        return None
    if not is_plain(event):
        return None
    event.unknown = UnknownFields((n, v) for n, v in fields.items() if n not in PLACED_FIELDS and v is not None) or None
    return event


def _dropped(index: int, raw: msgspec.Raw, errors: Sequence[FieldError]) -> DroppedEvent:
    detail = "; ".join(f"{error.path[1:] or 'the event'}: {error.error_type}" for error in errors)
    return DroppedEvent(index, bytes(raw), Reason.FAILED_VALIDATION, detail, tuple(errors))


def _check_count(events: int) -> None:
    if events > MAX_EVENTS:
        raise RequestRejected(Reason.BODY_TOO_LARGE, f"more than {MAX_EVENTS} events in one request")


def _is_deeper_than(levels: int, value: dict[str, Any] | list[Any]) -> bool:
    inner = value.values() if isinstance(value, dict) else value
    nested = [part for part in inner if type(part) is dict or type(part) is list]
    return levels == 0 or any(_is_deeper_than(levels - 1, part) for part in nested)
