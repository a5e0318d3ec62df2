import json
from typing import Any

import pytest

from questlog.model.event import DECODED_COLUMNS, NIL_UUID
from questlog.protocols.gameanalytics.codec import decode_events, to_columns
from questlog.protocols.gameanalytics.fields import MAX_LENGTH_S
from tests.support.gameanalytics import CATEGORIES, Event, body, event, sdk_error, without

ANNOTATED = {
    "client_time": 1_795_288_122_000_000,
    "player_id": "player-1",
    "session_id": "942a012a-4911-4d6c-aff7-f42bf5d9c3fc",
    "session_num": 1,
    "platform": "ios",
    "os_version": "ios 17.4",
    "device": "iPhone15,2",
    "manufacturer": "apple",
    "sdk_version": "rest api v2",
}
OWN_COLUMNS: dict[str, Event] = {
    "user": {},
    "session_end": {"length_s": 5.0},
    "business": {"event_id": "GemPack:gems_50", "amount": 99, "currency": "USD", "transaction_num": 1},
    "resource": {"event_id": "Sink:gold:lives:extra-life", "value": -12.5},
    "progression": {"event_id": "Complete:world01:stage01", "score": 12.5, "attempt_num": 2},
    "design": {"event_id": "Kill:Sword:Robot", "value": 1.5},
    "error": {"severity": "error", "message": "boom"},
    "ads": {"ad_sdk_name": "admob", "ad_placement": "menu", "ad_type": "banner", "ad_action": "clicked"},
    "impression": {
        "ad_network_name": "ironsource",
        "ad_revenue": 0.0123,
        "currency": "USD",
        "attributes": {"impression_data": {"revenue": 0.0123}},
    },
    "sdk_init": {},
    "health": {},
}


def row_of(fields: Event) -> dict[str, Any]:
    """The columns that have a value for this event."""
    decoded = decode_events(body(fields))
    assert not decoded.dropped
    columns = to_columns(decoded.events)
    row: dict[str, Any] = {name: column[0] for name, column in columns.items() if column[0] is not None}
    if "attributes" in row:
        row["attributes"] = json.loads(row["attributes"])
    return row


def column_of(fields: Event, name: str) -> Any:
    return row_of(fields).get(name)


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_plain_event_fills_the_columns_of_its_category(category: str) -> None:
    assert row_of(event(category)) == {"category": category, **ANNOTATED, **OWN_COLUMNS[category]}


def test_no_events_make_no_columns() -> None:
    assert to_columns([]) == {}


def test_columns_are_the_models_and_equally_long() -> None:
    columns = to_columns(decode_events(body(*(event(category) for category in CATEGORIES))).events)
    assert set(columns) <= set(DECODED_COLUMNS)
    assert {len(column) for column in columns.values()} == {len(CATEGORIES)}


@pytest.mark.parametrize("count", [1, 255, 256, 257, 700])
def test_many_events_keep_their_order(count: int) -> None:
    kinds = [CATEGORIES[number % len(CATEGORIES)] for number in range(count)]
    sent = [event(kind, client_ts=number) for number, kind in enumerate(kinds)]
    columns = to_columns(decode_events(body(*sent)).events)
    assert list(columns["client_time"]) == [number * 1_000_000 for number in range(count)]
    for name, column in columns.items():
        for kind, value in zip(kinds, column, strict=True):
            expected = {**ANNOTATED, **OWN_COLUMNS[kind], "category": kind}
            if name == "attributes":
                assert (json.loads(str(value)) if value else None) == expected.get(name)
            elif name != "client_time":
                assert value == expected.get(name)


