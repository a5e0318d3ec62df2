"""What holds for every unit test: it talks to nobody."""

import socket
from typing import NoReturn

import pytest


class SocketInUnitTest(RuntimeError):
    """A unit test tried to reach something outside its process."""


def _refuse(*arguments: object) -> NoReturn:
    raise SocketInUnitTest(f"a unit test uses no sockets; this one asked for {arguments[1:]}")


@pytest.fixture(autouse=True)
def _no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuses connecting, binding and name look-ups. An event loop's own socket pair does none of them."""
    for method in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, method, _refuse)
    monkeypatch.setattr(socket, "getaddrinfo", _refuse)
