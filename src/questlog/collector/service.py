"""A collector: two protocols on one port."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from questlog.collector.counters import publish, withdraw
from questlog.collector.gameanalytics import GameAnalyticsService
from questlog.collector.limits import BodyReader
from questlog.collector.local import is_local
from questlog.collector.parts import Parts
from questlog.collector.satori import SatoriService
from questlog.control.errors import ControlUnavailable
from questlog.model.exchange import Reply, Request
from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.gameanalytics.routes import route as gameanalytics_route
from questlog.protocols.satori import replies as satori_replies
from questlog.protocols.satori.routes import route as satori_route

_PERIOD_S = 1.0
_METRICS_PATH = "/metrics"

CheckToken = Callable[[str], str | None]
"""The name of a token of the HTTP API that may be used; None for any other text."""

log = structlog.get_logger(__name__)


class CollectorService:
    """Sends a request to the protocol whose path it has; does what is due every second."""

    def __init__(
        self,
        parts: Parts,
        gameanalytics: GameAnalyticsService,
        satori: SatoriService,
        bodies: BodyReader,
        counters_directory: Path,
        check_token: CheckToken,
        on_close: Callable[[], None],
    ) -> None:
        self.bodies = bodies
        self._parts = parts
        self._gameanalytics = gameanalytics
        self._satori = satori
        self._counters_directory = counters_directory
        self._check_token = check_token
        self._on_close = on_close
        self._periodic: asyncio.Task[None] | None = None

    async def handle(self, request: Request) -> Reply:
        """The answer to a request whose body has been read."""
        request = _with_one_path(request)
        try:
            found = gameanalytics_route(request.method, request.path, request.query)
            if request.path == _METRICS_PATH:
                reply = await self._metrics(request)
            elif found is not None:
                reply = await self._gameanalytics.handle(request, found)
            elif (satori := satori_route(request.method, request.path)) is not None:
                reply = await self._satori.handle(request, satori)
            else:
                reply = self._satori.rejected(RequestRejected(Reason.UNKNOWN_ROUTE, "Not Found"))
        except RequestRejected as rejection:  # a known path with a method it does not have
            return self.rejected(request, rejection)
        return self._counted(request, reply)

    async def _metrics(self, request: Request) -> Reply:
        """Prometheus text for a scraper with a token, or on this machine if no proxy speaks for it."""
        loop = asyncio.get_running_loop()
        if not is_local(request.client_address, request.headers):
            token = (request.headers.get("authorization") or "").removeprefix("Bearer ")
            try:
                name = await loop.run_in_executor(None, self._check_token, token)
            except ControlUnavailable:
                raise RequestRejected(Reason.OVERLOADED, "the control database is not available") from None
            if name is None:
                raise RequestRejected(Reason.UNAUTHENTICATED, "a token is required: Authorization: Bearer <token>")
        # Imported when it is first asked for: most collectors never are, and it costs them memory.
        from questlog.collector.metrics import TEXT_FORMAT, metrics_text  # noqa: PLC0415

        now_us = self._parts.clock.now_us()
        text = await loop.run_in_executor(None, metrics_text, self._counters_directory, now_us)
        return Reply(200, text, (("content-type", TEXT_FORMAT),))

    def rejected(self, request: Request, rejection: RequestRejected) -> Reply:
        """The answer to a request that was rejected before it reached its protocol."""
        request = _with_one_path(request)
        protocol = self._gameanalytics if _is_gameanalytics(request.path) else self._satori
        return self._counted(request, protocol.rejected(rejection))

    def failed(self, request: Request) -> Reply:
        """The answer to a fault of ours."""
        request = _with_one_path(request)
        if _is_gameanalytics(request.path):
            return self.rejected(request, RequestRejected(Reason.OVERLOADED, ""))
        return self._counted(request, satori_replies.INTERNAL)

    def _counted(self, request: Request, reply: Reply) -> Reply:
        self._parts.counters.count_request(_protocol_of(request.path), reply.status)
        return reply

    def start(self) -> None:
        """Begin the periodic work; call it inside the running loop."""
        self._periodic = asyncio.get_running_loop().create_task(self._work_periodically())

    async def close(self) -> None:
        """Make durable what was accepted, and let go of everything."""
        if self._periodic is not None:
            self._periodic.cancel()
        # Before the journal's slot is free: who takes it publishes under the same number.
        withdraw(self._counters_directory, self._parts.counters.collector)
        await self._parts.journal.close()
        self._on_close()

    async def _work_periodically(self) -> None:
        while True:
            try:
                self.bodies.end_slow_reads()
                self._parts.directory.refresh()
                self._publish_counters()
            except Exception:  # the task's boundary: without it nothing would ever be due again
                log.exception("periodic work failed")
            await asyncio.sleep(_PERIOD_S)

    def _publish_counters(self) -> None:
        journal = self._parts.journal
        try:
            publish(self._counters_directory, self._parts.counters.snapshot(journal.is_ready, journal.pending_bytes))
        except OSError as error:  # a full disk must not end the periodic work
            log.warning("counters not published", error=error.strerror)


def _with_one_path(request: Request) -> Request:
    """Without the repeated and trailing slashes that come of putting an address together: `//v1/event/`."""
    path = request.path
    if "//" not in path and not path.endswith("/"):
        return request
    return request._replace(path="/" + "/".join(filter(None, path.split("/"))))


def _is_gameanalytics(path: str) -> bool:
    return path.startswith(("/v2/", "/remote_configs/"))


def _protocol_of(path: str) -> str:
    return "gameanalytics" if _is_gameanalytics(path) else "satori"
