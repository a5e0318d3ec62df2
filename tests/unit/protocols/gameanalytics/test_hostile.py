"""Whatever a stranger sends, a value or `RequestRejected` comes out, and every value can be stored.

The fuzzer's own checks, on what hypothesis thinks of and on what was once found by hand.
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.gameanalytics import TARGETS, one_input
from tests.support.gameanalytics import CATEGORIES, body, event, recordings

PLACES = range(len(TARGETS))
WORDS = ["v", "category", "user_id", "client_ts", "event_id", "amount", "unknown", "custom_fields", "impression_data"]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(CATEGORIES)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(), inner, max_size=3),
    max_leaves=12,
)

FOUND = [
    b'[{"a":1e999}]', b'[{"v":2,"v":2}]', b'[{"\xff":1}]', b"[" * 990 + b"]" * 990,
    b'[{"x":' * 400 + b"1" + b"}]" * 400,
    rb'[{"\ud800":1}]', rb'[{"\u0000":"\u0000"}]', b"[-0]", b"[1e-999]", b'["' + b"\xf4\x90\x80\x80" + b'"]',
    b"[" + b"9" * 4300 + b"]", b"[" + b"9" * 4301 + b"]", b'[{"client_ts":1000000000000000000}]', b"[{}", b"\x1f\x8b",
    b'[{"unknown":null}]', b'[{"v":2,"category":"sdk_error","unknown":{"unknown":{}}}]',
]  # fmt: skip


@pytest.mark.parametrize("target", PLACES)
def test_inputs_once_found(target: int) -> None:
    for found in FOUND:
        one_input(bytes([target]) + found)
        one_input(bytes([target]) + found[1:-1])


@given(st.sampled_from(PLACES), st.binary(max_size=120))
@settings(deadline=None)
def test_any_bytes(target: int, data: bytes) -> None:
    one_input(bytes([target]) + data)


@given(st.sampled_from(PLACES[:4]), values)
@settings(deadline=None)
def test_any_json(target: int, value: object) -> None:
    one_input(bytes([target]) + json.dumps(value).encode())
    one_input(bytes([target]) + json.dumps([value]).encode())


@given(st.sampled_from(CATEGORIES), st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=9), values, max_size=4))
@settings(deadline=None)
def test_any_fields_in_an_event(category: str, fields: dict[str, object]) -> None:
    one_input(b"\0" + body({**event(category), **fields}))


@given(st.sampled_from([found.plain_body for found in recordings("events")]), st.data())
@settings(deadline=None)
def test_a_recorded_request_with_a_hole_or_a_foreign_byte(sent: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(sent)))
    end = data.draw(st.integers(start, min(len(sent), start + 20)))
    one_input(b"\0" + sent[:start] + data.draw(st.binary(max_size=3)) + sent[end:])
