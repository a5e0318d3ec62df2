"""A collector without an HTTP server over a real journal, on a disk that a test can break."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from questlog.collector.limits import BodyReader
from questlog.collector.service import CollectorService
from questlog.control.database import ControlDatabase
from questlog.journal.files import Files
from questlog.journal.writer import open_writer
from questlog.model.clock import SystemClock
from questlog.model.exchange import Reply, Request
from tests.support.collectors import Headers, collector_worker
from tests.support.installation import signature
from tests.support.senders import GAMEANALYTICS_PATH, Outgoing

_RETRY_S = 0.02


class JournaledCollector:
    """Takes requests until it is closed. All within one event loop."""

    def __init__(self, service: CollectorService, api_key: str) -> None:
        self._service = service
        self._basic = "Basic " + base64.b64encode(f"{api_key}:".encode()).decode()

    async def send(self, request: Outgoing) -> Reply:
        """The answer to a sender's request."""
        is_gameanalytics = request.path == GAMEANALYTICS_PATH
        authorization = signature(request.body) if is_gameanalytics else self._basic
        return await self.ask("POST", request.path, request.body, authorization)

    async def ask(self, method: str, path: str, body: bytes = b"", authorization: str = "") -> Reply:
        """The answer to any request."""
        headers = Headers({"Authorization": authorization})
        route = self._service.router.route(method, path)
        return await self._service.pipeline.answer(Request(method, path, "", headers, body, "127.0.0.1"), route)

    async def is_ready(self) -> bool:
        """What `/readycheck` says."""
        return (await self.ask("GET", "/readycheck")).status == 200

    async def wait_until_ready(self) -> None:
        """Until `/readycheck` says so; the test's time limit bounds it."""
        while not await self.is_ready():  # noqa: ASYNC110 - the collector tells nobody
            await asyncio.sleep(_RETRY_S)


@asynccontextmanager
async def journaled_collector(folder: Path, files: Files) -> AsyncIterator[JournaledCollector]:
    """A collector of the sandbox game whose journal is in `folder / "journal"`."""
    clock = SystemClock()
    with ControlDatabase(folder / "control.sqlite3", clock) as control:
        sandbox = control.ensure_sandbox()
        journal = open_writer(
            folder / "journal",
            clock,
            segment_bytes=200_000,
            max_pending_bytes=10_000_000,
            retry_s=_RETRY_S,
            files=files,
        )
        worker = collector_worker(folder, control, journal, clock, lambda _address, _forwarded: None)
        bodies = BodyReader(1_048_576, 10_000_000, 30, time.monotonic)
        service = CollectorService(worker, bodies, worker.control.close)
        service.start()
        try:
            yield JournaledCollector(service, sandbox.api_key.key)
        finally:
            await service.close()
