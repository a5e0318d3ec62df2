"""What both protocols share: paths, and what is due every second."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from questlog.model.reasons import Reason, RequestRejected
from tests.support.collectors import TestCollector, bearer
from tests.support.installation import SANDBOX_GAME_KEY, signature


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[TestCollector]:
    made = TestCollector(tmp_path)
    yield made
    made.close()


def test_requests_are_timed_by_operation_and_status(collector: TestCollector) -> None:
    collector.send_events([])
    collector.ask("POST", "/v1/server-event", b"{}")
    collector.ask("GET", "/v1/server-event")
    collector.ask("GET", "/nowhere")
    assert collector.answered() == {
        "gameanalytics events 200": 1,
        "satori server_event 401": 1,
        "satori method_not_allowed 501": 1,
        "satori unknown_route 404": 1,
    }


def test_the_port_of_games_has_no_metrics(collector: TestCollector) -> None:
    token = collector.control.create_token("scraper").token
    for headers in ({}, bearer(token)):
        assert collector.ask("GET", "/metrics", headers=headers).status == 404


def test_periodic_work_outlives_a_fault(collector: TestCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def fail() -> None:
        nonlocal looks
        looks += 1
        raise ZeroDivisionError

    monkeypatch.setattr(collector.worker.directory, "refresh", fail)
    monkeypatch.setattr("questlog.collector.service._PERIOD_S", 0.0)
    collector.start_and_run_for(0.05)
    assert looks > 1


def test_an_answer_to_a_body_that_was_not_read_is_counted_too(collector: TestCollector) -> None:
    service = collector.service
    route = service.router.route("POST", "/v1/event")
    service.pipeline.rejected(route, RequestRejected(Reason.BODY_TOO_LARGE, "too large"))
    service.pipeline.failed(route)
    assert collector.answered() == {"satori event 413": 1, "satori event 500": 1}


@pytest.mark.parametrize("path", ["//v2/{}/events", "/v2/{}/events/", "/v2//{}///events//", "/v2/{}/events"])
def test_repeated_and_trailing_slashes_are_one_for_gameanalytics(collector: TestCollector, path: str) -> None:
    signed = {"Authorization": signature(b"[]")}
    assert collector.ask("POST", path.format(SANDBOX_GAME_KEY), b"[]", signed).status == 200
    assert collector.ask("POST", path.format(SANDBOX_GAME_KEY), b"[]", {"Authorization": "no"}).status == 401


@pytest.mark.parametrize("path", ["/v1/server-event/", "//v1/server-event", "/v1///server-event//"])
def test_repeated_and_trailing_slashes_are_one_for_satori(collector: TestCollector, path: str) -> None:
    assert collector.ask("POST", path, b"{}", collector.basic()).status == 200
    assert collector.ask("POST", path, b"{}").status == 401


def test_other_paths_are_what_they_were(collector: TestCollector) -> None:
    for path in ("/", "//", "", "*", "/v1", "/v1/event/more", "//v1/"):
        assert collector.ask("POST", path).status == 404
    assert collector.ask("GET", "/healthcheck/").status == 200
    assert collector.ask("OPTIONS", f"//v2/{SANDBOX_GAME_KEY}/init/").status == 204
    remote = f"//remote_configs//v1/init/?game_key={SANDBOX_GAME_KEY}"
    assert collector.ask("POST", remote, b"{}", {"Authorization": signature(b"{}")}).status == 201


def test_a_body_that_was_not_read_is_answered_as_its_protocol_does(collector: TestCollector) -> None:
    service = collector.service
    route = service.router.route("POST", f"//v2/{SANDBOX_GAME_KEY}/events/")
    assert service.pipeline.failed(route).body == b""
    rejection = RequestRejected(Reason.OVERLOADED, "")
    assert service.pipeline.rejected(route, rejection).body == b""
