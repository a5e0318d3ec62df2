"""What loading costs as the store grows: batches of the same size, with duplicates, into 1M, 10M, 50M stored events.

The history is written into the tables by SQL and rolled up by `rebuild`, for loading it would take hours; the batches
measured go through `Store.load`, key indexes, rollups and all.
"""

import statistics
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from questlog.model.record import Position
from questlog.store.contract import STAGED_EVENTS, STAGED_REJECTED, Batch
from questlog.store.duckdb.connection import EngineSettings
from questlog.store.duckdb.store import DuckDBStore

_BATCH = 25_000
_ROUNDS = 8
_DUPLICATES = 0.1
_EVENTS_PER_PLAYER = 50
_EVENTS_PER_SESSION = 20
_FIRST_US = 1_767_225_600_000_000  # 2026-01-01
_STEP_US = 10_000  # between two events: 50M span six days, all of them within the window of de-duplication
_SIZES = (1_000_000, 10_000_000, 50_000_000)

_FILL = """
INSERT INTO events BY NAME
SELECT n AS row_no, 1 AS batch_no, 1 AS game_id, 'gameanalytics' AS source,
    ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::UUID AS event_uuid, true AS has_client_id,
    make_timestamp($first_us + n * $step_us) AS received_at, received_at AS event_time, received_at AS client_time,
    n // $a_player + 1 AS player_no, 'player-' || (n // $a_player) AS player_id,
    n // $a_session + 1 AS session_no, 'session-' || (n // $a_session) AS session_id,
    false AS session_is_matched, 1 AS event_no, 1 AS writer, 1 AS segment, n AS record_offset, 0 AS record_index,
    'design' AS category, 'a:b' AS event_id, (n % 100)::DOUBLE AS value, 'ios' AS platform,
    'DE' AS country, '1.0' AS build
FROM range($first::BIGINT, $last::BIGINT + 1) AS series(n)
"""


def measure(folder: Path, most: int) -> None:
    """Print a line for each size of the store up to `most` events."""
    share = f"{_DUPLICATES:.0%} of them duplicates"
    print(f"\n== loading into a growing store: {_BATCH:,} events a batch, {share}", flush=True)
    print(f"{'stored events':>14} {'ms a batch':>11} {'least':>7} {'most':>7} {'CPU µs/event':>13}  duplicates found")
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        stored = 0
        for size in (size for size in _SIZES if size <= most):
            stored = _fill(Path(directory), stored, size)
            stored = _measure_at(Path(directory), stored)


def _fill(directory: Path, stored: int, size: int) -> int:
    DuckDBStore(directory, _engine()).close()
    with duckdb.connect(str(directory / "events.duckdb")) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(
            _FILL,
            {
                "first": stored + 1,
                "last": size,
                "first_us": _FIRST_US,
                "step_us": _STEP_US,
                "a_player": _EVENTS_PER_PLAYER,
                "a_session": _EVENTS_PER_SESSION,
            },
        )
        connection.execute(
            "INSERT INTO event_names SELECT 1, 1, 'design', 'a:b' WHERE NOT EXISTS (FROM event_names)",
        )
        players, sessions = size // _EVENTS_PER_PLAYER + 1, size // _EVENTS_PER_SESSION + 1
        connection.execute(
            "UPDATE counters SET batch_no = 1, row_no = $rows, player_no = $players, session_no = $sessions,"
            " event_no = 1",
            {"rows": size, "players": players, "sessions": sessions},
        )
    store = DuckDBStore(directory, _engine())
    started = time.monotonic()
    store.rebuild(lambda _table, _share: None)
    print(f"{size:14,} events filled in; rebuilt in {time.monotonic() - started:.0f} s", flush=True)
    store.close()
    return size


def _measure_at(directory: Path, stored: int) -> int:
    store = DuckDBStore(directory, _engine())
    chance = np.random.default_rng(stored)
    times, cpu, found = [], 0.0, 0
    for _ in range(_ROUNDS):
        batch = _batch(chance, stored)
        began, began_cpu = time.perf_counter(), time.process_time()
        result = store.load(batch, _FIRST_US)
        times.append((time.perf_counter() - began) * 1000)
        cpu += time.process_time() - began_cpu
        stored += result.stored
        found += result.duplicates
    expected = _ROUNDS * int(_BATCH * _DUPLICATES)
    if found != expected:
        raise AssertionError(f"{found} duplicates were found of {expected}")
    per_event = cpu / (_ROUNDS * _BATCH) * 1e6
    middle = statistics.median(times)
    print(f"{stored:14,} {middle:11.0f} {min(times):7.0f} {max(times):7.0f} {per_event:13.1f}  {found:,}", flush=True)
    store.close()
    return stored


def _batch(chance: np.random.Generator, stored: int) -> Batch:
    """New events after the stored ones, and repeated ones from anywhere among them."""
    new = np.arange(stored + 1, stored + 1 + _BATCH - int(_BATCH * _DUPLICATES))
    old = chance.choice(stored - 1, int(_BATCH * _DUPLICATES), replace=False) + 1
    numbers = chance.permutation(np.concatenate([new, old]))
    times = pa.array((_FIRST_US + numbers * _STEP_US).astype("datetime64[us]"))
    columns = {
        "game_id": pa.array(np.ones(_BATCH, np.int32)),
        "source": pa.array(["gameanalytics"] * _BATCH),
        "received_at": times,
        "event_time": times,
        "client_time": times,
        "writer": pa.array(np.ones(_BATCH, np.int32)),
        "segment": pa.array(np.ones(_BATCH, np.int64)),
        "offset": pa.array(np.arange(_BATCH)),
        "index": pa.array(np.zeros(_BATCH, np.int32)),
        "client_event_id": pa.array([f"00000000-0000-4000-8000-{number:012x}" for number in numbers.tolist()]),
        "category": pa.array(["design"] * _BATCH),
        "event_id": pa.array(["a:b"] * _BATCH),
        "value": pa.array((numbers % 100).astype(np.float64)),
        "player_id": pa.array([f"player-{number // _EVENTS_PER_PLAYER}" for number in numbers.tolist()]),
        "session_id": pa.array([f"session-{number // _EVENTS_PER_SESSION}" for number in numbers.tolist()]),
        "platform": pa.array(["ios"] * _BATCH),
        "country": pa.array(["DE"] * _BATCH),
        "build": pa.array(["1.0"] * _BATCH),
    }
    arrays = [columns.get(field.name, pa.nulls(_BATCH, field.type)) for field in STAGED_EVENTS]
    nothing = pa.table([pa.array([], field.type) for field in STAGED_REJECTED], schema=STAGED_REJECTED)
    return Batch(pa.table(arrays, schema=STAGED_EVENTS), nothing, (), (), {1: Position(1, 1, stored)})


def _engine() -> EngineSettings:
    return EngineSettings(memory_limit_mb=4096)
