"""Everything at once: events sent at a fixed rate, how old the newest visible one is, and what it costs."""

import re
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench.ingest.ingest import busy_cpu, tree_cpu
from tests.support.installation import SANDBOX_GAME_KEY, Installation, descendants, installation

INGEST = Path(__file__).parent / "ingest"
EVENTS_PER_REQUEST = 20
CONNECTIONS = 64
SAMPLE_S = 0.25
SETTLE_S = 10
_COUNT = "SELECT count(*) AS n FROM events"
_AGE = "SELECT epoch(now()::TIMESTAMP - max(received_at)) AS age FROM events"


class Sample(NamedTuple):
    """One look at the running system: seconds since the newest visible event was received."""

    at: float
    age_s: float


def measure(folder: Path, rate: int, seconds: int) -> None:
    """Print rate, age, CPU per event, bytes per event and memory."""
    stream = folder / "stream"
    requests = (rate // EVENTS_PER_REQUEST) * (seconds + 2)  # none may be sent twice
    print(f"\n== the whole: {rate:,} events/s for {seconds} s, every event with an id of its own", flush=True)
    command = [sys.executable, "-m", "tests.bench.ingest.make_stream", str(stream), "--requests", str(requests)]
    subprocess.run(command, check=True)
    with installation(folder / "whole", {"collector.workers": 0, "loader.tick_ms": 250}) as made:
        made.start_run()
        _ask(made, _COUNT)
        time.sleep(SETTLE_S)
        _print_memory(made, "idle")
        _load(made, stream, rate, seconds)
        _print_memory(made, "after load")
        _print_sizes(made)


def _load(made: Installation, stream: Path, rate: int, seconds: int) -> None:
    processes = _processes(made)
    before = {name: tree_cpu((pid,)) for name, pid in processes.items()}
    others = busy_cpu()
    stop = threading.Event()
    samples: list[Sample] = []
    watching = threading.Thread(target=_watch, args=(made, samples, stop))
    watching.start()
    started = time.monotonic()
    url = f"http://127.0.0.1:{made.collector_port}/v2/{SANDBOX_GAME_KEY}/events"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(INGEST / "paced.lua")]
    command += [url, "--", str(stream), str(rate // EVENTS_PER_REQUEST)]
    wrk = subprocess.run(command, capture_output=True, text=True, check=False)
    sent_s = time.monotonic() - started
    result = re.search(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$", wrk.stdout, re.MULTILINE)
    if not result:
        sys.exit(f"wrk: {wrk.stdout} {wrk.stderr}")
    answered, microseconds, refused, errors, p50_us, p99_us = map(int, result.groups())
    if refused or errors:
        sys.exit(f"{refused} answers were not 2xx, {errors} socket errors: {wrk.stderr}")
    expected = answered * EVENTS_PER_REQUEST
    while _ask(made, _COUNT) < expected:
        time.sleep(SAMPLE_S)
    caught_up_s = time.monotonic() - started - sent_s
    stop.set()
    watching.join()
    busy = busy_cpu() - others
    print(
        f"sent {expected:,} events at {expected / (microseconds / 1e6):,.0f} events/s, answers p50 {p50_us / 1000:.1f}"
        f" ms, p99 {p99_us / 1000:.1f} ms; all visible {caught_up_s:.2f} s after the last answer"
    )
    ages = sorted(sample.age_s for sample in samples if sample.at < sent_s)[:]
    if ages:
        print(
            f"age of the newest visible event while loading: median {statistics.median(ages):.2f} s,"
            f" p95 {ages[int(len(ages) * 0.95)]:.2f} s, most {ages[-1]:.2f} s ({len(ages)} samples)"
        )
    for name, pid in processes.items():
        used = tree_cpu((pid,)) - before[name]
        print(f"CPU {name}: {used:.1f} s, {used / expected * 1e6:.1f} µs an event")
    print(f"all processes of the machine: {busy / sent_s:.2f} cores")
    stored = _ask(made, "SELECT count(DISTINCT event_uuid) AS n FROM events")
    print(f"stored {_ask(made, _COUNT):,} rows, {stored:,} different ids, {expected:,} acknowledged")


def _watch(made: Installation, samples: list[Sample], stop: threading.Event) -> None:
    started = time.monotonic()
    while not stop.wait(SAMPLE_S):
        age = made.sql(_AGE)[0]["age"]
        if age is not None:
            samples.append(Sample(time.monotonic() - started, float(age)))


def _ask(made: Installation, statement: str) -> int:
    return int(made.sql(statement)[0]["n"])


def _processes(made: Installation) -> dict[str, int]:
    """The two kinds of processes by name: the direct children of the supervisor."""
    found = {}
    for pid in descendants(made.start_pid):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        for name in ("collect", "serve"):
            if name.encode() in words and name not in found:
                found[name] = pid
    return found


def _print_memory(made: Installation, when: str) -> None:
    for pid in [made.start_pid, *descendants(made.start_pid)]:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        status = Path(f"/proc/{pid}/status").read_text()
        resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]
        own = int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]
        print(f"memory {when}: {words[3]:8} pid {pid}: {resident:.0f} MB resident, {own:.0f} MB of it its own")


def _print_sizes(made: Installation) -> None:
    events = _ask(made, _COUNT)
    for part in ("journal", "store"):
        size = sum(path.stat().st_size for path in (made.data_dir / part).rglob("*") if path.is_file())
        print(f"disk {part}: {size / events:.0f} bytes an event")
