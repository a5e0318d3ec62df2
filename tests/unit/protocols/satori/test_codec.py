from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.model.event import DECODED_COLUMNS, Source
from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.satori.codec import Decoded, decode_events, to_columns, undeclared
from questlog.protocols.satori.timestamps import parse_timestamp
from questlog.protocols.satori.wire import ServerEvent

TIME = "2025-07-15T12:00:00.00Z"
TIME_US = parse_timestamp(TIME)
IDENTITY = "00000000-0000-0000-0000-000000000001"
SESSION = "2513FC77-3B8D-487B-9709-18E0A27F0ECB"
SATORI_SOURCES = (Source.SATORI_CLIENT, Source.SATORI_SERVER, Source.SATORI_SYSTEM)


def batch(*events: object) -> bytes:
    return msgspec.json.encode({"events": events})


def from_client(*events: object) -> Decoded:
    return decode_events(batch(*events), source=Source.SATORI_CLIENT)


def from_server(*events: object) -> Decoded:
    return decode_events(batch(*events), source=Source.SATORI_SERVER)


def rows(decoded: Decoded) -> list[dict[str, object]]:
    """The events' columns, row by row, without the empty ones."""
    columns = to_columns(decoded.events)
    return [
        {name: values[place] for name, values in columns.items() if values[place] is not None}
        for place in range(len(decoded.events))
    ]


def row(**event: object) -> dict[str, object]:
    decoded = from_server({"name": "gameStarted"} | event)
    assert not decoded.dropped
    return rows(decoded)[0]


def reason_of(event: object, source: Source = Source.SATORI_SERVER) -> Reason:
    decoded = decode_events(batch(event), source=source)
    assert not decoded.events
    return decoded.dropped[0].reason


def test_an_event_becomes_columns() -> None:
    decoded = from_server(
        {
            "name": "levelCompleted",
            "id": "e-1",
            "identityId": IDENTITY,
            "timestamp": TIME,
            "sessionId": SESSION,
            "sessionIssuedAt": "1752577200",
            "sessionExpiresAt": "1752663600",
            "value": "10",
            "metadata": {"levelId": "10", "retryCount": "2"},
        }
    )
    assert rows(decoded) == [
        {
            "category": "custom",
            "event_id": "levelCompleted",
            "client_event_id": "e-1",
            "client_time": TIME_US,
            "player_id": IDENTITY,
            "session_id": SESSION,
            "session_issued_at": 1_752_577_200_000_000,
            "session_expires_at": 1_752_663_600_000_000,
            "value": 10.0,
            "attributes": '{"levelId":"10","retryCount":"2"}',
        }
    ]


def test_names_are_taken_in_both_spellings_mixed_in_one_event() -> None:
    mixed = row(identityId=IDENTITY, session_id=SESSION, sessionIssuedAt="1752577200", session_expires_at=1752663600)
    snake = row(identity_id=IDENTITY, session_id=SESSION, session_issued_at=1752577200, session_expires_at="1752663600")
    assert mixed == snake
    assert mixed["player_id"] == IDENTITY


@pytest.mark.parametrize("name", ["session_expired_at", "sessionExpiredAt"])
def test_the_spelling_of_the_vendors_field_table_is_taken_too(name: str) -> None:
    assert row(**{name: "1752663600"})["session_expires_at"] == 1_752_663_600_000_000


def test_of_two_spellings_the_one_that_is_set_counts() -> None:
    assert row(identity_id="", identityId=IDENTITY)["player_id"] == IDENTITY
    assert row(identity_id=IDENTITY, identityId="the-other-one")["player_id"] == IDENTITY
    assert row(session_issued_at=0, sessionIssuedAt="7")["session_issued_at"] == 7_000_000


@pytest.mark.parametrize(
    "event",
    [
        {"name": "gameStarted"},
        {
            "name": "gameStarted",
            "id": "",
            "value": "",
            "metadata": {},
            "timestamp": "",
            "identity_id": "",
            "session_id": "",
            "session_issued_at": 0,
            "session_expires_at": "0",
        },
        {
            "name": "gameStarted",
            "id": None,
            "value": None,
            "metadata": None,
            "timestamp": None,
            "identityId": None,
            "sessionId": None,
            "sessionIssuedAt": None,
            "sessionExpiresAt": None,
        },
        {"name": "gameStarted", "metadata": {"nothing": None}},
    ],
)
def test_nulls_empty_texts_empty_maps_and_zeroes_mean_unset(event: object) -> None:
    assert rows(from_server(event)) == [{"category": "custom", "event_id": "gameStarted"}]


