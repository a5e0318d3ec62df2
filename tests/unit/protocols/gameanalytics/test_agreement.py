"""The quick way and the rules must never disagree: a collector answers by one what a loader may find by the other."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from questlog.protocols.gameanalytics.codec import decode_events, to_columns
from questlog.protocols.gameanalytics.rules import judge
from questlog.protocols.gameanalytics.wire import WireEvent
from tests.support.gameanalytics import CATEGORIES, Event, body, event, sdk_error

# A number above every bound of a field, below it, in it; words that are right somewhere; and what is right nowhere.
VALUES: list[object] = [
    None, True, False, 0, 1, 2, -1, 2.0, 1.5, -0.0, 1e300, 9999, 10_000, 99_999_999_999, 10**18, 2**63, -(2**63), 2**64,
    10**30, 10**400, "", "x", "2", "ios", "USD", "usd", "SE", "USD\n", "male", "wifi", "banner", "show", "no_fill",
    "error", "a:b", "a/b", "Menu", "Sink:gold:a:b", "Start:w", "unity 5.6", "unity 5.6\n", "rest api v2", "1.2", "é",
    "😀" * 16, "x" * 32, "x" * 33, "x" * 64, "x" * 65, "x" * 256, "x" * 257, "\x00",
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


def row_of(events: list[WireEvent]) -> dict[str, Any]:
    row: dict[str, Any] = {name: column[0] for name, column in to_columns(events).items() if column[0] is not None}
    row["attributes"] = {
        name: value for name, value in json.loads(row.get("attributes", "{}")).items() if name != UNKNOWN_FIELD
    }
    return row


@given(some_event, st.booleans())
@settings(max_examples=600, deadline=None)
def test_the_rules_say_what_the_decoder_does(sent: Event, is_strict: bool) -> None:
    decoded = decode_events(body(sent), is_platform_list_strict=is_strict)
    judgement = judge(sent, is_platform_list_strict=is_strict)
    if decoded.dropped:
        assert list(decoded.dropped[0].errors) == judgement.errors
        assert judgement.errors
    else:
        assert judgement.errors == []
        assert row_of(decoded.events) == row_of([WireEvent(**judgement.placed, unknown=judgement.unplaced or None)])


@given(some_event, st.booleans())
@settings(max_examples=600, deadline=None)
def test_an_unknown_field_changes_nothing_else(sent: Event, is_strict: bool) -> None:
    alone = decode_events(body(sent), is_platform_list_strict=is_strict)
    other = decode_events(body({**sent, UNKNOWN_FIELD: 1}), is_platform_list_strict=is_strict)
    assert [drop.errors for drop in alone.dropped] == [drop.errors for drop in other.dropped]
    assert [row_of([found]) for found in alone.events] == [row_of([found]) for found in other.events]


@given(st.lists(some_event, max_size=6))
@settings(max_examples=300, deadline=None)
def test_an_events_fate_does_not_depend_on_its_neighbours(sent: list[Event]) -> None:
    together = decode_events(body(*sent))
    apart = [decode_events(body(fields)) for fields in sent]
    assert list(together.indexes) == [place for place, one in enumerate(apart) if one.events]
    assert [drop.errors for drop in together.dropped] == [one.dropped[0].errors for one in apart if one.dropped]
    assert [drop.index for drop in together.dropped] == [place for place, one in enumerate(apart) if one.dropped]
    assert [row_of([found]) for found in together.events] == [row_of(one.events) for one in apart if one.events]
