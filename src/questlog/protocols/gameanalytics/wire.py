"""What travels in a GameAnalytics request, under the names of the wire (spec §§1.2, 1.3, 2, 3)."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

MAX_CLIENT_TS = 99_999_999_999  # seconds: the 11 digits that SDKs cut their clocks to
MAX_INTEGER = 2**63 - 1
MIN_INTEGER = -(2**63)

ShortText = Annotated[str, Meta(max_length=32)]
Text = Annotated[str, Meta(max_length=64)]
IdentifierText = Annotated[str, Meta(min_length=1, max_length=256)]
LongText = Annotated[str, Meta(max_length=8192)]
NonEmptyText = Annotated[str, Meta(min_length=1, max_length=64)]
Integer = Annotated[int, Meta(ge=MIN_INTEGER, le=MAX_INTEGER)]
Count = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
NonNegative = Annotated[float, Meta(ge=0)]
# Patterns of rare fields only: msgspec runs the expression each time.
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
CountryCode = Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")]
AdNetworkName = Annotated[str, Meta(pattern=r"^[a-z0-9_.\-]{1,32}\Z")]
AdNetworkVersion = Annotated[str, Meta(pattern=r"^[0-9]{0,5}(?:\.[0-9]{0,5}){0,3}\Z", min_length=1)]
Scalar = str | Integer | float | bool | None
# Two levels at most: the rules decide on anything deeper, within a bound. Roblox sends `[]` for an empty table.
Mapping = dict[str, Scalar]
Table = Mapping | list[Scalar | Mapping]

Category = Literal[
    "user",
    "session_end",
    "business",
    "resource",
    "progression",
    "design",
    "error",
    "ads",
    "impression",
    "sdk_init",
    "health",
    "sdk_error",
    "troubleshooting",
]
Severity = Literal["debug", "info", "warning", "error", "critical"]
ConnectionType = Literal["offline", "wwan", "wifi", "lan"]
Gender = Literal["male", "female"]
AdType = Literal[
    "video", "rewarded_video", "playable", "interstitial", "offer_wall", "banner", "app_open", "rewarded_interstitial"
]
AdAction = Literal["clicked", "show", "failed_show", "reward_received", "request", "loaded"]
AdFailShowReason = Literal["unknown", "offline", "no_fill", "internal_error", "invalid_request", "unable_to_precache"]


class UnknownFields(dict[str, Any]):
    """Fields without a place in `WireEvent`, as sent. A type of its own, so that no JSON value can pass for it."""


INVALID = "invalid"
"""The attribute of a lenient game's event that holds its invalid annotations by name."""


class InvalidFields(dict[str, Any]):
    """Optional annotations that break their rule, as sent. A type of its own, for the same reason."""


class WireEvent(Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One event, of any category. None is absent, as JSON's null is.

    Decoding straight into this type takes plain events only: patterns and what a category requires are checked
    afterwards (`plain`), and whatever it refuses goes through `rules`, which decide. It has the fields that become
    columns and those that official SDKs send with every event, in about the order in which most send them: msgspec
    looks for a key from the place of the last one on, so both the number of fields and their order cost time. Those
    that few clients send, but then with every event, are at the end: `quick` tries without them first.
    """

    v: Literal[2]
    event_uuid: IdentifierText | None = None
    user_id: IdentifierText | None = None
    client_ts: Annotated[int, Meta(ge=0, le=MAX_CLIENT_TS)] | None = None
    sdk_version: str | None = None
    os_version: str | None = None
    manufacturer: Text | None = None
    device: Text | None = None
    browser_version: str | None = None
    platform: NonEmptyText | None = None
    session_id: str | None = None
    session_num: Count | None = None
    connection_type: ConnectionType | None = None
    engine_version: str | None = None
    configurations: Table | None = None
    configurations_v3: Table | None = None
    ab_id: str | None = None
    ab_variant_id: str | None = None
    build: ShortText | None = None

    category: Category
    event_id: str | None = None
    value: float | None = None
    amount: Integer | float | None = None
    currency: Currency | None = None
    transaction_num: Count | None = None
    cart_type: ShortText | None = None
    length: NonNegative | None = None
    score: float | None = None
    attempt_num: Count | None = None
    severity: Severity | None = None
    message: LongText | None = None

    custom_01: ShortText | None = None
    custom_02: ShortText | None = None
    custom_03: ShortText | None = None
    custom_fields: Table | None = None

    android_id: str | None = None
    google_aid: str | None = None
    limited_ad_tracking: bool | None = None
    ios_idfv: str | None = None
    ios_idfa: str | None = None

    ad_sdk_name: NonEmptyText | None = None
    ad_placement: NonEmptyText | None = None
    ad_type: AdType | None = None
    ad_action: AdAction | None = None
    ad_fail_show_reason: AdFailShowReason | None = None
    ad_duration: Count | None = None
    ad_first: bool | None = None
    ad_network_name: AdNetworkName | None = None
    ad_network_version: AdNetworkVersion | None = None
    impression_data: Table | None = None
    receipt_info: Table | None = None
    current_session_length: Count | None = None
    lifetime_session_length: Count | None = None

    user_id_ext: str | None = None
    google_aid_src: str | None = None
    oaid: str | None = None
    android_app_set_id: str | None = None
    android_bundle_id: str | None = None
    android_app_version: str | None = None
    android_app_build: str | None = None
    android_app_signature: str | None = None
    android_channel_id: str | None = None
    ios_att: str | None = None
    ios_testflight: bool | None = None
    ios_bundle_id: str | None = None
    ios_app_version: str | None = None
    ios_app_build: str | None = None
    gender: Gender | None = None
    birth_year: Annotated[int, Meta(ge=0, le=9999)] | None = None
    country_code: CountryCode | None = None

    unknown: UnknownFields | None = None


class OpenWireEvent(WireEvent, kw_only=True, gc=False, forbid_unknown_fields=False):
    """The same, decoded without a look at the fields that have no place in it."""


class InitRequest(Struct, frozen=True):
    """What both init routes are told, as far as it has the right type (spec §§1.2, 1.3)."""

    user_id: str | None = None
    platform: str | None = None
    os_version: str | None = None
    sdk_version: str | None = None
    build: str | None = None
    session_num: int | None = None