@pytest.mark.parametrize(
    ("fields", "client_event_id"),
    [
        ({"event_uuid": "a"}, "a"),
        ({"uuid": "b"}, "b"),
        ({"event_uuid": "a", "uuid": "b"}, "a"),
        ({"event_uuid": "", "uuid": "b"}, "b"),
        ({"event_uuid": 5, "uuid": 6}, None),
        ({"event_uuid": "x" * 257}, None),
        ({"event_uuid": NIL_UUID}, None),
        ({"uuid": "null"}, None),
        ({"event_uuid": "Undefined"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_clients_id_has_two_names(fields: Event, client_event_id: str | None) -> None:
    assert column_of(event("user", **fields), "client_event_id") == client_event_id


def test_the_nil_uuid_is_no_player() -> None:
    assert column_of(event("user", user_id=NIL_UUID), "player_id") is None
    columns = to_columns(decode_events(body(event("user", user_id=NIL_UUID), event("user"))).events)
    assert list(columns["player_id"]) == [None, "player-1"]


def test_an_event_without_client_ts_has_no_client_time() -> None:
    assert "client_time" not in row_of(without(event("user"), "client_ts"))


@pytest.mark.parametrize(("length", "length_s"), [(0, 0), (7, 7), (7.5, 7.5), (10**15, MAX_LENGTH_S)])
def test_an_absurd_length_is_cut(length: float, length_s: float) -> None:
    assert column_of(event("session_end", length=length), "length_s") == length_s


@pytest.mark.parametrize("zero", [0, 0.0])
def test_zeros_are_values(zero: float) -> None:
    assert column_of(event("design", value=zero), "value") == 0
    assert column_of(event("business", amount=zero), "amount") == 0
    assert type(column_of(event("business", amount=zero), "amount")) is int
    assert column_of(event("error", message=""), "message") == ""


@pytest.mark.parametrize(
    ("code", "country", "kept"),
    [("SE", "SE", None), ("se", None, "se"), ("SWE", None, "SWE"), (5, None, 5), (None, None, None), ("", None, "")],
)
def test_a_country_code_that_is_none_is_only_kept(code: object, country: str | None, kept: object) -> None:
    row = row_of(event("user", country_code=code))
    assert row.get("country") == country
    assert row.get("attributes", {}).get("country_code") == kept


@pytest.mark.parametrize("name", ["gender", "connection_type", "engine_version"])
def test_empty_optional_words_are_none(name: str) -> None:
    assert row_of(event("user", **{name: ""})) == row_of(event("user"))


@pytest.mark.parametrize(
    ("data", "revenue", "currency"),
    [
        ({"publisher_revenue": 0.5, "currency": "EUR"}, 0.5, "EUR"),
        ({"publisher_revenue": "0.5"}, 0.5, "USD"),
        ({"revenue": 1}, 1.0, "USD"),
        ({"publisher_revenue": 2, "revenue": 1}, 2.0, "USD"),
        ({"revenue": 0, "currency": None}, 0.0, "USD"),
        ({"revenue": 1, "currency": "eur"}, 1.0, "EUR"),
        ({"revenue": 1, "currency": "euro"}, 1.0, None),
        ({"revenue": 1, "currency": "€"}, 1.0, None),
        ({"revenue": 1, "currency": 5}, 1.0, None),
        ({"revenue": "much"}, None, None),
        ({"revenue": "nan"}, None, None),
        ({"revenue": "inf"}, None, None),
        ({"revenue": True}, None, None),
        ({"revenue": 10**400}, None, None),
        ({"revenue": {"x": 1}}, None, None),
        ({}, None, None),
        ([], None, None),
    ],
    ids=str,
)
def test_ad_revenue_comes_from_the_impression_data(data: object, revenue: float | None, currency: str | None) -> None:
    row = row_of(event("impression", impression_data=data))
    assert (row.get("ad_revenue"), row.get("currency")) == (revenue, currency)
    assert row["attributes"]["impression_data"] == data


@pytest.mark.parametrize(
    ("receipt", "store"),
    [({"store": "apple", "receipt": "x"}, "apple"), ({"store": 5}, None), ({}, None), ([], None)],
    ids=str,
)
def test_a_receipt_is_kept_and_its_store_has_a_column(receipt: object, store: str | None) -> None:
    row = row_of(event("business", receipt_info=receipt))
    assert row.get("receipt_store") == store
    assert row["attributes"] == {"receipt_info": receipt}


def test_everything_else_is_kept_under_its_name_as_sent() -> None:
    others: Event = {
        "custom_fields": {"a": 1, "b": "two", "c": 1.5, "d": True},
        "configurations_v3": [{"key": "k", "id": "i", "vsn": 1}],
        "ab_id": "exp-1",
        "user_id_ext": "ext",
        "browser_version": "chrome 156",
        "google_aid": "g",
        "limit_ad_tracking": True,
        "jailbroken": False,
        "function_name": "f",
        "line_number": 12,
        "fps_data_table": [0] * 121,
        "never_heard_of": {"deep": {"er": [1, {"x": None}]}},
        "unknown": {"v": 1},
        "big": 2**70,
        'quoted " \\ \n é 😀': "\x01",
    }
    assert row_of(event("error", **others))["attributes"] == others


def test_nulls_are_absent_everywhere() -> None:
    assert row_of(event("user", ab_id=None, custom_fields=None, zz=None, build=None, unknown=None)) == row_of(
        event("user")
    )


def test_an_address_is_never_stored() -> None:
    assert row_of(event("user", ip="203.0.113.7")) == row_of(event("user"))
    assert row_of(event("user", ip="203.0.113.7", zz=1))["attributes"] == {"zz": 1}


def test_a_field_of_another_category_is_not_mistaken() -> None:
    row = row_of(event("error", event_id="a/b", amount=5, value=7))
    assert row["attributes"] == {"event_id": "a/b", "amount": 5, "value": 7}
    assert {"event_id", "amount", "value"}.isdisjoint(row)
    row = row_of(event("resource", value=7))
    assert (row["value"], row["attributes"]) == (-12.5, {"value": 7})


def test_an_sdk_error_keeps_all_it_says() -> None:
    row = row_of(sdk_error(error_parameter="currency", stacktrace="at x", client_ts=-1))
    assert row == {
        "client_event_id": "5a746382-1b25-4c0c-809f-b7a17e735960",
        "category": "sdk_error",
        "sdk_version": "javascript 4.4.6",
        "os_version": "linux 0.0.0",
        "manufacturer": "unknown",
        "device": "unknown",
        "platform": "linux",
        "attributes": {
            "error_category": "event_validation",
            "reason": "usd",
            "error_parameter": "currency",
            "stacktrace": "at x",
            "client_ts": -1,
        },
    }


def test_events_with_and_without_the_rarely_sent_fields_share_columns() -> None:
    rare = {"android_bundle_id": "com.example", "country_code": "SE", "gender": "female"}
    requests = [body(event("user", **fields), event("design")) for fields in ({}, rare, {})]
    columns = to_columns([found for sent in requests for found in decode_events(sent).events])
    assert list(columns["category"]) == ["user", "design"] * 3
    assert list(columns["country"]) == [None, None, "SE", None, None, None]
    assert list(columns["attributes"]) == [None, None, '{"android_bundle_id":"com.example"}', None, None, None]
    assert "birth_year" not in columns
