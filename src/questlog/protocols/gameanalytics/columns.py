"""Events to columns (model.event.DECODED_COLUMNS)."""

import math
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from questlog.model.event import Columns
from questlog.protocols.gameanalytics.fields import FIELDS
from questlog.protocols.gameanalytics.patterns import CURRENCY
from questlog.protocols.gameanalytics.wire import UnknownFields, WireEvent

_COLUMNS = {field.name: (field.column, field.convert) for field in FIELDS if field.column is not None}
_NO_ATTRIBUTES = {"v", "unknown", *_COLUMNS}
_FIELDS = WireEvent.__struct_fields__
_ATTRIBUTE_FIELDS = tuple(name for name in _FIELDS if name not in _NO_ATTRIBUTES)
# The country is all that is made of an address, and not here.
_NEVER_STORED = frozenset({"ip"})
_NOTHING = (None,) * len(_FIELDS)

_Field = tuple[Any, ...]
_Fields = dict[str, _Field]
_Attributes = msgspec.defstruct(
    "_Attributes", [(name, Any, None) for name in _ATTRIBUTE_FIELDS], omit_defaults=True, gc=False
)
_encoder = msgspec.json.Encoder()


def to_columns(events: Sequence[WireEvent]) -> Columns:
    """Turn events, of any number of requests, into columns; a column that no event has is left out.

    `client_time` is UTC microseconds. `attributes` holds, under the names of the wire, every field without a column,
    except `ip`.
    """
    fields = _fields(events)
    columns: dict[str, Sequence[object]] = {}
    for name, (column, convert) in _COLUMNS.items():
        if name in fields:
            columns[column] = fields[name] if convert is None else convert(fields[name])
    if "amount" in fields:
        columns |= _amounts(fields)
    if "receipt_info" in fields:
        columns["receipt_store"] = [_store(receipt) for receipt in fields["receipt_info"]]
    if "impression_data" in fields:
        columns |= _ad_revenues(fields)
    attributes = _attributes(fields, len(events))
    if attributes is not None:
        columns["attributes"] = attributes
    return columns


def _fields(events: Sequence[WireEvent]) -> _Fields:
    """Field by field the values of all events, without the fields that no event has."""
    rows = list(map(astuple, events))
    if len(set(map(len, rows))) > 1:  # some lack the last fields of a `WireEvent`
        rows = [row + _NOTHING[len(row) :] for row in rows]
    # None is found by identity: comparing is fast where it does not end at once.
    nothing = (None,) * len(rows)
    columns = zip(_FIELDS, zip(*rows, strict=True), strict=False)
    return {name: values for name, values in columns if values != nothing}


def _amounts(fields: _Fields) -> dict[str, Sequence[object]]:
    """A resource's amount is its value, a business event's is money; in other categories it does not count."""
    amounts = fields["amount"]
    values: list[float | None] = list(fields.get("value") or (None,) * len(amounts))
    money: list[int | None] = [None] * len(amounts)
    for place, amount in enumerate(amounts):
        if amount is not None:
            category = fields["category"][place]
            if category == "resource":
                values[place] = float(amount)
            elif category == "business":
                money[place] = amount
    return {"value": values, "amount": money}


def _store(receipt: object) -> str | None:
    store = receipt.get("store") if isinstance(receipt, dict) else None
    return store if isinstance(store, str) else None


def _ad_revenues(fields: _Fields) -> dict[str, Sequence[object]]:
    impressions = fields["impression_data"]
    revenues: list[float | None] = [None] * len(impressions)
    currencies = list(fields.get("currency") or revenues)
    for place, data in enumerate(impressions):
        if isinstance(data, dict) and fields["category"][place] == "impression":
            revenues[place] = _as_number(data.get("publisher_revenue", data.get("revenue")))
            if revenues[place] is not None:
                currencies[place] = _ad_currency(currencies[place], data)
    return {"ad_revenue": revenues, "currency": currencies}


def _attributes(fields: _Fields, count: int) -> list[str | None] | None:
    attributes: list[str | None] = [None] * count
    if any(name in fields for name in _ATTRIBUTE_FIELDS):
        attributes = _encoded(fields, count)
    elif "unknown" not in fields:
        return None
    for place, unknown in enumerate(fields.get("unknown", ())):
        if unknown is not None:
            attributes[place] = _with_unknown_fields(attributes[place], unknown)
    return attributes


def _encoded(fields: _Fields, count: int) -> list[str | None]:
    nothing = (None,) * count
    values = [fields.get(name, nothing) for name in _ATTRIBUTE_FIELDS]
    while values[-1] is nothing:
        values.pop()
    lines = _encoder.encode_lines(list(map(_Attributes, *values))).decode()
    return [None if line == "{}" else line for line in lines.split("\n")[:-1]]


def _with_unknown_fields(attributes: str | None, unknown: UnknownFields) -> str | None:
    stored = {name: value for name, value in unknown.items() if name not in _NEVER_STORED}
    if not stored:
        return attributes
    encoded = _encoder.encode(stored).decode()
    return encoded if attributes is None else f"{attributes[:-1]},{encoded[1:]}"


def _ad_currency(currency: str | None, impression_data: dict[str, Any]) -> str | None:
    """Mediation networks report dollars, mostly without saying so (spec §3.9); some write codes in small letters."""
    code = currency or impression_data.get("currency") or "USD"
    if not isinstance(code, str):
        return None
    code = code.upper()
    return code if code in CURRENCY.seen or CURRENCY.matches(code) else None


def _as_number(value: object) -> float | None:
    """Some networks put the revenue in a string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
