"""The columns of a decoded event, the same for both protocols."""

import enum
from collections.abc import Mapping, Sequence

Columns = Mapping[str, Sequence[object]]
"""Decoded events column by column: equally long sequences, None where an event has no value.

A column that no event of the batch has may be absent.
"""


NIL_UUID = "00000000-0000-0000-0000-000000000000"
"""No player and no id: Nakama's system user has it, and clients send it for an id that they do not know."""


class Source(enum.StrEnum):
    """Which door an event came in by."""

    GAMEANALYTICS = "gameanalytics"
    SATORI_CLIENT = "satori_client"
    SATORI_SERVER = "satori_server"
    SATORI_SYSTEM = "satori_system"
    UNKNOWN = "unknown"  # a rejected request or a damaged record that does not say


class Type(enum.StrEnum):
    """The type of a column, without an engine's words."""

    TEXT = "text"
    INTEGER = "integer"  # 64 bits, signed
    NUMBER = "number"  # 64-bit float
    TIME = "time"  # UTC microseconds
    JSON = "json"  # text that is one JSON object


# What a protocol's decoder says of one event. The order is that of the events table.
DECODED_COLUMNS: dict[str, Type] = {
    "client_event_id": Type.TEXT,  # the id the client gave the event, as sent: the key of de-duplication
    "client_time": Type.TIME,  # as sent
    "category": Type.TEXT,
    "event_id": Type.TEXT,  # colon-separated id; a Satori event's name
    "value": Type.NUMBER,  # design value, resource amount (as sent: sinks mostly negative), Satori's numeric value
    "value_text": Type.TEXT,  # a Satori value that is no number
    "amount": Type.INTEGER,  # money: minor units of `currency`
    "currency": Type.TEXT,
    "transaction_num": Type.INTEGER,
    "cart_type": Type.TEXT,
    "receipt_store": Type.TEXT,
    "score": Type.NUMBER,
    "attempt_num": Type.INTEGER,
    "length_s": Type.NUMBER,
    "severity": Type.TEXT,
    "message": Type.TEXT,
    "ad_sdk_name": Type.TEXT,
    "ad_network_name": Type.TEXT,
    "ad_placement": Type.TEXT,
    "ad_type": Type.TEXT,
    "ad_action": Type.TEXT,
    "ad_fail_show_reason": Type.TEXT,
    "ad_duration_ms": Type.INTEGER,
    "ad_revenue": Type.NUMBER,  # major units of `currency`
    "player_id": Type.TEXT,
    "session_id": Type.TEXT,
    "session_num": Type.INTEGER,
    "session_issued_at": Type.TIME,
    "session_expires_at": Type.TIME,
    "country": Type.TEXT,  # only where the event itself names one; else the envelope's is taken
    "platform": Type.TEXT,
    "os_version": Type.TEXT,
    "device": Type.TEXT,
    "manufacturer": Type.TEXT,
    "build": Type.TEXT,
    "engine_version": Type.TEXT,
    "sdk_version": Type.TEXT,
    "connection_type": Type.TEXT,
    "gender": Type.TEXT,
    "birth_year": Type.INTEGER,
    "custom_01": Type.TEXT,
    "custom_02": Type.TEXT,
    "custom_03": Type.TEXT,
    "attributes": Type.JSON,  # metadata, custom_fields and every field without a column of its own
}
