import io
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from questlog.control.connections import Connections
from questlog.control.database import ControlDatabase
from questlog.control.errors import ControlUnavailable
from questlog.control.migrate import _create_sqlite_file, alembic_config, migrate
from questlog.control.tables import SCHEMA_REVISION, metadata
from questlog.model.clock import SystemClock
from tests.unit.control.conftest import make_old_database

OPEN_AND_WRITE = """
import sys
from pathlib import Path
from questlog.control.database import ControlDatabase
from questlog.model.clock import SystemClock
with ControlDatabase(Path(sys.argv[1]), SystemClock()) as control:
    control.ensure_sandbox()
    control.create_game(sys.argv[2])
    print(control.signing_key())
"""

IMPORTED_ON_A_SECOND_START = """
import sys
from pathlib import Path
from questlog.control.database import ControlDatabase
from questlog.model.clock import SystemClock
ControlDatabase(Path(sys.argv[1]), SystemClock()).close()
print(*sys.modules)
"""


def test_the_migrations_make_the_tables_that_the_code_declares(path: Path) -> None:
    connections = Connections(path)
    migrate(connections)
    with connections.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    connections.close()
    assert differences == []


def test_the_last_migration_is_the_one_the_code_knows() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == SCHEMA_REVISION


def test_the_migrations_can_be_said_to_postgresql() -> None:
    script = ScriptDirectory.from_config(alembic_config())
    said = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": said})
    with Operations.context(context):
        for revision in reversed(list(script.walk_revisions())):
            revision.module.upgrade()
    statements = " ".join(said.getvalue().split())
    assert statements.count("CREATE TABLE") == len(metadata.tables)
    assert "CREATE UNIQUE INDEX uq_tokens_live_name ON tokens (name) WHERE revoked_at IS NULL;" in statements
    assert "game_id SERIAL NOT NULL" in statements


def test_games_of_an_older_version_are_in_utc_and_not_lenient(path: Path) -> None:
    make_old_database(path, "0003", "INSERT INTO games VALUES (1, 'Tetris', 'key', 'secret', 1, 0, 5)")
    with ControlDatabase(path, SystemClock()) as control:
        (game,) = control.list_games()
    assert (game.name, game.time_zone, game.is_lenient, game.created_at) == ("Tetris", "UTC", False, 5)


def test_definitions_of_an_older_version_are_found_under_the_new_names_of_their_kinds(path: Path) -> None:
    make_old_database(
        path,
        "0010",
        "INSERT INTO games (game_id, name, game_key, secret_key, is_enabled, is_strict, created_at)"
        " VALUES (1, 'Tetris', 'key', 'secret', 1, 0, 5)",
        "INSERT INTO definitions VALUES (1, 'custom_metric', 'x_y', 'ada', '{}', 5, 5)",
        "INSERT INTO definitions VALUES (1, 'error_groups', 'x_y', 'ada', '{}', 5, 5)",
        "INSERT INTO definitions VALUES (1, 'query', 'x_y', 'ada', '{}', 5, 5)",
    )
    with ControlDatabase(path, SystemClock()) as control:
        found = [(each.kind, each.name) for each in control.list_definitions("1")]
    assert found == [("custom-metric", "x_y"), ("error-groups", "x_y"), ("query", "x_y")]


def test_processes_that_start_at_once_share_one_database(path: Path) -> None:
    starting = [
        subprocess.Popen([sys.executable, "-c", OPEN_AND_WRITE, str(path), f"game {number}"], stdout=subprocess.PIPE)
        for number in range(3)
    ]
    printed = [process.communicate(timeout=60)[0] for process in starting]
    assert [process.returncode for process in starting] == [0, 0, 0]
    assert len(set(printed)) == 1
    with ControlDatabase(path, SystemClock()) as control:
        assert {game.name for game in control.list_games()} == {"sandbox", *(f"game {number}" for number in range(3))}


def test_a_start_keeps_the_locks_of_connections_that_are_open(path: Path) -> None:
    """POSIX: a process that closes any descriptor of a file loses its locks on it, and SQLite its place in the log."""
    with ControlDatabase(path, SystemClock()) as control:
        assert control.list_games() == []
        _create_sqlite_file(path)
        for name in ("one", "two"):
            subprocess.run([sys.executable, "-c", OPEN_AND_WRITE, str(path), name], check=True, capture_output=True)
            control.create_game(f"after {name}")
    with ControlDatabase(path, SystemClock()) as control:
        assert {game.name for game in control.list_games()} == {"sandbox", "one", "after one", "two", "after two"}


def test_a_start_without_anything_to_migrate_does_not_load_alembic(control: ControlDatabase, path: Path) -> None:
    imported = subprocess.run(
        [sys.executable, "-c", IMPORTED_ON_A_SECOND_START, str(path)], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "sqlalchemy" in imported
    unwanted = {"alembic", "sqlalchemy.orm", "sqlalchemy.dialects.postgresql", "psycopg"}
    assert unwanted & set(imported) == set()


def test_a_file_left_empty_by_a_crash_is_migrated(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.touch()
    with ControlDatabase(path, SystemClock()) as control:
        assert control.list_games() == []


def test_an_upgrade_that_was_cut_short_is_made_whole(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    with ControlDatabase(path, SystemClock()) as control:
        assert control.version() == 0


def test_a_database_of_a_newer_version_is_refused(path: Path) -> None:
    ControlDatabase(path, SystemClock()).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(ControlUnavailable, match="its schema is 9999; this version of Questlog knows up to"):
        ControlDatabase(path, SystemClock())


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(ControlUnavailable, match="not a database"):
        ControlDatabase(path, SystemClock())
    assert path.read_bytes() == b"no database" * 1000


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ControlUnavailable, match="cannot create the directory"):
        ControlDatabase(tmp_path / "file" / "data" / "control.sqlite3", SystemClock())


def test_only_the_owner_may_read_the_files(control: ControlDatabase, path: Path) -> None:
    control.create_game("Tetris")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("control.sqlite3*")}
    assert modes.pop("control.sqlite3.lock") & 0o022 == 0
    assert set(modes) == {"control.sqlite3", "control.sqlite3-wal", "control.sqlite3-shm"}
    assert set(modes.values()) == {0o600}


def test_grants_of_an_older_version_stay_and_keep_their_ties(path: Path) -> None:
    user = "INSERT INTO users (user_id, email, password_hash, created_at) VALUES (3, 'ann@example.com', 'x', 5)"
    grant = "INSERT INTO grants (grant_id, user_id, role) VALUES (7, 3, 'owner')"
    make_old_database(path, "0007", user, grant)
    with ControlDatabase(path, SystemClock()) as control:
        [listed] = control.list_users()
        assert [grant.role for grant in listed.grants] == ["owner"]
        control.remove_user("ann@example.com")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM grants").fetchone() == (0,)
