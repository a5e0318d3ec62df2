"""The way of every request, whichever its protocol."""

from questlog.collector.operation import Received
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
        protocol, operation, item = route
        sender, text = None, request.body
        try:
            sender = operation.authenticate(worker, request, item)
            text = operation.inflate(request, worker.max_inflated_bytes)
            decoded = operation.decode(text, sender)
            reply = await operation.handle(worker, Received(request, text), sender, decoded)
        except RequestRejected as rejection:
            if sender is not None and operation.source is not None:
                worker.rejected_requests.keep(rejection, operation.source, sender, worker.clock.now_us(), text)
            return self.rejected(route, rejection)
        except JournalUnavailable as error:
            return self.rejected(route, RequestRejected(Reason.JOURNAL_UNAVAILABLE, str(error)))
        except ControlUnavailable:
            detail = "The control database is not available"
            return self.rejected(route, RequestRejected(Reason.OVERLOADED, detail))
        worker.counters.count_request(protocol.name, reply.status)
        return reply

    def rejected(self, route: Route, rejection: RequestRejected) -> Reply:
        """The answer to a request that is not taken; also to one whose body could not be read."""
        reply = route.protocol.rejected(rejection)
        self._worker.counters.count_rejected(rejection.reason)
        self._worker.counters.count_request(route.protocol.name, reply.status)
        return reply

    def failed(self, route: Route) -> Reply:
        """The answer to a fault of ours."""
        reply = route.protocol.fault
        self._worker.counters.count_request(route.protocol.name, reply.status)
        return reply
