"""What a protocol can be asked: each operation is an entry of its protocol's table."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from questlog.collector.worker import Worker
from questlog.model.event import Source
from questlog.model.exchange import Reply, Request
from questlog.model.reasons import Reason, RequestRejected
from questlog.protocols.inflate import inflate

Sender = TypeVar("Sender")
Decoded = TypeVar("Decoded")

Authenticate = Callable[[Worker, Request, str], Sender]
"""(worker, request, the item that its path names) -> who sent it. Raises `RequestRejected`."""


class Received(NamedTuple):
    """A request, its body without the content coding, and what that was (empty: none)."""

    request: Request
    text: bytes
    content_coding: str = ""

    @property
    def size(self) -> int:
        """Bytes that it holds in memory."""
        return max(len(self.text), len(self.request.body))


Inflate = Callable[[Request, int], Received]
"""(request, greatest size) -> the request with its body inflated. Raises `RequestRejected`."""


def required_body(request: Request, max_bytes: int) -> Received:
    """The body, of an operation that always has one."""
    content_coding = request.headers.get("content-encoding") or ""
    return Received(request, inflate(request.body, content_coding, max_bytes), content_coding)


def optional_body(request: Request, max_bytes: int) -> Received:
    """The body; an empty one is empty, whatever its content coding is said to be."""
    return required_body(request, max_bytes) if request.body else Received(request, b"")


def no_body(request: Request, _max_bytes: int) -> Received:
    """Nothing: the body is not looked at."""
    return Received(request, b"")


@dataclass(frozen=True, slots=True)
class Operation(Generic[Sender, Decoded]):
    """One thing that a protocol can be asked.

    `methods` are separated by spaces. `path` may have one `{}`, a part without slashes: its item, such as a game key.
    `authenticate` says who sent the request, `decode` makes a checked value of its inflated body, and `handle` does
    what was asked: it journals, waits for the group commit, and answers. Each of the three may raise `RequestRejected`.
    With a `source`, a request whose body cannot be read is kept among the rejected ones of that source.
    """

    name: str
    methods: str
    path: str
    authenticate: Authenticate[Sender]
    decode: Callable[[bytes, Sender], Decoded]
    handle: Callable[[Worker, Received, Sender, Decoded], Awaitable[Reply]]
    inflate: Inflate = required_body
    source: Source | None = None


AnyOperation = Operation[Any, Any]


@dataclass(frozen=True, slots=True)
class WireProtocol:
    """A protocol's operations, and its words for what is not taken.

    `name` is the counter's. `rejected` is the one place where a reason becomes an answer; `fault` answers a fault of
    ours, such that clients keep their data. `preflight` answers OPTIONS, if the protocol allows it; `wrong_method` is
    the detail of a METHOD_NOT_ALLOWED, with the place of `{path}`.
    """

    name: str
    operations: tuple[AnyOperation, ...]
    rejected: Callable[[RequestRejected], Reply]
    fault: Reply
    preflight: Reply | None
    wrong_method: str


def anyone(_worker: Worker, _request: Request, _item: str) -> None:
    """No authentication."""


def nothing(_text: bytes, _sender: object = None) -> None:
    """No body to decode."""


def always(reply: Reply) -> Callable[[Worker, Received, object, object], Awaitable[Reply]]:
    """The same answer to every request."""

    async def handle(_worker: Worker, _received: Received, _sender: object, _decoded: object) -> Reply:
        return reply

    return handle


def rejecting(reason: Reason, detail: str) -> Operation[None, None]:
    """What is asked for by a path or a method that no operation has."""

    def reject(_worker: Worker, _request: Request, _item: str) -> None:
        raise RequestRejected(reason, detail)

    return Operation(reason, "", "", reject, nothing, always(Reply(500, b"", ())), no_body)
