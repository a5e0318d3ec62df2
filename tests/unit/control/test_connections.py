import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import Select, text
from sqlalchemy.engine.url import URL

from questlog.control import connections as module
from questlog.control.connections import Connections, insert
from questlog.control.database import ControlDatabase
from questlog.control.errors import ControlUnavailable
from questlog.control.games import locked_game_row
from questlog.control.tables import markers

POSTGRESQL = URL.create("postgresql").get_dialect()()


@pytest.fixture
def opened(control: ControlDatabase, path: Path) -> Iterator[Connections]:
    connections = Connections(path)
    yield connections
    connections.close()


def test_sqlite_is_set_up_to_survive_a_power_cut(opened: Connections) -> None:
    with opened.read() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_a_failed_write_leaves_nothing(control: ControlDatabase, opened: Connections) -> None:
    def fail() -> None:
        with opened.write() as connection:
            connection.execute(insert(connection, markers).values(name="x", value=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert control.marker("x") is None


def test_writes_of_many_threads_and_connections_are_all_kept(control: ControlDatabase, other: ControlDatabase) -> None:
    def write(number: int) -> None:
        (control, other)[number % 2].create_game(f"game {number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert control.version() == 40
    assert len(other.list_games()) == 40


def test_readers_do_not_wait_for_a_writer(control: ControlDatabase, opened: Connections) -> None:
    with opened.write() as connection:
        connection.execute(insert(connection, markers).values(name="x", value=1))
        assert control.marker("x") is None
        assert control.version() == 0
        assert not control.is_revoked(1, "player", "token", 1)


def test_a_lock_held_too_long_is_named(control: ControlDatabase, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUSY_TIMEOUT_S", 0.05)
    impatient = Connections(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(ControlUnavailable, match="is locked by another process"), impatient.write():
        pass
    holder.close()
    impatient.close()


def test_a_table_that_is_gone_is_named_by_a_lookup_too(control: ControlDatabase, path: Path) -> None:
    holder = sqlite3.connect(path)
    holder.execute("DROP TABLE revoked_identities")
    holder.close()
    with pytest.raises(ControlUnavailable, match="its tables are not those of this version"):
        control.is_revoked(1, "player", "token", 1)


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://u:hunter2@host/db", "sqlite://", "postgresql+asyncpg+x://u:hunter2@host/db"]
)
def test_an_address_that_cannot_be_one_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ControlUnavailable, match=r"control\.url") as caught:
        Connections(url)
    assert "hunter2" not in str(caught.value)


def test_a_url_of_a_sqlite_file_is_taken(tmp_path: Path) -> None:
    connections = Connections(f"sqlite:///{tmp_path}/x.sqlite3")
    assert connections.sqlite_path == tmp_path / "x.sqlite3"
    connections.close()


def test_postgresql_lets_one_after_the_other_change_what_is_a_games() -> None:
    said: list[str] = []

    class Postgres:
        game_id = 1

        def execute(self, statement: Select[Any]) -> Self:
            said.append(str(statement.compile(dialect=POSTGRESQL)))
            return self

        def first(self) -> Self:
            return self

    locked_game_row(Postgres(), "Tetris")  # type: ignore[arg-type]
    assert said[-1].endswith("FOR NO KEY UPDATE")


def test_an_upsert_can_be_said_to_postgresql() -> None:
    class Postgres:
        dialect = POSTGRESQL

    add = insert(Postgres(), markers).values(name="x", value=1)  # type: ignore[arg-type]
    change = add.on_conflict_do_update(index_elements=[markers.c.name], set_={"value": markers.c.value + 1})
    said = str(change.compile(dialect=POSTGRESQL))
    assert "ON CONFLICT (name) DO UPDATE SET value = (markers.value + " in said
