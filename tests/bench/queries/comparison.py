"""Every question to every engine in turn, in one run: milliseconds, the ratio to the lower bound, equal checksums."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from tests.bench.queries import history
from tests.bench.queries.answers import QUESTIONS, Engine, checksum
from tests.bench.queries.lower_bound import KeptLowerBound, LowerBound, load
from tests.bench.queries.raw import RawClickHouse, RawDuckDB
from tests.bench.queries.stored import Questlog, fill
from tests.bench.queries.timing import Timed, timed

PUBLISHED = {
    1_000_000: {
        "dau": "56bf0d167e4f",
        "retention": "7a0c91921af8",
        "funnel": "2d22dd773460",
        "explore_players": "3f62f0e3eb99",
    },
    10_000_000: {
        "dau": "94ec15e7ce31",
        "retention": "7fd7fa7cf5a2",
        "funnel": "64dfee43e9ef",
        "explore_players": "debf5f39e4f0",
    },
}
"""The checksums of the benchmark kit that this one comes from, of its history with seed 1."""


Loaded = TypeVar("Loaded")

_FILL_MEMORY_MB = 8192


def measure(folder: Path, events: int, rounds: int, threads: int, kept: Path | None = None) -> None:
    """Print a table. Exits with 1 when two answers differ. History and store stay in `kept`, where it is given."""
    base = kept or folder / "queries"
    print(f"\n== questions over {events:,} events, best of {rounds}, {threads} threads", flush=True)
    files = history_of(base / f"history{events}", events)
    stored = stored_of(base / f"store{events}", files)
    scratch = folder / "raw"
    scratch.mkdir()
    raw_duckdb = _opened("raw DuckDB", lambda: RawDuckDB(files, scratch, threads))
    raw_clickhouse = _opened("raw ClickHouse", lambda: RawClickHouse(files, scratch, threads))
    coded = _opened("numpy", lambda: load(files))
    questlog = Questlog(stored, threads)
    engines: list[Engine] = [questlog, raw_duckdb, raw_clickhouse, LowerBound(coded), KeptLowerBound(coded)]
    are_equal = _ask_all(engines, events, rounds)
    questlog.close()
    raw_duckdb.close()
    raw_clickhouse.close()
    shutil.rmtree(scratch)
    if not are_equal:
        sys.exit("the answers differ")


def history_of(folder: Path, events: int) -> Sequence[Path]:
    """The history's files in the folder, made if they are not there."""
    if not history.files_in(folder):
        command = [sys.executable, "-m", "tests.bench.queries.history", str(folder), "--events", str(events)]
        subprocess.run(command, check=True)  # a process of its own gives the memory back
    return history.files_in(folder)


def stored_of(folder: Path, files: Sequence[Path], *, with_all_kinds: bool = False) -> Path:
    """The store with the history in the folder, made if it is not there."""
    if not folder.exists():
        began = time.perf_counter()
        fill(files, folder, _FILL_MEMORY_MB, with_all_kinds=with_all_kinds)
        print(f"Questlog: written into the tables by SQL, and rebuilt, in {time.perf_counter() - began:.0f} s")
    return folder


def _opened(name: str, load: Callable[[], Loaded]) -> Loaded:
    began = time.perf_counter()
    loaded = load()
    print(f"{name}: loaded in {time.perf_counter() - began:.0f} s", flush=True)
    return loaded


def _ask_all(engines: Sequence[Engine], events: int, rounds: int) -> bool:
    """Print a line for each question; whether all answers are the same. `cpu` and `first` are Questlog's."""
    print(f"\n{'ms':22}" + "".join(f"{engine.name:>13}" for engine in engines) + "     cpu   first  × numpy   checksum")
    are_equal = True
    for question in QUESTIONS:
        times, checksums = {}, {}
        for engine in engines:
            if _can_answer(engine, question):
                times[engine.name], rows = timed(partial(engine.ask, question), rounds)
                checksums[engine.name] = checksum(question, rows)
        sums = set(checksums.values())
        expected = PUBLISHED.get(events, {}).get(question)
        is_equal = len(sums) == 1 and (expected is None or expected in sums)
        are_equal &= is_equal
        shown = checksums["Questlog"] if is_equal else "DIFFERS"
        print(_line(question, [times.get(engine.name) for engine in engines], shown), flush=True)
        if not is_equal:
            print(checksums | {"published": expected})
    return are_equal


def _line(question: str, times: Sequence[Timed | None], shown: str) -> str:
    questlog, _, _, least, _ = times
    assert questlog is not None
    assert least is not None
    cells = "".join(f"{each.best_ms:13.1f}" if each else f"{'':13}" for each in times)
    ratio = questlog.best_ms / least.best_ms
    return f"{question:22}{cells}{questlog.cpu_ms:8.0f}{questlog.first_ms:8.0f}{ratio:9.2f}   {shown}"


def _can_answer(engine: Engine, question: str) -> bool:
    return not isinstance(engine, KeptLowerBound) or question in engine.questions
