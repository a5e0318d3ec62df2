"""A collector: its protocols on one port, and what is due every second."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from questlog.collector.counters import publish, withdraw
from questlog.collector.gameanalytics import GAMEANALYTICS
from questlog.collector.limits import BodyReader
from questlog.collector.operation import WireProtocol
from questlog.collector.pipeline import Pipeline
from questlog.collector.routing import Router
from questlog.collector.satori import SATORI
from questlog.collector.worker import Worker

_PERIOD_S = 1.0

PROTOCOLS = (GAMEANALYTICS, SATORI)

log = structlog.get_logger(__name__)


class CollectorService:
    """The router and the pipeline of a worker; does what is due every second.

    `own` is what a collector answers besides its protocols.
    """

    def __init__(
        self, worker: Worker, bodies: BodyReader, on_close: Callable[[], None], own: Sequence[WireProtocol] = ()
    ) -> None:
        self.bodies = bodies
        self.router = Router((*PROTOCOLS, *own), fallback=SATORI)
        self.pipeline = Pipeline(worker)
        self._worker = worker
        self._on_close = on_close
        self._periodic: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin the periodic work; call it inside the running loop."""
        self._periodic = asyncio.get_running_loop().create_task(self._work_periodically())

    async def close(self) -> None:
        """Make durable what was accepted, and let go of everything."""
        if self._periodic is not None:
            self._periodic.cancel()
        # Before the journal's slot is free: who takes it publishes under the same number.
        withdraw(self._worker.counters_directory, self._worker.counters.collector)
        await self._worker.journal.close()
        self._on_close()

    async def _work_periodically(self) -> None:
        while True:
            try:
                self.bodies.end_slow_reads()
                self._worker.directory.refresh()
                self._publish_counters()
            except Exception:  # the task's boundary: without it nothing would ever be due again
                log.exception("periodic work failed")
            await asyncio.sleep(_PERIOD_S)

    def _publish_counters(self) -> None:
        worker = self._worker
        counters = worker.counters.snapshot(worker.journal.is_ready, worker.journal.pending_bytes)
        try:
            publish(worker.counters_directory, counters)
        except OSError as error:  # a full disk must not end the periodic work
            log.warning("counters not published", error=error.strerror)
