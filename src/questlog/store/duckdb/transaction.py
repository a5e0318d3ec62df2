"""One load transaction: a connection with tables of this batch registered beside the stored ones."""

import contextlib
from collections.abc import Mapping
from typing import TypeAlias

import duckdb
import numpy as np
import pyarrow as pa

from questlog.store.schema import DIMENSIONS

Parameters: TypeAlias = Mapping[str, object]

_EVENT_COLUMNS = ["row_no", "source", "session_num", *DIMENSIONS]


class Transaction:
    """The statements of one load. Everything between `begin` and `commit` is stored together or not at all."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._names: set[str] = set()
        self._statements: dict[str, duckdb.Statement] = {}

    def begin(self) -> None:
        """Start."""
        self._connection.execute("BEGIN TRANSACTION")

    def commit(self) -> None:
        """Make it durable and visible."""
        self._connection.execute("COMMIT")
        self._forget()

    def rollback(self) -> None:
        """Undo; harmless where the engine has given up the transaction, or the database."""
        with contextlib.suppress(duckdb.Error):
            self._connection.execute("ROLLBACK")
        self._forget()

    def register(self, name: str, rows: pa.Table) -> None:
        """Let statements read these rows under a name, until the end of the transaction."""
        self._connection.register(name, rows)
        self._names.add(name)

    def read(self, statement: str, parameters: Parameters | None = None) -> pa.Table:
        """The rows of a query, or of a statement's RETURNING."""
        return self._connection.sql(self._parsed(statement), params=dict(parameters or {})).to_arrow_table()

    def write(self, statement: str, parameters: Parameters | None = None) -> None:
        """Run a statement without an answer."""
        self._connection.execute(self._parsed(statement), dict(parameters or {}))

    def _parsed(self, statement: str) -> duckdb.Statement:
        """Parsing takes milliseconds; the texts are few and always the same."""
        if statement not in self._statements:
            [self._statements[statement]] = self._connection.extract_statements(statement)
        return self._statements[statement]

    def _forget(self) -> None:
        for name in self._names:
            self._connection.unregister(name)
        self._names.clear()


def event_rows(batch: pa.Table, row_numbers: pa.ChunkedArray) -> pa.Table:
    """The events of the batch (whose row numbers are consecutive) with these numbers, each once; nulls are passed over.

    Only the columns that rollups copy from one event.
    """
    if batch.num_rows == 0:
        return batch.select(_EVENT_COLUMNS)
    numbers = np.unique(row_numbers.drop_null().to_numpy())
    places = numbers - batch["row_no"][0].as_py()
    return batch.select(_EVENT_COLUMNS).take(pa.array(places))
