"""What a running installation tells of itself: whether all is loaded, whether the sums hold, how it answered."""

import re
import time
from pathlib import Path

from tests.support.installation import Installation, Row, descendants

_QUIET_S = 1.5  # more than a loader's tick and than the second in which collectors publish their counters
_REQUESTS = re.compile(r'questlog_request_duration_seconds_count\{[^}]*status="(\d+)"[^}]*\} (\S+)')


def wait_until_all_is_loaded(made: Installation, timeout_s: float = 60) -> None:
    """Until nothing is left in the journal and nothing more was counted for a while."""
    seen: tuple[object, float] = (None, time.monotonic())

    def is_quiet() -> bool:
        nonlocal seen
        now = made.sql("SELECT sum(received) AS events, sum(rejected_requests) AS requests FROM ingest_hours")
        if now != seen[0] or _metric(made, "questlog_journal_lag_bytes"):
            seen = (now, time.monotonic())
        return time.monotonic() - seen[1] > _QUIET_S

    made.wait_until(is_quiet, "the journal to be loaded", timeout_s)


def unbalanced_hours(made: Installation) -> list[Row]:
    """The hours of games for which received = stored + rejected + duplicates does not hold."""
    return made.sql("SELECT * FROM ingest_hours WHERE received <> stored + rejected + duplicates")


def unbalanced_events(made: Installation) -> list[Row]:
    """The games whose hours do not say how many events there are."""
    return made.sql(
        "SELECT * FROM (SELECT game_id, sum(stored)::BIGINT AS counted FROM ingest_hours GROUP BY ALL) "
        "FULL JOIN (SELECT game_id, count(*) AS present FROM events GROUP BY ALL) USING (game_id) "
        "WHERE coalesce(counted, 0) <> coalesce(present, 0)"
    )


def answered_statuses(made: Installation) -> dict[int, int]:
    """How often the collectors answered with each status since they started."""
    found: dict[int, int] = {}
    for status, count in _REQUESTS.findall(made.console("GET", "/metrics").body.decode()):
        found[int(status)] = found.get(int(status), 0) + int(float(count))
    return found


def collector_pids(made: Installation) -> list[int]:
    """The collectors' workers."""
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in descendants(made.start_pid)}
    return [pid for pid, command in commands.items() if b"collect" in command and not descendants(pid)]


def peak_memory_bytes(pid: int) -> int:
    """The most memory that a process has had resident (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no VmHWM of process {pid}")


def _metric(made: Installation, name: str) -> float:
    for line in made.console("GET", "/metrics").body.decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[1])
    raise ValueError(f"no metric {name}")