def test_an_event_of_a_client_belongs_to_its_token_whatever_it_says() -> None:
    decoded = from_client(
        {
            "name": "gameStarted",
            "identity_id": "x",
            "identityId": 5,
            "session_id": ["?"],
            "sessionIssuedAt": "never",
            "session_expires_at": {},
        }
    )
    assert rows(decoded) == [{"category": "custom", "event_id": "gameStarted"}]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"events":null}', b'{"events":[]}', b'{"other":[1]}'])
@pytest.mark.parametrize("source", SATORI_SOURCES)
def test_a_request_without_events_is_an_empty_one(body: bytes, source: Source) -> None:
    assert decode_events(body, source=source) == Decoded([], range(0), ())
    assert to_columns([])["event_id"] == []


def test_numbers_and_booleans_where_texts_belong_are_their_text_as_sent() -> None:
    body = b'{"events":[{"name":"a","value":1.50,"metadata":{"i":5,"f":2.0,"b":true,"n":null,"big":1e400}}]}'
    decoded = decode_events(body, source=Source.SATORI_CLIENT)
    assert decoded.events[0].value == "1.50"
    assert decoded.events[0].attributes == '{"i":"5","f":"2.0","b":"true","big":"1e400"}'


def test_a_text_that_is_no_number_is_a_text() -> None:
    decoded = from_client({"name": "screenViewed", "value": "main_menu"}, {"name": "score", "value": "12.5"})
    assert [(event.get("value"), event.get("value_text")) for event in rows(decoded)] == [
        (None, "main_menu"),
        (12.5, None),
    ]


def test_a_purchase_is_money_and_an_ad_impression_is_revenue() -> None:
    decoded = from_client(
        {"name": "purchaseCompleted", "value": "499", "metadata": {"currency": "EUR", "amount": "4.50"}},
        {"name": "purchaseCompleted", "value": "", "metadata": {"currency": "GBP", "amount": "20", "test": "false"}},
        {"name": "purchaseCompleted", "value": "499", "metadata": {"test": "true"}},
        {"name": "purchaseCompleted"},
        {"name": "adImpression", "value": "2.5"},
        {"name": "adImpression", "value": "banner"},
        {"name": "levelCompleted", "value": "10", "metadata": {"currency": "GBP", "amount": "20"}},
    )
    assert [(event.get("amount"), event.get("currency"), event.get("ad_revenue")) for event in rows(decoded)] == [
        (499, "USD", None),
        (2000, "GBP", None),
        (None, None, None),
        (None, None, None),
        (None, "USD", 0.025),
        (None, None, None),
        (None, None, None),
    ]


def test_columns_are_those_of_the_model() -> None:
    columns = to_columns(from_client({"name": "purchaseCompleted", "value": "1"}, {"name": "b"}).events)
    assert set(columns) <= set(DECODED_COLUMNS)
    assert {len(values) for values in columns.values()} == {2}


def test_good_events_are_taken_though_others_of_the_batch_are_not() -> None:
    decoded = from_server({"name": "a"}, {"name": "_b"}, {"name": "c", "timestamp": "?"}, {"name": "d"}, 5)
    assert [event.name for event in decoded.events] == ["a", "d"]
    assert list(decoded.indexes) == [0, 3]
    assert [(event.index, event.reason, event.raw) for event in decoded.dropped] == [
        (1, Reason.INVALID_NAME, b'{"name":"_b"}'),
        (2, Reason.INVALID_TIMESTAMP, b'{"name":"c","timestamp":"?"}'),
        (4, Reason.INVALID_NAME, b"5"),
    ]
    assert all(event.detail for event in decoded.dropped)


