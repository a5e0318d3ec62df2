"""A database of an earlier version has, after the migration, what a new one would have."""

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

from questlog.store.contract import PlayerProperties
from questlog.store.duckdb.connection import MIGRATIONS, migrate
from questlog.store.duckdb.store import DuckDBStore
from tests.support.histories import ADDED_UP, history, loaded
from tests.support.staged import NOON, batch


def _as_version(version: int, new: Path, old: Path) -> None:
    """Copy the rows that the earlier version has too."""
    connection = duckdb.connect(str(old / "events.duckdb"))
    migrate(connection, MIGRATIONS[:version])
    connection.execute(f"ATTACH '{new / 'events.duckdb'}' AS new (READ_ONLY)")
    columns = connection.execute(
        "SELECT table_name, string_agg(column_name, ', ') FROM duckdb_columns()"
        " WHERE database_name = 'events' AND table_name <> 'schema_version' GROUP BY table_name"
    ).fetchall()
    for table, names in columns:
        condition = "player_no IS NOT NULL" if (table, version) == ("player_days", 1) else "true"
        copied = f"SELECT {names} FROM new.{table} WHERE {condition}"  # noqa: S608 - names of the catalogue
        connection.execute(f"TRUNCATE {table}")
        connection.execute(f"INSERT INTO {table} ({names}) {copied}")
    connection.close()


def _without_checks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events as version 1 had them: it checked no receipts."""
    return [row | {"receipt_state": "unchecked"} if row.get("receipt_state") else row for row in rows]


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
@pytest.mark.parametrize("seed", range(3))
def test_a_database_of_an_earlier_version_becomes_what_a_new_one_is(tmp_path: Path, seed: int, version: int) -> None:
    rows = history(seed, 150)
    store = loaded(tmp_path / "new", _without_checks(rows) if version == 1 else rows, seed)
    store.load(batch(properties=[PlayerProperties(1, "no events", NOON, "{}")]), NOON)
    store.close()
    (tmp_path / "old").mkdir()
    _as_version(version, tmp_path / "new", tmp_path / "old")
    stores = [DuckDBStore(tmp_path / name) for name in ("new", "old")]
    tables = stores[0].query("SELECT table_name AS name FROM duckdb_tables() WHERE database_name = 'questlog'", {})
    for table in tables["name"].to_pylist():
        rows_of = ADDED_UP if table == "value_counts" else f"FROM {table}"
        new, old = ([str(row) for row in one.query(rows_of, {}).to_pylist()] for one in stores)
        assert sorted(old) == sorted(new), table
    for one in stores:
        one.close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_migrated_database_goes_on(tmp_path: Path, version: int) -> None:
    rows = _without_checks(history(5, 150))
    random.Random(5).shuffle(rows)
    loaded(tmp_path / "new", rows[:75], 5).close()
    (tmp_path / "old").mkdir()
    _as_version(version, tmp_path / "new", tmp_path / "old")
    store = loaded(tmp_path / "old", rows[75:], 5)
    kept = store.query("FROM player_days ORDER BY player_day_no", {})
    store.rebuild(lambda _table, _share: None)
    assert store.query("FROM player_days ORDER BY player_day_no", {}).equals(kept)
    store.close()
