"""`/metrics`: our own health as Prometheus text, made from snapshots when it is asked for."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from questlog.api.authentication import TokenCheck
from questlog.api.errors import AnyRequest
from questlog.api.request_times import RequestTimes
from questlog.collector.local import is_local
from questlog.collector.metrics import TEXT_FORMAT, collector_metrics
from questlog.console.access import NotPermitted, Right
from questlog.console.services import Progress
from questlog.loader.counters import LoaderCounters
from questlog.loader.maintenance.task import MaintenanceStatus, TaskState
from questlog.model.histogram import HistogramCounts
from questlog.model.vitals import Build, Vitals
from questlog.rates.status import RatesStatus

_DAY_S = 86_400
_OUTCOMES = ("stored", "rejected", "duplicates")

Registry = NamedDependency[SkipValidation[CollectorRegistry]]
Check = NamedDependency[SkipValidation[TokenCheck]]


class IngestMetrics(Collector):
    """Receiving, loading and answering, read from the snapshots at every scrape."""

    def __init__(self, progress: Progress, times: RequestTimes) -> None:
        self._progress = progress
        self._times = times

    def collect(self) -> Iterator[Metric]:
        """Prometheus' hook."""
        yield _gauge("questlog_ready", "1 when /readycheck answers 200.", float(not self._progress.reasons_not_ready()))
        yield from _program_series(self._progress.vitals())
        yield from _loader_series(self._progress.loader_counters())
        yield from _task_series(self._progress.maintenance())
        yield from collector_metrics(self._progress.collector_counters())
        yield from _rates_series(self._progress.rates_status())
        yield from _console_series(self._times)


