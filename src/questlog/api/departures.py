"""Notices that whoever asked has gone away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar.types import Receive

from questlog.store.contract import Cancellation


@asynccontextmanager
async def stopped_when_gone(receive: Receive, cancellation: Cancellation) -> AsyncIterator[None]:
    """Cancel when the connection ends inside. The request's body must have been read."""

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        cancellation.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
