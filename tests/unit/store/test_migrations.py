"""A database of an earlier version has, after the migration, what a new one would have from the same events."""

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

from questlog.model.times import DEFAULT_EARLIEST_US, MOST_AHEAD_US
from questlog.store.contract import PlayerProperties
from questlog.store.duckdb import migrating
from questlog.store.duckdb.connection import MIGRATIONS, migrate
from questlog.store.duckdb.store import DuckDBStore
from questlog.store.duckdb.transaction import Transaction
from tests.support.histories import ADDED_UP, history, loaded
from tests.support.staged import DAY, HOUR, MINUTE, NOON, batch

_COPIED = (
    "events",
    "players",
    "event_names",
    "counters",
    "positions",
    "ingest_hours",
    "rejected_events",
    "erasures",
)
"""All that is not computed from the events; and players, for their numbers and properties."""

_COMPUTED_AGAIN_BEFORE = 6
"""The migration to this version computes the rollups again; later ones leave them as they are."""

_AS_BEFORE_6 = (
    # A session was known by its id alone, whoever's it was.
    """
    UPDATE events SET session_no = old.session_no FROM (
        SELECT row_no, dense_rank() OVER (ORDER BY game_id, session_id) AS session_no
        FROM events WHERE session_id IS NOT NULL
    ) AS old WHERE old.row_no = events.row_no
    """,
    "UPDATE counters SET session_no = (SELECT max(session_no) FROM events)",
    # A clock that was ahead was not believed, one of 1970 was.
    f"""
    UPDATE events SET event_time = CASE WHEN epoch_us(client_time) > epoch_us(received_at) + {MOST_AHEAD_US}
        THEN received_at ELSE client_time END WHERE client_time IS NOT NULL
    """,  # noqa: S608 - numbers of ours
)


def _as_version(version: int, new: Path, old: Path) -> None:
    """Make a database of the version with the events of a new one."""
    connection = duckdb.connect(str(old / "events.duckdb"))
    migrate(connection, MIGRATIONS[:version])
    connection.execute(f"ATTACH '{new / 'events.duckdb'}' AS new (READ_ONLY)")
    columns = connection.execute(
        "SELECT table_name, string_agg(column_name, ', ') FROM duckdb_columns() AS old"
        " WHERE database_name = 'events' AND EXISTS (SELECT 1 FROM duckdb_columns() AS new WHERE"
        " new.database_name = 'new' AND new.table_name = old.table_name AND new.column_name = old.column_name)"
        " GROUP BY table_name"
    ).fetchall()
    for table, names in columns:
        if table in _COPIED or (version >= _COMPUTED_AGAIN_BEFORE and table != "schema_version"):
            connection.execute(f"TRUNCATE {table}")
            connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM new.{table}")  # noqa: S608 - names
    for statement in _AS_BEFORE_6 if version < _COMPUTED_AGAIN_BEFORE else ():
        connection.execute(statement)
    connection.close()


