import json
import time

import pytest

from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.gameanalytics import codec
from questlog.protocols.gameanalytics.codec import MAX_DEPTH, MAX_EVENTS, decode_events
from tests.support.gameanalytics import body, event


def reason_of(sent: bytes) -> Reason:
    with pytest.raises(RequestRejected) as rejected:
        decode_events(sent)
    return rejected.value.reason


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = {"a": value} if isinstance(value, list) else [value]
    return value


def test_an_empty_list_is_right() -> None:
    decoded = decode_events(b" [ ] ")
    assert (decoded.events, list(decoded.indexes), decoded.dropped) == ([], [], [])


def test_good_events_stay_when_others_are_dropped() -> None:
    sent = [event("user"), event("user", v=1), 7, event("design"), event("design", event_id="bad/chars")]
    decoded = decode_events(body(*sent))
    assert [found.category for found in decoded.events] == ["user", "design"]
    assert list(decoded.indexes) == [0, 3]
    assert [drop.index for drop in decoded.dropped] == [1, 2, 4]
    assert [json.loads(drop.raw) for drop in decoded.dropped] == [sent[1], sent[2], sent[4]]
    assert {drop.reason for drop in decoded.dropped} == {Reason.FAILED_VALIDATION}
    assert [drop.detail for drop in decoded.dropped] == [
        "v: not_in_range", "the event: wrong_type", "event_id: no_match"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "sent",
    [b"", b"[", b"nope", b"[1,]", b"[{}]x", b"[NaNs]", b"[--Infinity]", b"[-]", b"[01]", b"\xef\xbb\xbf[]",
     b'["\xff"]', b'[{"a":"\xed\xa0\x80"}]', b'[{"a\xff":1}]', b'["\x01"]', rb'["\q"]', b"[\x00]", b'[{"v":2}'],
)  # fmt: skip
def test_what_is_not_json_is_named(sent: bytes) -> None:
    assert reason_of(sent) is Reason.NOT_JSON


def test_events_beside_one_with_nan_are_taken_and_the_value_is_null() -> None:
    first, second, third = (json.dumps(event("design")).encode() for _ in range(3))
    with_nan = second.replace(b"1.5", b"-nan")
    decoded = decode_events(b"[" + b",".join([first, with_nan, third]) + b"]")
    assert [found.value for found in decoded.events] == [1.5, None, 1.5]
    assert decoded.dropped == []


def test_a_required_number_that_is_nan_drops_its_event_only() -> None:
    sent = json.dumps([event("resource", amount=float("inf")), event("user")]).encode()
    decoded = decode_events(sent)
    assert [found.category for found in decoded.events] == ["user"]
    assert [drop.detail for drop in decoded.dropped] == ["amount: wrong_type"]


def test_nan_half_a_surrogate_pair_and_nul_are_mended_together() -> None:
    sent = json.dumps(event("error", message="MESSAGE", custom_fields={"a": 1.25})).encode()
    mended = sent.replace(b"MESSAGE", rb"inf \ud83d \u0000 nan").replace(b"1.25", b"NaN")
    (found,) = decode_events(b"[" + mended + b"]").events
    assert found.message == "inf \ufffd \ufffd nan"
    assert found.custom_fields == {"a": None}


@pytest.mark.parametrize("sent", [b"{}", b'{"v":2}', b"null", b"5", b'"x"', b"true"])
def test_what_is_no_list_is_named(sent: bytes) -> None:
    assert reason_of(sent) is Reason.NOT_A_LIST


@pytest.mark.parametrize("name", ["custom_fields", "zz", "impression_data"])
def test_nesting_is_bounded_the_same_in_every_field(name: str) -> None:
    deepest = event("user", **{name: nested(MAX_DEPTH - 1)})
    assert len(decode_events(body(deepest)).events) == 1
    assert reason_of(body(event("user", **{name: nested(MAX_DEPTH)}))) is Reason.TOO_DEEP


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_nesting_without_end_is_too_deep(opening: bytes) -> None:
    assert reason_of(b"[" + opening * 200_000) is Reason.TOO_DEEP
    assert reason_of(b'[{"zz":' + opening * 200_000) is Reason.TOO_DEEP


def test_the_number_of_events_is_bounded() -> None:
    assert len(decode_events(b"[" + b",".join([b"0"] * MAX_EVENTS) + b"]").dropped) == MAX_EVENTS
    assert reason_of(b"[" + b",".join([b"0"] * (MAX_EVENTS + 1)) + b"]") is Reason.BODY_TOO_LARGE
    one = json.dumps(event("user")).encode()
    assert reason_of(b"[" + b",".join([one] * (MAX_EVENTS + 1)) + b"]") is Reason.BODY_TOO_LARGE


