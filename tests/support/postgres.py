"""A PostgreSQL server of the tests' own: in a temporary folder, reached by a socket in it, ended with the tests."""

import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import URL

_DEBIAN = Path("/usr/lib/postgresql")
_USER = "questlog"
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 30.0
# A crash of the machine may lose all of it.
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "256MB"}
_SMALL = {"shared_buffers": "32MB", "max_connections": "60", "listen_addresses": "", "autovacuum": "off"}


def postgres_programs() -> Path | None:
    """Where `initdb` and `postgres` are: the newest version of Debian's packages, else what is in the path."""
    installed = [folder for folder in _DEBIAN.glob("*/bin") if (folder / "initdb").exists()]
    if installed:
        return max(installed, key=lambda folder: [int(part) for part in re.findall(r"\d+", folder.parent.name)])
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


class PostgresServer:
    """One cluster. Databases are copies of a template, so that a test's own takes some milliseconds."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.folder = folder
        self._programs = programs
        self._data = folder / "data"
        # PostgreSQL refuses to run as root.
        self._as: Mapping[str, Any] = {"user": "postgres", "group": "postgres", "extra_groups": []}
        if os.geteuid() != 0:
            self._as = {}
        else:
            shutil.chown(folder, "postgres", "postgres")
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        options = ["--username", _USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        self._run("initdb", "--pgdata", self._data, "--no-instructions", *options)

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], cwd=self.folder, capture_output=True, check=False, **self._as
        )
        if done.returncode:
            raise AssertionError(f"{program}: {done.stdout.decode()}{done.stderr.decode()}")

    def start(self) -> None:
        """Answer from now on."""
        settings = {**_QUICK, **_SMALL, "unix_socket_directories": str(self.folder)}
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, *options],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._as,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.folder / "log").read_text())
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.address("postgres"), autocommit=True).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End it, and every connection to it, at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_STOP_TIMEOUT_S)
            self._process = None

    def restart(self) -> None:
        """As after an upgrade of the server: connections that were open are dead."""
        self.stop()
        self.start()

    def url(self, database: str) -> str:
        """`control.url` for a database."""
        made = URL.create("postgresql", username=_USER, database=database, query={"host": str(self.folder)})
        return made.render_as_string(hide_password=False)

    def address(self, database: str) -> str:
        """The same for the driver."""
        return f"host={self.folder} user={_USER} dbname={database}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows of one statement of a test's own."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self, template: str = "template0") -> str:
        """The name of a new database, a copy of `template`, to which nobody may be connected."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        """Remove it, whoever is connected."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A server that is started, and ended afterwards. The test is skipped where PostgreSQL is not installed."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    # Not pytest's folder for temporary files: the name of a socket has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="questlog-postgres-"))
    try:
        server = PostgresServer(programs, folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