def test_a_dropped_event_is_kept_as_sent() -> None:
    body = b'{ "events": [ { "name" : "_x", "name" : "_y" , "v": 1e999 } , {"name":"a"}]}'
    decoded = decode_events(body, source=Source.SATORI_CLIENT)
    assert decoded.dropped[0].raw == b'{ "name" : "_x", "name" : "_y" , "v": 1e999 }'
    assert list(decoded.indexes) == [1]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (5, Reason.INVALID_NAME),
        (None, Reason.INVALID_NAME),
        ([], Reason.INVALID_NAME),
        ({}, Reason.INVALID_NAME),
        ({"name": ""}, Reason.INVALID_NAME),
        ({"name": None}, Reason.INVALID_NAME),
        ({"name": 5}, Reason.INVALID_NAME),
        ({"name": "n" * 129}, Reason.INVALID_NAME),
        ({"name": "a\nb"}, Reason.INVALID_NAME),
        ({"name": "a\0b"}, Reason.INVALID_NAME),
        ({"name": "_sessionStart"}, Reason.INVALID_NAME),
        ({"name": "a", "id": "i" * 129}, Reason.INVALID_ID),
        ({"name": "a", "id": "i\0"}, Reason.INVALID_ID),
        ({"name": "a", "id": 5}, Reason.INVALID_ID),
        ({"name": "a", "value": "v" * 4097}, Reason.VALUE_LENGTH_EXCEEDED),
        ({"name": "a", "value": "\0"}, Reason.INVALID_VALUE),
        ({"name": "a", "value": {}}, Reason.INVALID_VALUE),
        ({"name": "a", "value": ["1"]}, Reason.INVALID_VALUE),
        ({"name": "a", "metadata": {"k": "v" * 16_384}}, Reason.METADATA_SIZE_EXCEEDED),
        ({"name": "a", "metadata": {f"k{n}": "" for n in range(101)}}, Reason.METADATA_SIZE_EXCEEDED),
        ({"name": "a", "metadata": {"k": "\0"}}, Reason.INVALID_METADATA),
        ({"name": "a", "metadata": {"\0": "k"}}, Reason.INVALID_METADATA),
        ({"name": "a", "metadata": []}, Reason.INVALID_METADATA),
        ({"name": "a", "metadata": "text"}, Reason.INVALID_METADATA),
        ({"name": "a", "metadata": {"k": {"l": "m"}}}, Reason.INVALID_METADATA),
        ({"name": "a", "metadata": {"k": ["l"]}}, Reason.INVALID_METADATA),
        ({"name": "a", "timestamp": "yesterday"}, Reason.INVALID_TIMESTAMP),
        ({"name": "a", "timestamp": "2025-07-15T12:00:00"}, Reason.INVALID_TIMESTAMP),
        ({"name": "a", "timestamp": 1752577200}, Reason.INVALID_TIMESTAMP),
        ({"name": "a", "identity_id": "short"}, Reason.INVALID_ID),
        ({"name": "a", "identity_id": "nul\0nul\0"}, Reason.INVALID_ID),
        ({"name": "a", "identity_id": "x" * 2_800}, Reason.INVALID_ID),
        ({"name": "a", "identityId": "not allowed!"}, Reason.INVALID_ID),
        ({"name": "a", "identityId": 12345678}, Reason.INVALID_ID),
        ({"name": "a", "session_id": "s" * 129}, Reason.INVALID_ID),
        ({"name": "a", "sessionId": "s\r\n"}, Reason.INVALID_ID),
        ({"name": "a", "session_id": {}}, Reason.INVALID_ID),
        ({"name": "a", "session_issued_at": -1}, Reason.INVALID_TIMESTAMP),
        ({"name": "a", "sessionIssuedAt": "-1"}, Reason.INVALID_TIMESTAMP),
        ({"name": "a", "sessionIssuedAt": "soon"}, Reason.INVALID_TIMESTAMP),
        ({"name": "a", "sessionIssuedAt": 1.5}, Reason.INVALID_TIMESTAMP),
        ({"name": "a", "sessionExpiresAt": True}, Reason.INVALID_TIMESTAMP),
        ({"name": "a", "session_expires_at": 10**18}, Reason.INVALID_TIMESTAMP),
        ({"name": "a", "session_expires_at": 1752577200000}, Reason.INVALID_TIMESTAMP),
        ({"name": "a", "session_expires_at": "9" * 400}, Reason.INVALID_TIMESTAMP),
    ],
)
def test_an_event_that_cannot_be_taken_is_dropped_with_its_reason(event: object, reason: Reason) -> None:
    assert reason_of(event) is reason


