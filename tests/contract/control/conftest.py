"""The control database's tests run over SQLite and over PostgreSQL. Where the latter is not installed they are skipped,
which CI does not allow (tests/conftest.py)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from questlog.control.actor import SERVER, act_as
from questlog.control.database import ControlDatabase
from questlog.model.clock import SystemClock
from tests.support.postgres import PostgresServer, postgres_server


class SteppingClock:
    """A clock that goes when told."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def now_us(self) -> int:
        return self.now


@pytest.fixture(autouse=True)
def the_server_acts() -> None:
    """Whoever acted in a test before this one, in the same process, does not act here."""
    act_as(SERVER)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres: PostgresServer) -> str:
    """A database with all tables and no rows, to copy."""
    name = postgres.new_database()
    ControlDatabase(postgres.url(name), SystemClock()).close()
    return name


@pytest.fixture
def postgres_url(postgres: PostgresServer, migrated: str) -> Iterator[str]:
    """`control.url` of a new PostgreSQL database with all tables."""
    name = postgres.new_database(migrated)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "control.sqlite3"
    ControlDatabase(path, SystemClock()).close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """Where the database of a test is."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    migrated_file: Path = request.getfixturevalue("migrated_file")
    path = tmp_path / "control.sqlite3"
    path.write_bytes(migrated_file.read_bytes())
    return path


@pytest.fixture
def control(place: str | Path, clock: SteppingClock) -> Iterator[ControlDatabase]:
    with ControlDatabase(place, clock) as database:
        yield database


@pytest.fixture
def other(control: ControlDatabase, place: str | Path, clock: SteppingClock) -> Iterator[ControlDatabase]:
    """The same database as another process sees it."""
    with ControlDatabase(place, clock) as database:
        yield database
