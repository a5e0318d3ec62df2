"""The way of every request, whichever its protocol."""

from time import perf_counter

from questlog.collector.routing import Route
from questlog.collector.worker import Worker
from questlog.control.errors import ControlUnavailable
from questlog.journal.contract import JournalUnavailable
from questlog.model.exchange import Reply, Request
from questlog.model.reasons import Reason, RequestRejected


class Pipeline:
    """Authenticate, inflate, decode and validate, then handle: journal, wait for the group commit, reply."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def answer(self, request: Request, route: Route) -> Reply:
        """The answer to a request whose body has been read; raises for a fault of ours alone."""
        worker = self._worker
        _, operation, item = route
        sender, received, began_s = None, None, perf_counter()
        try:
            sender = operation.authenticate(worker, request, item)
            received = operation.inflate(request, worker.max_inflated_bytes)
            decoded = operation.decode(received.text, sender)
            reply = await operation.handle(worker, received, sender, decoded)
        except RequestRejected as rejection:
            if sender is not None and operation.source is not None:
                body = request.body if received is None else received.text
                worker.rejected_requests.keep(rejection, operation.source, sender, worker.clock.now_us(), body)
            return self.rejected(route, rejection, began_s)
        except JournalUnavailable as error:
            return self.rejected(route, RequestRejected(Reason.JOURNAL_UNAVAILABLE, str(error)), began_s)
        except ControlUnavailable:
            detail = "The control database is not available"
            return self.rejected(route, RequestRejected(Reason.OVERLOADED, detail), began_s)
        return self._counted(route, reply, began_s)

    def rejected(self, route: Route, rejection: RequestRejected, began_s: float | None = None) -> Reply:
        """The answer to a request that is not taken; without `began_s`, to one whose body could not be read."""
        self._worker.counters.count_rejected(rejection.reason)
        return self._counted(route, route.protocol.rejected(rejection), began_s)

    def failed(self, route: Route) -> Reply:
        """The answer to a fault of ours."""
        return self._counted(route, route.protocol.fault, None)

    def _counted(self, route: Route, reply: Reply, began_s: float | None) -> Reply:
        took_s = 0.0 if began_s is None else perf_counter() - began_s
        self._worker.counters.count_request(route.protocol.name, route.operation.name, reply.status, took_s)
        return reply
