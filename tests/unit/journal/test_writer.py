import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from questlog.journal.contract import JournalUnavailable, JournalWriter
from questlog.journal.record import MAX_RECORD_BYTES, RecordTooLarge
from questlog.journal.writer import FileJournalWriter, open_writer
from questlog.model.record import Position
from tests.support.failing_files import FailingFiles
from tests.support.journals import StandingClock, entries_of, records_of

RETRY_S = 0.02


def writer_of(
    directory: Path, files: FailingFiles | None = None, *, max_pending_bytes: int = 10_000_000
) -> FileJournalWriter:
    return open_writer(
        directory,
        StandingClock(),
        segment_bytes=100_000,
        max_pending_bytes=max_pending_bytes,
        retry_s=RETRY_S,
        files=files,
    )


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 20))


async def outcome(append: Awaitable[Position]) -> str:
    try:
        await append
    except JournalUnavailable as error:
        return str(error)
    return "stored"


async def until_ready(writer: JournalWriter) -> None:
    for _ in range(1000):
        if writer.is_ready:
            return
        await asyncio.sleep(RETRY_S / 4)
    pytest.fail("the writer is not ready")


def test_an_appended_record_is_durable_and_where_the_future_says(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer: JournalWriter = writer_of(tmp_path)
        positions = await asyncio.gather(*(writer.append(f"record {number}".encode()) for number in range(300)))
        found = entries_of(tmp_path)
        assert [entry.record for entry in found] == [f"record {number}".encode() for number in range(300)]
        assert [entry.start for entry in found] == positions
        await writer.close()

    run(scenario)


def test_records_that_arrive_during_a_commit_share_the_next(tmp_path: Path) -> None:
    async def scenario() -> None:
        files = FailingFiles()
        writer = writer_of(tmp_path, files)
        before = files.syncs
        await asyncio.gather(*(writer.append(b"x") for _ in range(100)))
        assert files.syncs == before + 1
        await writer.close()

    run(scenario)


def test_a_cancelled_request_does_not_hurt_its_group(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = writer_of(tmp_path)
        futures = [writer.append(str(number).encode()) for number in range(10)]
        futures[3].cancel()
        await asyncio.sleep(0)
        futures[5].cancel()
        done = await asyncio.gather(*futures, return_exceptions=True)
        assert [isinstance(result, Position) for result in done] == [number not in {3, 5} for number in range(10)]
        assert len(records_of(tmp_path)) == 10
        await writer.close()

    run(scenario)


def test_a_full_queue_refuses_at_once_and_takes_more_when_it_has_drained(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = writer_of(tmp_path, max_pending_bytes=1000)
        futures = [writer.append(b"x" * 400) for _ in range(2)]
        with pytest.raises(JournalUnavailable, match="queue is full"):
            writer.append(b"x" * 400)
        assert writer.pending_bytes == 800
        assert writer.is_ready
        await asyncio.gather(*futures)
        assert writer.pending_bytes == 0
        await writer.append(b"x" * 400)
        await writer.close()

    run(scenario)


def test_a_record_over_the_limit_is_refused_and_the_next_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = writer_of(tmp_path)
        with pytest.raises(RecordTooLarge):
            writer.append(bytes(MAX_RECORD_BYTES + 1))
        await writer.append(bytes(MAX_RECORD_BYTES))
        assert [len(record) for record in records_of(tmp_path)] == [MAX_RECORD_BYTES]
        await writer.close()

    run(scenario)


@pytest.mark.parametrize("broken", ["space", "sync", "head"])
def test_a_failed_commit_refuses_its_records_and_those_behind_until_the_disk_works_again(
    tmp_path: Path, broken: str
) -> None:
    async def scenario() -> None:
        files = FailingFiles()
        writer = writer_of(tmp_path, files)
        assert await outcome(writer.append(b"before")) == "stored"
        files.space_bytes = 10 if broken == "space" else None
        files.is_sync_broken = broken == "sync"
        files.is_head_broken = broken == "head"
        first = writer.append(b"refused")
        await asyncio.sleep(0)  # the commit has begun
        behind = writer.append(b"refused behind")
        assert {await outcome(first), await outcome(behind)} <= {"No space left on device", "Input/output error"}
        assert not writer.is_ready
        assert writer.pending_bytes == 0
        with pytest.raises(JournalUnavailable):
            writer.append(b"refused at once")
        await asyncio.sleep(3 * RETRY_S)
        assert not writer.is_ready
        files.space_bytes, files.is_sync_broken, files.is_head_broken = None, False, False
        await until_ready(writer)
        assert await outcome(writer.append(b"after")) == "stored"
        assert records_of(tmp_path) == [b"before", b"after"]
        await writer.close()

    run(scenario)


def test_a_disk_that_fails_at_the_start_makes_a_writer_that_is_not_ready_yet(tmp_path: Path) -> None:
    async def scenario() -> None:
        files = FailingFiles()
        files.is_create_broken = True
        writer = writer_of(tmp_path, files)
        assert not writer.is_ready
        with pytest.raises(JournalUnavailable, match="Input/output error"):
            writer.append(b"refused")
        files.is_create_broken = False
        await until_ready(writer)
        await writer.append(b"taken")
        assert records_of(tmp_path) == [b"taken"]
        await writer.close()

    run(scenario)


def test_closing_commits_what_is_queued_and_frees_the_slot(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = writer_of(tmp_path)
        futures = [writer.append(str(number).encode()) for number in range(10)]
        await writer.close()
        assert all(future.done() and future.exception() is None for future in futures)
        assert not writer.is_ready
        with pytest.raises(JournalUnavailable, match="closed"):
            writer.append(b"late")
        await writer.close()
        again = writer_of(tmp_path)
        assert again.writer == writer.writer == 0
        await again.close()
        assert records_of(tmp_path) == [str(number).encode() for number in range(10)]

    run(scenario)


@pytest.mark.parametrize("wait_s", [0, RETRY_S * 3])
def test_a_failing_journal_can_be_closed(tmp_path: Path, wait_s: float) -> None:
    async def scenario() -> None:
        files = FailingFiles()
        writer = writer_of(tmp_path, files)
        files.is_sync_broken = True
        failing = writer.append(b"refused")
        if wait_s:
            await asyncio.sleep(wait_s)
        await writer.close()
        assert await outcome(failing) == "Input/output error"
        again = writer_of(tmp_path)
        assert again.writer == 0
        await again.close()

    run(scenario)


class ForgetfulFiles(FailingFiles):
    """Files for which memory runs out in the middle of a write."""

    def __init__(self) -> None:
        super().__init__()
        self.is_out_of_memory = False

    def write(self, fd: int, data: bytes) -> int:
        if self.is_out_of_memory:
            super().write(fd, data[:10])
            raise MemoryError
        return super().write(fd, data)


def test_a_failure_that_is_not_the_disks_is_a_failed_commit_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        files = ForgetfulFiles()
        writer = writer_of(tmp_path, files)
        await writer.append(b"before")
        files.is_out_of_memory = True
        assert await outcome(writer.append(b"refused")) == "MemoryError"
        assert not writer.is_ready
        files.is_out_of_memory = False
        await until_ready(writer)
        await writer.append(b"after")
        assert records_of(tmp_path) == [b"before", b"after"]
        await writer.close()

    run(scenario)


def test_sizes_that_a_head_cannot_hold_are_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        with pytest.raises(ValueError, match="4 GiB"):
            open_writer(tmp_path, StandingClock(), segment_bytes=2**32, max_pending_bytes=1)

    run(scenario)
