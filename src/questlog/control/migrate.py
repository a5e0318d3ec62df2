"""Brings the control database to this version's schema, safely when several processes start at once."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Text, column, inspect, select, table, text

from questlog.control.connections import Connections, without_timeouts
from questlog.control.errors import ControlUnavailable
from questlog.control.failures import in_our_words
from questlog.control.tables import SCHEMA_REVISION

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x71756573746C6F67  # "questlog": the same number in every process of an installation


def migrate(connections: Connections) -> None:
    """Create or upgrade the tables; at once when there is nothing to do. Raises `ControlUnavailable`."""
    path = connections.sqlite_path
    if path is not None and not path.exists():
        _make_directory(path.parent)
    elif _revision_of(connections) == SCHEMA_REVISION:
        return
    with _file_lock(path):
        if path is not None:
            _create_sqlite_file(path)
        with connections.write() as connection:
            _upgrade(connection)


def alembic_config() -> "Config":
    """Where Alembic finds the migrations."""
    # Alembic is slow to import and most starts have nothing to migrate.
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _revision_of(connections: Connections) -> str | None:
    with connections.read() as connection:
        return _revision(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.execute(select(column("version_num", Text)).select_from(table("alembic_version"))).scalar()
    return None if revision is None else str(revision)


def _upgrade(connection: Connection) -> None:
    without_timeouts(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})
    revision = _revision(connection)
    if revision == SCHEMA_REVISION:
        return
    from alembic import command  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = alembic_config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, SCHEMA_REVISION)
    except CommandError as error:
        raise ControlUnavailable(
            f"control database: its schema is {revision}; this version of Questlog knows up to {SCHEMA_REVISION}"
        ) from error


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)  # as the data directory, which this usually is
    except OSError as error:
        raise ControlUnavailable(f"cannot create the directory {path}: {error.strerror}") from error


@contextmanager
def _file_lock(path: Path | None) -> Iterator[None]:
    """One process at a time. SQLite's own lock does not wait while the journal mode of a new file is changed."""
    if path is None:
        yield
        return
    try:
        file = path.with_name(path.name + ".lock").open("a")
    except OSError as error:
        raise ControlUnavailable(f"cannot write in the directory {path.parent}: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _create_sqlite_file(path: Path) -> None:
    try:
        # Holds secrets: for the owner only. SQLite gives its other files the same mode.
        # A file that is there is not opened: to close it would drop the locks of this process's connections to it, and
        # whoever closes the database next would take the log away from under them.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    except OSError as error:
        raise ControlUnavailable(f"cannot write {path}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise in_our_words(error, f"SQLite, {path}") from error
