"""`/metrics`: our own health as Prometheus text, made from snapshots when it is asked for."""

from collections.abc import Iterator, Sequence

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from questlog.api.authentication import TokenCheck
from questlog.api.errors import AnyRequest
from questlog.collector.local import is_local
from questlog.collector.metrics import TEXT_FORMAT, collector_metrics
from questlog.console.access import NotPermitted, Right
from questlog.console.services import Progress
from questlog.loader.counters import LoaderCounters
from questlog.model.clock import Clock
from questlog.rates.status import RatesStatus

_OUTCOMES = ("stored", "rejected", "duplicates")

Registry = NamedDependency[SkipValidation[CollectorRegistry]]
Check = NamedDependency[SkipValidation[TokenCheck]]


class IngestMetrics(Collector):
    """Receiving and loading, read from the snapshots at every scrape."""

    def __init__(self, progress: Progress, clock: Clock) -> None:
        self._progress = progress
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """Prometheus' hook."""
        yield _gauge("questlog_ready", "1 when /readycheck answers 200.", float(not self._progress.reasons_not_ready()))
        yield from _loader_metrics(self._progress.loader_counters(), self._clock.now_us())
        yield from collector_metrics(self._progress.collector_counters())
        yield from _rates_metrics(self._progress.rates_status())


def metrics_registry(progress: Progress, clock: Clock) -> CollectorRegistry:
    """A registry of our own: nothing of it is global."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(IngestMetrics(progress, clock))
    ProcessCollector(registry=registry)
    return registry


@get("/metrics", tags=["Operation"])
async def metrics(registry: Registry, check: Check, request: AnyRequest) -> Response[bytes]:
    """Prometheus text. A token is needed, except for a scraper on this machine that no proxy speaks for."""
    if not is_local(request.client.host if request.client else "", request.headers):
        caller = await check.caller_of(request)
        if not caller.may_everywhere(Right.VIEW):
            raise NotPermitted(Right.VIEW, " for all games")
    return Response(generate_latest(registry), media_type=TEXT_FORMAT)


def _loader_metrics(counters: LoaderCounters, now_us: int) -> Iterator[Metric]:
    events = CounterMetricFamily(
        "questlog_loaded_events", "Events by how they ended.", labels=["game_id", "source", "outcome"]
    )
    requests = CounterMetricFamily(
        "questlog_loaded_rejected_requests", "Whole requests kept as rejected.", labels=["game_id", "source"]
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
    yield _gauge("questlog_loader_batch_events", "Events in the last batch.", counters.last_batch_events)
    yield _gauge("questlog_loader_batch_seconds", "How long the last batch took.", counters.last_batch_ms / 1000)
    yield _gauge(
        "questlog_loader_newest_age_seconds",
        "Receipt to commit, newest request of the last batch.",
        counters.newest_age_ms / 1000,
    )
    yield _gauge(
        "questlog_loader_oldest_age_seconds",
        "Receipt to commit, oldest request of the last batch.",
        counters.oldest_age_ms / 1000,
    )
    if counters.loaded_at:
        age_s = (now_us - counters.loaded_at) / 1_000_000
        yield _gauge("questlog_loader_since_batch_seconds", "Time since the last batch was committed.", age_s)


def _rates_metrics(tables: Sequence[RatesStatus]) -> Iterator[Metric]:
    age = GaugeMetricFamily(
        "questlog_rates_age_days", "Days since the newest day of a table of exchange rates.", labels=["table"]
    )
    failing = GaugeMetricFamily(
        "questlog_rates_failing", "1 while new exchange rates cannot be fetched or read.", labels=["table"]
    )
    for table in tables:
        if table.age_days is not None:
            age.add_metric([table.source.value], table.age_days)
        failing.add_metric([table.source.value], float(table.error is not None))
    yield age
    yield failing


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)


def _counter(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(name, help_text, value=value)
