"""What each category requires and allows: the judge of every event that is not plainly right (spec §§2, 3, 8).

The union of what the documentation accepts and what official SDKs really send. Fields without a rule are kept and never
a reason to drop an event.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from questlog.model.reasons import FieldError
from questlog.protocols.gameanalytics import patterns, wire
from questlog.protocols.gameanalytics.checks import (
    Check,
    FieldRefused,
    boolean,
    integer,
    matching,
    number,
    one_of,
    table,
    text,
)

KNOWN_PLATFORMS = frozenset(
    {
        "ios",
        "android",
        "windows",
        "windows_phone",
        "blackberry",
        "roku",
        "tizen",
        "nacl",
        "mac_osx",
        "webplayer",
        "tvos",
        "ps4",
        "xboxone",
        "uwp_mobile",
        "uwp_desktop",
        "uwp_console",
        "uwp_iot",
        "uwp_surfacehub",
        "webgl",
        "xbox360",
        "ps3",
        "psm",
        "vita",
        "wiiu",
        "samsung_tv",
        "linux",
        "watch_os",
        "unknown",
        "kai_os",
        "blackBerry",
        "uwp_holographic",
        "ps5",
        "xboxseries",
        "switch",
    }
)
"""Spec §2.1, E+. C++ and UWP clients send others, so that the list only binds where a strict one is asked for."""

_COUNT = integer(0, wire.MAX_INTEGER)
_REQUIRED_ANNOTATIONS: dict[str, Check] = {
    "v": integer(2, 2),
    "category": one_of(frozenset(get_args(wire.Category))),
    "user_id": text(1, 256),
    "sdk_version": matching(patterns.SDK_VERSION),
    "os_version": matching(patterns.OS_VERSION),
    "platform": text(1, 64),
    "manufacturer": text(0, 64),
    "device": text(0, 64),
    "session_id": matching(patterns.SESSION_ID),
    "session_num": _COUNT,
}
_OPTIONAL_ANNOTATIONS: dict[str, Check] = {
    "client_ts": integer(0, wire.MAX_CLIENT_TS),
    "engine_version": matching(patterns.ENGINE_VERSION, may_be_empty=True),
    "connection_type": one_of(frozenset(get_args(wire.ConnectionType)), may_be_empty=True),
    "gender": one_of(frozenset(get_args(wire.Gender)), may_be_empty=True),
    "birth_year": integer(0, 9999),
    "build": text(0, 32),
    "custom_01": text(0, 32),
    "custom_02": text(0, 32),
    "custom_03": text(0, 32),
    "progression": text(),
    "limit_ad_tracking": boolean,
    "limited_ad_tracking": boolean,
    "logon_gamecenter": boolean,
    "logon_googleplay": boolean,
    "logon_gameplay": boolean,
    "jailbroken": boolean,
    "android_id": text(),
    "googleplus_id": text(),
    "facebook_id": text(),
    "ios_idfv": text(),
    "ios_idfa": text(),
    "google_aid": text(),
}
# Fields that have a column when they look right and are kept among the attributes when they do not.
_COLUMNS_IF_RIGHT: dict[str, Check] = {
    "event_uuid": text(1, 256),
    "country_code": matching(patterns.COUNTRY_CODE),
}


class _Fields(NamedTuple):
    required: dict[str, Check]
    optional: dict[str, Check]


_OWN_FIELDS: dict[str, _Fields] = {
    "user": _Fields({}, {}),
    "session_end": _Fields({"length": number(0)}, {}),
    "business": _Fields(
        {
            "event_id": matching(patterns.BUSINESS_ID),
            "amount": integer(wire.MIN_INTEGER, wire.MAX_INTEGER),
            "currency": matching(patterns.CURRENCY),
            "transaction_num": _COUNT,
        },
        {"cart_type": text(0, 32), "receipt_info": table},
    ),
    "resource": _Fields({"event_id": matching(patterns.RESOURCE_ID), "amount": number()}, {}),
    "progression": _Fields({"event_id": matching(patterns.PROGRESSION_ID)}, {"attempt_num": _COUNT, "score": number()}),
    "design": _Fields({"event_id": matching(patterns.DESIGN_ID)}, {"value": number()}),
    "error": _Fields({"severity": one_of(frozenset(get_args(wire.Severity))), "message": text(0, 8192)}, {}),
    "ads": _Fields(
        {
            "ad_sdk_name": text(1, 64),
            "ad_placement": text(1, 64),
            "ad_type": one_of(frozenset(get_args(wire.AdType)), may_be_empty=True),
            "ad_action": one_of(frozenset(get_args(wire.AdAction))),
        },
        {
            "ad_fail_show_reason": one_of(frozenset(get_args(wire.AdFailShowReason)), may_be_empty=True),
            "ad_duration": _COUNT,
            "ad_first": boolean,
        },
    ),
    "impression": _Fields(
        {"ad_network_name": matching(patterns.AD_NETWORK_NAME), "impression_data": table},
        {"ad_network_version": matching(patterns.AD_NETWORK_VERSION, may_be_empty=True)},
    ),
    "sdk_init": _Fields({}, {}),
    "health": _Fields({}, {}),
}
# Sent without the annotations of a player and a session (spec §3.12), or never seen (§3.13).
_EXEMPT_CATEGORIES = ("sdk_error", "troubleshooting")
_ALWAYS_REQUIRED = ("v", "category")
# They mean something else in each category that has them, so another category's are attributes.
_AMBIGUOUS_FIELDS = ("event_id", "amount", "value")

PLACED_FIELDS = frozenset(wire.WireEvent.__struct_fields__) - {"unknown"}
"""Fields that have a place in `WireEvent`; the others become attributes."""
RULED_FIELDS_WITHOUT_A_PLACE = frozenset({*_OPTIONAL_ANNOTATIONS, "uuid"}) - PLACED_FIELDS
"""Fields that become attributes, but not without a look at them."""


class _CategoryRules(NamedTuple):
    required: frozenset[str]
    binding: dict[str, Check]  # a value that breaks one drops the event
    placing: dict[str, Check]  # a value that breaks one becomes an attribute


class Judgement(NamedTuple):
    """An event's fields by where they go, and what is wrong; the others mean nothing unless `errors` is empty.

    `invalid` are the optional fields that break their rule without dropping the event.
    """

    placed: dict[str, Any]
    unplaced: wire.UnknownFields
    errors: list[FieldError]
    invalid: dict[str, object]


def _rules_of_category(own: _Fields) -> _CategoryRules:
    required = _REQUIRED_ANNOTATIONS | own.required
    binding = required | _OPTIONAL_ANNOTATIONS | own.optional
    foreign = {
        name: check for fields in _OWN_FIELDS.values() for name, check in (fields.required | fields.optional).items()
    }
    placing = {name: check for name, check in (foreign | _COLUMNS_IF_RIGHT).items() if name not in binding}
    for name in _AMBIGUOUS_FIELDS:
        placing.pop(name, None)
    return _CategoryRules(frozenset(required), binding, placing)


def _rules_of_exempt_category() -> _CategoryRules:
    bound = _rules_of_category(_Fields({}, {}))
    binding = {name: bound.binding[name] for name in _ALWAYS_REQUIRED}
    placing = {name: check for name, check in bound.binding.items() if name not in binding} | bound.placing
    return _CategoryRules(frozenset(_ALWAYS_REQUIRED), binding, placing)


_RULES = {category: _rules_of_category(own) for category, own in _OWN_FIELDS.items()} | {
    category: _rules_of_exempt_category() for category in _EXEMPT_CATEGORIES
}
_RULES_OF_NO_CATEGORY = _rules_of_category(_Fields({}, {}))


def judge(fields: Mapping[str, object], *, is_platform_list_strict: bool, is_lenient: bool = False) -> Judgement:
    """Find the place of every field, and everything that is wrong with the event.

    With `is_lenient`, a field that is not required and breaks its rule is no error: it is `invalid`.
    """
    category = fields.get("category")
    rules = _RULES.get(category, _RULES_OF_NO_CATEGORY) if isinstance(category, str) else _RULES_OF_NO_CATEGORY
    judgement = Judgement({}, wire.UnknownFields(), [], {})
    for name, value in fields.items():
        _judge_field(rules, name, value, judgement, may_be_invalid=is_lenient and name not in rules.required)
    _place_first_name_of_event_uuid(judgement)
    judgement.errors.extend(
        FieldError("missing_required_property", f"/{name}") for name in sorted(rules.required - fields.keys())
    )
    if is_platform_list_strict and "platform" in rules.required and not _has_known_platform(judgement):
        judgement.errors.append(FieldError("not_in_enum", "/platform"))
    return judgement


def _place_first_name_of_event_uuid(judgement: Judgement) -> None:
    """JavaScript 4.4.3 and C# 3.3.4 call it `uuid` (spec §2.4)."""
    uuid = judgement.unplaced.get("uuid")
    if "event_uuid" not in judgement.placed and isinstance(uuid, str) and 1 <= len(uuid) <= 256:
        judgement.placed["event_uuid"] = judgement.unplaced.pop("uuid")


def _has_known_platform(judgement: Judgement) -> bool:
    platform = judgement.placed.get("platform")
    return platform is None or platform in KNOWN_PLATFORMS  # None: an error already


def _judge_field(
    rules: _CategoryRules, name: str, value: object, judgement: Judgement, *, may_be_invalid: bool
) -> None:
    check = rules.binding.get(name)
    if value is None:
        if name in rules.required:
            judgement.errors.append(FieldError("wrong_type", f"/{name}"))
    elif check is not None:
        try:
            _place(name, check(value), judgement)
        except FieldRefused as refused:
            if may_be_invalid:
                judgement.invalid[name] = value
            else:
                judgement.errors.append(FieldError(refused.error_type, f"/{name}"))
    elif (check := rules.placing.get(name)) is not None:
        try:
            _place(name, check(value), judgement)
        except FieldRefused:
            judgement.unplaced[name] = value
    else:
        judgement.unplaced[name] = value


def _place(name: str, value: object, judgement: Judgement) -> None:
    if value is None:
        return
    if name in PLACED_FIELDS:
        judgement.placed[name] = value
    else:
        judgement.unplaced[name] = value
