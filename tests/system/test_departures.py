"""Someone who asks a question of a real server and goes away: the question is stopped."""

import asyncio
import json
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from questlog.analytics.question.answer import Answer
from questlog.analytics.runner import DataState
from questlog.api.app import create_app
from questlog.console.services import ConsoleServices
from questlog.model.calendar import UTC
from questlog.store.contract import Cancellation, QueryAborted, SqlParameters
from tests.support.console import FakeConsole, MemoryTables
from tests.support.installation import free_port
from tests.support.raw_http import connected

pytestmark = pytest.mark.system

PATIENCE_S = 20


class SlowAnalytics:
    """Answers nothing until it is cancelled."""

    def __init__(self) -> None:
        self.is_asked = threading.Event()
        self.is_stopped = threading.Event()

    def ask(self, game_id: int, question: msgspec.Struct, cancellation: Cancellation | None = None) -> Answer:
        assert (game_id, cancellation is not None) == (1, True), question
        with (cancellation or Cancellation()).stopping(self.is_stopped.set):
            self.is_asked.set()
            self.is_stopped.wait(PATIENCE_S)
        raise QueryAborted("the question was cancelled")

    def state(self, game_id: int) -> DataState:
        assert game_id == 1
        return DataState(1, UTC)


@pytest.fixture(name="console")
def _console(tmp_path: Path) -> Iterator[FakeConsole]:
    console = FakeConsole(tmp_path)
    console.control.create_game("Sky Raiders")
    yield console
    console.close()


class SlowTables(MemoryTables):
    """The same for SQL."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = threading.Event()
        self.is_stopped = threading.Event()

    def sql(
        self,
        statement: str,
        max_rows: int,
        cancellation: Cancellation,
        game_ids: Collection[int] | None = None,
        parameters: SqlParameters | None = None,
    ) -> pa.Table:
        assert max_rows > 0, statement
        assert game_ids is None
        assert not parameters
        with cancellation.stopping(self.is_stopped.set):
            self.is_asked.set()
            self.is_stopped.wait(PATIENCE_S)
        raise QueryAborted("the question was cancelled")


def ask_and_leave(port: int, token: str, asked: threading.Event, path: str, question: object) -> None:
    """Ask a question, and close the connection once it is being answered."""
    body = json.dumps(question).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
    request = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    ends_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            with connected(port) as connection:
                connection.sendall(request)
                assert asked.wait(PATIENCE_S)
                return
        except ConnectionRefusedError:
            assert time.monotonic() < ends_at
            time.sleep(0.05)


def test_the_question_of_someone_who_has_gone_is_stopped(console: FakeConsole) -> None:
    analytics = SlowAnalytics()
    services = msgspec.structs.replace(console.services, analytics=analytics)
    question = {"metrics": ["dau"], "period": {"start": "2026-01-01", "end": "2026-01-31"}}
    assert is_stopped_when_gone(services, console.token, analytics, "/api/v1/games/1/query", question)


def test_the_statement_of_someone_who_has_gone_is_stopped(console: FakeConsole) -> None:
    tables = SlowTables()
    services = msgspec.structs.replace(console.services, tables=tables)
    assert is_stopped_when_gone(services, console.token, tables, "/api/v1/sql", {"sql": "SELECT 1"})
    tables.close()


def is_stopped_when_gone(
    services: ConsoleServices, token: str, slow: SlowAnalytics | SlowTables, path: str, question: object
) -> bool:
    """Whether a question to a real server is stopped after its asker has gone."""
    application, port = create_app(services), free_port()

    async def serve() -> bool:
        server = Server(
            application,
            address="127.0.0.1",
            port=port,
            interface=Interfaces.ASGI,
            http=HTTPModes.http1,
            log_enabled=False,
        )
        serving = asyncio.create_task(server.serve())
        await asyncio.to_thread(ask_and_leave, port, token, slow.is_asked, path, question)
        is_stopped = await asyncio.to_thread(slow.is_stopped.wait, PATIENCE_S / 2)
        slow.is_stopped.set()
        server.stop()  # type: ignore[no-untyped-call]
        await serving
        return is_stopped

    return asyncio.run(serve())
