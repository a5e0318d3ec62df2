"""What a journal promises, whatever it is kept in."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from questlog.model.record import Position


class JournalUnavailable(Exception):
    """The record is not on stable storage and will not be: do not acknowledge it."""


class JournalWriter(Protocol):
    """One process's end of the journal. Used from one event loop."""

    def append(self, record: bytes) -> asyncio.Future[Position]:
        """Queue a record for the next group commit.

        The future's result is where the record starts, once it is on stable storage; its exception is
        `JournalUnavailable`. Raises `JournalUnavailable` at once while the journal is failing or its queue is full.
        """
        ...

    @property
    def pending_bytes(self) -> int:
        """How many bytes wait for stable storage."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether the last commit succeeded (or none has been tried)."""
        ...

    async def close(self) -> None:
        """Commit what is queued, then seal the segment."""
        ...


class Entry(NamedTuple):
    """A record as read back: where it starts, where the next one starts, its bytes.

    `record` is None for a stretch of bytes that holds no readable record (damage in the middle of a segment).
    """

    start: Position
    end: Position
    record: bytes | None


class JournalReader(Protocol):
    """The loader's end: every record once, in each writer's order."""

    def read(self, positions: Mapping[int, Position], max_bytes: int) -> Sequence[Entry]:
        """Records at or after `positions` (by writer; a writer without one is read from its start), of all writers.

        Returns about `max_bytes` at most, taking turns between writers; empty when there is nothing new. Only what is
        on stable storage is returned.
        """
        ...

    def lag_bytes(self, positions: Mapping[int, Position]) -> int:
        """How many bytes after `positions` are still to be read."""
        ...

    def unread(self, positions: Mapping[int, Position]) -> Mapping[int, Position]:
        """Where the durable records end, of each writer that has some after `positions`."""
        ...

    def expire(self, positions: Mapping[int, Position], keep_s: float, now_us: int) -> int:
        """Delete sealed segments that lie wholly before `positions` and are older than `keep_s`. Returns how many."""
        ...
