"""Every built-in metric by day over the whole history, which here has events of every category: slowest first."""

from functools import partial
from pathlib import Path

from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.metrics.metric import DAY_METRICS
from questlog.analytics.question.query import Query
from tests.bench.queries.comparison import history_of, stored_of
from tests.bench.queries.stored import PERIOD, Questlog
from tests.bench.queries.timing import timed


def measure(folder: Path, events: int, rounds: int, threads: int, kept: Path | None = None) -> None:
    """Print a line for each metric. History and store stay in `kept`, where it is given."""
    base = kept or folder / "queries"
    print(f"\n== every metric over {events:,} events and more of all categories, best of {rounds}, {threads} threads")
    files = history_of(base / f"history{events}", events)
    questlog = Questlog(stored_of(base / f"store{events}-all", files, with_all_kinds=True), threads)
    print(f"{questlog.events():,} events in the store\n\n{'ms':40}    best     cpu   first", flush=True)
    found = {
        name: timed(partial(questlog.answer, Query((name,), PERIOD)), rounds)
        for name in (*CATALOGUE, *(metric.name for metric in DAY_METRICS))
    }
    for name, (times, table) in sorted(found.items(), key=lambda each: -each[1][0].best_ms):
        is_empty = not any(table[name].to_pylist())
        print(f"{name:40}{times.best_ms:8.1f}{times.cpu_ms:8.0f}{times.first_ms:8.0f}{'   empty' if is_empty else ''}")
    questlog.close()
