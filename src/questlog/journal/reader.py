"""Reading all writers' records back, for the loader."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from questlog.journal.contract import Entry
from questlog.journal.files import Files, OsFiles
from questlog.journal.head import current_boot_id
from questlog.journal.slot import Slot, slot_numbers
from questlog.journal.tail import SlotTail
from questlog.model.record import Position


class FileJournalReader:
    """A `JournalReader` over a journal's directory. For one thread at a time.

    It never returns a byte that is not on stable storage, so that a store built from what it returned never knows of a
    record that a crash takes away. Methods raise `OSError` when the disk cannot be read: it may be readable again
    later, so nothing is passed over for it; and `UnknownFormat` for segments of a newer Questlog.
    """

    def __init__(self, directory: Path, files: Files | None = None, boot_id: bytes | None = None) -> None:
        self._directory = directory
        self._files = OsFiles() if files is None else files
        self._boot_id = current_boot_id() if boot_id is None else boot_id
        self._tails: dict[int, SlotTail] = {}
        self._turn = 0

    def read(self, positions: Mapping[int, Position], max_bytes: int) -> Sequence[Entry]:
        """Records at or after `positions`, of all writers, in each writer's order; see `JournalReader`."""
        self._refresh()
        entries: list[Entry] = []
        at = dict(positions)
        waiting = self._in_turn()
        left = max_bytes
        while waiting and left > 0:
            share = max(1, left // len(waiting))
            still_waiting = []
            for tail in waiting:
                found = tail.read(at.get(tail.writer), share)
                if found:
                    entries += found
                    at[tail.writer] = found[-1].end
                    left -= _size(found)
                    still_waiting.append(tail)
                if left <= 0:
                    break
            waiting = still_waiting
        return entries

    def lag_bytes(self, positions: Mapping[int, Position]) -> int:
        """How many durable bytes after `positions` are still to be read."""
        self._refresh()
        return sum(tail.lag_bytes(positions.get(writer)) for writer, tail in self._tails.items())

    def unread(self, positions: Mapping[int, Position]) -> Mapping[int, Position]:
        """Where the durable records end, of each writer that has some after `positions`."""
        self._refresh()
        return {writer: tail.end for writer, tail in self._tails.items() if tail.lag_bytes(positions.get(writer))}

    def ends(self) -> Mapping[int, Position]:
        """Where the durable records of each writer end."""
        self._refresh()
        return {writer: tail.end for writer, tail in self._tails.items()}

    def expire(self, positions: Mapping[int, Position], keep_s: float, now_us: int) -> int:
        """Delete sealed segments wholly before `positions` that were sealed over `keep_s` ago. Returns how many."""
        self._refresh()
        sealed_before_us = now_us - int(keep_s * 1_000_000)
        return sum(
            tail.expire(positions[writer], sealed_before_us)
            for writer, tail in self._tails.items()
            if writer in positions
        )

    def close(self) -> None:
        """Give all descriptors back."""
        for tail in self._tails.values():
            tail.close()
        self._tails.clear()

    def _refresh(self) -> None:
        """Learn of new writers, and how far each has come."""
        for number in slot_numbers(self._directory, self._files):
            if number not in self._tails:
                self._tails[number] = SlotTail(Slot(self._directory, number, self._files), self._files, self._boot_id)
        for tail in self._tails.values():
            tail.refresh()

    def _in_turn(self) -> list[SlotTail]:
        """All tails; another one is first each time, so that a small `max_bytes` starves nobody."""
        tails = [self._tails[number] for number in sorted(self._tails)]
        if not tails:
            return []
        self._turn = (self._turn + 1) % len(tails)
        return tails[self._turn :] + tails[: self._turn]


def _size(entries: Sequence[Entry]) -> int:
    """The bytes that the entries take in their segments (those of one read lie in one segment)."""
    return entries[-1].end.offset - entries[0].start.offset
