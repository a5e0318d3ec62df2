"""The words of the wire are the taxonomy's: each is taken, and no other."""

import pytest

from questlog.model.event import Source
from questlog.model.receipt import ReceiptState
from questlog.model.taxonomy import (
    AD_ACTIONS,
    AD_TYPES,
    CATEGORIES,
    CUSTOM,
    FLOW_TYPES,
    GAMEANALYTICS_CATEGORIES,
    PROGRESSION_STATUSES,
    SEVERITIES,
    VOCABULARIES,
)
from questlog.protocols.gameanalytics.codec import decode_events
from tests.support.gameanalytics import Event, body, event

SENT: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    "severity": (SEVERITIES, "error", "severity", "{}"),
    "ad_type": (AD_TYPES, "ads", "ad_type", "{}"),
    "ad_action": (AD_ACTIONS, "ads", "ad_action", "{}"),
    "flow_type": (FLOW_TYPES, "resource", "event_id", "{}:gold:a:b"),
    "progression_status": (PROGRESSION_STATUSES, "progression", "event_id", "{}:world"),
}


def is_taken(sent: Event) -> bool:
    return not decode_events(body(sent)).dropped


@pytest.mark.parametrize(("words", "category", "field", "form"), SENT.values(), ids=SENT)
def test_every_word_is_taken_and_no_other(words: tuple[str, ...], category: str, field: str, form: str) -> None:
    for word in words:
        assert is_taken({**event(category), field: form.format(word)}), word
        assert not is_taken({**event(category), field: form.format(word + "x")}), word


def test_every_category_is_taken_but_satoris() -> None:
    taken = {category for category in CATEGORIES if is_taken({**EVERYTHING, **of_category(category)})}
    assert taken == set(GAMEANALYTICS_CATEGORIES) == set(CATEGORIES) - {CUSTOM}


def of_category(category: str) -> Event:
    try:
        return event(category)
    except KeyError:
        return {"category": category}


EVERYTHING = event("user")


def test_sources_and_states_are_those_of_the_model() -> None:
    assert set(VOCABULARIES["source"]) == set(Source) - {Source.UNKNOWN}
    assert VOCABULARIES["receipt_state"] == tuple(ReceiptState)
