"""An exact map from 128-bit keys to 32-bit payloads that stays fast as it grows: new keys in memory, old ones in files.

It is a cache of a table: files cover ranges of the table's rows, and whoever opens the index adds the rows that no file
covers. Entries are never changed. A key may be inserted twice with different payloads (de-duplication needs that).
"""

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import structlog

from questlog.store.key_runs import (
    Run,
    RunDamaged,
    make_run,
    matches,
    merged,
    open_run,
    sorted_entries,
    write_run,
)
from questlog.store.keys import U32, Keys, Mask, scattered

_FLUSH_COUNT = 1 << 19
_SEED_FILE = "seed"
_SAMPLE = 1 << 16
_DOMAIN_BITS = np.uint32((1 << 28) - 1)
"""Of a key's domain: the game. The bits above say what kind of key it is."""

_log = structlog.get_logger(__name__)


class KeyIndex:
    """Payloads by key. `lookup`, `insert`, `expire` and `remove` are called from one thread; files merge in another."""

    def __init__(self, directory: Path, flush_count: int = _FLUSH_COUNT) -> None:
        """Open what is there; what is damaged, and all after it, is dropped. Up to `flush_count` stay in memory."""
        self._directory = directory
        self._flush_count = flush_count
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None
        self._runs: list[Run] = []
        self._before = 0
        self._unchecked: set[Path | None] = set()
        directory.mkdir(parents=True, exist_ok=True)
        self._seed = self._read_seed()
        self._open_runs()

    @property
    def covered(self) -> int:
        """The number of the table's last row that the index knows of; 0 when it is empty."""
        return max((run.last for run in self._runs), default=0)

    @property
    def count(self) -> int:
        """How many entries it holds."""
        return sum(run.size for run in self._runs)

    @property
    def runs(self) -> int:
        """How many sorted runs a lookup asks."""
        return len(self._runs)

    def clear(self) -> None:
        """Forget everything, files included."""
        self._join()
        self._runs = []
        shutil.rmtree(self._directory)
        self._directory.mkdir(parents=True)
        self._seed = self._read_seed()

    def lookup(self, keys: Keys) -> tuple[U32, Mask]:
        """The payload of each key (the greatest, where it was inserted more than once; 0 if absent); whether found."""
        payloads, is_found = np.zeros(len(keys.high), np.uint32), np.zeros(len(keys.high), np.bool_)
        mixed, order = self._sorted(keys)
        for run in self._snapshot():
            places, found = matches(run, mixed)
            np.maximum.at(payloads, order[places], found)
            is_found[order[places]] = True
        return payloads, is_found

    def has_near(self, keys: Keys, payloads: U32, distance: int) -> Mask:
        """Whether each key is there with a payload at most `distance` away from the one given."""
        is_near = np.zeros(len(keys.high), np.bool_)
        mixed, order = self._sorted(keys)
        for run in self._snapshot():
            places, found = matches(run, mixed)
            places = order[places]
            gaps = np.abs(found.astype(np.int64) - payloads[places].astype(np.int64))
            is_near[places[gaps <= distance]] = True
        return is_near

    def insert(self, keys: Keys, payloads: U32, last: int) -> None:
        """Add entries. `last` is the number of the table's last row that is covered with them."""
        first = self.covered + 1
        if last < first:
            return
        run = make_run(first, last, sorted_entries(self._mixed(keys), payloads.astype(np.uint32)))
        with self._lock:
            self._runs.append(run)
        self._merge_memory()
        self._start_worker()

    def expire(self, before: int) -> None:
        """Forget entries with a payload below `before`, in the background, once they are half of a file."""
        self._before = max(self._before, before)
        with self._lock:
            self._unchecked = {run.path for run in self._runs if run.path is not None}
        self._start_worker()

    def remove(self, keys: Keys) -> None:
        """Forget these keys at once, in files too (a player's erasure)."""
        self._join()
        mixed, _ = self._sorted(keys)
        for run in self._snapshot():
            is_kept = ~_holds(run, mixed)
            if not is_kept.all():
                made = make_run(run.first, run.last, run.entries.take(is_kept))
                self._replace([run], made if run.path is None else write_run(self._directory, self._seed, [made]))

    def remove_domain(self, domain: int) -> None:
        """Forget all keys of a domain, whatever its flags in the bits above, in files too (a game's deletion)."""
        self._join()
        for run in self._snapshot():
            is_kept = (run.entries.keys.domain & _DOMAIN_BITS) != domain
            if not is_kept.all():
                made = make_run(run.first, run.last, run.entries.take(is_kept))
                self._replace([run], made if run.path is None else write_run(self._directory, self._seed, [made]))

    def close(self) -> None:
        """Write what is in memory only."""
        self._join()
        memory = [run for run in self._runs if run.path is None]
        if memory:
            self._merge(memory)

    def abandon(self) -> None:
        """Write no file any more. What is in memory only is forgotten; it is in the table."""
        self._join()

    def _read_seed(self) -> int:
        path = self._directory / _SEED_FILE
        if not path.exists():
            unfinished = path.with_suffix(".part")
            unfinished.write_bytes(os.urandom(8))
            unfinished.rename(path)
        return int.from_bytes(path.read_bytes(), "big")

    def _open_runs(self) -> None:
        """Files that together cover the rows from 1 without a gap; all others are deleted."""
        for path in self._directory.glob("*.part"):
            path.unlink()
        paths = sorted(self._directory.glob("*.run"), key=lambda path: (path.stem[:16], -int(path.stem[17:], 16)))
        for path in paths:
            try:
                run = open_run(path, self._seed)
            except RunDamaged:
                run = None
            if run is not None and run.first == self.covered + 1:
                self._runs.append(run)
            else:
                path.unlink()

    def _mixed(self, keys: Keys) -> Keys:
        """The keys with the upper half scattered evenly, reversibly: what a sender chooses cannot skew a run."""
        scatter = scattered(keys.low ^ np.uint64(self._seed)) + scattered(keys.domain.astype(np.uint64))
        return Keys(scattered(keys.high ^ scatter), keys.low, keys.domain)

    def _sorted(self, keys: Keys) -> tuple[Keys, "np.ndarray[tuple[int], np.dtype[np.intp]]"]:
        mixed = self._mixed(keys)
        order = np.argsort(mixed.high)
        return mixed.take(order), order

    def _snapshot(self) -> list[Run]:
        with self._lock:
            return list(self._runs)

    def _merge_memory(self) -> None:
        """Merge the newest runs in memory while each is at least half as large as the one before.

        A full one, and what is before it, is the other thread's.
        """
        while True:
            runs = [run for run in self._runs[-2:] if run.path is None]
            if len(runs) < 2 or 2 * runs[1].size < runs[0].size or max(map(_size, runs)) >= self._flush_count:
                return
            self._replace(runs, make_run(runs[0].first, runs[1].last, merged(runs)))

    def _start_worker(self) -> None:
        """Write full runs and merge files in the background; one thread at a time."""
        if (self._worker is not None and self._worker.is_alive()) or not self._due():
            return
        self._worker = threading.Thread(target=self._work, name=f"merge {self._directory.name}", daemon=True)
        self._worker.start()

    def _work(self) -> None:
        try:
            while due := self._due():
                self._merge(due)
        except OSError as error:  # on a full disk for example; the next insert tries again
            _log.warning("key index not written", index=self._directory.name, error=error.strerror)

    def _due(self) -> list[Run]:
        """The neighbouring runs to make one file of next; empty when all is well."""
        runs = self._snapshot()
        memory = [run for run in runs if run.path is None]
        full = next((place for place, run in enumerate(memory) if run.size >= self._flush_count), None)
        if full is not None:
            return memory[: full + 1]
        files = [run for run in runs if run.path is not None]
        for older, newer in zip(files[-2::-1], files[:0:-1], strict=True):
            if 2 * newer.size >= older.size:
                return [older, newer]
        return next(([run] for run in files if self._is_half_expired(run)), [])

    def _is_half_expired(self, run: Run) -> bool:
        if run.path not in self._unchecked:
            return False
        # Runs are in an order that has nothing to do with their payloads: the first ones speak for all.
        sample = run.entries.payloads[:_SAMPLE]
        is_half_expired = 2 * int(np.count_nonzero(sample >= self._before)) < len(sample)
        if not is_half_expired:
            self._unchecked.discard(run.path)
        return is_half_expired

    def _merge(self, runs: list[Run]) -> None:
        self._replace(runs, write_run(self._directory, self._seed, runs, self._before))

    def _replace(self, old: list[Run], new: Run) -> None:
        with self._lock:
            place = next(place for place, run in enumerate(self._runs) if run is old[0])
            self._runs[place : place + len(old)] = [new]
        for run in old:
            if run.path is not None and run.path != new.path:
                run.path.unlink()

    def _join(self) -> None:
        if self._worker is not None:
            self._worker.join()
            self._worker = None


def _size(run: Run) -> int:
    return run.size


def _holds(run: Run, keys: Keys) -> Mask:
    """Which entries of a run have one of these keys."""
    is_held = np.zeros(run.size, np.bool_)
    entries = run.entries.keys
    starts, ends = (np.searchsorted(entries.high, keys.high, side) for side in ("left", "right"))
    for place in np.flatnonzero(starts < ends).tolist():
        start, end = int(starts[place]), int(ends[place])
        is_same = (entries.low[start:end] == keys.low[place]) & (entries.domain[start:end] == keys.domain[place])
        is_held[start:end] |= is_same
    return is_held
