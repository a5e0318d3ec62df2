"""The log stays short also where questions overlap without end. Waits are short: nothing else should run beside."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from questlog.store.contract import Cancellation, QueryAborted
from questlog.store.duckdb.checkpointer import Checkpointer
from questlog.store.duckdb.connection import FILE_NAME, EngineSettings
from questlog.store.duckdb.store import DuckDBStore
from tests.support.staged import NOON, batch, new_id

_MB = 1024 * 1024

pytestmark = pytest.mark.system


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    with contextlib.closing(DuckDBStore(tmp_path, EngineSettings(checkpoint_mb=1, threads=1))) as made:
        yield made


def _load(store: DuckDBStore) -> None:
    events = [{"player_id": new_id(), "client_event_id": new_id(), "event_id": f"a:{place}"} for place in range(1_000)]
    store.load(batch(events), NOON)
    if store.is_checkpoint_due:  # as the loader's maintenance does
        store.checkpoint()


def _log_size(directory: Path) -> int:
    path = directory / f"{FILE_NAME}.wal"
    return path.stat().st_size if path.exists() else 0


class _Readers:
    """Two that read in turn: one always begins before the other has ended."""

    def __init__(self, store: DuckDBStore) -> None:
        self._store = store
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._read) for _ in range(2)]
        self.answers = 0

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _read(self) -> None:
        while not self._is_over.is_set():
            with self._store.reading(Cancellation()) as reading:
                reading.ask("SELECT count(*) FROM events")
                self._is_over.wait(0.05)
                self.answers += 1


def test_it_stays_short_while_questions_overlap(store: DuckDBStore, tmp_path: Path) -> None:
    readers = _Readers(store)
    most = 0
    with readers:
        for _ in range(20):
            _load(store)
            most = max(most, _log_size(tmp_path))
    assert most < 5 * _MB
    assert readers.answers > 0


def test_a_question_that_goes_on_is_stopped_only_when_the_log_is_too_long(
    store: DuckDBStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("questlog.store.duckdb.checkpointer._WAIT_S", 0.1)
    measured: list[int] = []
    size_of = Checkpointer._size

    def noted(log: Checkpointer) -> int:
        measured.append(size_of(log))
        return measured[-1]

    monkeypatch.setattr(Checkpointer, "_size", noted)
    refusals: list[str] = []
    has_begun = threading.Event()

    def ask() -> None:
        with store.reading(Cancellation()) as reading:
            has_begun.set()
            try:
                reading.ask("SELECT sum(a.range * b.range) FROM range(300000) a, range(600000) b")
            except QueryAborted as error:
                refusals.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    has_begun.wait()
    sizes = []
    while asking.is_alive():
        _load(store)
        sizes.append(_log_size(tmp_path))
    assert refusals == ["the statement was stopped: loading needed the memory or the disk"]
    assert max(measured) > 8 * _MB  # when it was stopped: before a load returns, the log is short again
    assert sizes[-1] < _MB


def test_who_waits_for_the_log_can_still_be_stopped(store: DuckDBStore) -> None:
    cancellation = Cancellation()
    with store._runner.quiet(0.1, is_urgent=False) as is_quiet:
        assert is_quiet
        threading.Timer(0.1, cancellation.cancel, ["nobody waits"]).start()
        with pytest.raises(QueryAborted, match="nobody waits"), store.reading(cancellation):
            pass
