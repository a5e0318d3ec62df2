"""Each field's rule, from both sides: what is taken and what is refused, by which word."""

import pytest

from questlog.protocols.gameanalytics.codec import decode_events
from tests.support.gameanalytics import CATEGORIES, Event, body, event, sdk_error, without

BIG = 2**63


def errors_of(fields: object) -> list[tuple[str, str]]:
    decoded = decode_events(body(fields))
    return [(error.error_type, error.path) for drop in decoded.dropped for error in drop.errors]


ANNOTATION_VALUES: list[tuple[str, list[object], list[tuple[object, str]]]] = [
    ("v", [2, 2.0], [(1, "not_in_range"), (3, "not_in_range"), ("2", "wrong_type"), (True, "wrong_type")]),
    ("category", [], [("custom", "not_in_enum"), ("", "not_in_enum"), (5, "wrong_type")]),
    ("user_id", ["a", "é" * 256, "\x00"], [("", "wrong_length"), ("x" * 257, "wrong_length"), (7, "wrong_type")]),
    (
        "client_ts",
        [0, 99_999_999_999, 1_795_288_122.0, None],
        [(-1, "not_in_range"), (10**18, "not_in_range"), ("1795288122", "wrong_type"), (1.5, "wrong_type")],
    ),
    (
        "sdk_version",
        ["rest api v2", "unity 7.10.6", "cpp 5.4.0-alpha", "unity 7.6.2b", "flutter 1.2.3.4", "x_y ."],
        [("", "no_match"), ("Unity 7", "no_match"), ("unity", "no_match"), ("rest api v3", "no_match"),
         ("unity 7\n", "no_match"), ("unity 123456", "no_match"), ("é 1", "no_match"), (1, "wrong_type")],
    ),
    (
        "os_version",
        ["windows 10", "linux 6.18.44", "linux 0.0.0", "uwp_console 0.0.0", "Windows.Desktop 10.0.19041.1", "ios "],
        [("", "no_match"), ("linux", "no_match"), ("linux 1.2.3.4.5", "no_match"), ("linux ٣", "no_match"),
         (10, "wrong_type")],
    ),
    ("platform", ["ios", "ps6", "é" * 64], [("", "wrong_length"), ("x" * 65, "wrong_length"), (1, "wrong_type")]),
    ("manufacturer", ["", "unknown", "é" * 64], [("x" * 65, "wrong_length"), ([], "wrong_type")]),
    ("device", ["", "iPhone15,2", "x" * 64], [("x" * 65, "wrong_length"), ({}, "wrong_type")]),
    (
        "session_id",
        ["62363661-3565-3936-2d64-6164612d6666"],
        [("", "no_match"), ("942A012A-4911-4d6c-aff7-f42bf5d9c3fc", "no_match"), ("x", "no_match"), (5, "wrong_type"),
         ("942a012a-4911-4d6c-aff7-f42bf5d9c3fc\n", "no_match")],
    ),
    (
        "session_num",
        [0, 1, BIG - 1, 3.0],
        [(-1, "not_in_range"), (BIG, "not_in_range"), ("1", "wrong_type"), (True, "wrong_type"), (1.5, "wrong_type")],
    ),
    ("engine_version", ["unity 2022.3.10", "xamarin.ios 1", "", None], [("Unity 5", "no_match"), (5, "wrong_type")]),
    ("connection_type", ["offline", "wwan", "wifi", "lan", "", None], [("5g", "not_in_enum"), (5, "wrong_type")]),
    ("gender", ["male", "female", "", None], [("m", "not_in_enum"), (1, "wrong_type")]),
    ("birth_year", [0, 1984, 9999, None], [(10_000, "not_in_range"), (-1, "not_in_range"), ("1984", "wrong_type")]),
    ("build", ["", "1.0", "é" * 32, None], [("x" * 33, "wrong_length"), (1, "wrong_type")]),
    ("custom_01", ["", "ninja", "x" * 32, None], [("x" * 33, "wrong_length"), (1, "wrong_type")]),
    ("custom_02", ["x" * 32], [("x" * 33, "wrong_length")]),
    ("custom_03", ["x" * 32], [("x" * 33, "wrong_length")]),
    ("progression", ["1", None], [(1, "wrong_type")]),
    ("limit_ad_tracking", [True, False, None], [(1, "wrong_type"), ("true", "wrong_type")]),
    ("limited_ad_tracking", [True, False, None], [(1, "wrong_type")]),
    ("logon_gamecenter", [True], [("x", "wrong_type")]),
    ("logon_googleplay", [True], [("x", "wrong_type")]),
    ("logon_gameplay", [True], [("x", "wrong_type")]),
    ("jailbroken", [True, False], [(0, "wrong_type")]),
    ("android_id", ["", "x", None], [(5, "wrong_type")]),
    ("google_aid", ["x"], [(5, "wrong_type")]),
    ("googleplus_id", ["x"], [(5, "wrong_type")]),
    ("facebook_id", ["x"], [(5, "wrong_type")]),
    ("ios_idfv", ["x"], [(5, "wrong_type")]),
    ("ios_idfa", ["x"], [({}, "wrong_type")]),
]  # fmt: skip

