"""The quick way and the rules must never disagree: a collector answers by one what a loader may find by the other."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from questlog.model.reasons import FieldError
from questlog.protocols.gameanalytics.codec import decode_events, to_columns
from questlog.protocols.gameanalytics.rules import judge
from questlog.protocols.gameanalytics.wire import WireEvent
from tests.support.gameanalytics import CATEGORIES, Event, body, event, sdk_error, without
from tests.support.judged import assert_the_collector_agrees

# A number above every bound of a field, below it, in it; words that are right somewhere; and what is right nowhere.
VALUES: list[object] = [
    None, True, False, 0, 1, 2, -1, 2.0, 1.5, -0.0, 1e300, 9999, 10_000, 99_999_999_999, 10**18, 2**63, -(2**63), 2**64,
    10**30, 10**400, "", "x", "2", "ios", "USD", "usd", "SE", "USD\n", "male", "wifi", "banner", "show", "no_fill",
    "error", "a:b", "a/b", "Menu", "Sink:gold:a:b", "Start:w", "unity 5.6", "unity 5.6\n", "rest api v2", "1.2", "é",
    "😀" * 16, "x" * 32, "x" * 33, "x" * 64, "x" * 65, "x" * 256, "x" * 257, "\x01",
    "942a012a-4911-4d6c-aff7-f42bf5d9c3fc", "942a012a-4911-4d6c-aff7-f42bf5d9c3fc\n", "user", "design", "sdk_error",
    {}, [], [1], {"a": 1}, {"a": None}, [{"a": [1]}], {"store": "apple"}, {"revenue": "1"}, {"a": {"b": {"c": []}}},
]  # fmt: skip
NAMES = [
    *sorted(WireEvent.__struct_fields__),
    *("uuid", "ip", "progression", "limit_ad_tracking", "jailbroken", "facebook_id", "reason", "fps_data_table", "zz"),
]

some_fields = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=4)
some_event = st.one_of(
    st.builds(lambda kind, fields: {**event(kind), **fields}, st.sampled_from(CATEGORIES), some_fields),
    st.builds(lambda fields: {**sdk_error(), **fields}, some_fields),
)
# A field of no consequence keeps an event from being decoded with the others.
UNKNOWN_FIELD = "zz_unknown"


def columns_of(events: Sequence[WireEvent]) -> dict[str, list[object]]:
    columns = {name: list(column) for name, column in to_columns(events).items()}
    columns["attributes"] = [attributes_of(text) for text in columns.get("attributes", [None] * len(events))]
    return columns


def attributes_of(text: object) -> dict[str, Any]:
    attributes = json.loads(str(text)) if text else {}
    return {name: value for name, value in attributes.items() if name != UNKNOWN_FIELD}


def judged(sent: Event) -> tuple[list[FieldError], list[WireEvent]]:
    """What the rules alone make of an event."""
    judgement = judge(sent)
    if judgement.errors:
        return judgement.errors, []
    return [], [WireEvent(**judgement.placed, unknown=judgement.unplaced or None)]


def decoded(sent: Event) -> tuple[list[FieldError], list[WireEvent]]:
    found = decode_events(body(sent))
    return [error for drop in found.dropped for error in drop.errors], found.events


@pytest.mark.parametrize("category", [*CATEGORIES, "sdk_error"])
def test_the_rules_say_what_the_decoder_does_whichever_field_is_changed(category: str) -> None:
    plain = sdk_error() if category == "sdk_error" else event(category)
    sent = [plain, *({**plain, name: value} for name in NAMES for value in VALUES)]
    by_decoder = [decoded(fields) for fields in sent]
    by_rules = [judged(fields) for fields in sent]
    for fields, (errors, _), (rule_errors, _) in zip(sent, by_decoder, by_rules, strict=True):
        assert errors == rule_errors, fields
    assert columns_of([found for _, events in by_decoder for found in events]) == columns_of(
        [found for _, events in by_rules for found in events]
    )


@pytest.mark.parametrize("category", [*CATEGORIES, "sdk_error"])
def test_the_collector_says_what_the_loader_does_whichever_field_is_changed(category: str) -> None:
    plain = sdk_error() if category == "sdk_error" else event(category)
    neighbours = [body(event("user"))[1:-1], body(event(CATEGORIES[-1]))[1:-1]]
    for name in NAMES:
        for value in VALUES:
            changed = body({**plain, name: value})[1:-1]
            for sent in (changed, b",".join([neighbours[0], changed, neighbours[1]])):
                assert_the_collector_agrees(b"[" + sent + b"]")
        if name in plain:
            assert_the_collector_agrees(body(event("user"), without(plain, name)))


@given(st.lists(some_event, max_size=5), st.binary(max_size=3), st.data())
@settings(max_examples=400, deadline=None)
def test_the_collector_says_what_the_loader_does(sent: list[Event], damage: bytes, data: st.DataObject) -> None:
    whole = body(*sent)
    assert_the_collector_agrees(whole)
    place = data.draw(st.integers(0, len(whole)))
    assert_the_collector_agrees(whole[:place] + damage + whole[place + 1 :])


@given(some_event)
@settings(max_examples=300, deadline=None)
def test_the_rules_say_what_the_decoder_does(sent: Event) -> None:
    errors, events = decoded(sent)
    rule_errors, rule_events = judged(sent)
    assert errors == rule_errors
    assert columns_of(events) == columns_of(rule_events)


@given(some_event)
@settings(max_examples=300, deadline=None)
def test_an_unknown_field_changes_nothing_else(sent: Event) -> None:
    errors, events = decoded(sent)
    other_errors, other_events = decoded({**sent, UNKNOWN_FIELD: 1})
    assert errors == other_errors
    assert columns_of(events) == columns_of(other_events)


@given(st.lists(some_event, max_size=6))
@settings(max_examples=200, deadline=None)
def test_an_events_fate_does_not_depend_on_its_neighbours(sent: list[Event]) -> None:
    together = decode_events(body(*sent))
    apart = [decoded(fields) for fields in sent]
    assert list(together.indexes) == [place for place, (errors, _) in enumerate(apart) if not errors]
    assert [drop.index for drop in together.dropped] == [place for place, (errors, _) in enumerate(apart) if errors]
    assert [list(drop.errors) for drop in together.dropped] == [errors for errors, _ in apart if errors]
    assert columns_of(together.events) == columns_of([found for _, events in apart for found in events])
