"""A collector's own health as Prometheus text, made from the published counts when it is asked for."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from questlog.collector.counters import CollectorCounters, published

TEXT_FORMAT = "text/plain; version=0.0.4"


class PublishedCounts(Collector):
    """The counts of all collectors of this machine, as they were published."""

    def __init__(self, collectors: Sequence[CollectorCounters]) -> None:
        self._collectors = collectors

    def collect(self) -> Iterator[Metric]:
        """Prometheus' hook."""
        yield from collector_metrics(self._collectors)


def metrics_text(directory: Path, now_us: int) -> bytes:
    """Prometheus text of all collectors that publish their counts in `directory`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PublishedCounts(published(directory, now_us)))
    return generate_latest(registry)


def collector_metrics(collectors: Sequence[CollectorCounters]) -> Iterator[Metric]:
    """What each collector has done. Their counts are not added up: a sum would fall when one of them ends."""
    yield _gauge("questlog_collectors", "Collector processes of this machine.", len(collectors))
    yield _gauge(
        "questlog_collectors_ready", "Those that acknowledge events.", sum(each.is_ready for each in collectors)
    )
    pending = GaugeMetricFamily(
        "questlog_collector_pending_bytes", "Bodies that are not on disk yet.", labels=["collector"]
    )
    memory = GaugeMetricFamily("questlog_collector_memory_bytes", "Memory of a collector.", labels=["collector"])
    errors = CounterMetricFamily(
        "questlog_collector_control_errors", "The control database did not answer.", labels=["collector"]
    )
    for each in collectors:
        pending.add_metric([str(each.collector)], each.pending_bytes)
        memory.add_metric([str(each.collector)], each.memory_bytes)
        errors.add_metric([str(each.collector)], each.control_errors)
    yield from (pending, memory, errors)
    yield _durations(collectors)
    yield _labelled(
        "questlog_received_events",
        "Events by what was answered.",
        ["game_id", "source", "outcome"],
        {each.collector: each.events for each in collectors},
    )
    yield _labelled(
        "questlog_rejected_requests",
        "Requests rejected as a whole.",
        ["reason"],
        {each.collector: each.rejected for each in collectors},
    )


def _durations(collectors: Sequence[CollectorCounters]) -> Metric:
    family = HistogramMetricFamily(
        "questlog_request_duration_seconds",
        "Requests of games, from the end of the body to the answer.",
        labels=["collector", "protocol", "operation", "status"],
    )
    for each in collectors:
        for key, counts in sorted(each.requests.items()):
            family.add_metric([str(each.collector), *key.split(" ")], counts.cumulative, counts.sum)
    return family


def _labelled(name: str, help_text: str, labels: list[str], counts: Mapping[int, Mapping[str, int]]) -> Metric:
    """Counts of each collector by `labels`, whose values are joined with spaces in the counts' keys."""
    family = CounterMetricFamily(name, help_text, labels=["collector", *labels])
    for collector, counted in counts.items():
        for key, count in sorted(counted.items()):
            family.add_metric([str(collector), *key.rsplit(" ", len(labels) - 1)], count)
    return family


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)