CATEGORY_VALUES: list[tuple[str, str, list[object], list[tuple[object, str]]]] = [
    ("session_end", "length", [0, 5, 5.5, 10**12], [(-1, "not_in_range"), ("5", "wrong_type"), (True, "wrong_type")]),
    (
        "business",
        "event_id",
        ["Gold Packs!:free (promo)?", "a:b"],
        [("a", "no_match"), ("a:b:c", "no_match"), ("a:", "no_match"), ("a:b/c", "no_match"), ("a:é", "no_match"),
         (1, "wrong_type")],
    ),
    (
        "business",
        "amount",
        [0, 99, -5, 99.0, BIG - 1, -BIG],
        [(BIG, "not_in_range"), (99.5, "wrong_type"), ("99", "wrong_type"), (True, "wrong_type")],
    ),
    ("business", "currency", ["USD", "XXX"], [("usd", "no_match"), ("USDT", "no_match"), ("USD\n", "no_match")]),
    ("business", "transaction_num", [0, 1, 2.0], [(-1, "not_in_range"), ("1", "wrong_type")]),
    ("business", "cart_type", ["", "shop", None], [("x" * 33, "wrong_length"), (1, "wrong_type")]),
    ("business", "receipt_info", [{}, [], {"store": "apple", "receipt": "x"}, None], [("x", "wrong_type")]),
    (
        "resource",
        "event_id",
        ["Sink:gold:lives:extra-life", "Source:gems:boost:rainbow"],
        [("Drain:gold:a:b", "no_match"), ("Sink:gold1:a:b", "no_match"), ("Sink:gold:a", "no_match")],
    ),
    ("resource", "amount", [400, -12.5, 0, BIG, 1e308], [("5", "wrong_type"), (False, "wrong_type"),
                                                      (10**400, "not_in_range")]),
    (
        "progression",
        "event_id",
        ["Start:world01", "Fail:a:b", "Complete:a:b:c"],
        [("Start", "no_match"), ("Start:a:b:c:d", "no_match"), ("Begin:a", "no_match")],
    ),
    ("progression", "attempt_num", [0, 3, None], [(-1, "not_in_range"), ("3", "wrong_type")]),
    ("progression", "score", [0, -5, 12.6, None], [("5", "wrong_type"), (10**400, "not_in_range")]),
    (
        "design",
        "event_id",
        ["Menu", "A b-c_d.e(f)!?:2:3:4:5", "x" * 64, "a\tb"],
        [("", "no_match"), ("x" * 65, "no_match"), ("1:2:3:4:5:6", "no_match"), ("bad/chars", "no_match"),
         ("a:", "no_match"), (5, "wrong_type")],
    ),
    ("design", "value", [0, -3, 1.5, None], [("1", "wrong_type"), (True, "wrong_type")]),
    ("error", "severity", ["debug", "info", "warning", "error", "critical"], [("fatal", "not_in_enum")]),
    ("error", "message", ["", "é" * 8192, "a\x00b"], [("x" * 8193, "wrong_length"), (None, "wrong_type")]),
    ("ads", "ad_sdk_name", ["admob"], [("", "wrong_length"), (1, "wrong_type")]),
    ("ads", "ad_placement", ["x" * 64], [("x" * 65, "wrong_length")]),
    ("ads", "ad_type", ["video", "app_open", ""], [("film", "not_in_enum"), (1, "wrong_type")]),
    ("ads", "ad_action", ["show", "request", "loaded"], [("", "not_in_enum"), ("seen", "not_in_enum")]),
    ("ads", "ad_fail_show_reason", ["no_fill", "", None], [("bored", "not_in_enum")]),
    ("ads", "ad_duration", [0, 5000, None], [(-1, "not_in_range"), ("5", "wrong_type")]),
    ("ads", "ad_first", [True, None], [(1, "wrong_type")]),
    ("impression", "ad_network_name", ["max", "hyper-bid_2"], [("", "no_match"), ("Max", "no_match")]),
    ("impression", "ad_network_version", ["1.2.3.4", "", None], [("v1", "no_match"), (1, "wrong_type")]),
    ("impression", "impression_data", [{}, {"a": {"b": [1]}}], [("x", "wrong_type"), (None, "wrong_type")]),
]  # fmt: skip

