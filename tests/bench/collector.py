"""The collector alone beside the reference and beside the null server of the same HTTP stack."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.installation import Installation, free_port, installation

INGEST = Path(__file__).parent / "ingest"
REFERENCE = INGEST / "reference"
BODIES = ("gz20", "gz1")
CONNECTIONS = "32,128"


def measure(folder: Path, rounds: int, seconds: int) -> None:
    """Print paired rounds for each body; the last lines of each are the ratios."""
    bodies = folder / "bodies"
    subprocess.run([sys.executable, INGEST / "make_bodies.py", bodies], check=True)
    with running_collector(folder) as made, running_reference(folder) as reference, running_null() as null:
        questlog = f"questlog=http://127.0.0.1:{made.collector_port}:{made.start_pid}"
        for body in BODIES:
            for peer in (reference, null):
                _heading(f"{body}: questlog collect / {peer.partition('=')[0]}")
                command = [sys.executable, str(INGEST / "ingest.py"), "--a", questlog, "--b", peer, "--body", body]
                command += ["--bodies", str(bodies), "--connections", CONNECTIONS]
                subprocess.run([*command, "--rounds", str(rounds), "--seconds", str(seconds)], check=True)


@contextmanager
def running_collector(folder: Path) -> Iterator[Installation]:
    """`questlog collect` with the sandbox game, one worker a core, durability and validation on."""
    with installation(folder / "collector", {"collector.workers": 0}) as made:
        made.start_run()
        made.stop("run")  # it has made the sandbox game
        made.start("collect")
        made.wait_for_collector()
        yield made


@contextmanager
def running_reference(folder: Path) -> Iterator[str]:
    """The nginx reference, as ingest.py's argument."""
    work, port = folder / "reference", free_port()
    subprocess.run(["bash", REFERENCE / "start.sh", work, str(port)], check=True)
    try:
        yield f"reference=http://127.0.0.1:{port}:{(work / 'nginx.pid').read_text().strip()}"
    finally:
        subprocess.run(["bash", REFERENCE / "stop.sh", work], check=True)


@contextmanager
def running_null() -> Iterator[str]:
    """An empty handler on the collector's own HTTP server."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "rsgi", "--http", "1", "--no-ws", "--loop", "uvloop"]
    command += ["--workers", "2", "--backlog", "4096", "--port", str(port), "--log-level", "warning", "null_app:app"]
    process = subprocess.Popen(command, cwd=INGEST)
    try:
        Installation.wait_for_port(port)
        yield f"null=http://127.0.0.1:{port}:{process.pid}"
    finally:
        process.terminate()
        process.wait()


def _heading(text: str) -> None:
    print(f"\n== {text}", flush=True)
