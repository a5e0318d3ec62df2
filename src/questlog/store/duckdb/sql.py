"""Answering a user's SQL: one statement that only reads, limited in time, rows and memory.

The engine is the guard: a READ ONLY transaction, no access to anything outside the database, a locked configuration.
What is refused here on top of that are functions with effects on the engine itself, or whose single call can neither be
interrupted nor bounded in memory. What remains: a single text of any length, put together from others, is not bounded.
"""

import json
import re
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TypeAlias

import duckdb
import pyarrow as pa

from questlog.store.contract import Cancellation, QueryAborted, SqlParameters, SqlValue, StoreFailed
from questlog.store.duckdb.connection import CATALOG, new_cursor
from questlog.store.duckdb.limited_sql import STATISTICS, limit_tables, tables_of

TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest", "json_each", "json_tree", "duckdb_functions"})
"""The only functions that may stand in a FROM clause."""

REFUSED_FUNCTIONS = frozenset(
    {
        *("repeat", "lpad", "rpad", "printf", "format", "bar", "list_resize", "array_resize"),
        *("write_log", "getvariable", "current_setting"),
    }
)
"""Functions that build a value of any length from a short one in a single step, that have effects, or tell of this
machine."""

REFUSED_VIEWS = frozenset(
    {"duckdb_databases", "pragma_database_list", "duckdb_logs", "duckdb_settings", "pg_settings", "duckdb_secrets"}
)
"""Views of the engine that show paths of the file system, settings or others' statements."""

ROW_FUNCTIONS = frozenset({"range", "generate_series"})
"""Rows in a FROM clause, made as they are read; a list elsewhere, made at once and outside of the memory limit."""

MAX_RESULT_BYTES = 256 * 1024 * 1024
_EXPLAIN = re.compile(r"\s*explain\s+(?!analy[sz]e\b)", re.IGNORECASE)
_ROWS_AT_ONCE = 2048
_LOOK_AGAIN_S = 0.1
_MOST_STATEMENTS = 1_024
_MOST_IDLE = 8
_BEGIN = "BEGIN TRANSACTION READ ONLY"
_MOST_KEPT_CHARACTERS = 65_536

Statements: TypeAlias = dict[str, duckdb.Statement]
"""Parsed statements by their text."""


class SqlRunner:
    """Runs users' statements on cursors of their own; can stop all of them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, memory_limit_mb: int) -> None:
        self._connection = connection
        self._memory_limit_mb = memory_limit_mb
        self._changed = threading.Condition()
        self._running: set[duckdb.DuckDBPyConnection] = set()
        self._idle: list[duckdb.DuckDBPyConnection] = []
        self._statements: Statements = {}
        self._is_quiet_wanted = False
        self._directory = _directory_of(connection)

    def answer(
        self,
        statement: str,
        max_rows: int,
        cancellation: Cancellation,
        game_ids: Collection[int] | None = None,
        parameters: SqlParameters | None = None,
    ) -> pa.Table:
        """At most `max_rows` rows of the answer to a user's statement, over all games or over these alone.

        Raises `QueryAborted`, safe to show, also when cancelled, and `StoreFailed` while the database is closed.
        """
        with self._cursor(cancellation) as cursor, _refusals(cancellation, self._directory):
            parsed = checked(cursor, statement, game_ids)
            values = _values_of(parsed, parameters or {})
            cancellation.check()
            return _rows(cursor, parsed, values, max_rows)

    @contextmanager
    def reading(self, cancellation: Cancellation) -> Iterator["DuckDBReading"]:
        """One state of the data, for statements of our own.

        Raises `QueryAborted` where it was cancelled before, `StoreFailed` while the database is closed.
        """
        with self._cursor(cancellation, is_kept=True) as cursor:
            yield DuckDBReading(cursor, cancellation, self._statements, self._directory)

    @contextmanager
    def _cursor(self, cancellation: Cancellation, *, is_kept: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor in a transaction that only reads; it is interrupted when cancelled, or by `stop_all`.

        One that only our own statements use is kept for the next question: making one costs a millisecond.
        """
        with self._changed:
            while self._is_quiet_wanted:
                cancellation.check()
                self._changed.wait(_LOOK_AGAIN_S)
            try:
                cursor = self._begun(self._idle if is_kept else [])
            except duckdb.Error as error:
                raise StoreFailed(str(error)) from error
            self._running.add(cursor)
        is_good = False
        try:
            with cancellation.stopping(cursor.interrupt):
                yield cursor
            is_good = is_kept
        finally:
            # Its transaction ends here; before that the log cannot be folded, and nothing is quiet.
            is_good = is_good and _has_ended(cursor) and len(self._idle) < _MOST_IDLE
            if not is_good:
                cursor.close()
            with self._changed:
                self._running.discard(cursor)
                if is_good:
                    self._idle.append(cursor)
                self._changed.notify_all()

    def _begun(self, idle: list[duckdb.DuckDBPyConnection]) -> duckdb.DuckDBPyConnection:
        """A cursor with a transaction, one of the idle ones if there is any."""
        while idle:
            cursor = idle.pop()
            with suppress(duckdb.Error):  # the database was closed: a new cursor says so
                cursor.execute(_BEGIN)
                return cursor
        cursor = new_cursor(self._connection)
        cursor.execute(f"SET operator_memory_limit = '{self._memory_limit_mb:d}MB'")
        cursor.execute(_BEGIN)
        return cursor

    def stop_all(self) -> int:
        """Interrupt whatever runs now. Returns how many statements that were."""
        with self._changed:
            for cursor in self._running:
                with suppress(duckdb.ConnectionException):  # it has just been closed
                    cursor.interrupt()
            return len(self._running)

    @contextmanager
    def quiet(self, timeout_s: float, *, is_urgent: bool) -> Iterator[bool]:
        """Let nobody begin to read while inside. Whether those who did ended in time; if urgent, they are stopped."""
        with self._changed:
            self._is_quiet_wanted = True
        try:
            is_quiet = self._wait_for_nobody(timeout_s)
            if not is_quiet and is_urgent:
                self.stop_all()
                is_quiet = self._wait_for_nobody(timeout_s)
            yield is_quiet
        finally:
            with self._changed:
                self._is_quiet_wanted = False
                self._changed.notify_all()

    def _wait_for_nobody(self, timeout_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout_s)


