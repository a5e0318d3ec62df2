"""HTTP as bytes over a socket: what no well-behaved client library would send."""

import contextlib
import socket
from collections.abc import Iterator
from typing import NamedTuple


class RawAnswer(NamedTuple):
    """One answer as it came; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@contextlib.contextmanager
def connected(port: int, timeout_s: float = 10) -> Iterator[socket.socket]:
    """A connection that is closed at the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as connection:
        yield connection


def exchange(port: int, sent: bytes, timeout_s: float = 10, *, is_finished: bool = False) -> list[RawAnswer]:
    """Send bytes on a connection of their own, and read answers until the server closes it or `timeout_s` passes.

    With `is_finished` the sending half is closed first. An empty list: the connection was closed without an answer.
    """
    with connected(port, timeout_s) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(sent)
            if is_finished:
                connection.shutdown(socket.SHUT_WR)
        return answers_in(read_all(connection))


def read_all(connection: socket.socket) -> bytes:
    """Everything until the end of the connection or its timeout."""
    received = b""
    with contextlib.suppress(TimeoutError, ConnectionResetError):
        while piece := connection.recv(65_536):
            received += piece
    return received


def answers_in(received: bytes) -> list[RawAnswer]:
    """The answers in what a server sent; interim ones (1xx) too. Raises `ValueError` where it is no HTTP."""
    answers = []
    while received:
        head, separator, rest = received.partition(b"\r\n\r\n")
        if not separator:
            raise ValueError(f"not a whole head: {received[:200]!r}")
        line, *fields = head.decode("latin-1").split("\r\n")
        version, status = line.split(" ", 2)[:2]
        if not version.startswith("HTTP/1."):
            raise ValueError(f"no HTTP: {line!r}")
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
        size = int(headers.get("content-length", "0"))
        answers.append(RawAnswer(int(status), headers, rest[:size]))
        received = rest[size:]
    return answers
