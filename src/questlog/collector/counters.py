"""What this collector has done since it started, for /metrics."""

import os
from collections import Counter
from pathlib import Path

import msgspec


class CollectorCounters(msgspec.Struct):
    """Counts since the start of the process. Keys are joined with a space, for JSON.

    `requests`: route, HTTP status · `events`: game id, source, `accepted` or a drop's reason · `rejected`: reason of a
    whole request. `is_ready` and `pending_bytes` are as of now.
    """

    pid: int = 0
    started_at: int = 0
    is_ready: bool = True
    pending_bytes: int = 0
    requests: dict[str, int] = {}
    events: dict[str, int] = {}
    rejected: dict[str, int] = {}


class CounterBook:
    """Counts as they happen; cheap enough for every request."""

    def __init__(self, started_at_us: int) -> None:
        self._started_at_us = started_at_us
        self._requests: Counter[tuple[str, int]] = Counter()
        self._events: Counter[tuple[int, str, str]] = Counter()
        self._rejected: Counter[str] = Counter()

    def count_request(self, route: str, status: int) -> None:
        """One answered request."""
        self._requests[route, status] += 1

    def count_events(self, game_id: int, source: str, outcome: str, number: int) -> None:
        """Events of one request with the same outcome."""
        self._events[game_id, source, outcome] += number

    def count_rejected(self, reason: str) -> None:
        """One request rejected as a whole."""
        self._rejected[reason] += 1

    def snapshot(self, is_ready: bool, pending_bytes: int) -> CollectorCounters:
        """All counts now."""
        return CollectorCounters(
            pid=os.getpid(),
            started_at=self._started_at_us,
            is_ready=is_ready,
            pending_bytes=pending_bytes,
            requests={f"{route} {status}": count for (route, status), count in self._requests.items()},
            events={f"{game} {source} {outcome}": count for (game, source, outcome), count in self._events.items()},
            rejected=dict(self._rejected),
        )


def publish(directory: Path, counters: CollectorCounters) -> None:
    """Write a snapshot where the console finds it, replacing this process's last one whole. Raises `OSError`."""
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / f"collector-{counters.pid}.json"
    draft = target.with_suffix(".tmp")
    draft.write_bytes(msgspec.json.encode(counters))
    draft.replace(target)


def withdraw(directory: Path) -> None:
    """Remove this process's snapshot."""
    (directory / f"collector-{os.getpid()}.json").unlink(missing_ok=True)


def published(directory: Path) -> list[CollectorCounters]:
    """The snapshots of all collectors that are alive; those of dead processes are removed."""
    found = []
    for path in sorted(directory.glob("collector-*.json")):
        try:
            counters = msgspec.json.decode(path.read_bytes(), type=CollectorCounters)
        except (OSError, msgspec.DecodeError):
            continue
        if _is_alive(counters.pid):
            found.append(counters)
        else:
            path.unlink(missing_ok=True)
    return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