def test_everything_at_its_limit_is_taken() -> None:
    decoded = from_server(
        {
            "name": "n" * 128,
            "id": "i" * 128,
            "value": "v" * 4096,
            "metadata": {"k": "v" * (16_384 - len('{"k":""}'))},
            "identity_id": "A" * 128,
            "session_id": "s" * 128,
            "session_expires_at": 253_402_300_799,
        },
        {"name": "level:1/☃ \\u0000", "metadata": {f"k{n}": "\\u0000" for n in range(100)}},
    )
    assert not decoded.dropped
    assert len(decoded.events) == 2


def test_a_metadata_text_with_an_escaped_escape_of_nul_is_none() -> None:
    body = rb'{"events":[{"name":"a","metadata":{"k":"\\u0000"}}]}'
    assert not decode_events(body, source=Source.SATORI_CLIENT).dropped


def test_the_servers_own_events_have_reserved_names() -> None:
    body = batch({"name": "_sessionStart", "identity_id": IDENTITY, "timestamp": TIME})
    decoded = decode_events(body, source=Source.SATORI_SYSTEM)
    assert [event.name for event in decoded.events] == ["_sessionStart"]
    assert decoded.events[0].player_id == IDENTITY


def test_a_strict_game_refuses_undeclared_names_and_decoding_again_agrees() -> None:
    body = batch({"name": "gameStarted"}, {"name": "_x"}, {"name": "bossDefeated"}, {"name": "packageDropped"})
    decoded = decode_events(body, source=Source.SATORI_SERVER)
    refused = undeclared(decoded, frozenset({"packageDropped"}))
    assert refused == (2,)
    again = decode_events(body, source=Source.SATORI_SERVER, refused=refused)
    assert [event.name for event in again.events] == ["gameStarted", "packageDropped"]
    assert list(again.indexes) == [0, 3]
    assert [(event.index, event.reason) for event in again.dropped] == [
        (1, Reason.INVALID_NAME),
        (2, Reason.INVALID_NAME),
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", Reason.NOT_AN_OBJECT),
        (b"null", Reason.NOT_AN_OBJECT),
        (b"7", Reason.NOT_AN_OBJECT),
        (b'{"events":{}}', Reason.BAD_FIELD),
        (b'{"events":"text"}', Reason.BAD_FIELD),
        (b'{"events":5}', Reason.BAD_FIELD),
        (b"{", Reason.NOT_JSON),
        (b'{"events":[{"name":"a"}', Reason.NOT_JSON),
        (b'{"events":[{"name":"a"}]} x', Reason.NOT_JSON),
        (b'{"events":[{"name":NaNs}]}', Reason.NOT_JSON),
        (b'{"events":[{"name":"\xff"}]}', Reason.NOT_JSON),
        (b'{"events":[{"name":5},{"name":"\xff"}]}', Reason.NOT_JSON),
        (b'{"events":[{"name":5},{"name":"a","metadata":{"k":"\xff"}}]}', Reason.NOT_JSON),
        (b'{"events":[{"name":"a","value":"\\ud800"}]}', Reason.NOT_JSON),
        (b'{"events":[{"name":5,"value":"\\ud800"}]}', Reason.NOT_JSON),
        (b'{"events":[{"name":"a\x01"}]}', Reason.NOT_JSON),
        (b"\x00", Reason.NOT_JSON),
        (b"\x1f\x8b\x08", Reason.NOT_JSON),
        (b"[" * 100_000, Reason.NOT_AN_OBJECT),
        (b'{"x":' * 100_000, Reason.TOO_DEEP),
        (b'{"events":' + b"[" * 100_000, Reason.TOO_DEEP),
        (b'{"events":[{"name":"a","x":' + b"[" * 100_000, Reason.TOO_DEEP),
        (b'{"events":[{"name":5,"metadata":{"k":' + b"[" * 100_000, Reason.TOO_DEEP),
        (batch(*[{"name": "a"}] * 10_001), Reason.BAD_FIELD),
        (batch(*[{"name": 5}] * 10_001), Reason.BAD_FIELD),
        (b'{"events":[],"a":[' + b"1," * 500_000 + b"1]}", Reason.BODY_TOO_LARGE),
    ],
)
def test_an_unreadable_request_is_rejected_with_its_reason(body: bytes, reason: Reason) -> None:
    for source in SATORI_SOURCES:
        with pytest.raises(RequestRejected) as rejection:
            decode_events(body, source=source)
        assert rejection.value.reason is reason


