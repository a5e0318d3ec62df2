"""What both protocols share: the metrics, and what is due every second."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from questlog.collector.counters import publish
from questlog.control.errors import ControlUnavailable
from questlog.model.reasons import Reason, RequestRejected
from tests.support.collectors import TestCollector, bearer
from tests.support.installation import SANDBOX_GAME_KEY, signature


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[TestCollector]:
    made = TestCollector(tmp_path)
    publish(tmp_path / "run", made.worker.counters.snapshot(is_ready=True, pending_bytes=0))
    yield made
    made.close()


def test_a_scraper_on_this_machine_reads_the_metrics(collector: TestCollector) -> None:
    answer = collector.ask("GET", "/metrics")
    assert answer.status == 200
    assert b"questlog_collectors 1.0" in answer.body


@pytest.mark.parametrize(
    ("client_address", "headers"),
    [("203.0.113.7", {}), ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}), ("no address", {})],
)
def test_a_stranger_needs_a_token(collector: TestCollector, client_address: str, headers: dict[str, str]) -> None:
    assert collector.ask("GET", "/metrics", headers=headers, client_address=client_address).status == 401
    token = collector.control.create_token("scraper").token
    answer = collector.ask("GET", "/metrics", headers=headers | bearer(token), client_address=client_address)
    assert answer.status == 200


def test_metrics_without_a_control_database_are_503(collector: TestCollector, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_token: str) -> str | None:
        raise ControlUnavailable("database is locked")

    monkeypatch.setattr(collector.control, "check_token", refuse)
    answer = collector.ask("GET", "/metrics", headers=bearer("x"), client_address="203.0.113.7")
    assert answer.status == 503


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
    counted = collector.worker.counters.snapshot(is_ready=True, pending_bytes=0)
    assert counted.requests == {"satori 413": 1, "satori 500": 1}


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