class DuckDBReading:
    """One state of the data, for one thread at a time."""

    dialect: Literal["duckdb"] = "duckdb"

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, cancellation: Cancellation, statements: Statements, directory: str = ""
    ) -> None:
        self._directory = directory
        self._cursor = cursor
        self._cancellation = cancellation
        self._statements = statements

    def ask(self, statement: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """The answer, with named `$parameters`. Raises `QueryAborted` when it is stopped, or takes too much memory."""
        self._cancellation.check()
        with _refusals(self._cancellation, self._directory):
            # `sql()` would bind twice, up to a third of a small question; a large answer is in memory twice for it.
            return self._cursor.execute(self._parsed(statement), parameters).to_arrow_table()

    def table_sizes(self) -> pa.Table:
        """How many `rows` each table, `name`, has at most: deleted ones too, until they are tidied away."""
        return self.ask("SELECT table_name AS name, estimated_size AS rows FROM duckdb_tables()")

    def _parsed(self, statement: str) -> duckdb.Statement:
        """What dashboards ask is the same again and again. Parsed statements are copied where they run."""
        parsed = self._statements.get(statement)
        if parsed is None:
            [parsed] = self._cursor.extract_statements(statement)
            if len(self._statements) >= _MOST_STATEMENTS:
                self._statements.clear()
            if len(statement) <= _MOST_KEPT_CHARACTERS:
                self._statements[statement] = parsed
        return parsed


@contextmanager
def _refusals(cancellation: Cancellation, directory: str) -> Iterator[None]:
    """What the engine raises inside is a `QueryAborted`, which does not tell where the store is."""
    try:
        yield
    except RecursionError as error:
        raise QueryAborted("the statement is nested too deeply") from error
    # An error while rows are read comes through Arrow as OSError.
    except (duckdb.Error, pa.ArrowException, OSError, ValueError, NotImplementedError, OverflowError) as error:
        cancellation.check()
        if isinstance(error, duckdb.InterruptException) or str(error).startswith("INTERRUPT Error"):
            raise QueryAborted("the statement was stopped: loading needed the memory or the disk") from error
        message = str(error)
        raise QueryAborted(message.replace(directory, "(store)") if directory else message) from error


def _has_ended(cursor: duckdb.DuckDBPyConnection) -> bool:
    """End the cursor's transaction; whether it can be used again."""
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error:
        return False
    return True


def _directory_of(connection: duckdb.DuckDBPyConnection) -> str:
    """Where the database's files are; empty for one in memory."""
    query = "SELECT path FROM duckdb_databases() WHERE database_name = $name"
    # All rows: one that is left over would keep the connection from other work.
    rows = connection.execute(query, {"name": CATALOG}).fetchall()
    return str(Path(rows[0][0]).parent) if rows and rows[0][0] else ""


def checked(
    cursor: duckdb.DuckDBPyConnection, statement: str, game_ids: Collection[int] | None = None
) -> duckdb.Statement:
    """The parsed statement. Raises `QueryAborted` unless it is one statement that only reads.

    With `game_ids`, it sees the rows of these games alone.
    """
    if not statement.isascii():
        statement.encode()  # half a surrogate pair is no text: ValueError
    statements = cursor.extract_statements(statement)
    if len(statements) != 1:
        raise QueryAborted(f"one statement at a time, please: these are {len(statements)}")
    [parsed] = statements
    explained = _EXPLAIN.match(statement)
    if explained and game_ids is not None:
        raise QueryAborted("EXPLAIN is not available to a role for some games: its answer is of all of them")
    tree = _checked_tree(cursor, statement[explained.end() :] if explained else statement)
    if game_ids is not None:
        _limit(cursor, tree, game_ids)
    return parsed


def _limit(cursor: duckdb.DuckDBPyConnection, tree: object, game_ids: Collection[int]) -> None:
    for node in _nodes(tree):
        if str(node.get("function_name", "")).lower() in STATISTICS:
            raise QueryAborted(f"the function {node['function_name']} is not available to a role for some games")
    limit_tables(cursor, tables_of(cursor, _nodes(tree)), game_ids)


def _checked_tree(cursor: duckdb.DuckDBPyConnection, statement: str) -> object:
    """What the engine's parser makes of the statement. Raises `QueryAborted`."""
    [(text,)] = cursor.execute("SELECT json_serialize_sql($statement)", {"statement": statement}).fetchall()
    tree = json.loads(text)
    if tree["error"]:
        raise QueryAborted(tree.get("error_message", "") or "only SELECT, EXPLAIN, DESCRIBE and SHOW are answered here")
    makes_rows = set()
    for node in _nodes(tree):
        if str(node.get("type", "")).endswith(("INSERT_QUERY_NODE", "UPDATE_QUERY_NODE", "DELETE_QUERY_NODE")):
            raise QueryAborted("only statements that read are answered here")
        if str(node.get("table_name", "")).lower() in REFUSED_VIEWS:
            raise QueryAborted(f"{node['table_name']} is not available here")
        function = node.get("function")
        if node.get("type") == "TABLE_FUNCTION" and isinstance(function, dict):
            makes_rows.add(id(function))
            name = str(function.get("function_name", "")).lower()
            if name not in TABLE_FUNCTIONS:
                raise QueryAborted(f"the function {name} is not available here")
        elif id(node) not in makes_rows:
            _check_function(str(node.get("function_name", "")))
    return tree


def _check_function(written: str) -> None:
    """Raises `QueryAborted` for the name of a function that is not available in expressions."""
    name = written.lower()
    if name in REFUSED_FUNCTIONS:
        raise QueryAborted(f"the function {written} is not available here")
    if name in ROW_FUNCTIONS:
        raise QueryAborted(f"the function {written} is available in FROM only: SELECT … FROM {name}(…)")


def _nodes(tree: object) -> Iterator[dict[str, object]]:
    """Every JSON object in the tree, parents first; without recursion: a user decides how deep it is."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, dict):
            yield node
            pending.extend(node.values())
        elif isinstance(node, list):
            pending.extend(node)


def _values_of(parsed: duckdb.Statement, given: SqlParameters) -> dict[str, SqlValue] | None:
    """The value of each parameter of the statement. Raises `QueryAborted` for one without, and one too many."""
    names = parsed.named_parameters
    for name in sorted(names - given.keys()):
        raise QueryAborted(f"the statement has the parameter ${name}, and there is no value for it in `parameters`")
    for name in sorted(given.keys() - names):
        told = ", ".join(f"${each}" for each in sorted(names)) or "none"
        raise QueryAborted(f"the statement has no parameter ${name}; its parameters: {told}")
    return dict(given) or None


def _rows(
    cursor: duckdb.DuckDBPyConnection, parsed: duckdb.Statement, values: dict[str, SqlValue] | None, max_rows: int
) -> pa.Table:
    """Read the result as it is made, and stop at the limits."""
    reader = cursor.sql(parsed, params=values).to_arrow_reader(_ROWS_AT_ONCE)
    batches: list[pa.RecordBatch] = []
    rows, size = 0, 0
    for batch in reader:
        batches.append(batch.slice(0, max_rows - rows))
        rows += batches[-1].num_rows
        size += batches[-1].nbytes
        if size > MAX_RESULT_BYTES:
            raise QueryAborted(f"the result is larger than {MAX_RESULT_BYTES // 2**20} MiB")
        if rows >= max_rows:
            break
    return pa.Table.from_batches(batches, reader.schema)
