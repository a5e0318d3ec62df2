"""A store that was killed at any moment is as if its last unfinished load had not been tried."""

import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from questlog.store.contract import StoreFailed
from questlog.store.duckdb.store import DuckDBStore
from tests.support.staged import NOON, batch

_ROOT = Path(__file__).parents[3]
_LOADER = """
import sys
from pathlib import Path
from questlog.model.record import Position
from questlog.store.duckdb.connection import EngineSettings
from questlog.store.duckdb.store import DuckDBStore
from tests.support.staged import NOON, batch
store = DuckDBStore(Path(sys.argv[1]), EngineSettings(checkpoint_mb=1))
done = store.positions()[1].offset if store.positions() else 0
print("open", flush=True)
while True:
    done += 1
    rows = [{"client_event_id": f"{done}-{n}", "player_id": f"p{n}", "session_id": f"s{n}"} for n in range(20)]
    store.load(batch(rows, positions={1: Position(1, 1, done)}), NOON)
    print(done, flush=True)
"""


def _loads_until_killed(directory: Path, run_s: float) -> int:
    """Load until killed. Returns the number of the last batch that was reported as stored."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT / "src"), str(_ROOT)])}
    process = subprocess.Popen(
        [sys.executable, "-c", _LOADER, str(directory)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    time.sleep(run_s)
    process.kill()
    lines = process.stdout.read().split()
    process.wait()
    process.stdout.close()
    return int(lines[-1]) if lines else 0


def test_positions_and_rows_agree_after_kill_9(tmp_path: Path) -> None:
    reported = 0
    for run_s in (0.05, 0.4, 0.83):
        reported = max(reported, _loads_until_killed(tmp_path, run_s))
        store = DuckDBStore(tmp_path)
        done = store.positions()[1].offset if store.positions() else 0
        assert done >= reported
        assert store.query(
            "SELECT count(*) AS n, count(DISTINCT client_event_id) AS d FROM events", {}
        ).to_pylist() == [{"n": 20 * done, "d": 20 * done}]
        assert store.query("SELECT coalesce(sum(events), 0) AS n FROM players", {}).to_pylist() == [{"n": 20 * done}]
        again = batch([{"client_event_id": f"{done}-{n}", "player_id": f"p{n}"} for n in range(20)])
        if done:
            assert store.load(again, NOON).duplicates == 20
        store.close()
    assert reported > 0


def test_a_load_that_fails_at_any_step_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"client_event_id": "x", "player_id": "p", "session_id": "s"}]
    store = DuckDBStore(tmp_path)
    write = store._loader.write
    for step in range(100):
        calls = 0

        def breaks(statement: str, parameters: object = None, at: int = step) -> None:
            nonlocal calls
            calls += 1
            if calls > at:
                raise duckdb.IOException("disk full")
            write(statement, parameters)  # type: ignore[arg-type]

        monkeypatch.setattr(store._loader, "write", breaks)
        try:
            store.load(batch(rows), NOON)
        except StoreFailed:
            assert store.query("FROM events", {}).num_rows + store.query("FROM players", {}).num_rows == 0
        else:
            break
    assert step > 3
    assert store.query("SELECT player_no, session_no, row_no FROM events", {}).to_pylist() == [
        {"player_no": 1, "session_no": 1, "row_no": 1}
    ]
    store.close()
