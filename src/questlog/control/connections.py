"""Connections to the control database: SQLite or PostgreSQL, reads and writes, errors in our own words."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Select, Table, create_engine, event, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler

from questlog.control.errors import Collision, ControlUnavailable, NotAllowed, NotFound
from questlog.control.failures import in_our_words

_Result = TypeVar("_Result")

_BUSY_TIMEOUT_S = 10.0
_POSTGRESQL = "postgresql+psycopg"
_DRIVERS = {
    "sqlite": "sqlite",
    "postgres": _POSTGRESQL,
    "postgresql": _POSTGRESQL,
    _POSTGRESQL: _POSTGRESQL,
}

# Of one process. A server and four collectors take 40 of the 100 connections that PostgreSQL has as delivered.
_CONNECTIONS_KEPT = 2
_MOST_CONNECTIONS = 8
_CONNECTION_WAIT_S = 10.0

# What the URL does not say. Without them a server that vanished from the network holds a thread for minutes.
_CLIENT_OPTIONS: Mapping[str, str | int] = {
    "application_name": "questlog",
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# Likewise, for every session; the URL's `options` can say others.
_SESSION_OPTIONS = {
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "60s",
}

_ATTEMPTS = 20
_PAUSE_S = 0.005


class Connections:
    """One database. Any number of threads may use it; each process opens its own.

    `database` is a SQLAlchemy URL or the path of a SQLite file. Raises `ControlUnavailable` for what cannot be one.
    A text that PostgreSQL cannot store (with a NUL, or half of a surrogate pair) is refused for both databases:
    `NotFound` where it is looked for, `NotAllowed` where it is to be written.
    """

    def __init__(self, database: str | Path) -> None:
        self._url = _url(database)
        self._engine = _engine(self._url)
        self._reads = self._engine
        self._writes = self._engine.execution_options(is_write=True)
        # SQLite has one writer: waiting in line here is fairer and faster than its busy timeout.
        self._line = threading.Lock()
        event.listen(self._engine, "before_cursor_execute", _refuse_unstorable)
        if self.is_sqlite:
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        else:
            event.listen(self._engine, "connect", self._set_up_postgresql)
            self._reads = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            self._writes = self._writes.execution_options(isolation_level="READ COMMITTED")

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return self._engine.dialect.name == "sqlite"

    @property
    def sqlite_path(self) -> Path | None:
        """The SQLite file; None for any other database."""
        name = self._url.database
        return Path(name) if self.is_sqlite and name else None

    @property
    def place(self) -> str:
        """What database it is, without user and password."""
        if self.is_sqlite:
            return f"SQLite, {self._url.database}"
        return f"PostgreSQL, {self._url.database or 'default database'} at {_host(self._url)}"

    def describe(self) -> str:
        """`place`, the server's version, and whether the connection is encrypted. Raises `ControlUnavailable`."""
        with self.read() as connection:
            if self.is_sqlite:
                return self.place
            ssl = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            is_encrypted = connection.execute(text(ssl)).scalar()
            version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
        tls = "TLS" if is_encrypted else "without TLS"
        return self.place.replace("PostgreSQL", f"PostgreSQL {version}", 1) + f", {tls}"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, and sees one state of the database. Raises `ControlUnavailable`."""
        with self._errors_in_our_words(), self._reads.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction, durable when it has ended without an error; with SQLite no other write runs beside it.

        Raises `ControlUnavailable`, `Collision` among them. An `IntegrityError` is the caller's to name.
        """
        with self._errors_in_our_words(), self._writer(), self._writes.begin() as connection:
            yield connection

    def change(self, make: Callable[[Connection], _Result]) -> _Result:
        """What `make` returns, called in a transaction as of `write`; again if it collides with another one."""
        for attempt in range(1, _ATTEMPTS):
            try:
                with self.write() as connection:
                    return make(connection)
            except Collision:
                time.sleep(_PAUSE_S * attempt * random.random())  # noqa: S311 - so that two do not meet again
        with self.write() as connection:
            return make(connection)

    @contextmanager
    def _writer(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        with self._line:
            yield

    def lookup(self, statement: Select[Any]) -> "Lookup":
        """A SELECT of one value that is asked very often."""
        return Lookup(self._engine, statement, self.place)

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def _errors_in_our_words(self) -> AbstractContextManager[None]:
        return _errors_in_our_words(self.place)

    def _set_up_postgresql(self, connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        said = str(self._url.query.get("options", ""))
        wanted = {name: value for name, value in _SESSION_OPTIONS.items() if name not in said}
        if not wanted:
            return
        calls = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in wanted.items())
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"SELECT {calls}")
        connection.commit()


