"""One load transaction: a connection with tables of this batch registered beside the stored ones."""

from collections.abc import Mapping

import duckdb
import pyarrow as pa


class Transaction:
    """The statements of one load. Everything between `begin` and `commit` is stored together or not at all."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._names: set[str] = set()

    def begin(self) -> None:
        """Start."""
        self._connection.execute("BEGIN TRANSACTION")

    def commit(self) -> None:
        """Make it durable and visible."""
        self._connection.execute("COMMIT")
        self._forget()

    def rollback(self) -> None:
        """Undo; harmless where the engine has already given the transaction up."""
        try:
            self._connection.execute("ROLLBACK")
        except duckdb.TransactionException:
            pass
        self._forget()

    def register(self, name: str, rows: pa.Table) -> None:
        """Let statements read these rows under a name, until the end of the transaction."""
        self._connection.register(name, rows)
        self._names.add(name)

    def read(self, statement: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """The rows of a query."""
        relation = self._connection.sql(statement, params=dict(parameters or {}))
        return relation.to_arrow_table()

    def write(self, statement: str, parameters: Mapping[str, object] | None = None) -> None:
        """Run a statement without an answer."""
        self._connection.execute(statement, dict(parameters or {}))

    def _forget(self) -> None:
        for name in self._names:
            self._connection.unregister(name)
        self._names.clear()
