"""`/metrics` on the port that games use, where `collector.metrics` is set."""

import asyncio

from questlog.collector.local import is_local
from questlog.collector.operation import Operation, Received, WireProtocol, anyone, no_body, nothing
from questlog.collector.worker import Worker
from questlog.control.errors import ControlUnavailable
from questlog.model.exchange import Reply, Request
from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.satori import replies


async def _send_metrics(worker: Worker, received: Received, _sender: None, _asked: None) -> Reply:
    """Prometheus text for a scraper with a token, or on this machine if no proxy speaks for it."""
    await _check_scraper(worker, received.request)
    # Imported when it is first asked for: most collectors never are, and it costs them memory.
    from questlog.collector.metrics import TEXT_FORMAT, metrics_text  # noqa: PLC0415

    now_us = worker.clock.now_us()
    loop = asyncio.get_running_loop()
    text = await loop.run_in_executor(None, metrics_text, worker.counters_directory, now_us)
    return Reply(200, text, (("content-type", TEXT_FORMAT),))


async def _check_scraper(worker: Worker, request: Request) -> None:
    if is_local(request.client_address, request.headers):
        return
    token = (request.headers.get("authorization") or "").removeprefix("Bearer ")
    try:
        name = await asyncio.get_running_loop().run_in_executor(None, worker.check_token, token)
    except ControlUnavailable:
        raise RequestRejected(Reason.OVERLOADED, "the control database is not available") from None
    if name is None:
        raise RequestRejected(Reason.UNAUTHENTICATED, "a token is required: Authorization: Bearer <token>")


OWN = WireProtocol(
    name="questlog",
    operations=(Operation("metrics", "GET HEAD", "/metrics", anyone, nothing, _send_metrics, no_body),),
    rejected=replies.rejected,
    fault=replies.FAULT,
    preflight=None,
    wrong_method="use GET for {path}",
)
"""What is asked of a collector in no protocol's words; answered as Satori does."""
