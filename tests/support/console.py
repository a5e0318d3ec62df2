"""A console port to talk to in a test: the real API over a control database in a file and tables in memory."""

import atexit
import shutil
import tempfile
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa

from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.runner import DataState
from questlog.collector.counters import CollectorCounters
from questlog.console.accounts import Accounts
from questlog.console.audit import AuditTrail
from questlog.console.services import ConsoleServices, Limits
from questlog.control.database import ControlDatabase
from questlog.control.grants import Role
from questlog.loader.codecs import EVENT_SOURCES
from questlog.loader.counters import LoaderCounters
from questlog.loader.decoding import Decoding
from questlog.loader.maintenance.task import MaintenanceStatus
from questlog.loader.money import Converter
from questlog.loader.rebuild import Rebuild
from questlog.loader.replay import Replay
from questlog.loader.reprice import Reprice
from questlog.model.calendar import UTC
from questlog.model.finding import Finding
from questlog.model.vitals import Build, Vitals
from questlog.rates.rates import Rates
from questlog.rates.status import RatesStatus
from questlog.store.contract import Cancellation, QueryAborted, SqlParameters
from questlog.store.schema import TABLES


class SettableClock:
    """A clock that stands still until it is told."""

    def __init__(self, now_us: int = 1_767_225_600_000_000) -> None:  # 2026-01-01
        self.us = now_us

    def now_us(self) -> int:
        return self.us

    def monotonic_s(self) -> float:
        return self.us / 1_000_000


@cache
def _empty_control_database() -> Path:
    """Migrated once: that takes longer than most tests."""
    path = Path(tempfile.mkdtemp(prefix="questlog-test-")) / "control.sqlite3"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    ControlDatabase(path, SettableClock()).close()
    return path


class MemoryTables:
    """The store's tables in memory, with as much of its behaviour as the console sees."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.is_slow = False
        self.limited_to: Collection[int] | None = None

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(config={"threads": 1})
        connection.execute("SET TimeZone = 'UTC'")
        for table in TABLES:
            columns = ", ".join(f'"{column.name}" {column.kind}' for column in table.columns)
            connection.execute(f"CREATE TABLE {table.name} ({columns})")
        return connection

    def sql(
        self,
        statement: str,
        max_rows: int,
        cancellation: Cancellation,
        game_ids: Collection[int] | None = None,
        parameters: SqlParameters | None = None,
    ) -> pa.Table:
        self.asked.append((statement, max_rows))
        self.limited_to = game_ids
        if self.is_slow:
            _wait_until_cancelled(cancellation)
        try:
            return self.connection.cursor().sql(statement, params=dict(parameters or {}) or None).to_arrow_table()
        except duckdb.Error as error:
            raise QueryAborted(str(error)) from error

    @contextmanager
    def reading(self, cancellation: Cancellation) -> Iterator["MemoryTables"]:
        cancellation.check()
        if self.is_slow:
            _wait_until_cancelled(cancellation)
        yield self

    def ask(self, statement: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        return self.query(statement, parameters or {})

    def query(self, statement: str, parameters: Mapping[str, object]) -> pa.Table:
        return self.connection.cursor().sql(statement, params=dict(parameters)).to_arrow_table()

    def close(self) -> None:
        """Let go of the connection too: the driver complains of one that is held at the end."""
        if "connection" in self.__dict__:
            self.__dict__.pop("connection").close()

    def insert(self, table: str, **values: object) -> None:
        names = ", ".join(f'"{name}"' for name in values)
        places = ", ".join("?" for _ in values)
        self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(values.values()))  # noqa: S608 - names of our own


class FakeAnalytics:
    """Answers every question with the same; tells what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, msgspec.Struct]] = []
        self.number = 1
        self.zone = UTC
        self.store_id = "store"
        self.settings: list[dict[str, int]] = []
        self.error: Exception | None = None
        self.is_slow = False
        self.answer = Answer(pa.table({"players": [3]}), [AnswerColumn("players", "players", "Distinct players.")])

    def ask(self, game_id: int, question: msgspec.Struct, cancellation: Cancellation | None = None) -> Answer:
        self.asked.append((game_id, question))
        if self.is_slow:
            _wait_until_cancelled(cancellation or Cancellation())
        if self.error is not None:
            raise self.error
        return self.answer

    def state(self, game_id: int) -> DataState:
        del game_id
        return DataState(self.number, self.zone, self.store_id, self.settings)


def _wait_until_cancelled(cancellation: Cancellation) -> None:
    is_stopped = threading.Event()
    with cancellation.stopping(is_stopped.set):
        is_stopped.wait(30)
    cancellation.check()


class FakeProgress:
    """Progress that is as the test says."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.loader = LoaderCounters()
        self.collectors: list[CollectorCounters] = []
        self.rates: list[RatesStatus] = []
        self.tasks: list[MaintenanceStatus] = []
        self.found: list[Finding] = []
        self.measured = Vitals(Build("1.2.3", "3.13.5", "abc123"), 1, 2, 3, 4, 5)

    def reasons_not_ready(self) -> Sequence[str]:
        return self.reasons

    def loader_counters(self) -> LoaderCounters:
        return self.loader

    def collector_counters(self) -> Sequence[CollectorCounters]:
        return self.collectors

    def rates_status(self) -> Sequence[RatesStatus]:
        return self.rates

    def maintenance(self) -> Sequence[MaintenanceStatus]:
        return self.tasks

    def vitals(self) -> Vitals:
        return self.measured

    def findings(self) -> Sequence[Finding]:
        return self.found


class FakeConsole:
    """All services of a console, and a token for it."""

    def __init__(
        self, directory: Path, limits: Limits | None = None, keep_days: int = 0, database: Path | None = None
    ) -> None:
        """`database` is a control database to begin with a copy of; without it, an empty one."""
        self.clock = SettableClock()
        shutil.copy(database or _empty_control_database(), directory / "control.sqlite3")
        self.control = ControlDatabase(directory / "control.sqlite3", self.clock)
        self.tables = MemoryTables()
        self.analytics = FakeAnalytics()
        self.progress = FakeProgress()
        self.rebuild = Rebuild()
        self.reprice = Reprice(Converter(Rates({})))
        self.replay = Replay(Decoding(EVENT_SOURCES, Converter(Rates({}))))
        self.raw: dict[int, str] = {}
        self.token = self.control.create_token("tests", Role.OWNER).token
        self.audit = AuditTrail(self.control, self.clock, 365)
        self.slept_s: list[float] = []
        self.accounts = Accounts(self.control, self.audit, self.clock, sleep=self._sleep)
        self.services = ConsoleServices(
            control=self.control,
            accounts=self.accounts,
            audit=self.audit,
            tables=self.tables,
            analytics=self.analytics,
            rebuild=self.rebuild,
            reprice=self.reprice,
            replay=self.replay,
            raw_event=lambda _start, index: self.raw.get(index),
            progress=self.progress,
            clock=self.clock,
            monotonic_s=self.clock.monotonic_s,
            limits=limits or Limits(),
            keep_days=keep_days,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)

    def token_of(self, role: Role, *games: str) -> str:
        """A token with a role for these games, or for all."""
        name = f"{role} {' '.join(games)} {len(self.control.list_tokens())}".replace("  ", " ")
        return self.control.create_token(name, role, games).token

    def close(self) -> None:
        self.control.close()
        self.tables.close()
