import asyncio
import datetime as dt

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from prometheus_client.parser import text_string_to_metric_families

from questlog.api.app import create_app
from questlog.collector.counters import CollectorCounters
from questlog.loader.counters import CounterBook, EventCounts, Loaded, LoaderCounters
from questlog.loader.maintenance.task import MaintenanceStatus, TaskState
from questlog.model.histogram import HistogramCounts
from questlog.rates.rates import RateSource
from questlog.rates.status import RatesStatus
from questlog.store.contract import STAGED_EVENTS, STAGED_REJECTED, Batch, LoadResult
from tests.support.console import FakeConsole

Client = TestClient[Litestar]
Labels = frozenset[tuple[str, str]]


def samples(text: str) -> dict[tuple[str, Labels], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def loaded(at_us: int, took_us: int, received_between: tuple[int, int]) -> Loaded:
    """A batch without rows."""
    batch = Batch(STAGED_EVENTS.empty_table(), STAGED_REJECTED.empty_table(), [], [], {})
    return Loaded(batch, LoadResult(0, 0, 0), at_us, took_us, received_between)


def scrape(console: FakeConsole, address: str, **headers: str) -> int:
    """The status of the answer to a request that comes from `address`."""

    async def ask() -> int:
        transport = httpx.ASGITransport(create_app(console.services), client=(address, 5000))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            return (await client.get("/metrics", headers=headers)).status_code

    return asyncio.run(ask())


def test_the_age_of_exchange_rates_is_told(console: FakeConsole, client: Client) -> None:
    known = RatesStatus(RateSource.ECB, False, True, dt.date(2025, 12, 29), 3, None, "no way out")
    console.progress.rates = [known, RatesStatus(RateSource.WIDE, True, True, None, None, None, None)]
    found = samples(client.get("/metrics").text)
    ages = {labels: value for (name, labels), value in found.items() if name == "questlog_rates_age_seconds"}
    failing = {labels: value for (name, labels), value in found.items() if name == "questlog_rates_failing"}
    ecb, wide = frozenset({("table", "ecb")}), frozenset({("table", "wide")})
    assert (ages, failing) == ({ecb: 3 * 86_400.0}, {ecb: 1.0, wide: 0.0})


def test_counts_are_those_of_the_snapshots(console: FakeConsole, client: Client) -> None:
    console.progress.loader = LoaderCounters(
        events={(1, "gameanalytics"): EventCounts(received=6, stored=3, duplicates=2, rejected=1, rejected_requests=4)},
        batches=5,
        lag_bytes=123,
        loaded_at=console.clock.us - 2_500_000,
    )
    console.progress.collectors = [
        CollectorCounters(
            collector=0,
            requests={"gameanalytics events 200": HistogramCounts((0.01, 1.0), (2, 0, 1), 3.5)},
            events={"1 gameanalytics accepted": 7},
            pending_bytes=5,
            memory_bytes=50,
            control_errors=2,
        ),
        CollectorCounters(collector=1, rejected={"not_json": 1}, is_ready=False, pending_bytes=6),
    ]
    found = samples(client.get("/metrics").text)

    def value(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    for outcome, number in {"stored": 3, "duplicates": 2, "rejected": 1}.items():
        assert value("questlog_loaded_events_total", game_id="1", source="gameanalytics", outcome=outcome) == number
    assert value("questlog_loaded_rejected_requests_total", game_id="1", source="gameanalytics") == 4
    assert value("questlog_loader_batches_total") == 5
    assert value("questlog_journal_lag_bytes") == 123
    assert value("questlog_loader_last_batch_timestamp_seconds") == console.clock.us / 1_000_000 - 2.5
    events = {"collector": "0", "protocol": "gameanalytics", "operation": "events", "status": "200"}
    for bound, number in {"0.01": 2, "1.0": 2, "+Inf": 3}.items():
        assert value("questlog_request_duration_seconds_bucket", le=bound, **events) == number
    assert value("questlog_request_duration_seconds_sum", **events) == 3.5
    assert value("questlog_collector_memory_bytes", collector="0") == 50
    assert value("questlog_collector_control_errors_total", collector="0") == 2
    accepted = {"game_id": "1", "source": "gameanalytics", "outcome": "accepted"}
    assert value("questlog_received_events_total", collector="0", **accepted) == 7
    assert value("questlog_rejected_requests_total", collector="1", reason="not_json") == 1
    assert value("questlog_collectors") == 2
    assert value("questlog_collectors_ready") == 1
    assert value("questlog_collector_pending_bytes", collector="0") == 5
    assert value("questlog_collector_pending_bytes", collector="1") == 6
    assert value("questlog_ready") == 1


def test_the_program_and_its_room_are_told(client: Client) -> None:
    found = samples(client.get("/metrics").text)
    labels = frozenset({("version", "1.2.3"), ("python", "3.13.5"), ("commit", "abc123")})
    assert found["questlog_build_info", labels] == 1
    sizes = ("store_size", "journal_size", "disk_free", "disk_size", "memory_limit")
    assert [found[f"questlog_{name}_bytes", frozenset()] for name in sizes] == [1, 2, 3, 4, 5]
    assert found["process_resident_memory_bytes", frozenset()] > 0


def test_loading_is_told_as_histograms(console: FakeConsole, client: Client) -> None:
    book = CounterBook()
    for took_us in (400_000, 1_900_000, 3_000_000):
        book.count_batch(loaded(at_us=10_000_000, took_us=took_us, received_between=(8_500_000, 9_900_000)))
    console.progress.loader = book.now
    found = samples(client.get("/metrics").text)

    def at_most(name: str, bound: str) -> float:
        return found[f"{name}_bucket", frozenset({("le", bound)})]

    durations = [at_most("questlog_load_duration_seconds", bound) for bound in ("0.25", "0.5", "2.0", "3.0", "+Inf")]
    assert durations == [0, 1, 2, 3, 3]
    assert found["questlog_load_duration_seconds_sum", frozenset()] == pytest.approx(5.3)
    assert [at_most("questlog_load_latency_seconds", bound) for bound in ("1.0", "1.5")] == [0, 3]


def test_tasks_of_maintenance_are_told(console: FakeConsole, client: Client) -> None:
    failed = MaintenanceStatus(
        "erase players", "players", TaskState.FAILED, runs=4, left=7, failures=2, took_ms=1_500.0
    )
    console.progress.tasks = [
        failed,
        MaintenanceStatus("checkpoint", "runs", TaskState.RUNNING, last_ended_at=5_000_000),
    ]
    found = samples(client.get("/metrics").text)

    def value(name: str, **labels: str) -> float:
        return found[f"questlog_task_{name}", frozenset(labels.items())]

    assert value("runs_total", task="erase players") == 4
    assert [value("failing", task=name) for name in ("erase players", "checkpoint")] == [1, 0]
    assert [value("running", task=name) for name in ("erase players", "checkpoint")] == [0, 1]
    assert value("left", task="erase players", unit="players") == 7
    assert value("duration_seconds", task="erase players") == 1.5
    assert value("last_end_timestamp_seconds", task="checkpoint") == 5


def test_answers_of_the_console_are_timed_by_route_and_status(client: Client) -> None:
    client.get("/api/v1/games/1")
    client.get("/api/v1/games")
    client.get("/no/such/route")
    found = samples(client.get("/metrics").text)
    counted = {
        (dict(labels)["method"], dict(labels)["route"], dict(labels)["status"]): value
        for (name, labels), value in found.items()
        if name == "questlog_console_request_duration_seconds_count"
    }
    assert counted == {("GET", "/api/v1/games/{game}", "404"): 1, ("GET", "/api/v1/games", "200"): 1}


def test_names_are_as_prometheus_wants_them(client: Client) -> None:
    """https://prometheus.io/docs/practices/naming/: base units, `_total` for counters alone."""
    for family in text_string_to_metric_families(client.get("/metrics").text):
        assert family.documentation, family.name
        assert not family.name.endswith(("_ms", "_days", "_mb", "_minutes", "_total", "_age", "_size", "_duration"))
        if family.type == "histogram":
            assert family.name.endswith("_seconds")


def test_the_text_is_prometheus_own_format(client: Client) -> None:
    assert client.get("/metrics").headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_not_ready_is_a_zero(console: FakeConsole, client: Client) -> None:
    console.progress.reasons = ["the disk is full"]
    assert samples(client.get("/metrics").text)["questlog_ready", frozenset()] == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_a_scraper_on_this_machine_needs_no_token(console: FakeConsole, address: str) -> None:
    assert scrape(console, address) == 200


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Real-IP"])
def test_a_proxy_on_this_machine_speaks_for_others(console: FakeConsole, header: str) -> None:
    assert scrape(console, "127.0.0.1", **{header: "10.0.0.1"}) == 401


@pytest.mark.parametrize("address", ["10.0.0.1", "2001:db8::1", "", "localhost.evil"])
def test_a_scraper_elsewhere_needs_a_token(console: FakeConsole, address: str) -> None:
    assert scrape(console, address) == 401
    assert scrape(console, address, Authorization=f"Bearer {console.token}") == 200
