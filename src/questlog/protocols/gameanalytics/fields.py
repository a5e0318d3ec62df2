"""The fields of a GameAnalytics event, each written down once (spec §§2, 3, 8).

From this table come the type that msgspec decodes (`wire`), the rules that judge what it refuses (`rules`), and the
columns (`columns`). It is the union of what the documentation accepts and what official SDKs really send. A field that
is not here is kept as an attribute and never a reason to drop an event.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from questlog.model.taxonomy import AD_ACTIONS, AD_TYPES, GAMEANALYTICS_CATEGORIES, SEVERITIES
from questlog.protocols.gameanalytics import patterns
from questlog.protocols.gameanalytics.field_types import (
    BOOLEAN,
    COUNT,
    MAX_INTEGER,
    MIN_INTEGER,
    TABLE,
    FieldType,
    integer,
    matching,
    number,
    one_of,
    rare,
    text,
)
from questlog.protocols.ids import known_ids, known_players

MAX_CLIENT_TS = 99_999_999_999  # seconds: the 11 digits that SDKs cut their clocks to
MAX_LENGTH_S = 31 * 86_400.0
"""A longer `length` of a session comes from a wrong clock; it is cut to this."""

CONNECTION_TYPES = ("offline", "wwan", "wifi", "lan")
GENDERS = ("male", "female")
AD_FAIL_SHOW_REASONS = ("unknown", "offline", "no_fill", "internal_error", "invalid_request", "unable_to_precache")

# Sent without the annotations of a player and a session (spec §3.12), or never seen (§3.13).
EXEMPT_CATEGORIES = frozenset({"sdk_error", "troubleshooting"})
NO_CATEGORY = ""
_ALL = frozenset({*GAMEANALYTICS_CATEGORIES, NO_CATEGORY})
BOUND = _ALL - EXEMPT_CATEGORIES

Convert = Callable[[Sequence[Any]], Sequence[Any]]
"""A column's values from its field's."""


class Field(NamedTuple):
    """A field, or one of the meanings of a field.

    Its rule binds in the categories of `required_in` and `optional_in`: a value that breaks it drops the event. In all
    others such a value is an attribute, and a right one is in its place, unless the name `is_ambiguous`: it means
    something else in each category. Without a `column`, a field is an attribute.
    """

    name: str
    type_: FieldType
    required_in: frozenset[str] = frozenset()
    optional_in: frozenset[str] = frozenset()
    column: str | None = None
    convert: Convert | None = None
    is_ambiguous: bool = False


def _always(name: str, type_: FieldType, column: str | None = None) -> Field:
    """Every event must have it."""
    return Field(name, type_, required_in=_ALL, column=column)


def _required(name: str, type_: FieldType, column: str, convert: Convert | None = None) -> Field:
    """Every event of a player must have it."""
    return Field(name, type_, required_in=BOUND, column=column, convert=convert)


def _optional(name: str, type_: FieldType, column: str | None = None, convert: Convert | None = None) -> Field:
    """A wrong value drops the event of a player."""
    return Field(name, type_, optional_in=BOUND, column=column, convert=convert)


def _if_right(name: str, type_: FieldType, column: str, convert: Convert | None = None) -> Field:
    """It has its column if it is right, and is an attribute if not."""
    return Field(name, type_, column=column, convert=convert)


def _as_sent(name: str, wire: object) -> Field:
    """An attribute that msgspec decodes with the others if it has this type: official SDKs send it with every event."""
    return Field(name, FieldType(wire))


def _required_of(category: str, name: str, type_: FieldType, column: str | None = None) -> Field:
    return Field(name, type_, required_in=frozenset({category}), column=column)


def _optional_of(category: str, name: str, type_: FieldType, column: str | None = None) -> Field:
    return Field(name, type_, optional_in=frozenset({category}), column=column)


def _ambiguous(field: Field) -> Field:
    return field._replace(is_ambiguous=True)


def _microseconds(seconds: Sequence[int | None]) -> Sequence[int | None]:
    return [None if each is None else each * 1_000_000 for each in seconds]


def _bounded_lengths(lengths: Sequence[float | None]) -> Sequence[float | None]:
    return [None if each is None else min(each, MAX_LENGTH_S) for each in lengths]


# In about the order in which most SDKs send them: msgspec looks for a key from the place of the last one on.
COMMON_FIELDS = (
    _always("v", integer(2, 2)),
    _if_right("event_uuid", text(1, 256), "client_event_id", known_ids),
    _required("user_id", text(1, 256), "player_id", known_players),
    _optional("client_ts", integer(0, MAX_CLIENT_TS), "client_time", _microseconds),
    _required("sdk_version", matching(patterns.SDK_VERSION), "sdk_version"),
    _required("os_version", matching(patterns.OS_VERSION), "os_version"),
    _required("manufacturer", text(0, 64), "manufacturer"),
    _required("device", text(0, 64), "device"),
    _as_sent("browser_version", str),
    _required("platform", text(1, 64), "platform"),
    _required("session_id", matching(patterns.SESSION_ID), "session_id"),
    _required("session_num", COUNT, "session_num"),
    _optional("connection_type", one_of(CONNECTION_TYPES, may_be_empty=True), "connection_type"),
    _optional("engine_version", matching(patterns.ENGINE_VERSION, may_be_empty=True), "engine_version"),
    _as_sent("configurations", TABLE.wire),
    _as_sent("configurations_v3", TABLE.wire),
    _as_sent("ab_id", str),
    _as_sent("ab_variant_id", str),
    _optional("build", text(0, 32), "build"),
    # What happened.
    _always("category", one_of(GAMEANALYTICS_CATEGORIES), "category"),
    _ambiguous(_required_of("business", "event_id", matching(patterns.BUSINESS_ID), "event_id")),
    _ambiguous(_required_of("resource", "event_id", matching(patterns.RESOURCE_ID), "event_id")),
    _ambiguous(_required_of("progression", "event_id", matching(patterns.PROGRESSION_ID), "event_id")),
    _ambiguous(_required_of("design", "event_id", matching(patterns.DESIGN_ID), "event_id")),
    _ambiguous(_optional_of("design", "value", number(), "value")),
    _ambiguous(_required_of("business", "amount", integer(MIN_INTEGER, MAX_INTEGER), "amount")),
    _ambiguous(_required_of("resource", "amount", number(), "amount")),
    _required_of("business", "currency", rare(patterns.CURRENCY), "currency"),
    _required_of("business", "transaction_num", COUNT, "transaction_num"),
    _optional_of("business", "cart_type", text(0, 32), "cart_type"),
    _required_of("session_end", "length", number(0), "length_s")._replace(convert=_bounded_lengths),
    _optional_of("progression", "score", number(), "score"),
    _optional_of("progression", "attempt_num", COUNT, "attempt_num"),
    _required_of("error", "severity", one_of(SEVERITIES), "severity"),
    _required_of("error", "message", text(0, 8192), "message"),
    # The game's own dimensions and values.
    _optional("custom_01", text(0, 32), "custom_01"),
    _optional("custom_02", text(0, 32), "custom_02"),
    _optional("custom_03", text(0, 32), "custom_03"),
    _as_sent("custom_fields", TABLE.wire),
    # The device's ids.
    _optional("android_id", text()),
    _optional("google_aid", text()),
    _optional("limited_ad_tracking", BOOLEAN),
    _optional("ios_idfv", text()),
    _optional("ios_idfa", text()),
    # Ads and receipts.
    _required_of("ads", "ad_sdk_name", text(1, 64), "ad_sdk_name"),
    _required_of("ads", "ad_placement", text(1, 64), "ad_placement"),
    _required_of("ads", "ad_type", one_of(AD_TYPES, may_be_empty=True), "ad_type"),
    _required_of("ads", "ad_action", one_of(AD_ACTIONS), "ad_action"),
    _optional_of("ads", "ad_fail_show_reason", one_of(AD_FAIL_SHOW_REASONS, may_be_empty=True), "ad_fail_show_reason"),
    _optional_of("ads", "ad_duration", COUNT, "ad_duration_ms"),
    _optional_of("ads", "ad_first", BOOLEAN),
    _required_of("impression", "ad_network_name", rare(patterns.AD_NETWORK_NAME), "ad_network_name"),
    _optional_of("impression", "ad_network_version", rare(patterns.AD_NETWORK_VERSION, may_be_empty=True)),
    _required_of("impression", "impression_data", TABLE),
    _optional_of("business", "receipt_info", TABLE),
    _as_sent("current_session_length", COUNT.wire),
    _as_sent("lifetime_session_length", COUNT.wire),
)
"""Those that become columns, and those that official SDKs send with every event."""

UNCOMMON_FIELDS = (
    _as_sent("user_id_ext", str),
    _as_sent("google_aid_src", str),
    _as_sent("oaid", str),
    _as_sent("android_app_set_id", str),
    _as_sent("android_bundle_id", str),
    _as_sent("android_app_version", str),
    _as_sent("android_app_build", str),
    _as_sent("android_app_signature", str),
    _as_sent("android_channel_id", str),
    _as_sent("ios_att", str),
    _as_sent("ios_testflight", bool),
    _as_sent("ios_bundle_id", str),
    _as_sent("ios_app_version", str),
    _as_sent("ios_app_build", str),
    _optional("gender", one_of(GENDERS, may_be_empty=True), "gender"),
    _optional("birth_year", integer(0, 9999), "birth_year"),
    _if_right("country_code", rare(patterns.COUNTRY_CODE), "country"),
)
"""Those that few clients send, but then with every event."""

RULED_ATTRIBUTES = (
    _optional("progression", text()),
    _optional("limit_ad_tracking", BOOLEAN),
    _optional("logon_gamecenter", BOOLEAN),
    _optional("logon_googleplay", BOOLEAN),
    _optional("logon_gameplay", BOOLEAN),
    _optional("jailbroken", BOOLEAN),
    _optional("googleplus_id", text()),
    _optional("facebook_id", text()),
)
"""Those that no place is worth: they cost each event time, and hardly any client sends them."""

FIELDS = (*COMMON_FIELDS, *UNCOMMON_FIELDS, *RULED_ATTRIBUTES)

FIRST_NAMES = {"uuid": "event_uuid"}
"""What earlier versions of SDKs call a field."""
