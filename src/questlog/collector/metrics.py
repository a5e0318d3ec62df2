"""A collector's own health as Prometheus text, made from the published counts when it is asked for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from questlog.collector.counters import CollectorCounters, published

TEXT_FORMAT = "text/plain; version=0.0.4"


class PublishedCounts(Collector):
    """The counts of all collectors of this machine, read at every scrape."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterator[Metric]:
        """Prometheus' hook."""
        yield from collector_metrics(published(self._directory))


def metrics_text(directory: Path) -> bytes:
    """Prometheus text of all collectors that publish their counts in `directory`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PublishedCounts(directory))
    return generate_latest(registry)


def collector_metrics(collectors: Sequence[CollectorCounters]) -> Iterator[Metric]:
    """What collectors have done, added up over all of them."""
    yield _gauge("questlog_collectors", "Collector processes of this machine.", len(collectors))
    yield _gauge(
        "questlog_collectors_ready", "Those that acknowledge events.", sum(each.is_ready for each in collectors)
    )
    yield _gauge(
        "questlog_collector_pending_bytes",
        "Bodies that are not on disk yet.",
        sum(each.pending_bytes for each in collectors),
    )
    yield _labelled(
        "questlog_requests", "Answered requests.", ["route", "status"], [each.requests for each in collectors]
    )
    yield _labelled(
        "questlog_received_events",
        "Events by what was answered.",
        ["game_id", "source", "outcome"],
        [each.events for each in collectors],
    )
    yield _labelled(
        "questlog_rejected_requests",
        "Requests rejected as a whole.",
        ["reason"],
        [each.rejected for each in collectors],
    )


def _labelled(name: str, help_text: str, labels: list[str], counts: Sequence[dict[str, int]]) -> Metric:
    """The collectors' counts together; their keys are the labels' values joined with spaces."""
    family = CounterMetricFamily(name, help_text, labels=labels)
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    for key, count in sorted(total.items()):
        family.add_metric(key.rsplit(" ", len(labels) - 1), count)
    return family


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)
