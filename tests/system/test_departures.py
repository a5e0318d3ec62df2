"""Someone who asks a question of a real server and goes away: the question is stopped."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from questlog.analytics.question.answer import Answer
from questlog.analytics.runner import DataState
from questlog.api.app import create_app
from questlog.model.calendar import UTC
from questlog.store.contract import Cancellation, QueryAborted
from tests.support.console import FakeConsole
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


def ask_and_leave(port: int, token: str, asked: threading.Event) -> None:
    """Ask a question, and close the connection once it is being answered."""
    body = json.dumps({"metrics": ["dau"], "period": {"start": "2026-01-01", "end": "2026-01-31"}}).encode()
    head = f"POST /api/v1/games/1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
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
    application = create_app(msgspec.structs.replace(console.services, analytics=analytics))
    port = free_port()

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
        await asyncio.to_thread(ask_and_leave, port, console.token, analytics.is_asked)
        is_stopped = await asyncio.to_thread(analytics.is_stopped.wait, PATIENCE_S / 2)
        analytics.is_stopped.set()
        server.stop()  # type: ignore[no-untyped-call]
        await serving
        return is_stopped

    assert asyncio.run(serve())
