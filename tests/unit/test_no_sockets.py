import asyncio
import socket

import pytest


@pytest.mark.parametrize("method", ["connect", "connect_ex", "bind"])
def test_a_unit_test_cannot_reach_a_socket(method: str) -> None:
    with socket.socket() as unconnected, pytest.raises(RuntimeError, match="a unit test uses no sockets"):
        getattr(unconnected, method)(("127.0.0.1", 9))


def test_a_unit_test_cannot_look_up_a_name() -> None:
    with pytest.raises(RuntimeError, match="a unit test uses no sockets"):
        socket.create_connection(("localhost", 9))


def test_a_unit_test_can_run_an_event_loop() -> None:
    async def answer() -> int:
        return await asyncio.to_thread(lambda: 42)

    assert asyncio.run(answer()) == 42
