"""The collector behind Granian's RSGI interface: the only module that knows the HTTP server."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog
from granian.rsgi import HTTPProtocol, ProtocolClosed, ProtocolError, Scope

from questlog.collector.limits import BodyReader
from questlog.model.exchange import Reply, Request
from questlog.model.reasons import Reason, RequestRejected

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})

log = structlog.get_logger(__name__)


class Service(Protocol):
    """What answers requests."""

    bodies: BodyReader

    async def handle(self, request: Request) -> Reply:
        """The answer; never raises but for a fault of ours."""
        ...

    def rejected(self, request: Request, rejection: RequestRejected) -> Reply:
        """The answer to a request whose body was not read."""
        ...

    def failed(self, request: Request) -> Reply:
        """The answer to a fault of ours: such that clients keep their data."""
        ...

    def start(self) -> None:
        """Begin periodic work on the running loop."""
        ...

    async def close(self) -> None:
        """Finish what was accepted."""
        ...


class CollectorApp:
    """One worker's application. `build` is called once the worker's event loop exists."""

    def __init__(self, build: Callable[[asyncio.AbstractEventLoop], Service]) -> None:
        self._build = build
        self._service: Service

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._service = self._build(loop)
        loop.call_soon(self._service.start)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(self._service.close())

    async def __rsgi__(self, scope: Scope, proto: HTTPProtocol) -> None:
        service, body = self._service, b""
        try:
            if scope.method not in _BODILESS:
                body = await service.bodies.read(proto, scope.headers.get("content-length"))
            reply = await service.handle(_request(scope, body))
        except RequestRejected as rejection:
            reply = service.rejected(_request(scope), rejection)
        except (ProtocolClosed, ProtocolError):  # the client has gone, or has closed its sending half and still listens
            reply = service.rejected(_request(scope), RequestRejected(Reason.BODY_INCOMPLETE, "the body ended early"))
        except Exception:
            log.exception("request failed", method=scope.method)
            reply = service.failed(_request(scope))
        proto.response_bytes(reply.status, reply.headers, reply.body)  # type: ignore[arg-type]  # any sequence will do


def _request(scope: Scope, body: bytes = b"") -> Request:
    client_address = scope.client.rpartition(":")[0].strip("[]")
    return Request(scope.method, scope.path, scope.query_string, scope.headers, body, client_address)
