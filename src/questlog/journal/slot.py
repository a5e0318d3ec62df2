"""A slot: the numbered directory of one writer, with its lock, its head and its segments."""

from pathlib import Path

from questlog.journal.files import Files
from questlog.journal.head import HEAD_BYTES, Head, decode_head, encode_head
from questlog.journal.segment import segment_name, segment_numbers

_HEAD_READS = 3


class Slot:
    """One writer's directory, opened. The process that holds its lock may write in it.

    The lock belongs to the open file: it ends with the process, however that ends. Methods raise `OSError`.
    """

    def __init__(self, journal: Path, number: int, files: Files) -> None:
        self.number = number
        self.directory = journal / str(number)
        self._files = files
        self._lock = files.open_or_create(self.directory / "lock")
        try:
            self._head = files.open_or_create(self.directory / "head")
        except OSError:
            files.close(self._lock)
            raise

    def lock(self) -> bool:
        """Take the slot if nobody has it."""
        return self._files.lock(self._lock)

    def unlock(self) -> None:
        """Give the slot up."""
        self._files.unlock(self._lock)

    def read_head(self) -> Head | None:
        """The durable head; None when it was never written or is damaged."""
        for _ in range(_HEAD_READS):  # a read during a write may see half of it
            head = decode_head(self._files.read_at(self._head, HEAD_BYTES, 0))
            if head is not None:
                return head
        return None

    def write_head(self, head: Head) -> None:
        """Publish the durable head."""
        data = encode_head(head)
        if self._files.write_at(self._head, data, 0) != len(data):
            raise OSError(f"short write of the head of journal writer {self.number}")

    def sync_head(self) -> None:
        """Return when the head, as last published, is on stable storage."""
        self._files.sync(self._head)

    def segments(self) -> list[int]:
        """The numbers of the slot's segments, ascending."""
        return segment_numbers(self._files.list_directory(self.directory))

    def path(self, segment: int) -> Path:
        """Where a segment's file is."""
        return self.directory / segment_name(segment)

    def close(self) -> None:
        """Give back the descriptors, and the lock if it is held."""
        self._files.close(self._head)
        self._files.close(self._lock)


def slot_numbers(journal: Path, files: Files) -> list[int]:
    """The slots that exist, ascending."""
    return sorted(int(name) for name in files.list_directory(journal) if name.isascii() and name.isdigit())


def take_slot(journal: Path, files: Files) -> Slot:
    """The lowest free slot, locked; made when all are taken. Raises `OSError`.

    A restarted process gets a number that has been used before, so that there are never many more writers than were
    running at once.
    """
    number = 0
    while True:
        files.make_directory(journal / str(number))
        slot = Slot(journal, number, files)
        if slot.lock():
            files.sync_directory(slot.directory)
            return slot
        slot.close()
        number += 1
