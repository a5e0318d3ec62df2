"""Keeps what was found in the events, so that after a load only the newer events are read.

Stored events do not change, but for the session that an event without one joins. What erases, rebuilds or prices them
again is a transaction with a number of its own, that no event has.
"""

import threading
from collections.abc import Callable, Hashable, Sequence

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from cachetools import LRUCache

from questlog.analytics.engine import tables
from questlog.analytics.engine.functions import questlog_after

Merge = Callable[[pa.Table], pa.Table]
"""Puts rows of the same key together: what was found in earlier and in newer events stands one below the other."""

_Kept = tuple[int, pa.Table]


def newer(events: ir.Table) -> ir.Table:
    """The events that are not among those which what is kept was found in."""
    return events.filter(events.batch_no > questlog_after())


def batches() -> ir.Table:
    """One row: `batches`, of how many load transactions the newer events are."""
    rows = newer(tables.events)
    return rows.aggregate(batches=rows.batch_no.nunique())


class KeptRows:
    """What was found up to which load transaction, by statement; of at most `most_bytes` together. For any thread."""

    def __init__(self, most_bytes: int = 67_108_864) -> None:
        self._kept: LRUCache[Hashable, _Kept] = LRUCache(most_bytes, getsizeof=_size)
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> _Kept | None:
        """The last load transaction whose events it was found in, and the rows."""
        with self._lock:
            return self._kept.get(key)

    def keep(self, key: Hashable, version: int, rows: pa.Table) -> None:
        """Keep the rows, unless those of a later transaction are there, or they take much of the room."""
        if rows.nbytes > self._kept.maxsize // 4:
            return
        with self._lock:
            before = self._kept.get(key)
            if before is None or before[0] <= version:
                self._kept[key] = (version, rows)


def together(rows: pa.Table) -> pa.Table:
    """All rows: none have the same key."""
    return rows


def added_up(keys: Sequence[str], sums: Sequence[str], sets: Sequence[str] = ()) -> Merge:
    """Rows of the same keys as one: the sums added up, and the sets of players (`player_bytes`) united."""

    def merge(rows: pa.Table) -> pa.Table:
        aggregates = [(name, "sum") for name in sums] + [(name, "list") for name in sets]
        found = rows.group_by(list(keys), use_threads=False).aggregate(aggregates)
        columns = {name: found[name] for name in keys}
        columns |= {name: found[f"{name}_sum"].cast(rows.schema.field(name).type) for name in sums}
        columns |= {name: _united(found[f"{name}_list"]) for name in sets}
        return pa.table({name: columns[name] for name in rows.column_names})

    return merge


def set_sizes(sets: pa.ChunkedArray) -> pa.Array:
    """How many players are in each set."""
    return pa.array([0 if each is None else _count(_bits(each)) for each in sets.to_pylist()], pa.int64())


def union_of(sets: Sequence[bytes | None]) -> bytes | None:
    """The set of the players that are in any of the sets, all of the same length; None where there are none."""
    present = [_bits(each) for each in sets if each is not None]
    if len(present) < 2:
        return present[0].tobytes() if present else None
    return bytes(np.bitwise_or.reduce(present).tobytes())


def _united(lists: pa.ChunkedArray) -> pa.Array:
    return pa.array([union_of(each) for each in lists.to_pylist()], pa.binary())


def _bits(players: bytes) -> np.typing.NDArray[np.uint8]:
    return np.frombuffer(players, np.uint8)


def _count(bits: np.typing.NDArray[np.uint8]) -> int:
    return int(np.bitwise_count(bits).sum())


def _size(kept: _Kept) -> int:
    return int(kept[1].nbytes) + 1
