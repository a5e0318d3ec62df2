"""`/metrics` of a collector with `collector.metrics`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from questlog.collector.counters import publish
from questlog.collector.metrics_operation import OWN
from questlog.control.errors import ControlUnavailable
from tests.support.collectors import TestCollector, bearer


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[TestCollector]:
    made = TestCollector(tmp_path, own=[OWN])
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