def metrics_registry(progress: Progress, times: RequestTimes) -> CollectorRegistry:
    """A registry of our own: nothing of it is global."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(IngestMetrics(progress, times))
    ProcessCollector(registry=registry)
    return registry


@get("/metrics", tags=["Operation"])
async def metrics(registry: Registry, check: Check, request: AnyRequest) -> Response[bytes]:
    """Prometheus text. A token is needed, except for a scraper on this machine that no proxy speaks for."""
    if not is_local(request.client.host if request.client else "", request.headers):
        caller = await check.caller_of(request)
        if not caller.may_everywhere(Right.VIEW):
            raise NotPermitted(Right.VIEW, " for all games")
    text = await asyncio.to_thread(generate_latest, registry)  # it looks at directories
    return Response(text, media_type=TEXT_FORMAT)


def _program_series(vitals: Vitals) -> Iterator[Metric]:
    """What runs, and how much room it takes and has."""
    labels = {name: getattr(vitals.build, name) for name in Build.__struct_fields__}
    build = GaugeMetricFamily("questlog_build_info", "1; the labels say which program runs.", labels=list(labels))
    build.add_metric(list(labels.values()), 1.0)
    yield build
    yield _gauge("questlog_store_size_bytes", "Bytes of the store's files.", vitals.store_bytes)
    yield _gauge("questlog_journal_size_bytes", "Bytes of the journal's files.", vitals.journal_bytes)
    yield _gauge("questlog_disk_free_bytes", "Free bytes of the data directory's disk.", vitals.disk_free_bytes)
    yield _gauge("questlog_disk_size_bytes", "Bytes of the data directory's disk.", vitals.disk_bytes)
    yield _gauge("questlog_memory_limit_bytes", "memory.server_mb in bytes.", vitals.memory_limit_bytes)
    yield _counter("questlog_control_errors", "The control database did not answer the server.", vitals.control_errors)


def _loader_series(counters: LoaderCounters) -> Iterator[Metric]:
    events = CounterMetricFamily(
        "questlog_loaded_events", "Events by how they ended.", labels=["game_id", "source", "outcome"]
    )
    requests = CounterMetricFamily(
        "questlog_loaded_rejected_requests", "Whole requests stored as rejected.", labels=["game_id", "source"]
    )
    for (game_id, source), counts in counters.events.items():
        for outcome in _OUTCOMES:
            events.add_metric([str(game_id), source, outcome], getattr(counts, outcome))
        requests.add_metric([str(game_id), source], counts.rejected_requests)
    yield events
    yield requests
    yield _counter("questlog_loader_batches", "Batches committed.", counters.batches)
    yield _counter("questlog_loader_errors", "Attempts to load that failed.", counters.errors)
    yield _counter(
        "questlog_loader_refused_records", "Records that the store would not take.", counters.refused_records
    )
    yield _gauge("questlog_loader_failing", "1 while loading stands still.", float(counters.error is not None))
    yield _gauge("questlog_journal_lag_bytes", "Bytes of the journal that are not loaded yet.", counters.lag_bytes)
    yield _histogram(
        "questlog_load_duration_seconds", "How long storing a batch took.", [], {(): counters.load_duration}
    )
    yield _histogram(
        "questlog_load_latency_seconds",
        "From receipt to commit: the oldest request of each batch.",
        [],
        {(): counters.load_latency},
    )
    if counters.loaded_at:
        yield _timestamp(
            "questlog_loader_last_batch_timestamp_seconds", "When the last batch was committed.", counters.loaded_at
        )
    if counters.complete_through is not None:
        yield _timestamp(
            "questlog_loader_complete_through_timestamp_seconds",
            "All that was acknowledged before this time is loaded.",
            counters.complete_through,
        )


def _task_series(tasks: Sequence[MaintenanceStatus]) -> Iterator[Metric]:
    """What the server does to its data now and then, by task."""
    runs = CounterMetricFamily("questlog_task_runs", "Runs of a task of maintenance.", labels=["task"])
    running = GaugeMetricFamily("questlog_task_running", "1 while a task runs.", labels=["task"])
    failing = GaugeMetricFamily("questlog_task_failing", "1 while the last run of a task failed.", labels=["task"])
    left = GaugeMetricFamily("questlog_task_left", "What the last run left to do.", labels=["task", "unit"])
    duration = GaugeMetricFamily("questlog_task_duration_seconds", "How long the last run took.", labels=["task"])
    ended = GaugeMetricFamily(
        "questlog_task_last_end_timestamp_seconds", "When the last run of a task ended.", labels=["task"]
    )
    for task in tasks:
        runs.add_metric([task.name], task.runs)
        running.add_metric([task.name], float(task.state is TaskState.RUNNING))
        failing.add_metric([task.name], float(task.failures > 0))
        left.add_metric([task.name, task.unit], task.left)
        duration.add_metric([task.name], task.took_ms / 1_000)
        if task.last_ended_at is not None:
            ended.add_metric([task.name], task.last_ended_at / 1_000_000)
    yield from (runs, running, failing, left, duration, ended)


def _rates_series(tables: Sequence[RatesStatus]) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "questlog_rates_age_seconds", "Time since the newest day of a table of exchange rates.", labels=["table"]
    )
    failing = GaugeMetricFamily(
        "questlog_rates_failing", "1 while new exchange rates cannot be fetched or read.", labels=["table"]
    )
    for table in tables:
        if table.age_days is not None:
            age.add_metric([table.source.value], table.age_days * _DAY_S)
        failing.add_metric([table.source.value], float(table.error is not None))
    yield age
    yield failing


def _console_series(times: RequestTimes) -> Iterator[Metric]:
    yield _histogram(
        "questlog_console_request_duration_seconds",
        "Answers of the console port, from the request to the last byte of the answer.",
        ["method", "route", "status"],
        {(each.method, each.route, str(each.status)): counts for each, counts in times.counts().items()},
    )


def _histogram(
    name: str, help_text: str, labels: Sequence[str], counted: Mapping[tuple[str, ...], HistogramCounts]
) -> Metric:
    family = HistogramMetricFamily(name, help_text, labels=list(labels))
    for values, counts in counted.items():
        family.add_metric(list(values), counts.cumulative, counts.sum)
    return family


def _timestamp(name: str, help_text: str, time_us: int) -> Metric:
    return _gauge(name, help_text, time_us / 1_000_000)


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)


def _counter(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(name, help_text, value=value)
