"""A database of an earlier version has, after the migration, what a new one would have."""

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

from questlog.store.contract import PlayerProperties
from questlog.store.duckdb.connection import MIGRATIONS, migrate
from questlog.store.duckdb.facts import numbered_day
from questlog.store.duckdb.store import DuckDBStore
from questlog.store.schema import DIMENSIONS
from tests.support.histories import ADDED_UP, history, loaded
from tests.support.staged import MINUTE, NOON, batch


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
    if version < _WITH_COUNTRIES:
        for statement in _BEFORE_COUNTRIES:
            connection.execute(statement)
    connection.close()


def _without_countries(table: str, rank: str, columns: tuple[str, ...], *, key: str, number: str, of: str) -> str:
    """SQL: decide again which events say the columns, and look only at whether they name a platform."""
    sign, best = ("-", "max") if rank == "last_rank" else ("+", "min")
    tier = "CASE WHEN platform IS NULL THEN 1152921504606846976 ELSE 0 END"
    said = ", ".join(f"{column} := {column}" for column in columns)
    return f"""
        UPDATE {table} SET {rank} = found.place, {", ".join(f"{column} = said.{column}" for column in columns)}
        FROM (
            SELECT {number} AS key, {best}(place) AS place, arg_{best}(struct_pack({said}), place) AS said
            FROM (SELECT *, (epoch_us(event_time) {sign} {tier})::HUGEINT * 1099511627776 + row_no AS place FROM events)
            WHERE {of} GROUP BY {number}
        ) AS found WHERE found.key = {table}.{key}
    """  # noqa: S608 - names of ours


_WITH_COUNTRIES = 5
_BEFORE_COUNTRIES = (
    _without_countries(
        "sessions",
        "first_rank",
        ("source", "session_num", *DIMENSIONS),
        key="session_no",
        number="session_no",
        of="session_no IS NOT NULL AND NOT session_is_matched",
    ),
    _without_countries(
        "players",
        "first_rank",
        ("source", *DIMENSIONS),
        key="player_no",
        number="player_no",
        of="player_no IS NOT NULL",
    ),
    _without_countries(
        "player_days",
        "last_rank",
        DIMENSIONS,
        key="player_day_no",
        number=numbered_day("player_no", "event_time::DATE"),
        of="player_no IS NOT NULL",
    ),
)


def _without_checks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events as version 1 had them: it checked no receipts."""
    return [row | {"receipt_state": "unchecked"} if row.get("receipt_state") else row for row in rows]


def _of_servers() -> list[dict[str, Any]]:
    """Of one player servers alone tell, of another its client too; neither names a platform."""
    told: dict[str, Any] = {"category": "custom", "event_id": "jump", "source": "satori_server"}
    one, other = ({**told, "player_id": name, "session_id": name} for name in ("of servers", "of both"))
    by_client = {"source": "satori_client", "country": "DE"}
    rows = [one, other, {**other, **by_client}, one, other]
    return [row | {"event_time": NOON + place * MINUTE} for place, row in enumerate(rows)]


_ROWS_OF = {
    "value_counts": ADDED_UP,
    "counters": "SELECT * EXCLUDE batch_no FROM counters",  # the migration is a change of its own
}


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
@pytest.mark.parametrize("seed", range(2))
def test_a_database_of_an_earlier_version_becomes_what_a_new_one_is(tmp_path: Path, seed: int, version: int) -> None:
    rows = history(seed, 150) + _of_servers()
    store = loaded(tmp_path / "new", _without_checks(rows) if version == 1 else rows, seed)
    store.load(batch(properties=[PlayerProperties(1, "no events", NOON, "{}")]), NOON)
    store.close()
    (tmp_path / "old").mkdir()
    _as_version(version, tmp_path / "new", tmp_path / "old")
    stores = [DuckDBStore(tmp_path / name) for name in ("new", "old")]
    tables = stores[0].query("SELECT table_name AS name FROM duckdb_tables() WHERE database_name = 'questlog'", {})
    for table in tables["name"].to_pylist():
        rows_of = _ROWS_OF.get(table, f"FROM {table}")
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
    tables = {"player_days": "player_day_no", "players": "player_no", "sessions": "session_no"}
    kept = {table: store.query(f"FROM {table} ORDER BY {key}", {}) for table, key in tables.items()}
    store.rebuild(lambda _table, _share: None)
    for table, key in tables.items():
        assert store.query(f"FROM {table} ORDER BY {key}", {}).equals(kept[table]), table
    store.close()
