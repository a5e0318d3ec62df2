"""Connections to the control database: SQLite or PostgreSQL, reads and writes, errors in our own words."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler

from questlog.control.errors import ControlUnavailable

_BUSY_TIMEOUT_S = 10.0
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgresql+psycopg": "postgresql+psycopg"}


class Connections:
    """One database. Any number of threads may use it; each process opens its own.

    `database` is a SQLAlchemy URL or the path of a SQLite file. Raises `ControlUnavailable` for what cannot be one.
    """

    def __init__(self, database: str | Path) -> None:
        self._engine = _engine(_url(database))
        self._writes = self._engine.execution_options(is_write=True)
        # SQLite has one writer: waiting in line here is fairer and faster than its busy timeout.
        self._line = threading.Lock()
        if self.is_sqlite:
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return self._engine.dialect.name == "sqlite"

    @property
    def sqlite_path(self) -> Path | None:
        """The SQLite file; None for any other database."""
        name = self._engine.url.database
        return Path(name) if self.is_sqlite and name else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads. Raises `ControlUnavailable`."""
        with _errors_in_our_words(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction, durable when it has ended without an error; with SQLite no other write runs beside it.

        Raises `ControlUnavailable`. An `IntegrityError` is the caller's to name.
        """
        with _errors_in_our_words(), self._writer(), self._writes.begin() as connection:
            yield connection

    @contextmanager
    def _writer(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        with self._line:
            yield

    def lookup(self, statement: Select[Any]) -> "Lookup":
        """A SELECT of one value that is asked very often."""
        return Lookup(self._engine, statement)

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()


class Lookup:
    """One SELECT, compiled once and given to the driver: a quarter of the cost of SQLAlchemy's own way."""

    def __init__(self, engine: Engine, statement: Select[Any]) -> None:
        compiled = statement.compile(dialect=engine.dialect)
        if not isinstance(compiled, SQLCompiler):  # pragma: no cover
            raise TypeError("not a query")
        self._engine = engine
        self._sql = str(compiled)
        self._constants: Mapping[str, Any] = compiled.params
        self._order = compiled.positiontup
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error

    def value(self, values: Mapping[str, object]) -> Any:
        """The first column of the first row; None without a row. Raises `ControlUnavailable`."""
        named = {**self._constants, **values}
        parameters = named if self._order is None else [named[name] for name in self._order]
        with (
            _errors_in_our_words(self._driver_error),
            closing(self._engine.raw_connection()) as connection,
            closing(connection.cursor()) as cursor,
        ):
            cursor.execute(self._sql, parameters)
            row = cursor.fetchone()
        return row[0] if row else None


def insert(connection: Connection, table: Table) -> sqlite.Insert:
    """An INSERT that can have `on_conflict_do_update` and `on_conflict_do_nothing`: both databases know them."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  # collectors on SQLite need not load it

    return postgresql.insert(table)  # type: ignore[return-value]  # same methods, no common type


def _url(database: str | Path) -> URL:
    if isinstance(database, Path):
        return URL.create("sqlite", database=str(database))
    try:
        url = make_url(database)
    except ArgumentError as error:
        raise ControlUnavailable("control.url is not a database address") from error
    if url.drivername not in _DRIVERS or (url.drivername == "sqlite" and not url.database):
        raise ControlUnavailable("control.url must name a SQLite file or a PostgreSQL database")
    return url.set(drivername=_DRIVERS[url.drivername])


def _engine(url: URL) -> Engine:
    connect_args = {"timeout": _BUSY_TIMEOUT_S} if url.get_backend_name() == "sqlite" else {}
    try:
        return create_engine(
            url,
            connect_args=connect_args,
            json_serializer=_to_json,
            json_deserializer=msgspec.json.decode,
            hide_parameters=True,
        )
    except ImportError as error:
        raise ControlUnavailable(f"control.url needs a driver that is not installed: {error}") from error


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _set_up_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # Without this the driver begins transactions by itself, and late.
    connection.isolation_level = None
    # FULL: what was committed must survive a power cut.
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        connection.cursor().execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that turns into a write can fail without waiting for its turn.
    is_write = connection.get_execution_options().get("is_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN DEFERRED")


@contextmanager
def _errors_in_our_words(driver_error: type[Exception] = OSError) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise ControlUnavailable(_one_line(error.orig)) from error
    except (OSError, driver_error) as error:
        raise ControlUnavailable(_one_line(error)) from error


def _one_line(error: BaseException | None) -> str:
    return "control database: " + " ".join(str(error).split())
