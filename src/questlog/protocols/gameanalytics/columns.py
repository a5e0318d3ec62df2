"""Events to columns (model.event.DECODED_COLUMNS)."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from questlog.model.event import Columns
from questlog.protocols.gameanalytics.patterns import CURRENCY
from questlog.protocols.gameanalytics.wire import UnknownFields, WireEvent

MAX_LENGTH_S = 31 * 86_400.0
"""A longer `length` of a session comes from a wrong clock; it is cut to this."""

# Column -> field, where the value is taken as it is.
_TAKEN = {
    "client_event_id": "event_uuid",
    "category": "category",
    "event_id": "event_id",
    "currency": "currency",
    "transaction_num": "transaction_num",
    "cart_type": "cart_type",
    "score": "score",
    "attempt_num": "attempt_num",
    "severity": "severity",
    "message": "message",
    "ad_sdk_name": "ad_sdk_name",
    "ad_network_name": "ad_network_name",
    "ad_placement": "ad_placement",
    "ad_type": "ad_type",
    "ad_action": "ad_action",
    "ad_fail_show_reason": "ad_fail_show_reason",
    "ad_duration_ms": "ad_duration",
    "player_id": "user_id",
    "session_id": "session_id",
    "session_num": "session_num",
    "country": "country_code",
    "platform": "platform",
    "os_version": "os_version",
    "device": "device",
    "manufacturer": "manufacturer",
    "build": "build",
    "engine_version": "engine_version",
    "sdk_version": "sdk_version",
    "connection_type": "connection_type",
    "gender": "gender",
    "birth_year": "birth_year",
    "custom_01": "custom_01",
    "custom_02": "custom_02",
    "custom_03": "custom_03",
}
_COMPUTED = ("client_time", "value", "amount", "length_s", "receipt_store", "ad_revenue", "attributes")
_NO_ATTRIBUTES = {"v", "client_ts", "value", "amount", "length", "unknown", *_TAKEN.values()}
_FIELDS = WireEvent.__struct_fields__
_ATTRIBUTE_FIELDS = tuple(name for name in _FIELDS if name not in _NO_ATTRIBUTES)
# The country is all that is made of an address, and not here.
_NEVER_STORED = frozenset({"ip"})
# Transposing some hundred events at a time keeps them in the processor's cache, which halves the cost.
_CHUNK_EVENTS = 256

_Field = tuple[Any, ...]
_Attributes = msgspec.defstruct(
    "_Attributes", [(name, Any, None) for name in _ATTRIBUTE_FIELDS], omit_defaults=True, gc=False
)
_encoder = msgspec.json.Encoder()


def to_columns(events: Sequence[WireEvent]) -> Columns:
    """Turn events, of any number of requests, into columns; a column that no event has is left out.

    `client_time` is UTC microseconds. `attributes` holds, under the names of the wire, every field without a column,
    except `ip`.
    """
    columns: dict[str, list[object]] = {name: [] for name in (*_TAKEN, *_COMPUTED)}
    for start in range(0, len(events), _CHUNK_EVENTS):
        chunk = events[start : start + _CHUNK_EVENTS]
        _extend(columns, dict(zip(_FIELDS, zip(*map(astuple, chunk), strict=True), strict=True)))
    return {name: column for name, column in columns.items() if _has_value(column)}


def _extend(columns: dict[str, list[object]], fields: dict[str, _Field]) -> None:
    for column, field in _TAKEN.items():
        columns[column].extend(fields[field])
    columns["client_time"].extend([None if ts is None else ts * 1_000_000 for ts in fields["client_ts"]])
    columns["length_s"].extend(_lengths_s(fields["length"]))
    columns["value"].extend(_values(fields))
    columns["amount"].extend(_amounts(fields))
    columns["receipt_store"].extend(_receipt_stores(fields["receipt_info"]))
    columns["ad_revenue"].extend([None] * len(fields["v"]))
    columns["attributes"].extend(_attributes(fields))
    _add_ad_revenue(columns, fields)


def _lengths_s(lengths: _Field) -> Iterable[float | None]:
    if _is_empty(lengths):
        return lengths
    return [None if length is None else min(length, MAX_LENGTH_S) for length in lengths]


def _values(fields: dict[str, _Field]) -> Iterable[float | None]:
    """A resource's amount is its value; no other category with a `value` has an `amount` that counts."""
    if _is_empty(fields["amount"]):
        return fields["value"]
    by_event = zip(fields["category"], fields["value"], fields["amount"], strict=True)
    return [
        value if category != "resource" or amount is None else float(amount) for category, value, amount in by_event
    ]


def _amounts(fields: dict[str, _Field]) -> Iterable[int | None]:
    if _is_empty(fields["amount"]):
        return fields["amount"]
    by_event = zip(fields["category"], fields["amount"], strict=True)
    return [amount if category == "business" else None for category, amount in by_event]


def _receipt_stores(receipts: _Field) -> Iterable[str | None]:
    if _is_empty(receipts):
        return receipts
    stores = [receipt.get("store") if isinstance(receipt, dict) else None for receipt in receipts]
    return [store if isinstance(store, str) else None for store in stores]


def _attributes(fields: dict[str, _Field]) -> Iterable[str | None]:
    values = [fields[name] for name in _ATTRIBUTE_FIELDS]
    while values and _is_empty(values[-1]):
        values.pop()
    attributes: list[str | None] = [None] * len(fields["v"])
    if values:
        lines = _encoder.encode_lines(list(map(_Attributes, *values))).decode()
        attributes = [None if line == "{}" else line for line in lines.split("\n")[:-1]]
    if not _is_empty(fields["unknown"]):
        for place, unknown in enumerate(fields["unknown"]):
            if unknown is not None:
                attributes[place] = _with_unknown_fields(attributes[place], unknown)
    return attributes


def _with_unknown_fields(attributes: str | None, unknown: UnknownFields) -> str | None:
    stored = {name: value for name, value in unknown.items() if name not in _NEVER_STORED}
    if not stored:
        return attributes
    encoded = _encoder.encode(stored).decode()
    return encoded if attributes is None else f"{attributes[:-1]},{encoded[1:]}"


def _add_ad_revenue(columns: dict[str, list[object]], fields: dict[str, _Field]) -> None:
    if _is_empty(fields["impression_data"]):
        return
    start = len(columns["category"]) - len(fields["v"])
    for place, data in enumerate(fields["impression_data"]):
        if isinstance(data, dict) and fields["category"][place] == "impression":
            revenue = _as_number(data.get("publisher_revenue", data.get("revenue")))
            if revenue is not None:
                columns["ad_revenue"][start + place] = revenue
                columns["currency"][start + place] = _ad_currency(fields["currency"][place], data)


def _ad_currency(currency: str | None, impression_data: dict[str, Any]) -> str | None:
    """Mediation networks report dollars, mostly without saying so (spec §3.9)."""
    code = currency or impression_data.get("currency") or "USD"
    return code if isinstance(code, str) and (code in CURRENCY.seen or CURRENCY.matches(code)) else None


def _as_number(value: object) -> float | None:
    """Some networks put the revenue in a string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_empty(field: _Field) -> bool:
    # None is found by identity: this is fast when it is true, and rarely asked when it is not.
    return field.count(None) == len(field)


def _has_value(column: list[object]) -> bool:
    return any(column) or column.count(None) != len(column)