REQUIRED = {
    "session_end": ["length"],
    "business": ["event_id", "amount", "currency", "transaction_num"],
    "resource": ["event_id", "amount"],
    "progression": ["event_id"],
    "design": ["event_id"],
    "error": ["severity", "message"],
    "ads": ["ad_sdk_name", "ad_placement", "ad_type", "ad_action"],
    "impression": ["ad_network_name", "impression_data"],
}
REQUIRED_ANNOTATIONS = [
    "v", "user_id", "sdk_version", "os_version", "manufacturer", "device", "platform", "session_id", "session_num"
]  # fmt: skip


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_plainest_event_of_a_category_is_taken(category: str) -> None:
    assert errors_of(event(category)) == []


@pytest.mark.parametrize(("name", "taken", "refused"), ANNOTATION_VALUES, ids=[row[0] for row in ANNOTATION_VALUES])
def test_annotation(name: str, taken: list[object], refused: list[tuple[object, str]]) -> None:
    for value in taken:
        assert errors_of(event("user", **{name: value})) == [], value
    for value, error_type in refused:
        assert errors_of(event("user", **{name: value})) == [(error_type, f"/{name}")], value


@pytest.mark.parametrize(
    ("category", "name", "taken", "refused"), CATEGORY_VALUES, ids=[f"{row[0]}-{row[1]}" for row in CATEGORY_VALUES]
)
def test_field_of_a_category(category: str, name: str, taken: list[object], refused: list[tuple[object, str]]) -> None:
    for value in taken:
        assert errors_of(event(category, **{name: value})) == [], value
    for value, error_type in refused:
        assert errors_of(event(category, **{name: value})) == [(error_type, f"/{name}")], value


@pytest.mark.parametrize("category", CATEGORIES)
def test_required_fields_are_missed_and_null_is_no_value(category: str) -> None:
    for name in [*REQUIRED_ANNOTATIONS, *REQUIRED.get(category, [])]:
        assert errors_of(without(event(category), name)) == [("missing_required_property", f"/{name}")]
        assert errors_of(event(category, **{name: None})) == [("wrong_type", f"/{name}")]


def test_all_that_is_wrong_is_reported() -> None:
    wrong = without(event("business", v=1, amount="99", currency="usd", session_id=5), "event_id", "device")
    assert errors_of(wrong) == [
        ("not_in_range", "/v"),
        ("wrong_type", "/session_id"),
        ("wrong_type", "/amount"),
        ("no_match", "/currency"),
        ("missing_required_property", "/device"),
        ("missing_required_property", "/event_id"),
    ]


def test_without_a_known_category_the_annotations_are_still_looked_at() -> None:
    assert errors_of(event("user", category="custom", session_num="1")) == [
        ("wrong_type", "/session_num"),
        ("not_in_enum", "/category"),
    ]
    assert ("missing_required_property", "/category") in errors_of(without(event("user"), "category"))


def test_an_sdk_error_needs_neither_player_nor_session() -> None:
    assert errors_of(sdk_error()) == []
    assert errors_of({"v": 2, "category": "sdk_error"}) == []
    assert errors_of({"v": 2, "category": "troubleshooting", "anything": 1}) == []
    assert errors_of(sdk_error(os_version="", platform=5, session_num="x")) == []
    assert errors_of({"category": "sdk_error"}) == [("missing_required_property", "/v")]


def test_any_platform_is_taken() -> None:
    for platform in ("fridge", "kai_os"):
        assert errors_of(event("user", platform=platform)) == []
        assert errors_of(event("user", platform=platform, zz=1)) == []
    assert errors_of(event("user", platform=5)) == [("wrong_type", "/platform")]
    assert errors_of(sdk_error(platform=5)) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"event_uuid": 5},
        {"event_uuid": ""},
        {"custom_fields": []},
        {"custom_fields": "x"},
        {"configurations": {"a": {"b": {"c": 1}}}},
        {"country_code": None},
        {"country_code": "XX1"},
        {"country_code": 5},
        {"user_id_ext": 7},
        {"browser_version": []},
        {"is_events_compliant": True},
        {"unknown": {"v": 1}},
        {"ad_type": "film", "severity": 5, "length": -1},
    ],
    ids=str,
)
def test_fields_without_a_documented_rule_never_drop_an_event(fields: Event) -> None:
    assert errors_of(event("design", **fields)) == []
