"""The collector behind Granian's RSGI interface: the only module that knows the HTTP server."""

import asyncio
from collections.abc import Callable

import structlog
from granian.rsgi import HTTPProtocol, ProtocolClosed, ProtocolError, Scope

from questlog.collector.service import CollectorService
from questlog.model.exchange import Request
from questlog.model.reasons import Reason, RequestRejected

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})

log = structlog.get_logger(__name__)


class CollectorApp:
    """One worker's application. `build` is called once the worker's event loop exists."""

    def __init__(self, build: Callable[[asyncio.AbstractEventLoop], CollectorService]) -> None:
        self._build = build
        self._service: CollectorService

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._service = self._build(loop)
        loop.call_soon(self._service.start)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(self._service.close())

    async def __rsgi__(self, scope: Scope, proto: HTTPProtocol) -> None:
        service = self._service
        pipeline, route = service.pipeline, service.router.route(scope.method, scope.path)
        try:
            body = b""
            if scope.method not in _BODILESS:
                body = await service.bodies.read(proto, scope.headers.get("content-length"))
            reply = await pipeline.answer(_request(scope, body), route)
        except RequestRejected as rejection:
            reply = pipeline.rejected(route, rejection)
        except (ProtocolClosed, ProtocolError):  # the client has gone, or has closed its sending half and still listens
            reply = pipeline.rejected(route, RequestRejected(Reason.BODY_INCOMPLETE, "the body ended early"))
        except Exception:
            log.exception("request failed", method=scope.method)
            reply = pipeline.failed(route)
        proto.response_bytes(reply.status, reply.headers, reply.body)  # type: ignore[arg-type]  # any sequence will do


def _request(scope: Scope, body: bytes) -> Request:
    client_address = scope.client.rpartition(":")[0].strip("[]")
    return Request(scope.method, scope.path, scope.query_string, scope.headers, body, client_address)
