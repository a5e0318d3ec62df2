"""What a lenient game's requests are answered, and what the journal says of them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from questlog.loader.codecs import EVENT_SOURCES
from questlog.model.record import Envelope, Kind
from tests.support.collectors import TestCollector
from tests.support.gameanalytics import event

BAD_BUILD = event("user", build=5)
BAD_USER = event("user", user_id="")


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[TestCollector]:
    made = TestCollector(tmp_path)
    yield made
    made.close()


def only(collector: TestCollector, kind: Kind) -> tuple[Envelope, bytes]:
    (entry,) = collector.journal.entries(kind)
    collector.journal.records.clear()
    return entry


def make_lenient(collector: TestCollector, is_lenient: bool) -> None:
    collector.control.set_lenient("sandbox", is_lenient)
    collector.worker.directory.refresh()


def decoded_again(envelope: Envelope, body: bytes) -> tuple[int, int]:
    decoded = EVENT_SOURCES[envelope.kind].decode_events(body, envelope)
    return len(decoded.events), len(decoded.dropped)


def test_a_lenient_game_takes_what_others_are_told_to_mend(collector: TestCollector) -> None:
    assert collector.send_events([BAD_BUILD]).status == 400
    assert decoded_again(*only(collector, Kind.GAMEANALYTICS_EVENTS)) == (0, 1)
    make_lenient(collector, True)
    assert collector.send_events([BAD_BUILD]).status == 200
    taken = only(collector, Kind.GAMEANALYTICS_EVENTS)
    make_lenient(collector, False)
    assert decoded_again(*taken) == (1, 0), "the journal remembers by which rule it was taken"
    assert collector.send_events([BAD_BUILD]).status == 400


def test_a_request_with_nothing_wrong_does_not_mention_it(collector: TestCollector) -> None:
    make_lenient(collector, True)
    collector.send_events([event("user")])
    assert not only(collector, Kind.GAMEANALYTICS_EVENTS)[0].is_lenient


def test_the_answer_names_what_is_wrong_for_lenient_games_too(collector: TestCollector) -> None:
    make_lenient(collector, True)
    answer = collector.send_events([BAD_BUILD, BAD_USER, {**BAD_USER, "build": 5}])
    assert answer.status == 400
    assert [error["errors"] for error in json.loads(answer.body)] == [
        [{"error_type": "wrong_length", "path": "/user_id"}]
    ] * 2
    assert decoded_again(*only(collector, Kind.GAMEANALYTICS_EVENTS)) == (1, 2)


def test_events_with_invalid_annotations_are_counted_apart(collector: TestCollector) -> None:
    make_lenient(collector, True)
    collector.send_events([BAD_BUILD, BAD_USER, event("user")])
    counted = collector.worker.counters.snapshot(is_ready=True, pending_bytes=0).events
    assert counted == {
        "1 gameanalytics accepted": 1,
        "1 gameanalytics accepted_leniently": 1,
        "1 gameanalytics failed_validation": 1,
    }


def test_satoris_events_are_taken_leniently_too(collector: TestCollector) -> None:
    body = {"events": [{"name": "a", "timestamp": "yesterday"}, {"name": "b"}]}
    assert collector.ask("POST", "/v1/server-event", body, collector.basic()).status == 400
    assert decoded_again(*only(collector, Kind.SATORI_SERVER_EVENTS)) == (1, 1)
    make_lenient(collector, True)
    assert collector.ask("POST", "/v1/server-event", body, collector.basic()).status == 200
    taken = only(collector, Kind.SATORI_SERVER_EVENTS)
    assert (taken[0].is_lenient, decoded_again(*taken)) == (True, (2, 0))


def test_a_lenient_game_may_be_strict_about_names(collector: TestCollector) -> None:
    make_lenient(collector, True)
    collector.control.set_strict("sandbox", True)
    collector.worker.directory.refresh()
    body = {"events": [{"name": "mine", "id": []}, {"name": "gameStarted", "id": []}]}
    assert collector.ask("POST", "/v1/server-event", body, collector.basic()).status == 400
    envelope, sent = only(collector, Kind.SATORI_SERVER_EVENTS)
    assert (envelope.refused, envelope.is_lenient, decoded_again(envelope, sent)) == ((0,), True, (1, 1))
