"""What an event costs from its request to its row: CPU of collectors and server, old and new in turn.

The other version is a checkout of its own (`git worktree add`), run by the same interpreter with its `src` first in
PYTHONPATH. Both get the same requests at the same rate; nobody asks anything but how many events there are.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from tests.bench.ingest.ingest import tree_cpu
from tests.bench.whole import _COUNT, EVENTS_PER_REQUEST, SAMPLE_S, _ask, _processes
from tests.support.installation import Installation, installation

SOURCES = Path(__file__).parents[2] / "src"
_EVENTS_PER_S = 15_000
_SETTLE_S = 2.0
_LATE_SHARE = 0.02
_NEW_SETTINGS = ("money.refresh",)
"""Settings of test installations that another version may not know."""


def measure(folder: Path, other: Path | None, rounds: int, seconds: int) -> None:
    """Print µs of CPU an event for each version, and the ratio of the medians. `other` is the other version's `src`."""
    print(f"\n== loading: {_EVENTS_PER_S:,} events/s for {seconds} s, {rounds} rounds in turn, µs of CPU an event")
    requests_per_s = _EVENTS_PER_S / EVENTS_PER_REQUEST
    stream = folder / "loading-stream"
    command = [sys.executable, "-m", "tests.bench.ingest.make_stream", str(stream), "--players", "20000"]
    command += ["--requests", str(int(requests_per_s * seconds)), "--start", str(int(time.time()))]
    command += ["--late-share", str(_LATE_SHARE)]
    subprocess.run([*command, "--requests-per-s", str(requests_per_s)], check=True)
    versions = {"this": SOURCES} | ({"other": other} if other else {})
    found: dict[str, list[Mapping[str, float]]] = defaultdict(list)
    for number in range(rounds):
        for name, sources in reversed(versions.items()):
            used = _once(folder / f"loading-{name}{number}", sources, stream, requests_per_s)
            found[name].append(used)
            shown = ", ".join(f"{process} {each:.1f}" for process, each in used.items())
            print(f"round {number + 1}, {name:5}: {shown}", flush=True)
    for process in found["this"][0]:
        medians = {name: statistics.median(each[process] for each in uses) for name, uses in found.items()}
        ratio = f", this / other {medians['this'] / medians['other']:.2f}" if other else ""
        print(f"median of {process}: {', '.join(f'{name} {each:.1f}' for name, each in medians.items())}{ratio}")


def _once(folder: Path, sources: Path, stream: Path, requests_per_s: float) -> Mapping[str, float]:
    unknown = {} if sources == SOURCES else dict.fromkeys(_NEW_SETTINGS)
    with installation(folder, {"collector.workers": 0, "loader.tick_ms": 250, **unknown}) as made:
        made.start("run", "--sandbox", environ={"PYTHONPATH": str(sources.resolve())})
        made.wait_for_collector()
        made.wait_for_console()
        _ask(made, _COUNT)
        time.sleep(_SETTLE_S)
        return _cpu_per_event(made, stream, requests_per_s)


def _cpu_per_event(made: Installation, stream: Path, requests_per_s: float) -> Mapping[str, float]:
    processes = _processes(made)
    before = {name: tree_cpu((pid,)) for name, pid in processes.items()}
    command = [sys.executable, "-m", "tests.bench.ingest.send_stream", str(stream), str(made.collector_port)]
    command += ["--requests-per-s", str(requests_per_s)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=os.environ)
    events = json.loads(ran.stdout)["accepted"] * EVENTS_PER_REQUEST
    while _ask(made, _COUNT) < events:
        time.sleep(SAMPLE_S)
    return {name: (tree_cpu((pid,)) - before[name]) / events * 1e6 for name, pid in processes.items()}
