"""What the loader has done since it started, for /metrics."""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from questlog.model.histogram import LOAD_BOUNDS_S, Histogram, HistogramCounts
from questlog.store.contract import Batch, LoadResult

_US = 1_000_000
_NONE_LOADED = Histogram(LOAD_BOUNDS_S).counts()

Origin = tuple[int, str]
"""A game and a source."""


class EventCounts(msgspec.Struct, frozen=True):
    """received = stored + duplicates + rejected; `rejected_requests` are whole requests, not events."""

    received: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejected_requests: int = 0


class LoaderCounters(msgspec.Struct, frozen=True):
    """Counts since the start of the process, and gauges as of the last batch.

    `newest_age_ms` and `oldest_age_ms` tell how long the newest and the oldest request of the last batch took from its
    receipt to the commit; `newest_received_at` and `loaded_at` are UTC microseconds. `refused_records` could not be
    stored and were kept as rejected. `error` is why the loader stands still, None while it does not. All that was
    acknowledged before `complete_through` (UTC microseconds, None: not known yet) is loaded. `load_duration` is how
    long storing took, `load_latency` from receipt to commit of a batch's oldest request: one observation a batch, in
    seconds.
    """

    events: Mapping[Origin, EventCounts] = {}
    batches: int = 0
    refused_records: int = 0
    errors: int = 0
    lag_bytes: int = 0
    last_batch_events: int = 0
    last_batch_ms: float = 0.0
    newest_age_ms: float = 0.0
    oldest_age_ms: float = 0.0
    newest_received_at: int = 0
    loaded_at: int = 0
    complete_through: int | None = None
    error: str | None = None
    load_duration: HistogramCounts = _NONE_LOADED
    load_latency: HistogramCounts = _NONE_LOADED


class Loaded(NamedTuple):
    """A committed batch: when (UTC microseconds), how long it took, when its requests were received."""

    batch: Batch
    result: LoadResult
    at_us: int
    took_us: int
    received_between: tuple[int, int] | None


class CounterBook:
    """Counts as batches are committed. Written by the loader's threads, read by any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: Counter[tuple[int, str, str]] = Counter()
        self._now = LoaderCounters()
        self._duration = Histogram(LOAD_BOUNDS_S)
        self._latency = Histogram(LOAD_BOUNDS_S)

    @property
    def now(self) -> LoaderCounters:
        """All counts, consistent with each other."""
        return self._now

    def count_batch(self, loaded: Loaded) -> None:
        """A batch that was committed."""
        oldest, newest = loaded.received_between or (loaded.at_us, loaded.at_us)
        with self._lock:
            self._count_outcomes(loaded)
            self._duration.observe(loaded.took_us / _US)
            if loaded.received_between is not None:
                self._latency.observe((loaded.at_us - oldest) / _US)
            self._now = msgspec.structs.replace(
                self._now,
                events=self._by_origin(),
                batches=self._now.batches + 1,
                last_batch_events=loaded.batch.events.num_rows,
                last_batch_ms=loaded.took_us / 1000,
                newest_age_ms=(loaded.at_us - newest) / 1000,
                oldest_age_ms=(loaded.at_us - oldest) / 1000,
                newest_received_at=max(newest, self._now.newest_received_at),
                loaded_at=loaded.at_us,
                load_duration=self._duration.counts(),
                load_latency=self._latency.counts(),
            )

    def count_refused(self) -> None:
        """A record whose values the store would not take."""
        with self._lock:
            self._now = msgspec.structs.replace(self._now, refused_records=self._now.refused_records + 1)

    def set_lag(self, lag_bytes: int) -> None:
        """How much of the journal is not loaded yet."""
        with self._lock:
            self._now = msgspec.structs.replace(self._now, lag_bytes=lag_bytes)

    def set_complete_through(self, at_us: int | None) -> None:
        """Everything acknowledged before is loaded."""
        with self._lock:
            self._now = msgspec.structs.replace(self._now, complete_through=at_us)

    def fail(self, error: str) -> None:
        """The loader stands still."""
        with self._lock:
            self._now = msgspec.structs.replace(self._now, error=error, errors=self._now.errors + 1)

    def recover(self) -> None:
        """It goes on."""
        with self._lock:
            self._now = msgspec.structs.replace(self._now, error=None)

    def _count_outcomes(self, loaded: Loaded) -> None:
        for (game_id, source), result in loaded.result.by_source.items():
            self._outcomes[game_id, source, "received"] += result.stored + result.duplicates + result.rejected
            self._outcomes[game_id, source, "stored"] += result.stored
            self._outcomes[game_id, source, "duplicates"] += result.duplicates
            self._outcomes[game_id, source, "rejected"] += result.rejected
        rejected = loaded.batch.rejected
        whole = zip(*(rejected[name].to_pylist() for name in ("game_id", "source", "is_whole_request")), strict=True)
        self._outcomes.update((game_id, source, "rejected_requests") for game_id, source, is_whole in whole if is_whole)

    def _by_origin(self) -> dict[Origin, EventCounts]:
        origins = {(game_id, source) for game_id, source, _ in self._outcomes}
        return {
            origin: EventCounts(**{name: self._outcomes[(*origin, name)] for name in EventCounts.__struct_fields__})
            for origin in sorted(origins)
        }