def test_ten_thousand_events_are_taken_at_once() -> None:
    assert len(from_client(*[{"name": "a"}] * 10_000).events) == 10_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [*ServerEvent.__struct_encode_fields__, "other"]
EVENTS = st.lists(
    st.dictionaries(
        st.sampled_from(FIELDS),
        JSON
        | st.sampled_from((TIME, IDENTITY, "purchaseCompleted", "adImpression", "1752577200", "4.99", "\0", 0))
        | st.dictionaries(
            st.sampled_from(("test", "amount", "currency")), JSON | st.sampled_from(("USD", "20", "true"))
        ),
        max_size=8,
    )
    | JSON,
    max_size=4,
)


@given(EVENTS, st.sampled_from(SATORI_SOURCES))
def test_each_event_is_either_taken_or_dropped(events: list[object], source: Source) -> None:
    decoded = decode_events(msgspec.json.encode({"events": events}), source=source)
    places = [*decoded.indexes, *(event.index for event in decoded.dropped)]
    assert sorted(places) == list(range(len(events)))
    assert_storable(decoded)


@given(st.lists(st.text(min_size=1, max_size=10), max_size=6))
def test_refusing_a_place_moves_only_that_event(names: list[str]) -> None:
    body = batch(*({"name": name} for name in names))
    decoded = decode_events(body, source=Source.SATORI_CLIENT)
    refused = tuple(decoded.indexes)[::2]
    again = decode_events(body, source=Source.SATORI_CLIENT, refused=refused)
    assert list(again.indexes) == [index for index in decoded.indexes if index not in refused]
    assert {event.index for event in again.dropped} == {event.index for event in decoded.dropped} | set(refused)


@given(st.binary(max_size=200), st.sampled_from(SATORI_SOURCES))
def test_bytes_are_read_or_rejected(body: bytes, source: Source) -> None:
    try:
        decoded = decode_events(body, source=source)
    except RequestRejected:
        return
    assert_storable(decoded)


def assert_storable(decoded: Decoded) -> None:
    for name, values in to_columns(decoded.events).items():
        kind = DECODED_COLUMNS[name]
        for value in present(values):
            match kind:
                case "text" | "json":
                    assert isinstance(value, str)
                    assert "\0" not in value
                    value.encode()
                case "integer" | "time":
                    assert isinstance(value, int)
                    assert -(2**63) <= value < 2**63
                case "number":
                    assert isinstance(value, float)
                    assert abs(value) < float("inf")


def present(values: Iterable[object]) -> list[object]:
    return [value for value in values if value is not None]


def test_metadata_with_far_too_many_keys_is_dropped_before_each_is_looked_at() -> None:
    metadata = {f"key{number}": "1" for number in range(101)}
    texts, numbers = {"name": "a", "metadata": metadata}, {"name": "a", "metadata": metadata | {"key0": 1}}
    assert reason_of(texts) == reason_of(numbers) == Reason.METADATA_SIZE_EXCEEDED
    assert from_server({"name": "a", "metadata": dict(list(metadata.items())[:100])}).events


def test_nan_is_unset_and_its_neighbours_are_taken() -> None:
    body = b"""{"events": [{"name": "a", "value": nan, "metadata": {"x": -inf, "y": "inf"}}, {"name": "b"}]}"""
    for source in SATORI_SOURCES:
        first, second = rows(decode_events(body, source=source))
        assert (first["event_id"], first["attributes"]) == ("a", '{"y":"inf"}')
        assert "value" not in first
        assert "value_text" not in first
        assert second["event_id"] == "b"


