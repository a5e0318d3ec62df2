"""Judging a request without its events; that it agrees with decoding them is in `test_agreement`, too."""

import json

import pytest

from questlog.protocols.gameanalytics import codec
from questlog.protocols.gameanalytics.codec import MAX_DEPTH, MAX_EVENTS, Decoded, check_events
from tests.support.gameanalytics import CATEGORIES, Event, Recording, body, event, recordings, sdk_error
from tests.support.judged import assert_the_collector_agrees

USER = body(event("user"))[1:-1]
OTHER_SESSION = "11111111-2222-3333-4444-555555555555"


def refuse_to_decode(sent: bytes, *, is_lenient: bool) -> Decoded:
    del is_lenient
    raise AssertionError(f"decoded a second time: {sent[:200]!r}")


@pytest.fixture
def quick_way_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_decode_mended", refuse_to_decode)


@pytest.mark.usefixtures("quick_way_only")
@pytest.mark.parametrize("category", CATEGORIES)
def test_right_events_are_not_decoded_a_second_time(category: str) -> None:
    checked = check_events(
        body(event(category), event("user", session_id=OTHER_SESSION, platform="playdate"), event(category))
    )
    assert (checked.good, list(checked.dropped)) == (3, [])


@pytest.mark.usefixtures("quick_way_only")
def test_the_recorded_big_batch_is_not_decoded_a_second_time() -> None:
    (big,) = (found for found in recordings("events") if len(found.json) == 26)
    assert check_events(big.plain_body).good == 26


@pytest.mark.parametrize("recording", recordings("events"), ids=lambda found: found.name)
def test_recorded_requests_are_judged_as_they_are_decoded(recording: Recording) -> None:
    sent = recording.plain_body
    assert_the_collector_agrees(sent)
    assert_the_collector_agrees(sent[:-1])


def test_good_and_dropped_events_are_told_apart() -> None:
    checked = check_events(body(event("user"), event("design", event_id="bad/chars"), sdk_error()))
    assert checked.good == 2
    assert [drop.index for drop in checked.dropped] == [1]


@pytest.mark.parametrize(
    "fields",
    [
        {"session_id": "no"}, {"os_version": "no"}, {"sdk_version": "no"}, {"engine_version": "no"},
        {"session_id": None}, {"os_version": None}, {"sdk_version": None}, {"platform": None}, {"user_id": None},
        {"manufacturer": None}, {"device": None}, {"session_num": None}, {"session_num": -1}, {"category": "none"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_wrong_event_is_found_among_those_of_its_session(fields: Event, place: int) -> None:
    events = [event("design"), event("user"), event("business")]
    events[place] |= fields
    assert [drop.index for drop in check_events(body(*events)).dropped] == [place]
    assert_the_collector_agrees(body(*events))


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1" + "0" * 400 + ".0", "1" + "0" * 5000, "1e309", "-0"])
@pytest.mark.parametrize("name", ["value", "zz", "length", "custom_fields", "session_num", "gender"])
def test_numbers_that_nothing_holds(name: str, number: str) -> None:
    odd = json.dumps(event("design", **{name: "NUMBER"})).replace('"NUMBER"', number).encode()
    assert_the_collector_agrees(b"[%b,%b,%b]" % (USER, odd, USER))


@pytest.mark.parametrize("name", ["zz", "custom_fields", "user_id", "configurations"])
@pytest.mark.parametrize(
    "text",
    [
        rb"\ud83d",
        rb"\ude00\ud83d",
        rb"\u0000",
        rb"\\u0000",
        b"\xff",
        b"\xed\xa0\x80",
        rb"\q",
        b"\x00",
        b"\n",
        rb"\u00zz",
    ],
)
def test_texts_that_are_none(name: str, text: bytes) -> None:
    for value in (b'"%b"' % text, b'{"%b":1}' % text, b'[{"a":"%b"}]' % text):
        odd = body(event("user", **{name: "TEXT"}))[1:-1].replace(b'"TEXT"', value)
        assert_the_collector_agrees(b"[%b,%b]" % (USER, odd))


@pytest.mark.parametrize("name", ["custom_fields", "zz", "impression_data", "user_id"])
@pytest.mark.parametrize("levels", [1, 2, 3, MAX_DEPTH - 1, MAX_DEPTH, 2000, 200_000])
def test_nesting(name: str, levels: int) -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        value = opening * levels + b"1" + closing * levels
        assert_the_collector_agrees(
            b"[" + body(event("user", **{name: 0}))[1:-2].replace(b'": 0', b'": ' + value) + b"}]"
        )


@pytest.mark.parametrize("name", ["v", "session_id", "category", "event_id", "amount", "zz"])
@pytest.mark.parametrize(("first", "last"), [("2", "null"), ("null", "2"), ('"user"', "1"), ("1", '"user"')])
def test_repeated_keys(name: str, first: str, last: str) -> None:
    for one, other in ((first, last), (last, first)):
        twice = USER[:-1] + f',"{name}":{one},"{name}":{other}}}'.encode()
        assert_the_collector_agrees(b"[%b,%b]" % (USER, twice))


@pytest.mark.parametrize("count", [0, 1, MAX_EVENTS, MAX_EVENTS + 1])
def test_any_number_of_events(count: int) -> None:
    assert_the_collector_agrees(b"[" + b",".join([USER] * count) + b"]")


def test_any_number_of_values() -> None:
    many = b'[%b,"zz":[%b]}]' % (USER[:-1], b"0," * 600_000 + b"0")
    assert_the_collector_agrees(many)
    assert_the_collector_agrees(many.replace(b'"zz"', b'"custom_fields"'))
