"""What de-duplication costs as the number of known ids grows: `python -m tests.bench.dedupe [ids]`.

Prints the milliseconds of one lookup and one insert of 25 000 fresh ids, and the memory, at 1M, 2M, 5M, 10M, … ids.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from questlog.store.key_index import KeyIndex
from questlog.store.keys import Keys

_BATCH = 25_000
_LATELY = 40


def measure(folder: Path, count: int) -> None:
    """Fill an index with `count` random ids and print a line at round numbers."""
    print(f"\n== de-duplication: {_BATCH:,} fresh ids a batch", flush=True)
    stops = {stop for exponent in range(6, 10) for stop in (10**exponent, 2 * 10**exponent, 5 * 10**exponent)}
    print(f"{'ids':>12} {'lookup ms':>10} {'insert ms':>10} {'slowest ms':>10} {'CPU µs/id':>10} {'MB':>6}  runs")
    with tempfile.TemporaryDirectory(dir=folder) as directory:
        index = KeyIndex(Path(directory))
        chance = np.random.default_rng(1)
        lately: list[tuple[float, float]] = []
        start = time.process_time()
        for done in range(_BATCH, count + 1, _BATCH):
            lately = [*lately[-_LATELY:], _once(index, _fresh(chance), done)]
            if done in stops:
                lookups, inserts = zip(*lately, strict=True)
                slowest = max(map(sum, lately))
                cpu = (time.process_time() - start) / done * 1e6
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                means = f"{np.mean(lookups) * 1000:10.1f} {np.mean(inserts) * 1000:10.1f}"
                print(f"{done:12d} {means} {slowest * 1000:10.1f} {cpu:10.2f} {memory:6d}  {index.runs}", flush=True)
        index.close()


def _fresh(chance: np.random.Generator) -> Keys:
    halves = chance.integers(0, 2**64, (2, _BATCH), dtype=np.uint64)
    return Keys(halves[0], halves[1], np.ones(_BATCH, np.uint32))


def _once(index: KeyIndex, keys: Keys, done: int) -> tuple[float, float]:
    """Seconds of the lookup and of the insert of one batch."""
    received_at = np.full(_BATCH, done // 50_000, np.uint32)
    begin = time.perf_counter()
    is_known = index.has_near(keys, received_at, 7 * 86_400)
    middle = time.perf_counter()
    index.insert(keys, received_at, done)
    if is_known.any():
        raise AssertionError("fresh ids were taken for known ones")
    return middle - begin, time.perf_counter() - middle


if __name__ == "__main__":
    measure(Path(tempfile.gettempdir()), int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
