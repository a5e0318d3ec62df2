import asyncio

from questlog.console.disconnects import gone_when_disconnected, stopped_when_gone
from questlog.store.contract import Cancellation, QueryAborted


class Connection:
    """A client that goes away when told."""

    def __init__(self) -> None:
        self.is_gone = asyncio.Event()
        self.messages = 1

    async def receive(self) -> dict[str, object]:
        if self.messages:
            self.messages -= 1
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.is_gone.wait()
        return {"type": "http.disconnect"}


def is_cancelled(cancellation: Cancellation) -> bool:
    try:
        with cancellation.stopping(lambda: None):
            return False
    except QueryAborted:
        return True


def test_a_question_is_stopped_when_its_asker_goes_away() -> None:
    async def ask() -> tuple[bool, bool]:
        connection, cancellation = Connection(), Cancellation()
        async with stopped_when_gone(gone_when_disconnected(connection.receive), cancellation):
            await asyncio.sleep(0)
            before = is_cancelled(cancellation)
            connection.is_gone.set()
            await asyncio.sleep(0.01)
            return before, is_cancelled(cancellation)

    assert asyncio.run(ask()) == (False, True)


def test_who_stays_is_answered_and_nothing_goes_on_waiting() -> None:
    async def ask() -> tuple[bool, int]:
        connection, cancellation = Connection(), Cancellation()
        async with stopped_when_gone(gone_when_disconnected(connection.receive), cancellation):
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        return is_cancelled(cancellation), len(asyncio.all_tasks())

    assert asyncio.run(ask()) == (False, 1)
