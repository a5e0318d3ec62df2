"""One load transaction: a connection with tables of this batch registered beside the stored ones."""

import contextlib
import warnings
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

Parameters: TypeAlias = Mapping[str, object]

# The other way, `sql()`, makes a small batch a quarter dearer; what is read is few rows, whose copy costs nothing.
warnings.filterwarnings("ignore", "Arrow output on a DB-API result makes an extra copy", UserWarning)


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

    def interrupt(self) -> None:
        """Make the statement that runs now fail; from another thread."""
        with contextlib.suppress(duckdb.ConnectionException):  # it has just been closed
            self._connection.interrupt()

    def is_usable(self) -> bool:
        """Whether the engine still answers: after some failures it refuses every statement on the database."""
        try:
            self._connection.execute("SELECT 1 FROM counters")
        except duckdb.Error:
            return False
        return True

    def register(self, name: str, rows: pa.Table) -> None:
        """Let statements read these rows under a name, until the end of the transaction."""
        self._connection.register(name, rows)
        self._names.add(name)

    def read(self, statement: str, parameters: Parameters | None = None) -> pa.Table:
        """The rows of a query, or of a statement's RETURNING."""
        return self._connection.execute(self._parsed(statement), dict(parameters or {})).to_arrow_table()

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


def with_event_columns(rows: pa.Table, row_no: str, batch: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The rows with columns copied from the event whose number is in the column `row_no`; null where that is null.

    The row numbers of `batch` are consecutive.
    """
    places = pc.subtract(rows[row_no], batch["row_no"][0]).combine_chunks()
    for column in columns:
        rows = rows.append_column(column, batch[column].combine_chunks().take(places))
    return rows
