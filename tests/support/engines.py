"""The two engines that analytics is tested on: the embedded store, and ClickHouse (chdb) with the same rows.

chdb allows one session per process: `clickhouse()` opens it once, and `fill` replaces the rows of its tables.
"""

import functools
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from chdb.session import Session

from questlog.analytics.engine.compile import Dialect
from questlog.analytics.engine.context import Engine, Reading
from questlog.store.clickhouse.reading import ClickHouseReader
from questlog.store.clickhouse.schema import create_tables
from questlog.store.contract import Cancellation, QueryAborted
from questlog.store.duckdb.connection import EngineSettings
from questlog.store.duckdb.store import DuckDBStore
from questlog.store.schema import TABLES, Table

_DATABASE = "questlog"
_SMALL = EngineSettings(memory_limit_mb=512, threads=1)
_TEXT = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"")
_INEXACT = re.compile(
    r"\b(?:uniq|uniqCombined|uniqCombined64|uniqHLL12|uniqTheta|quantile|quantiles|median|quantileTDigest|quantileBFloat16"
    r"|quantileTiming|quantileGK|quantileDD|topK|approx_count_distinct|approx_quantile|approx_top_k|reservoir_quantile)"
    r"(?:If)?\s*\("
)


class InexactFunction(AssertionError):
    """A question was compiled with a function whose answer is only right for small numbers of rows."""


class ExactOnly:
    """An engine that refuses statements with approximate functions: a test's few rows would not show the difference."""

    def __init__(self, engine: Engine, dialect: Dialect) -> None:
        self._engine = engine
        self.dialect: Dialect = dialect
        self.statements: list[str] = []

    @contextmanager
    def reading(self, cancellation: Cancellation) -> Iterator[Reading]:
        with self._engine.reading(cancellation) as reading:
            yield _Exact(reading, self.statements)

    def ask(self, statement: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """The answer to one statement: an engine is a reading too, of the present."""
        with self.reading(Cancellation()) as reading:
            return reading.ask(statement, parameters)

    def table_sizes(self) -> pa.Table:
        with self.reading(Cancellation()) as reading:
            return reading.table_sizes()


class _Exact:
    def __init__(self, reading: Reading, statements: list[str]) -> None:
        self._reading = reading
        self._statements = statements
        self.dialect: Dialect = reading.dialect

    def ask(self, statement: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        inexact = _INEXACT.search(_TEXT.sub("''", statement))
        if inexact is not None:
            raise InexactFunction(f"{inexact.group()}…) is not exact: {statement}")
        self._statements.append(statement)
        return self._reading.ask(statement, parameters)

    def table_sizes(self) -> pa.Table:
        return self._reading.table_sizes()


class EmbeddedClickHouse:
    """The process's one chdb session, with the store's tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        session: Any = Session(str(folder / "clickhouse"))  # type: ignore[no-untyped-call]
        for statement in (*create_tables(_DATABASE), f"USE {_DATABASE}"):
            session.query(statement)
        self._session = session
        self._filled: set[str] = set()

    def send(self, sql: str, settings: Mapping[str, int | str], cancellation: Cancellation) -> bytes:
        """`SendSql` of the reader."""
        with cancellation.stopping(lambda: None):
            try:
                return bytes(self._session.query(f"{sql}\nSETTINGS {_assignments(settings)}", "Arrow").bytes())
            except RuntimeError as error:
                raise QueryAborted(f"{error}\n{sql}") from error

    def fill(self, store: DuckDBStore) -> None:
        """Replace all rows by the store's."""
        for table in TABLES:
            rows = store.query(f"SELECT {_columns(table)} FROM {table.name}", {})  # noqa: S608 - the schema's own names
            self.fill_table(table, rows)

    def fill_table(self, table: Table, rows: pa.Table) -> None:
        """Replace the rows of one table."""
        if table.name in self._filled:
            self._session.query(f"TRUNCATE TABLE {_DATABASE}.{table.name}")
            self._filled.discard(table.name)
        if rows.num_rows:
            path = self.folder / f"{table.name}.parquet"
            pq.write_table(rows, path, compression="none", use_dictionary=False, write_statistics=False)
            source = f"SELECT {_read_columns(table)} FROM file('{path}', Parquet)"  # noqa: S608 - as above
            self._session.query(f"INSERT INTO {_DATABASE}.{table.name} {source} SETTINGS {_assignments(_INSERTING)}")
            self._filled.add(table.name)


_INSERTING: Mapping[str, int | str] = {
    "insert_null_as_default": 0,
    "input_format_null_as_default": 0,
    "max_partitions_per_insert_block": 10_000,
    "session_timezone": "UTC",
}


def _columns(table: Table) -> str:
    """As files can say them: neither a UUID nor a 128-bit integer has a type there that both engines know."""
    return ", ".join(
        f"{column.name}::VARCHAR AS {column.name}" if column.kind in {"UUID", "HUGEINT"} else column.name
        for column in table.columns
    )


def _read_columns(table: Table) -> str:
    types = {"UUID": "toUUID", "HUGEINT": "toInt128"}
    return ", ".join(
        f"{types[column.kind]}({column.name})" if column.kind in types else column.name for column in table.columns
    )


def _assignments(settings: Mapping[str, int | str]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in settings.items())


@functools.cache
def clickhouse() -> EmbeddedClickHouse:
    """The session, opened when first asked for, and never closed (tests/conftest.py says why)."""
    return EmbeddedClickHouse(Path(tempfile.mkdtemp(prefix="questlog-chdb-")))


def clickhouse_folder() -> Path | None:
    """Where the session keeps its files; None where it was not opened."""
    return clickhouse().folder if clickhouse.cache_info().currsize else None


@contextmanager
def embedded_store(folder: Path | None = None) -> Iterator[DuckDBStore]:
    """A new DuckDB store, in `folder` or in one of its own."""
    with tempfile.TemporaryDirectory(prefix="questlog-duckdb-") as own:
        store = DuckDBStore(folder or Path(own), _SMALL)
        try:
            yield store
        finally:
            store.close()


class BothEngines:
    """The same rows, asked of DuckDB and of ClickHouse."""

    def __init__(self, store: DuckDBStore) -> None:
        self.store = store
        self.duckdb = ExactOnly(store, "duckdb")
        self.clickhouse = ExactOnly(ClickHouseReader(clickhouse().send), "clickhouse")
        clickhouse().fill(store)

    def __iter__(self) -> Iterator[ExactOnly]:
        yield self.duckdb
        yield self.clickhouse
