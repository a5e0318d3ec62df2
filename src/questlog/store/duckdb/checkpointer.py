"""Checkpointing the engine's log into the tables when questions keep it from doing so itself.

At a commit DuckDB checkpoints a log longer than `checkpoint_mb`, but only while nothing is being read. Where questions
overlap without end that moment never comes: the log would grow as long as people look at it, and the next start would
have to read all of it.
"""

import contextlib
from pathlib import Path

import duckdb

from questlog.store.duckdb.connection import CATALOG, FILE_NAME
from questlog.store.duckdb.sql import SqlRunner

_MB = 1024 * 1024
_WAIT_S = 2.0
"""Loading waits so long for questions to end; most take a tenth of that."""
_LONG = 2
_TOO_LONG = 8
"""So many times `checkpoint_mb` it may grow before questions are waited for, and before they are stopped."""


class Checkpointer:
    """The log of one open database. Used by the loading thread only."""

    def __init__(
        self, directory: Path, connection: duckdb.DuckDBPyConnection, runner: SqlRunner, checkpoint_mb: int
    ) -> None:
        self._path = directory / f"{FILE_NAME}.wal"
        self._connection = connection
        self._runner = runner
        self._limit = checkpoint_mb * _MB
        self._checkpoint_at = _LONG * self._limit

    @property
    def is_due(self) -> bool:
        """Whether the log is so long that `checkpoint` is worth its while."""
        return self._size() >= self._checkpoint_at

    def checkpoint(self) -> None:
        """To be called between transactions. What cannot be done now is due again when the log has grown further."""
        size = self._size()
        with self._runner.quiet(_WAIT_S, is_urgent=size >= _TOO_LONG * self._limit) as is_quiet:
            if is_quiet:
                with contextlib.suppress(duckdb.Error), contextlib.closing(self._connection.cursor()) as cursor:
                    cursor.execute(f"CHECKPOINT {CATALOG}")
        self._checkpoint_at = max(_LONG * self._limit, self._size() + self._limit)

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0
