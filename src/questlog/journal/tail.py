"""Reading one slot's durable records, from segment to segment."""

from bisect import bisect_left, bisect_right
from typing import NamedTuple

import structlog

from questlog.journal.contract import Entry
from questlog.journal.files import Files
from questlog.journal.head import Head
from questlog.journal.recovery import recover
from questlog.journal.segment import HEADER_BYTES, Header, read_header, read_stretches
from questlog.journal.slot import Slot
from questlog.model.record import Position

_log = structlog.get_logger(__name__)
_NOTHING = Head(0, 0, is_clean=False, boot_id=b"")


class _OpenSegment(NamedTuple):
    number: int
    fd: int
    header: Header | None


class SlotTail:
    """What a reader knows of one slot. Methods raise `OSError` and `UnknownFormat`.

    A place is a segment and an offset in it. Below the head's segment all are sealed, and a sealed segment ends where
    its successor's header says; the head's own ends at the head's offset.
    """

    def __init__(self, slot: Slot, files: Files, boot_id: bytes) -> None:
        self._slot = slot
        self._files = files
        self._boot_id = boot_id
        self._head = _NOTHING
        self._segments: list[int] = []
        self._ends: dict[int, int] = {}
        self._open: _OpenSegment | None = None

    @property
    def writer(self) -> int:
        """The slot's number."""
        return self._slot.number

    @property
    def end(self) -> Position:
        """Where its durable records end, as of the last refresh."""
        return self._position(self._head.segment, self._head.offset)

    def refresh(self) -> None:
        """Learn how far the writer has come; when it is gone without a farewell, find its end in its place."""
        head = self._slot.read_head()
        if head is None or not head.is_clean:
            head = self._recover_if_abandoned() or head or _NOTHING
        if head.segment != self._head.segment:
            self._segments = self._slot.segments()
        self._head = head

    def read(self, position: Position | None, max_bytes: int) -> list[Entry]:
        """About `max_bytes` of one segment's entries at or after `position`; empty when there is nothing new."""
        place = self._next_unread(position)
        if place is None:
            return []
        segment, offset = place
        end = self._end(segment)
        opened = self._opened(segment)
        if opened.header is None:
            return [Entry(self._position(segment, offset), self._position(segment, end), None)]
        stretches = read_stretches(self._files, opened.fd, opened.header.marker, offset, end, max_bytes)
        entries = []
        start = self._position(segment, offset)
        for stretch in stretches:
            after = self._position(segment, stretch.end)
            entries.append(Entry(start, after, stretch.record))
            start = after
        return entries

    def lag_bytes(self, position: Position | None) -> int:
        """How many bytes of records (and their framing) lie after `position`."""
        place = self._next_unread(position)
        if place is None:
            return 0
        segment, offset = place
        later = self._segments[bisect_right(self._segments, segment) :]
        lag = self._end(segment) - offset
        return lag + sum(self._end(number) - HEADER_BYTES for number in later if number <= self._head.segment)

    def expire(self, position: Position, sealed_before_us: int) -> int:
        """Delete the sealed segments that end at or before `position` and were sealed before the given time."""
        expired = 0
        while self._segments and self._is_expired(self._segments[0], position, sealed_before_us):
            number = self._segments[0]
            if self._open is not None and self._open.number == number:
                self._close_segment()
            self._files.remove(self._slot.path(number))
            self._segments.pop(0)
            self._ends.pop(number, None)
            expired += 1
        return expired

    def close(self) -> None:
        """Give the descriptors back."""
        self._close_segment()
        self._slot.close()

    def _recover_if_abandoned(self) -> Head | None:
        """The recovered head; None while the slot has a writer, or when the disk refuses (later, then)."""
        if not self._slot.lock():
            return None
        try:
            head = recover(self._slot, self._files, self._boot_id)
            self._segments = self._slot.segments()
        except OSError as error:
            _log.warning("journal slot not recovered", writer=self.writer, error=str(error))
            return None
        else:
            return head
        finally:
            self._slot.unlock()

    def _next_unread(self, position: Position | None) -> tuple[int, int] | None:
        """Where the next unread byte lies."""
        wanted = position.segment if position is not None else 0
        for segment in self._segments[bisect_left(self._segments, wanted) :]:
            if segment > self._head.segment:
                return None
            offset = HEADER_BYTES
            if position is not None and segment == position.segment:
                offset = max(offset, position.offset)
            if offset < self._end(segment):
                return segment, offset
        return None

    def _end(self, segment: int) -> int:
        """Where a segment's durable records end."""
        if segment == self._head.segment:
            return self._head.offset
        if segment not in self._ends:
            self._ends[segment] = self._sealed_end(segment)
        return self._ends[segment]

    def _sealed_end(self, segment: int) -> int:
        successor = self._header(self._successor(segment))
        if successor is not None and successor.previous_segment == segment:
            return successor.previous_end
        if successor is not None and successor.previous_segment < segment:
            return HEADER_BYTES  # it was given up before it held anything
        return self._file_size(segment)  # the successor is lost: what is whole in the file is the best there is

    def _successor(self, segment: int) -> int | None:
        after = bisect_right(self._segments, segment)
        return self._segments[after] if after < len(self._segments) else None

    def _header(self, segment: int | None) -> Header | None:
        if segment is None:
            return None
        fd = self._files.open(self._slot.path(segment))
        try:
            return read_header(self._files, fd)
        finally:
            self._files.close(fd)

    def _file_size(self, segment: int) -> int:
        fd = self._files.open(self._slot.path(segment))
        try:
            return self._files.size(fd)
        finally:
            self._files.close(fd)

    def _is_expired(self, segment: int, position: Position, sealed_before_us: int) -> bool:
        if segment >= self._head.segment or (segment, self._end(segment)) > (position.segment, position.offset):
            return False
        successor = self._header(self._successor(segment))
        return successor is not None and successor.created_at < sealed_before_us

    def _opened(self, segment: int) -> _OpenSegment:
        """The segment, kept open between reads. It has records, so its number is never used again."""
        if self._open is None or self._open.number != segment:
            self._close_segment()
            fd = self._files.open(self._slot.path(segment))
            try:
                header = read_header(self._files, fd)
            except BaseException:
                self._files.close(fd)
                raise
            self._open = _OpenSegment(segment, fd, header)
        return self._open

    def _close_segment(self) -> None:
        if self._open is not None:
            self._files.close(self._open.fd)
            self._open = None

    def _position(self, segment: int, offset: int) -> Position:
        return Position(self.writer, segment, offset)