def test_the_number_of_values_is_bounded_before_they_are_made() -> None:
    assert reason_of(b"[" + b"0," * 600_000) is Reason.BODY_TOO_LARGE


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 5000])
def test_a_number_that_nothing_holds_drops_its_event_only(number: str) -> None:
    odd = json.dumps(event("design", value=0, zz=0)).replace('"zz": 0', f'"zz": {number}')
    decoded = decode_events(f"[{json.dumps(event('user'))},{odd}]".encode())
    assert len(decoded.events) == 1
    assert [(error.error_type, error.path) for error in decoded.dropped[0].errors] == [("not_in_range", "")]


def test_of_a_repeated_key_the_last_counts() -> None:
    twice = json.dumps(event("user")).replace('"v": 2', '"v": 1, "v": 2')
    assert len(decode_events(f"[{twice}]".encode()).events) == 1
    twice = json.dumps(event("user")).replace('"v": 2', '"v": 2, "v": 1')
    assert len(decode_events(f"[{twice}]".encode()).dropped) == 1


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"\ud83d", "\ufffd"),
        (r"cut \ud83d", "cut \ufffd"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83d\u0041", "\ufffdA"),
        (r"\ud83d\ude00\ud83d", "😀\ufffd"),
        (r"\\ud83d\ud83d", "\\ud83d\ufffd"),
        (r"\\\ud83d", "\\\ufffd"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\ud83d\ude00\ude00", "😀\ufffd"),
        (r"\uD83D \uDE00", "\ufffd \ufffd"),
    ],
)
def test_half_a_surrogate_pair_is_mended(escaped: str, text: str) -> None:
    sent = json.dumps([event("error", message="MESSAGE")]).replace("MESSAGE", escaped).encode()
    assert [found.message for found in decode_events(sent).events] == [text]


@pytest.mark.parametrize("prefix", [b"", rb"\\", rb"\"", rb"\ud83d\ude00"])
def test_no_nul_gets_through(prefix: bytes) -> None:
    sent = body(event("error", message="MESSAGE", custom_fields={"KEY": "MESSAGE"}, zz=["MESSAGE"]))
    sent = sent.replace(b"MESSAGE", prefix + rb"a\u0000b").replace(b"KEY", rb"\u0000")
    (found,) = decode_events(sent).events
    assert found.message == json.loads(b'"%b"' % prefix) + "a\ufffdb"
    assert found.custom_fields == {"\ufffd": found.message}
    assert found.unknown == {"zz": [found.message]}


def test_whole_pairs_and_escaped_escapes_are_text() -> None:
    for text in ("😀\\ud83d", "\\u0000", "\\\\u0000", "\ufffd"):
        assert [found.message for found in decode_events(body(event("error", message=text))).events] == [text]


def test_mending_a_large_body_is_quick() -> None:
    large = body(event("error", message="", zz=["\\" * 4_000_000, "\0"]))
    started = time.process_time()
    assert len(decode_events(large).events) == 1
    assert time.process_time() - started < 1


def test_the_patterns_memory_is_bounded() -> None:
    from questlog.protocols.gameanalytics.patterns import DESIGN_ID, MAX_SEEN

    events = [event("design", event_id=f"Some:{number}") for number in range(MAX_SEEN + 10)]
    for start in range(0, len(events), 1000):
        assert not decode_events(body(*events[start : start + 1000])).dropped
        assert len(DESIGN_ID.seen) <= MAX_SEEN
    assert decode_events(body(event("design", event_id="bad/chars"))).dropped
    assert "bad/chars" not in DESIGN_ID.seen


def test_decoding_again_gives_the_same() -> None:
    sent = body(event("user"), event("design", event_id="A:B"), event("design", event_id="A/B"))
    first, second = decode_events(sent), decode_events(sent)
    assert codec.to_columns(first.events) == codec.to_columns(second.events)
    assert first.dropped == second.dropped


@pytest.mark.parametrize("name", ["amount", "transaction_num", "session_num", "client_ts"])
def test_a_number_computed_beside_an_integer_is_that_integer(name: str) -> None:
    (found,) = decode_events(body(event("business", **{name: 1998.9999999999998}))).events
    assert getattr(found, name) == 1999
    (dropped,) = decode_events(body(event("business", **{name: 1998.99}))).dropped
    assert dropped.detail == f"{name}: wrong_type"


def test_only_integers_are_rounded() -> None:
    (found,) = decode_events(body(event("resource", amount=1998.9999999999998))).events
    assert found.amount == 1998.9999999999998
