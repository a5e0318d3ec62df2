"""Writing a slot's segments: groups of records, each on stable storage before the next. Synchronous, for one thread."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from questlog.journal.files import Files, write_all
from questlog.journal.head import Head, current_boot_id
from questlog.journal.record import FRAME_BYTES, MARKER_BYTES, frame
from questlog.journal.recovery import recover
from questlog.journal.segment import HEADER_BYTES, Header, encode_header
from questlog.journal.slot import Slot, take_slot
from questlog.model.clock import Clock

_CHUNK_RECORDS = 256
_PROOF_BYTES = 1024 * 1024
_FIRST_SEGMENT_EPOCH_S = 1_577_836_800  # 2020-01-01T00:00:00Z


class Group(NamedTuple):
    """Where a committed group lies: its segment, and the offset at which each record starts."""

    segment: int
    offsets: Sequence[int]


class _OpenSegment(NamedTuple):
    fd: int
    number: int
    marker: bytes


class SegmentLog:
    """The end of a slot that is being written.

    After any failure the segment is given up at its durable end, whatever the file holds beyond: a file whose sync
    failed is never synced again as if nothing had happened. `restart` then begins the next one.
    """

    def __init__(
        self,
        slot: Slot,
        files: Files,
        clock: Clock,
        *,
        segment_bytes: int,
        boot_id: bytes,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._slot = slot
        self._files = files
        self._clock = clock
        self._segment_bytes = segment_bytes
        self._boot_id = boot_id
        self._random_bytes = random_bytes
        recovered = recover(slot, files, boot_id)
        self._previous = (recovered.segment, recovered.offset)
        self._next = max(recovered.segment + 1, *(number + 1 for number in slot.segments()), self._segment_by_clock())
        self._open: _OpenSegment | None = None
        self._end = 0

    def _segment_by_clock(self) -> int:
        """No start goes on below it: a journal that was deleted, or put back to an older state, must not write where a
        store has been already, for there nothing would be loaded.
        """
        return max(1, self._clock.now_us() // 1_000_000 - _FIRST_SEGMENT_EPOCH_S)

    @property
    def writer(self) -> int:
        """The slot's number."""
        return self._slot.number

    def start(self) -> None:
        """Begin the first segment. Raises `OSError`; then try `restart`."""
        self._publish(*self._previous)
        self._slot.sync_head()  # from here on, a crash of the machine finds a head that says that there may be more
        self._begin(proof_bytes=0)

    def restart(self) -> None:
        """Begin a new segment after a failure, once the disk has been seen to take 1 MiB. Raises `OSError`."""
        self._publish(*self._previous)
        self._slot.sync_head()
        self._begin(proof_bytes=_PROOF_BYTES)

    def commit(self, records: Sequence[bytes]) -> Group:
        """Put the records on stable storage. Raises `OSError`; then none of them was, and `restart` is due."""
        opened = self._opened()
        if self._end >= self._segment_bytes:
            opened = self._rotate()
        offsets = list(accumulate((FRAME_BYTES + len(record) for record in records), initial=self._end))
        end = offsets.pop()
        try:
            for chunk in _chunks(opened.marker, records):
                write_all(self._files, opened.fd, chunk)
            self._files.sync(opened.fd)
            self._publish(opened.number, end)
        except BaseException:  # also when memory runs out: what the file holds now is not known
            self._give_up()
            raise
        self._end = end
        return Group(opened.number, offsets)

    def close(self) -> None:
        """Seal the segment, so that the next start need not look for its end, and give the slot back."""
        try:
            if self._open is not None:
                self._files.close(self._open.fd)
                sealed, self._open = self._open, None
                self._slot.write_head(Head(sealed.number, self._end, is_clean=True, boot_id=self._boot_id))
                self._slot.sync_head()
        finally:
            self._slot.close()

    def _opened(self) -> _OpenSegment:
        if self._open is None:
            raise OSError("the journal has no open segment")
        return self._open

    def _rotate(self) -> _OpenSegment:
        sealed = self._opened()
        self._files.close(sealed.fd)
        self._previous, self._open = (sealed.number, self._end), None
        return self._begin(proof_bytes=0)

    def _begin(self, proof_bytes: int) -> _OpenSegment:
        """Create the next segment, durably, and publish it. A number is never used twice."""
        number, self._next = self._next, self._next + 1
        path = self._slot.path(number)
        fd = self._files.create(path)
        try:
            begun = _OpenSegment(fd, number, self._random_bytes(MARKER_BYTES))
            self._write_header(begun, proof_bytes)
            self._files.sync_directory(self._slot.directory)
            self._publish(number, HEADER_BYTES)
        except BaseException:
            self._discard(fd, path)
            raise
        self._open, self._end = begun, HEADER_BYTES
        return begun

    def _write_header(self, begun: _OpenSegment, proof_bytes: int) -> None:
        header = Header(self._slot.number, begun.number, self._clock.now_us(), *self._previous, begun.marker)
        write_all(self._files, begun.fd, encode_header(header))
        if proof_bytes:
            write_all(self._files, begun.fd, bytes(proof_bytes))
            self._files.sync(begun.fd)
            self._files.truncate(begun.fd, HEADER_BYTES)
        self._files.sync(begun.fd)

    def _give_up(self) -> None:
        """Leave the open segment at its durable end; take a segment without records away.

        What fails here is made good by the next segment's header, which says where this one ended.
        """
        given_up, self._open = self._opened(), None
        path = self._slot.path(given_up.number)
        if self._end > HEADER_BYTES:
            self._previous = (given_up.number, self._end)
        try:
            self._publish(*self._previous)
        except OSError:
            self._previous = (given_up.number, self._end)  # the head may go on naming this segment: keep it
        if self._previous[0] != given_up.number:
            self._discard(given_up.fd, path)
            return
        with suppress(OSError):
            self._files.truncate(given_up.fd, self._end)
        self._files.close(given_up.fd)

    def _publish(self, segment: int, end: int) -> None:
        self._slot.write_head(Head(segment, end, is_clean=False, boot_id=self._boot_id))

    def _discard(self, fd: int, path: Path) -> None:
        self._files.close(fd)
        with suppress(OSError):  # a segment without records harms nobody
            self._files.remove(path)


def open_log(directory: Path, files: Files, clock: Clock, *, segment_bytes: int) -> SegmentLog:
    """The log of the lowest free slot of the journal in `directory`, recovered but not started. Raises `OSError`."""
    files.make_directory(directory)
    slot = take_slot(directory, files)
    try:
        return SegmentLog(slot, files, clock, segment_bytes=segment_bytes, boot_id=current_boot_id())
    except OSError:
        slot.close()
        raise


def _chunks(marker: bytes, records: Sequence[bytes]) -> Iterator[bytes]:
    """The framed records, joined into pieces that bound the memory a group takes twice."""
    for begin in range(0, len(records), _CHUNK_RECORDS):
        yield b"".join(frame(marker, records[begin : begin + _CHUNK_RECORDS]))
