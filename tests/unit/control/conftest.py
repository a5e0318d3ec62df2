from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command

from questlog.control.connections import Connections
from questlog.control.database import ControlDatabase
from questlog.control.migrate import alembic_config


class SteppingClock:
    """A clock that goes when told."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def now_us(self) -> int:
        return self.now


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "control.sqlite3"


@pytest.fixture
def control(path: Path, clock: SteppingClock) -> Iterator[ControlDatabase]:
    with ControlDatabase(path, clock) as database:
        yield database


@pytest.fixture
def other(control: ControlDatabase, path: Path, clock: SteppingClock) -> Iterator[ControlDatabase]:
    """The same database as another process sees it."""
    with ControlDatabase(path, clock) as database:
        yield database


def make_old_database(path: Path, revision: str, *statements: str) -> None:
    """A database as the version with this revision left it, with what the statements add."""
    path.parent.mkdir(parents=True)
    connections = Connections(path)
    with connections.write() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        for statement in statements:
            connection.exec_driver_sql(statement)
    connections.close()
