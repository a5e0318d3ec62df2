"""Journals for tests: a clock that stands still, writers and readers of a directory, and what is in it."""

from collections.abc import Sequence
from pathlib import Path

from questlog.journal.contract import Entry
from questlog.journal.files import Files, OsFiles
from questlog.journal.reader import FileJournalReader
from questlog.journal.segment_log import SegmentLog
from questlog.journal.slot import take_slot
from questlog.model.record import Position

BOOT = bytes(range(1, 17))
OTHER_BOOT = bytes(range(2, 18))


class StandingClock:
    """A clock that a test sets."""

    def __init__(self, now_us: int = 1_790_000_000_000_000) -> None:
        self.time_us = now_us

    def now_us(self) -> int:
        """The time set last."""
        return self.time_us


def log_of(
    directory: Path,
    files: Files | None = None,
    *,
    segment_bytes: int = 1_000_000,
    boot_id: bytes = BOOT,
    clock: StandingClock | None = None,
) -> SegmentLog:
    """A started log on the lowest free slot."""
    files = OsFiles() if files is None else files
    slot = take_slot(directory, files)
    log = SegmentLog(slot, files, clock or StandingClock(), segment_bytes=segment_bytes, boot_id=boot_id)
    log.start()
    return log


def die(log: SegmentLog) -> None:
    """End as a killed process does: descriptors are closed, nothing else happens."""
    if log._open is not None:
        log._files.close(log._open.fd)
    log._slot.close()


def reader_of(directory: Path, boot_id: bytes = BOOT) -> FileJournalReader:
    """A reader that thinks it is in the given boot of the machine."""
    return FileJournalReader(directory, boot_id=boot_id)


def entries_of(directory: Path, max_bytes: int = 1_000_000_000, boot_id: bytes = BOOT) -> list[Entry]:
    """Everything that a reader finds, in as many reads as it takes."""
    reader = reader_of(directory, boot_id)
    positions: dict[int, Position] = {}
    found: list[Entry] = []
    try:
        while entries := reader.read(positions, max_bytes):
            found += entries
            positions |= {entry.end.writer: entry.end for entry in entries}
        assert reader.lag_bytes(positions) == 0
    finally:
        reader.close()
    return found


def records_of(directory: Path, max_bytes: int = 1_000_000_000, boot_id: bytes = BOOT) -> list[bytes]:
    """All records that a reader finds."""
    return whole(entries_of(directory, max_bytes, boot_id))


def whole(entries: Sequence[Entry]) -> list[bytes]:
    """The records of entries that have one."""
    return [entry.record for entry in entries if entry.record is not None]
