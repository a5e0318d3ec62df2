"""Finding the end of a slot whose writer is gone, and making it final."""

from questlog.journal.files import Files
from questlog.journal.head import NO_BOOT_ID, Head
from questlog.journal.segment import HEADER_BYTES, read_header, read_stretches
from questlog.journal.slot import Slot

_CHUNK_BYTES = 8 * 1024 * 1024


def recover(slot: Slot, files: Files, boot_id: bytes) -> Head:
    """Cut what no writer acknowledged off the slot's end; returns (and publishes) the head, now clean.

    The caller holds the slot's lock. Raises `OSError` when the end cannot be made durable, `UnknownFormat`.

    In the boot of the machine in which the head was written, the head is exact: what lies after it was never
    acknowledged, its sender was told so or saw the connection break and sends it again, and it is cut. After another
    boot the head may be behind: then everything up to the last whole record stays.
    """
    head = slot.read_head()
    if head is not None and head.is_clean:
        return head
    if head is not None and head.boot_id == boot_id != NO_BOOT_ID:
        segment, end = head.segment, head.offset
    else:
        segment, end = _find_end(slot, files, head)
    _cut(slot, files, segment, end)
    recovered = Head(segment, end, is_clean=True, boot_id=boot_id)
    slot.write_head(recovered)
    slot.sync_head()
    return recovered


def _find_end(slot: Slot, files: Files, head: Head | None) -> tuple[int, int]:
    """The last segment that was begun, and the end of its last whole record.

    A segment's header is synced before anything in it is acknowledged: one without a header and without more is void.
    """
    known = (head.segment, head.offset) if head is not None else (0, 0)
    for segment in reversed(slot.segments()):
        if segment < known[0]:
            break
        fd = files.open(slot.path(segment))
        try:
            header, size = read_header(files, fd), files.size(fd)
            start = known[1] if segment == known[0] else HEADER_BYTES
            if header is not None:
                return segment, _last_record_end(files, fd, header.marker, start, size)
            if size > HEADER_BYTES:  # damage: readers will report it whole
                return segment, max(start, size)
        finally:
            files.close(fd)
    return known


def _last_record_end(files: Files, fd: int, marker: bytes, start: int, size: int) -> int:
    """The end of the last whole record before `size`; `start` without a record after it."""
    end = at = start
    while at < size:
        for stretch in read_stretches(files, fd, marker, at, size, _CHUNK_BYTES):
            at = stretch.end
            if stretch.record is not None:
                end = stretch.end
    return end


def _cut(slot: Slot, files: Files, segment: int, end: int) -> None:
    """Make `end` of `segment` the slot's end on stable storage."""
    segments = slot.segments()
    for void in segments:
        if void > segment:
            files.remove(slot.path(void))
    if segment in segments:
        fd = files.open(slot.path(segment))
        try:
            if files.size(fd) > end:
                files.truncate(fd, end)
            files.sync(fd)
        finally:
            files.close(fd)
    files.sync_directory(slot.directory)
