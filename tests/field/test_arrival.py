"""What arrives twice, and what looks as if it did (metrics.md §7)."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.field import RECEIVED, FieldGame, data, events, field_game
from tests.support.installation import USER_EVENT

_NIL = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def game(tmp_path: Path) -> Iterator[FieldGame]:
    with field_game(tmp_path) as made:
        yield made


def counts(game: FieldGame) -> dict[str | None, int]:
    """How many events there are of each id, but for Satori's own."""
    rows = game.metrics("events", group_by=("event_id",))
    return {row["event_id"]: row["events"] for row in rows if row["event_id"] != "_identityCreate"}


def test_two_players_may_count_their_events_alike(game: FieldGame) -> None:
    body = data("c1_same_ids_two_identities.satori.json")
    assert game.send_server_events(body) == 200
    assert counts(game)["levelCompleted"] == 6
    assert game.send_server_events(body) == 200
    assert counts(game)["levelCompleted"] == 6
    assert game.metric("dau") == 2


def test_some_ids_are_none(game: FieldGame) -> None:
    sent = [
        {"name": no_id, "identityId": "identity-a", "id": no_id, "timestamp": RECEIVED.isoformat()}
        for no_id in (_NIL, "null", "Null", "undefined", "UNDEFINED")
    ]
    assert game.send_server_events({"events": sent * 3}) == 200
    assert game.send([{**USER_EVENT, "event_uuid": _NIL}] * 3) == 200
    assert counts(game) == {_NIL: 3, "null": 3, "Null": 3, "undefined": 3, "UNDEFINED": 3, None: 3}


def test_a_batch_sent_again_after_a_partial_400_counts_once(game: FieldGame) -> None:
    body = data("c5_resend_after_400.ga.json")
    for hour in range(4):
        game.at(RECEIVED + dt.timedelta(hours=hour))
        assert game.send(body) == 400
    assert game.metrics("revenue", "transactions", "events") == [{"revenue": 4.99, "transactions": 1, "events": 2}]


def test_what_is_not_the_same_bytes_or_comes_days_later_is_no_resend(game: FieldGame) -> None:
    body = data("c5_resend_after_400.ga.json")
    assert game.send(body) == 400
    assert game.send(body + b" ") == 400
    assert game.metric("transactions") == 2
    game.at(RECEIVED + dt.timedelta(hours=25))
    assert game.send(body) == 400
    assert game.metric("transactions") == 3


def test_a_batch_without_a_fault_is_no_resend(game: FieldGame) -> None:
    good = events("c5_resend_after_400.ga.json")[:2]
    assert [game.send(good) for _ in range(2)] == [200, 200]
    assert game.metric("transactions") == 2


def test_servers_that_send_again_count_once_too(game: FieldGame) -> None:
    for place, ids in enumerate(({}, {"id": "undefined"}, {"id": _NIL})):
        good = {"name": f"win-{place}", "identityId": "identity-a", "timestamp": RECEIVED.isoformat(), **ids}
        bad = {"name": "", "identityId": "identity-a", "timestamp": RECEIVED.isoformat()}
        answers = [game.send_server_events({"events": [good, bad]}) for _ in range(3)]
        assert answers == [400] * 3
    assert counts(game) == {"win-0": 1, "win-1": 1, "win-2": 1}


def test_cents_that_a_client_computed_in_floats_are_cents(game: FieldGame) -> None:
    assert game.send(data("c2_cents_by_float_arithmetic.ga.json")) == 200
    assert game.metrics("revenue", "transactions") == [{"revenue": 19.99, "transactions": 1}]


def test_a_bare_nan_costs_no_neighbour(game: FieldGame) -> None:
    assert game.send(data("c3_godot_nan.ga.txt")) == 200
    assert game.metrics("events", "design_count", "design_mean") == [
        {"events": 2, "design_count": 1, "design_mean": None}
    ]


def test_a_byte_order_mark_is_skipped(game: FieldGame) -> None:
    assert game.send(data("c4_bom.ga.txt")) == 200
    assert game.metric("dau") == 1