def _without_checks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events as version 1 had them: it checked no receipts."""
    return [row | {"receipt_state": "unchecked"} if row.get("receipt_state") else row for row in rows]


def _of_wrong_clocks() -> list[dict[str, Any]]:
    """Times as they are now: of 1970 the time of receipt, ahead by a day moved back together."""
    row: dict[str, Any] = {"player_id": "wrong clock", "session_id": "s", "received_at": NOON, "segment": 7}
    ahead = [
        {**row, "client_time": NOON + DAY + minutes * MINUTE, "event_time": NOON - (5 - minutes) * MINUTE}
        for minutes in range(6)
    ]
    long_ago = {**row, "client_time": 0, "session_issued_at": None}
    return [*({**each, "offset": 0} for each in ahead), {**long_ago, "offset": 9, "event_time": NOON}]


def _history(seed: int, version: int) -> list[dict[str, Any]]:
    constant = [
        {"player_id": player, "session_id": "constant", "session_num": 1, "event_time": NOON + hours * HOUR}
        for player in "pq"
        for hours in (0, 1, 20)
    ]
    rows = history(seed, 150) + _of_wrong_clocks() + constant
    return _without_checks(rows) if version == 1 else rows


_ROWS_OF = {
    "store": "SELECT count(*) AS ids FROM store",
    "value_counts": ADDED_UP,
    # Before version 9 nobody counted by SDK and build, nor knew where a rejected event lies.
    "ingest_hours": "SELECT game_id, hour, received, stored, rejected, duplicates FROM ingest_hours",
    "rejected_events": "SELECT rejected_no, received_at, reason, raw FROM rejected_events",
    # The migration is a change of its own; numbers of sessions differ.
    "counters": "SELECT * EXCLUDE (batch_no, session_no) FROM counters",
    "sessions": "SELECT * EXCLUDE (session_no, family_no) FROM sessions",
    "sessionless_events": "SELECT * EXCLUDE session_no FROM sessionless_events",
    "purchases": "SELECT purchases.* EXCLUDE session_no, purchases.session_no = events.session_no AS is_same"
    " FROM purchases JOIN events USING (row_no)",
    "events": "SELECT events.* EXCLUDE session_no, sessions.start_time, sessions.end_time, sessions.player_id AS whose"
    " FROM events LEFT JOIN sessions USING (session_no)",
}


def _assert_same(new: DuckDBStore, old: DuckDBStore) -> None:
    tables = new.query("SELECT table_name AS name FROM duckdb_tables() WHERE database_name = 'questlog'", {})
    for table in tables["name"].to_pylist():
        rows_of = _ROWS_OF.get(table, f"FROM {table}")
        new_rows, old_rows = ([str(row) for row in store.query(rows_of, {}).to_pylist()] for store in (new, old))
        assert sorted(old_rows) == sorted(new_rows), table


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_database_of_an_earlier_version_becomes_what_a_new_one_is(tmp_path: Path, version: int) -> None:
    store = loaded(tmp_path / "new", _history(version, version), version)
    store.load(batch(properties=[PlayerProperties(1, "no events", NOON, "{}")]), NOON)
    store.close()
    (tmp_path / "old").mkdir()
    _as_version(version, tmp_path / "new", tmp_path / "old")
    stores = [DuckDBStore(tmp_path / name) for name in ("new", "old")]
    _assert_same(*stores)
    for one in stores:
        one.close()


@pytest.mark.parametrize("is_after_events", [False, True])
def test_a_migration_that_was_killed_goes_on(tmp_path: Path, is_after_events: bool) -> None:
    loaded(tmp_path / "new", _history(3, 5), 3).close()
    (tmp_path / "old" / "keys" / "sessions").mkdir(parents=True)
    _as_version(5, tmp_path / "new", tmp_path / "old")
    connection = duckdb.connect(str(tmp_path / "old" / "events.duckdb"))
    migrate(connection, MIGRATIONS)
    if is_after_events:
        transaction = Transaction(connection)
        transaction.begin()
        migrating.redo_events(transaction, DEFAULT_EARLIEST_US, lambda _table, _share: None)
        transaction.write("DELETE FROM unfinished WHERE step = 'events'")
        transaction.commit()
    connection.close()
    stores = [DuckDBStore(tmp_path / name) for name in ("new", "old")]
    _assert_same(*stores)
    assert not (tmp_path / "old" / "keys").exists()
    for one in stores:
        one.close()


@pytest.mark.parametrize("version", [1, len(MIGRATIONS) - 1])
def test_a_migrated_database_goes_on(tmp_path: Path, version: int) -> None:
    rows = _history(5, version)
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


def test_the_time_that_is_left_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    moments = iter([0.0, 1.0, 30.0, 31.0, 60.0])
    estimate = migrating.Estimate(lambda: next(moments))
    for table, share in (("events", 1.0), ("sessions", 0.8), ("sessions", 0.9), ("players", 0.625)):
        estimate.note(table, share)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2
    assert "percent=25" in told[0]
    assert "left_s=90" in told[0]
    assert "percent=60" in told[1]
    assert "left_s=40" in told[1]
