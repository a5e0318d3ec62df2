"""Games that take events with annotations that break their rule (metrics.md §7)."""

import json
from typing import Any

import pytest

from questlog.model.reasons import FieldError
from questlog.protocols.gameanalytics.codec import Decoded, check_events, decode_events, to_columns
from tests.support.gameanalytics import Event, body, event


def attributes_of(decoded: Decoded) -> list[dict[str, Any] | None]:
    columns = to_columns(decoded.events)
    found = columns.get("attributes", [None] * len(decoded.events))
    return [None if text is None else json.loads(str(text)) for text in found]


@pytest.mark.parametrize(
    ("category", "name", "value"),
    [
        ("user", "client_ts", 1_795_168_800_000),
        ("user", "client_ts", 1_795_168_800.5),
        ("user", "engine_version", "Godot Engine v4.3"),
        ("user", "connection_type", "5g"),
        ("user", "gender", "other"),
        ("user", "birth_year", "1990"),
        ("user", "build", "x" * 33),
        ("user", "custom_01", 7),
        ("user", "custom_02", ["a"]),
        ("user", "jailbroken", "no"),
        ("user", "google_aid", {"a": 1}),
        ("business", "cart_type", "x" * 33),
        ("business", "receipt_info", "none"),
        ("progression", "attempt_num", -1),
        ("progression", "score", "12"),
        ("design", "value", "1.5"),
        ("ads", "ad_duration", 1.5),
        ("ads", "ad_fail_show_reason", "no idea"),
        ("impression", "ad_network_version", "one"),
    ],
)
def test_an_optional_annotation_that_breaks_its_rule_is_kept_as_invalid(
    category: str, name: str, value: object
) -> None:
    sent = event(category, **{name: value})
    (dropped,) = decode_events(body(sent)).dropped
    assert [error.path for error in dropped.errors] == [f"/{name}"]
    decoded = decode_events(body(sent, event("user")), is_lenient=True)
    assert (len(decoded.events), decoded.dropped, decoded.lenient) == (2, [], 1)
    attributes = attributes_of(decoded)[0]
    assert attributes is not None
    assert attributes["invalid"] == {name: value}
    assert getattr(decoded.events[0], name, None) is None


@pytest.mark.parametrize(
    "wrong", [{"user_id": ""}, {"session_num": -1}, {"category": "no such"}, {"event_id": "a/b"}, {"device": None}]
)
def test_what_is_required_is_required_of_lenient_games_too(wrong: Event) -> None:
    decoded = decode_events(body(event("design", **wrong, custom_01=5)), is_lenient=True)
    ((name, _),) = wrong.items()
    assert (decoded.events, decoded.lenient) == ([], 0)
    assert [error.path for error in decoded.dropped[0].errors] == [f"/{name}"]
    without_id = event("design")
    del without_id["event_id"]
    (dropped,) = decode_events(body(without_id), is_lenient=True).dropped
    assert dropped.errors == (FieldError("missing_required_property", "/event_id"),)


def test_fields_that_are_right_stay_where_they_belong() -> None:
    decoded = decode_events(body(event("design", custom_01="ninja", custom_02=5, zz=1)), is_lenient=True)
    assert decoded.events[0].custom_01 == "ninja"
    assert attributes_of(decoded) == [{"zz": 1, "invalid": {"custom_02": 5}}]


def test_a_field_that_the_client_calls_invalid_is_not_lost() -> None:
    sent = body(event("user", invalid={"a": 1}, build=5), event("user", invalid="mine"))
    decoded = decode_events(sent, is_lenient=True)
    assert attributes_of(decoded) == [{"invalid": {"build": 5, "invalid": {"a": 1}}}, {"invalid": "mine"}]
    assert decoded.lenient == 1, "the other event needs no patience"


def test_the_collector_judges_as_the_loader_does() -> None:
    sent = body(event("user", build=5), event("user"), event("user", v=1), event("design", value="x"))
    checked, decoded = check_events(sent, is_lenient=True), decode_events(sent, is_lenient=True)
    assert (checked.good, list(checked.dropped), checked.lenient) == (len(decoded.events), decoded.dropped, 2)
    assert decoded.lenient == 2
