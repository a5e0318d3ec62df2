"""How a record lies in a segment, and how to find records again in damaged bytes. No I/O.

A record is framed by 20 bytes: the segment's marker (8), the record's length (4), the CRC-32 of the record (4), the
CRC-32 of the 16 bytes before (4); little-endian. The marker is random for each segment: a client that knows this format
still cannot send a body in which a reader that looks for the next record, after damage, would find one.
"""

from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

from isal.isal_zlib import crc32

MARKER_BYTES = 8
MAX_RECORD_BYTES = 4 * 1024 * 1024

_HEAD = Struct("<8sII")
_CHECK = Struct("<I")
FRAME_BYTES = _HEAD.size + _CHECK.size
"""What framing adds to a record."""


class RecordTooLarge(ValueError):
    """The record is longer than `MAX_RECORD_BYTES`."""


class Stretch(NamedTuple):
    """A part of a segment, by offsets: a framed record, or (`record` is None) bytes that hold no readable record."""

    start: int
    end: int
    record: bytes | None


def frame(marker: bytes, records: Sequence[bytes]) -> list[bytes]:
    """The parts which, joined, are the framed records: three for each."""
    parts: list[bytes] = []
    for record in records:
        head = _HEAD.pack(marker, len(record), crc32(record))
        parts += (head, _CHECK.pack(crc32(head)), record)
    return parts


def parse(data: bytes, marker: bytes, start: int, max_bytes: int, *, is_last: bool) -> list[Stretch]:
    """The stretches of `data`, which lies at offset `start` of a segment; about `max_bytes` of them.

    Without gaps from `start` on. A record that goes on beyond `data` is left unread, unless `data` is the segment's
    last (`is_last`): then it is damage. A damaged record whose head is whole is one stretch; where a head is damaged
    the stretch goes to the next whole head.
    """
    stretches: list[Stretch] = []
    at, stop = 0, min(len(data), max_bytes)
    while at < stop:
        found = _record_at(data, at, marker)
        if found is None:
            if not is_last and _is_cut_off(data, at, marker):
                break
            end = _next_head(data, at + 1, marker, is_last=is_last)
            found = Stretch(at, end, None)
        stretches.append(Stretch(start + found.start, start + found.end, found.record))
        at = found.end
    return stretches


def _record_at(data: bytes, at: int, marker: bytes) -> Stretch | None:
    """The framed record at `at`; None when there is no whole head, or less data than it says."""
    head = _head_at(data, at, marker)
    if head is None:
        return None
    length, checksum = head
    begin = at + FRAME_BYTES
    end = begin + length
    if end > len(data):
        return None
    record = data[begin:end]
    return Stretch(at, end, record if crc32(record) == checksum else None)


def _head_at(data: bytes, at: int, marker: bytes) -> tuple[int, int] | None:
    """A record's length and checksum, when a whole head lies at `at`."""
    check_at = at + _HEAD.size
    if check_at + _CHECK.size > len(data) or not data.startswith(marker, at):
        return None
    _, length, checksum = _HEAD.unpack_from(data, at)
    if length > MAX_RECORD_BYTES or _CHECK.unpack_from(data, check_at)[0] != crc32(data[at:check_at]):
        return None
    return length, checksum


def _is_cut_off(data: bytes, at: int, marker: bytes) -> bool:
    """Whether what lies at `at` may be a record that goes on beyond `data`."""
    return len(data) - at < FRAME_BYTES or _head_at(data, at, marker) is not None


def _next_head(data: bytes, at: int, marker: bytes, *, is_last: bool) -> int:
    """Where the next whole head lies, or else how far it is known that there is none."""
    while (at := data.find(marker, at)) >= 0:
        if _head_at(data, at, marker) is not None or (not is_last and len(data) - at < FRAME_BYTES):
            return at
        at += 1
    return len(data) if is_last else len(data) - MARKER_BYTES + 1