def test_the_nil_identity_is_no_player_and_a_placeholder_is_no_id() -> None:
    nil = "00000000-0000-0000-0000-000000000000"
    for event_id in (nil, "null", "Undefined"):
        found = row(identity_id=nil, id=event_id)
        assert "player_id" not in found
        assert "client_event_id" not in found


def test_a_sessions_times_may_be_floats_of_whole_seconds() -> None:
    found = row(session_issued_at=1_795_168_800.0, sessionExpiresAt=1.7951688e9)
    assert found["session_issued_at"] == found["session_expires_at"] == 1_795_168_800_000_000
    assert reason_of({"name": "a", "session_issued_at": 1_795_168_800.5}) is Reason.INVALID_TIMESTAMP
    assert reason_of({"name": "a", "session_issued_at": 1e300}) is Reason.INVALID_TIMESTAMP


def test_cents_computed_in_floats_are_whole_cents() -> None:
    assert row(name="purchaseCompleted", value="1998.9999999999998")["amount"] == 1999
    assert row(name="purchaseCompleted", value=1998.9999999999998)["amount"] == 1999
    money = {"amount": "19.989999999999998", "currency": "EUR"}
    assert row(name="purchaseCompleted", metadata=money)["amount"] == 1999


def from_lenient_server(*events: object) -> Decoded:
    return decode_events(batch(*events), source=Source.SATORI_SERVER, is_lenient=True)


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("id", "x" * 129, "x" * 129),
        ("id", 5, "5"),
        ("timestamp", "yesterday", "yesterday"),
        ("timestamp", 1_795_168_800, "1795168800"),
        ("value", "x" * 5_000, "x" * 4_096),
        ("value", {"a": [1]}, '{"a":[1]}'),
        ("value", "a\0b", "a\ufffdb"),
        ("metadata", {"a": {"b": 1}}, '{"a":{"b":1}}'),
        ("metadata", [1], "[1]"),
        ("session_id", "a\nb", "a\nb"),
        ("sessionId", {}, "{}"),
        ("session_issued_at", -1, "-1"),
        ("sessionExpiresAt", "soon", "soon"),
        ("session_expired_at", 1.5, "1.5"),
    ],
)
def test_a_lenient_game_keeps_an_optional_field_that_breaks_its_rule_as_invalid(
    name: str, value: object, kept: str
) -> None:
    event = {"name": "a", "identity_id": IDENTITY, name: value}
    assert not from_server(event).events
    decoded = from_lenient_server(event, {"name": "b"})
    assert (decoded.dropped, decoded.lenient) == ([], 1)
    first, second = rows(decoded)
    assert msgspec.json.decode(str(first["attributes"])) == {"invalid": {name: kept}}
    assert (first["player_id"], second["event_id"]) == (IDENTITY, "b")


def test_several_invalid_fields_are_kept_beside_the_metadata() -> None:
    event = {"name": "a", "id": [], "timestamp": "no", "metadata": {"k": "v", "invalid": "mine"}, "value": "3"}
    (found,) = rows(from_lenient_server(event))
    assert msgspec.json.decode(str(found["attributes"])) == {
        "k": "v",
        "invalid": {"id": "[]", "timestamp": "no", "invalid": "mine"},
    }
    assert found["value"] == 3.0


@pytest.mark.parametrize("event", [{"name": ""}, {"name": 5}, {"name": "a", "identity_id": "short"}, 5, {"id": "1"}])
def test_a_lenient_game_still_asks_for_a_name_and_a_right_identity(event: object) -> None:
    decoded = from_lenient_server(event, {"name": "b"})
    assert [dropped.index for dropped in decoded.dropped] == [0]
    assert decoded.lenient == 0


def test_a_lenient_game_may_be_strict_about_names() -> None:
    body = batch({"name": "mine", "id": []}, {"name": "gameStarted", "id": []})
    decoded = decode_events(body, source=Source.SATORI_CLIENT, refused=(0,), is_lenient=True)
    assert [dropped.index for dropped in decoded.dropped] == [0]
    assert decoded.lenient == 1


def test_a_purchase_of_a_lenient_game_with_invalid_metadata_is_money() -> None:
    (found,) = rows(from_lenient_server({"name": "purchaseCompleted", "value": "499", "metadata": [1]}))
    assert (found["amount"], found["currency"]) == (499, "USD")
