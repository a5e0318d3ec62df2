"""The schema's page, the migrations and the documentation say the same."""

from pathlib import Path

import duckdb
import pytest

from questlog.store.contract import STAGED_EVENTS, STAGED_REJECTED, StoreFailed
from questlog.store.duckdb.connection import MIGRATIONS, EngineSettings, migrate, open_engine
from questlog.store.duckdb.store import DuckDBStore
from questlog.store.schema import TABLES
from tests.support.staged import NOON, batch

_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "tables.md"


def test_a_new_database_has_the_tables_that_are_declared(tmp_path: Path) -> None:
    connection = open_engine(tmp_path, EngineSettings())
    rows = connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = 'questlog'"
        " ORDER BY table_name, column_index"
    ).fetchall()
    declared = [(table.name, column.name, column.kind) for table in TABLES for column in table.columns]
    assert sorted(rows) == sorted((table, column, str(kind)) for table, column, kind in declared)
    order = [name for table, name, _ in rows if table == "events"]
    assert order == [column.name for table in TABLES if table.name == "events" for column in table.columns]
    connection.close()


def test_every_staged_column_is_stored() -> None:
    stored = {table.name: {column.name for column in table.columns} for table in TABLES}
    renamed = {"offset": "record_offset", "index": "record_index"}
    assert {renamed.get(name, name) for name in STAGED_EVENTS.names} <= stored["events"] | {"resend_key"}
    assert set(STAGED_REJECTED.names) <= stored["rejected_events"]


def test_the_documentation_names_every_table_and_column() -> None:
    page = _PAGE.read_text()
    for table in TABLES:
        assert f"## {table.name}\n\n{table.meaning}\n" in page
        for column in table.columns:
            assert f"| `{column.name}` | {column.kind} | {column.meaning} |\n" in page


def test_a_database_opens_with_a_later_version(tmp_path: Path) -> None:
    later = (*MIGRATIONS, ("ALTER TABLE players ADD COLUMN level INTEGER", "UPDATE players SET level = 7"))
    store = DuckDBStore(tmp_path)
    store.load(batch([{"player_id": "p"}]), NOON)
    store.close()
    connection = duckdb.connect(str(tmp_path / "events.duckdb"))
    migrate(connection, later)
    migrate(connection, later)
    assert connection.execute("SELECT player_id, level FROM players").fetchall() == [("p", 7)]
    assert connection.execute("FROM schema_version").fetchall() == [(len(MIGRATIONS) + 1,)]
    connection.close()


def test_a_migration_that_fails_leaves_the_version_before(tmp_path: Path) -> None:
    connection = duckdb.connect(str(tmp_path / "x.duckdb"))
    with pytest.raises(duckdb.Error):
        migrate(connection, (("CREATE TABLE a (b INTEGER)",), ("CREATE TABLE c (d INTEGER)", "nonsense")))
    connection.close()
    connection = duckdb.connect(str(tmp_path / "x.duckdb"))
    assert connection.execute("FROM schema_version").fetchall() == [(1,)]
    assert connection.execute("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall() == [
        ("a",),
        ("schema_version",),
    ]
    connection.close()


def test_a_newer_database_is_not_opened(tmp_path: Path) -> None:
    DuckDBStore(tmp_path).close()
    connection = duckdb.connect(str(tmp_path / "events.duckdb"))
    connection.execute("UPDATE schema_version SET version = 99")
    connection.close()
    with pytest.raises(StoreFailed, match="version 99"):
        DuckDBStore(tmp_path)


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "events.duckdb").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreFailed, match="cannot open"):
        DuckDBStore(tmp_path)