class Lookup:
    """One SELECT, compiled once and given to the driver: a quarter of the cost of SQLAlchemy's own way."""

    def __init__(self, engine: Engine, statement: Select[Any], place: str) -> None:
        compiled = statement.compile(dialect=engine.dialect)
        if not isinstance(compiled, SQLCompiler):  # pragma: no cover
            raise TypeError("not a query")
        self._engine = engine
        self._place = place
        self._sql = str(compiled)
        self._constants: Mapping[str, Any] = compiled.params
        self._order = compiled.positiontup
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error

    def value(self, values: Mapping[str, object]) -> Any:
        """The first column of the first row; None without a row. Raises `ControlUnavailable`."""
        named = {**self._constants, **values}
        parameters = named if self._order is None else [named[name] for name in self._order]
        with (
            _errors_in_our_words(self._place, self._driver_error),
            closing(self._engine.raw_connection()) as connection,
            closing(connection.cursor()) as cursor,
        ):
            cursor.execute(self._sql, parameters)
            row = cursor.fetchone()
        return row[0] if row else None


def is_sqlite(database: str | Path) -> bool:
    """Whether this names a SQLite file. Raises `ControlUnavailable` for what names no database."""
    return _url(database).get_backend_name() == "sqlite"


def insert(connection: Connection, table: Table) -> sqlite.Insert:
    """An INSERT that can have `on_conflict_do_update` and `on_conflict_do_nothing`: both databases know them."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415  # collectors on SQLite need not load it

    return postgresql.insert(table)  # type: ignore[return-value]  # same methods, no common type


def without_timeouts(connection: Connection) -> None:
    """For the rest of the transaction: what it does may take minutes, and wait for another one that does."""
    if connection.dialect.name == "postgresql":
        for name in _SESSION_OPTIONS:
            connection.execute(text(f"SET LOCAL {name} = 0"))


def _url(database: str | Path) -> URL:
    if isinstance(database, Path):
        return URL.create("sqlite", database=str(database))
    try:
        url = make_url(database)
    except (ArgumentError, ValueError) as error:  # a port that is no number is a ValueError
        raise ControlUnavailable("control.url is not a database address") from error
    if url.drivername not in _DRIVERS or (url.drivername == "sqlite" and not url.database):
        raise ControlUnavailable("control.url must name a SQLite file or a PostgreSQL database")
    return url.set(drivername=_DRIVERS[url.drivername])


def _host(url: URL) -> str:
    """Where a server is: `host:port`, or what the URL's options say instead (several hosts, the folder of a socket)."""
    said = url.query.get("host", "")
    if said:
        return said if isinstance(said, str) else ", ".join(said)
    return f"{url.host}:{url.port or 5432}" if url.host else "this machine"


def _engine(url: URL) -> Engine:
    options: dict[str, Any] = {
        "json_serializer": _to_json,
        "json_deserializer": msgspec.json.decode,
        "hide_parameters": True,
    }
    if url.get_backend_name() == "sqlite":
        return create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S}, **options)
    try:
        return create_engine(
            url,
            connect_args={name: value for name, value in _CLIENT_OPTIONS.items() if name not in url.query},
            # A connection that a restart of the server has ended is noticed before it is used.
            pool_pre_ping=True,
            pool_size=_CONNECTIONS_KEPT,
            max_overflow=_MOST_CONNECTIONS - _CONNECTIONS_KEPT,
            pool_timeout=_CONNECTION_WAIT_S,
            use_native_hstore=False,
            **options,
        )
    except ImportError as error:
        raise ControlUnavailable("control.url needs a driver that is not installed: psycopg") from error


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


def _refuse_unstorable(
    connection: Connection, _cursor: object, _statement: str, parameters: Any, _context: object, _is_many: bool
) -> None:
    if all(_is_storable(value) for value in _values(parameters)):
        return
    if connection.get_execution_options().get("is_write", False):
        raise NotAllowed("a text has a character that cannot be stored")
    raise NotFound("there is nothing of this name: it has a character that cannot be stored")


def _values(parameters: Any) -> Iterator[object]:
    """The values of one statement, or of all its executions."""
    for value in parameters.values() if isinstance(parameters, Mapping) else parameters:
        if isinstance(value, Mapping | tuple | list):
            yield from _values(value)
        else:
            yield value


def _is_storable(value: object) -> bool:
    """PostgreSQL stores no text with a NUL, or with half of a surrogate pair, which is not UTF-8."""
    if not isinstance(value, str):
        return True
    if "\0" in value:
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _errors_in_our_words(place: str, driver_error: type[Exception] = OSError) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        raise in_our_words(error.orig, place) from error
    except NoConnectionLeft as error:
        raise ControlUnavailable(f"control database ({place}): all connections of this process are in use") from error
    except (OSError, driver_error) as error:
        raise in_our_words(error, place) from error
