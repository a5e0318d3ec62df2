"""HTTP as values: what a request says and what is answered, without a server."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

HeaderList = Sequence[tuple[str, str]]


class RequestHeaders(Protocol):
    """Headers by lower-case name; of a repeated one, any."""

    def get(self, key: str, default: str | None = None) -> str | None:
        """The header's value, or `default`."""
        ...


class Request(NamedTuple):
    """A request whose body has been read whole, as sent (still compressed).

    `client_address` is the address of the other end of the connection, without its port.
    """

    method: str
    path: str
    query: str
    headers: RequestHeaders
    body: bytes
    client_address: str


class Reply(NamedTuple):
    """An answer; the server adds the length and the date."""

    status: int
    body: bytes
    headers: HeaderList
