"""Opening the database file: the engine's settings and the schema's version."""

import os
from pathlib import Path

import duckdb
import msgspec
import structlog

from questlog.store.contract import StoreFailed
from questlog.store.migrations import v0001, v0002, v0003, v0004, v0005, v0006, v0007, v0008, v0009

MIGRATIONS = (
    v0001.STATEMENTS,
    v0002.STATEMENTS,
    v0003.STATEMENTS,
    v0004.STATEMENTS,
    v0005.STATEMENTS,
    v0006.STATEMENTS,
    v0007.STATEMENTS,
    v0008.STATEMENTS,
    v0009.STATEMENTS,
)
"""The statements that lead to version 1, 2, … in order."""

_log = structlog.get_logger(__name__)

CATALOG = "questlog"
FILE_NAME = "events.duckdb"
# Batches of more rows than this are written as they will be read, and not into the log first. With fewer than three
# full groups between two short ones a checkpoint would write them again, to merge them: a third of a batch under load.
_ROW_GROUP_SIZE = 8192


class EngineSettings(msgspec.Struct, frozen=True):
    """What DuckDB may use. `threads` 0 means one per core; the log is folded into the tables at `checkpoint_mb`."""

    memory_limit_mb: int = 768
    threads: int = 0
    checkpoint_mb: int = 256
    temp_limit_mb: int = 8192


def open_engine(directory: Path, settings: EngineSettings) -> duckdb.DuckDBPyConnection:
    """Open or create the database in `directory`, brought to the newest version, without access to anything else.

    Raises `StoreFailed` when another process has it open, or when it is damaged or newer than this program.
    """
    directory.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{settings.memory_limit_mb}MB",
        "threads": settings.threads or os.cpu_count() or 1,
        "checkpoint_threshold": f"{settings.checkpoint_mb}MB",
        "temp_directory": str(directory / "temp"),
        "max_temp_directory_size": f"{settings.temp_limit_mb}MB",
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
        "allow_community_extensions": False,
        "allow_persistent_secrets": False,
        "python_enable_replacements": False,
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        path = str(directory / FILE_NAME).replace("'", "''")
        connection.execute(f"ATTACH '{path}' AS {CATALOG} (ROW_GROUP_SIZE {_ROW_GROUP_SIZE})")
        connection.execute(f"USE {CATALOG}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        migrate(connection, MIGRATIONS)
        connection.execute("SET allowed_configs = ['operator_memory_limit', 'schema', 'search_path']")
        connection.execute("SET lock_configuration = true")
    except duckdb.Error as error:
        connection.close()
        raise StoreFailed(f"cannot open the store in {directory}: {error}") from error
    return connection


def migrate(connection: duckdb.DuckDBPyConnection, migrations: tuple[tuple[str, ...], ...]) -> None:
    """Bring the tables to the newest version, each step in a transaction. Raises `StoreFailed` for a newer database."""
    connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER)")
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    version = row[0] if row and row[0] is not None else 0
    if version > len(migrations):
        raise StoreFailed(f"the store has version {version}; this program knows versions up to {len(migrations)}")
    for number, statements in enumerate(migrations[version:], start=version + 1):
        if version:
            _log.info("bringing the store to a new version; with many events this takes minutes", version=number)
        connection.execute("BEGIN")
        for statement in statements:
            connection.execute(statement)
        connection.execute("DELETE FROM schema_version")
        connection.execute("INSERT INTO schema_version VALUES ($version)", {"version": number})
        connection.execute("COMMIT")


def new_cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A connection of its own to the same database, for one thread at a time."""
    cursor = connection.cursor()
    cursor.execute(f"USE {CATALOG}")
    return cursor
