"""What this collector has done since it started, for /metrics."""

import os
from collections import Counter
from contextlib import suppress
from pathlib import Path

import msgspec

from questlog.control.errors import ControlUnavailable
from questlog.model.histogram import LATENCY_BOUNDS_S, Histogram, HistogramCounts

_GONE_AFTER_S = 10.0
_REMOVED_AFTER_S = 60.0


class CollectorCounters(msgspec.Struct):
    """Counts since the start of the process. Keys are joined with a space, for JSON.

    `requests`: protocol, operation, HTTP status, with the seconds from the body's end to the answer · `events`: game
    id, source, `accepted`, `accepted_leniently` or a drop's reason · `rejected`: reason of a whole request.
    `is_ready`, `pending_bytes` and `memory_bytes` are as of now. `collector` is the number of its journal writer: a
    process that takes another's place has the same.
    """

    collector: int = 0
    started_at: int = 0
    is_ready: bool = True
    pending_bytes: int = 0
    memory_bytes: int = 0
    control_errors: int = 0
    requests: dict[str, HistogramCounts] = {}
    events: dict[str, int] = {}
    rejected: dict[str, int] = {}


class CounterBook:
    """Counts as they happen; cheap enough for every request."""

    def __init__(self, collector: int, started_at_us: int) -> None:
        self.collector = collector
        self._started_at_us = started_at_us
        self._requests: dict[tuple[str, str, int], Histogram] = {}
        self._events: Counter[tuple[int, str, str]] = Counter()
        self._rejected: Counter[str] = Counter()

    def count_request(self, protocol: str, operation: str, status: int, took_s: float) -> None:
        """One answered request."""
        key = (protocol, operation, status)
        histogram = self._requests.get(key)
        if histogram is None:
            histogram = self._requests[key] = Histogram(LATENCY_BOUNDS_S)
        histogram.observe(took_s)

    def count_events(self, game_id: int, source: str, outcome: str, number: int) -> None:
        """Events of one request with the same outcome."""
        self._events[game_id, source, outcome] += number

    def count_accepted(self, game_id: int, source: str, number: int, lenient: int) -> None:
        """Stored events of one request; `lenient` of them have invalid annotations and are counted apart."""
        self.count_events(game_id, source, "accepted", number - lenient)
        if lenient:
            self.count_events(game_id, source, "accepted_leniently", lenient)

    def count_rejected(self, reason: str) -> None:
        """One request rejected as a whole."""
        self._rejected[reason] += 1

    def snapshot(self, is_ready: bool, pending_bytes: int) -> CollectorCounters:
        """All counts now."""
        return CollectorCounters(
            collector=self.collector,
            started_at=self._started_at_us,
            is_ready=is_ready,
            pending_bytes=pending_bytes,
            memory_bytes=own_memory_bytes(),
            control_errors=ControlUnavailable.raised,
            requests={" ".join(map(str, key)): histogram.counts() for key, histogram in self._requests.items()},
            events={f"{game} {source} {outcome}": count for (game, source, outcome), count in self._events.items()},
            rejected=dict(self._rejected),
        )


def own_memory_bytes() -> int:
    """Memory of this process, shared pages included; 0 where the system does not say so (it is not Linux)."""
    try:
        resident_pages = Path("/proc/self/statm").read_bytes().split()[1]
    except OSError:
        return 0
    return int(resident_pages) * os.sysconf("SC_PAGE_SIZE")


def publish(directory: Path, counters: CollectorCounters) -> None:
    """Write a snapshot where the console finds it, replacing this collector's last one whole; call it every second.

    Raises `OSError`; the last snapshot then goes on saying that this collector is there.
    """
    directory.mkdir(parents=True, exist_ok=True)
    target = _path(directory, counters.collector)
    draft = target.with_suffix(".tmp")
    try:
        draft.write_bytes(msgspec.json.encode(counters))
        draft.replace(target)
    except OSError:
        with suppress(OSError):
            os.utime(target)
        raise


def withdraw(directory: Path, collector: int) -> None:
    """Remove this collector's snapshot."""
    _path(directory, collector).unlink(missing_ok=True)


def published(directory: Path, now_us: int) -> list[CollectorCounters]:
    """The snapshots of all collectors that still publish theirs; what dead ones left is removed after a minute.

    By the age of the file: a process id says nothing of a process in another container.
    """
    found = []
    for path in sorted(directory.glob("collector-*.json")):
        try:
            age_s = now_us / 1_000_000 - path.stat().st_mtime
            if age_s > _REMOVED_AFTER_S:
                path.unlink(missing_ok=True)
            elif age_s <= _GONE_AFTER_S:
                found.append(msgspec.json.decode(path.read_bytes(), type=CollectorCounters))
        except (OSError, msgspec.DecodeError):
            continue
    return found


def _path(directory: Path, collector: int) -> Path:
    return directory / f"collector-{collector}.json"
