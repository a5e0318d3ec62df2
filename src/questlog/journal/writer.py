"""Group commit: the records of all requests that arrived during one commit form the next."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

import structlog

from questlog.journal.contract import JournalUnavailable
from questlog.journal.files import Files, OsFiles
from questlog.journal.record import MAX_RECORD_BYTES, RecordTooLarge
from questlog.journal.segment import MAX_SEGMENT
from questlog.journal.segment_log import Group, SegmentLog, open_log
from questlog.model.clock import Clock
from questlog.model.record import Position

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


def open_writer(
    directory: Path,
    clock: Clock,
    *,
    segment_bytes: int,
    max_pending_bytes: int,
    linger_s: float = 0.0,
    retry_s: float = 1.0,
    files: Files | None = None,
) -> "FileJournalWriter":
    """A writer of the journal in `directory`, on its lowest free slot. Call it inside the running loop.

    The first record of a group waits `linger_s` for others, unless a commit is under way: then that is the wait.
    Recovers what the slot's last writer left. A disk that cannot take a segment now makes a writer that is not ready
    and tries again; raises `OSError` only when there can be no slot, `UnknownFormat` when a newer Questlog wrote there.
    """
    if segment_bytes + 2 * max_pending_bytes > MAX_SEGMENT:
        raise ValueError("journal.segment_bytes and collector.max_pending_bytes are too large: a segment ends at 4 GiB")
    log = open_log(directory, OsFiles() if files is None else files, clock, segment_bytes=segment_bytes)
    writer = FileJournalWriter(
        log, asyncio.get_running_loop(), max_pending_bytes=max_pending_bytes, linger_s=linger_s, retry_s=retry_s
    )
    writer.start()
    return writer


class FileJournalWriter:
    """A `JournalWriter` over one slot, for one event loop. Made by `open_writer`.

    A thread of its own does the writing and syncing and knows nothing of asyncio; the loop hands it one job at a time
    and is woken once for each. All state is the loop's.

    After a failed commit nothing is accepted until a new segment has been begun, which is tried every `retry_s`.
    """

    def __init__(
        self,
        log: SegmentLog,
        loop: asyncio.AbstractEventLoop,
        *,
        max_pending_bytes: int,
        linger_s: float,
        retry_s: float,
    ) -> None:
        self._log = log
        self._loop = loop
        self._thread = _JournalThread(loop)
        self._max_pending_bytes = max_pending_bytes
        self._linger_s = linger_s
        self._retry_s = retry_s
        self._retry: asyncio.TimerHandle | None = None
        self._records: list[bytes] = []
        self._futures: list[asyncio.Future[Position]] = []
        self._committing: list[asyncio.Future[Position]] = []
        self._committing_bytes = 0
        self._pending_bytes = 0
        self._is_busy = False
        self._refusal: str | None = None
        self._closed: asyncio.Future[None] | None = None

    @property
    def writer(self) -> int:
        """This writer's number: `Position.writer` of its records."""
        return self._log.writer

    @property
    def is_ready(self) -> bool:
        """Whether the last commit succeeded (or none has been tried)."""
        return self._refusal is None

    @property
    def pending_bytes(self) -> int:
        """How many bytes wait for stable storage."""
        return self._pending_bytes

    def append(self, record: bytes) -> asyncio.Future[Position]:
        """Queue a record for the next group commit; see `JournalWriter`. Raises also `RecordTooLarge`."""
        if self._refusal is not None:
            raise JournalUnavailable(self._refusal)
        size = len(record)
        if size > MAX_RECORD_BYTES:
            raise RecordTooLarge(f"a record of {size} bytes; at most {MAX_RECORD_BYTES}")
        pending_bytes = self._pending_bytes + size
        if pending_bytes > self._max_pending_bytes:
            raise JournalUnavailable("the disk does not keep up: the queue is full")
        self._pending_bytes = pending_bytes
        future: asyncio.Future[Position] = self._loop.create_future()
        self._records.append(record)
        self._futures.append(future)
        if not self._is_busy:
            self._is_busy = True
            # Not at once: other requests may be ready in this turn of the loop, or arrive shortly.
            self._loop.call_later(self._linger_s, self._commit)
        return future

    def start(self) -> None:
        """Begin the first segment."""
        try:
            self._log.start()
        except OSError as error:
            self._refuse(error)

    async def close(self) -> None:
        """Commit what is queued, seal the segment, give the slot back. Nothing can be appended from now on."""
        if self._closed is None:
            self._closed = self._loop.create_future()
            self._refusal = "the journal is closed"
            if self._retry is not None:
                self._retry.cancel()
            if not self._is_busy:
                self._end()
        await asyncio.shield(self._closed)

    def _commit(self) -> None:
        """Hand all that is queued to the thread."""
        records, self._records = self._records, []
        self._committing, self._futures = self._futures, []
        self._committing_bytes = self._pending_bytes
        self._thread.submit(partial(self._log.commit, records), self._committed)

    def _committed(self, outcome: Group | Exception) -> None:
        futures, self._committing = self._committing, []
        self._pending_bytes -= self._committing_bytes
        if isinstance(outcome, Exception):
            self._fail(futures, outcome)
            return
        writer, (segment, offsets) = self._log.writer, outcome
        for future, offset in zip(futures, offsets, strict=True):
            if not future.done():  # a request that was cancelled has given its future up
                future.set_result(Position(writer, segment, offset))
        if self._futures:
            self._commit()
        else:
            self._rest()

    def _fail(self, futures: list[asyncio.Future[Position]], error: Exception) -> None:
        """Refuse the failed group and all that queued up behind it."""
        refused = futures + self._futures
        self._records, self._futures, self._pending_bytes = [], [], 0
        reason = _describe(error)
        for future in refused:
            if not future.done():
                future.set_exception(JournalUnavailable(reason))
        self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        """Accept nothing until `_restart` succeeds."""
        if self._closed is None:
            if self._refusal is None:
                unexpected = None if isinstance(error, OSError) else error
                _log.error("journal unavailable", writer=self.writer, error=_describe(error), exc_info=unexpected)
            self._refusal = _describe(error)
            self._retry = self._loop.call_later(self._retry_s, self._restart)
        self._rest()

    def _restart(self) -> None:
        self._retry, self._is_busy = None, True
        self._thread.submit(self._log.restart, self._restarted)

    def _restarted(self, outcome: Exception | None) -> None:
        if outcome is not None:
            self._refuse(outcome)
            return
        if self._closed is None:
            self._refusal = None
            _log.info("journal available again", writer=self.writer)
        self._rest()

    def _rest(self) -> None:
        """The thread has nothing to do."""
        self._is_busy = False
        if self._closed is not None:
            self._end()

    def _end(self) -> None:
        self._thread.submit(self._log.close, self._ended)
        self._thread.end()

    def _ended(self, outcome: Exception | None) -> None:
        if outcome is not None:  # nothing is lost: the next start looks for the segment's end
            _log.warning("journal segment not sealed", writer=self.writer, error=_describe(outcome))
        if self._closed is not None:
            self._closed.set_result(None)


class _JournalThread:
    """One thread that carries out jobs in order and reports each to the loop. It ends with the process."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        Thread(target=self._run, name="journal", daemon=True).start()

    def submit(self, work: Callable[[], _T], done: Callable[[_T | Exception], None]) -> None:
        """Have `work` carried out, then `done` called in the loop with what it returned or raised."""
        self._jobs.put(partial(self._carry_out, work, done))

    def end(self) -> None:
        """End the thread after the jobs submitted so far."""
        self._jobs.put(None)

    def _run(self) -> None:
        for job in iter(self._jobs.get, None):
            job()

    def _carry_out(self, work: Callable[[], _T], done: Callable[[_T | Exception], None]) -> None:
        outcome: _T | Exception
        try:
            outcome = work()
        except Exception as error:  # noqa: BLE001 - the thread's boundary: whatever is wrong, requests must not wait for ever
            outcome = error
        self._loop.call_soon_threadsafe(done, outcome)


def _describe(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
