"""One load transaction: a connection with tables of this batch registered beside the stored ones."""

import contextlib
import warnings
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

Parameters: TypeAlias = Mapping[str, object]

_MOST_PREPARED = 256
_CAN_BE_PREPARED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")

# The other way, `sql()`, makes a small batch a quarter dearer; what is read is few rows, whose copy costs nothing.
warnings.filterwarnings("ignore", "Arrow output on a DB-API result makes an extra copy", UserWarning)


class _Source:
    """What the engine reads under a registered name: in each transaction other rows, of the same columns, or none."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.rows: pa.Table | None = None

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        rows = self.schema.empty_table() if self.rows is None else self.rows
        return rows.__arrow_c_stream__(requested_schema)


class Transaction:
    """The statements of one load. Everything between `begin` and `commit` is stored together or not at all.

    Names that were registered stay with the connection, and what they stand for is looked up as it is read. So the
    engine can keep a statement that is run in each transaction as it was planned, until a name gets other columns. (It
    plans anew what reads stored tables.)
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._sources: dict[str, _Source] = {}
        self._statements: dict[str, duckdb.Statement] = {}
        self._prepared: dict[str, duckdb.Statement] = {}

    def begin(self) -> None:
        """Start."""
        self._connection.execute("BEGIN TRANSACTION")

    def commit(self) -> None:
        """Make it durable and visible."""
        self._connection.execute("COMMIT")
        for source in self._sources.values():
            source.rows = None

    def rollback(self) -> None:
        """Undo; harmless where the engine has given up the transaction, or the database."""
        with contextlib.suppress(duckdb.Error):
            self._connection.execute("ROLLBACK")
        for name in self._sources:
            with contextlib.suppress(duckdb.Error):
                self._connection.unregister(name)
        self._sources.clear()  # the engine has forgotten those of this transaction
        self._prepared.clear()

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
        source = self._sources.get(name)
        if source is None or source.schema != rows.schema:
            if source is not None:
                self._prepared.clear()  # kept plans would go on reading the old one
            source = _Source(rows.schema)
            self._connection.register(name, source)
            self._sources[name] = source
        source.rows = rows

    def read(self, statement: str, parameters: Parameters | None = None) -> pa.Table:
        """The rows of a query, or of a statement's RETURNING."""
        return self._run(statement, parameters).to_arrow_table()

    def write(self, statement: str, parameters: Parameters | None = None) -> None:
        """Run a statement without an answer."""
        self._run(statement, parameters)

    def _run(self, statement: str, parameters: Parameters | None) -> duckdb.DuckDBPyConnection:
        if parameters:
            return self._connection.execute(self._parsed(statement), dict(parameters))
        prepared = self._prepared.get(statement)
        if prepared is None:
            if statement not in self._statements:
                return self._connection.execute(self._parsed(statement))
            prepared = self._prepare(statement)
        return self._connection.execute(prepared)

    def _prepare(self, statement: str) -> duckdb.Statement:
        """Planning takes longer than running it on a small batch: what comes a second time is planned to be kept."""
        parsed = self._statements[statement]
        if statement.lstrip().startswith(_CAN_BE_PREPARED):
            if len(self._prepared) >= _MOST_PREPARED:
                self._prepared.clear()
            name = f"prepared_{len(self._prepared)}"
            self._connection.execute(f"PREPARE {name} AS {statement}")
            [parsed] = self._connection.extract_statements(f"EXECUTE {name}")
            self._prepared[statement] = parsed
        return parsed

    def _parsed(self, statement: str) -> duckdb.Statement:
        """Parsing takes milliseconds; the texts are few and always the same."""
        if statement not in self._statements:
            [self._statements[statement]] = self._connection.extract_statements(statement)
        return self._statements[statement]


def with_event_columns(rows: pa.Table, row_no: str, batch: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The rows with columns copied from the event whose number is in the column `row_no`; null where that is null.

    The row numbers of `batch` are consecutive.
    """
    places = pc.subtract(rows[row_no], batch["row_no"][0]).combine_chunks()
    for column in columns:
        rows = rows.append_column(column, batch[column].combine_chunks().take(places))
    return rows
