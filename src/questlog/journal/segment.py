"""A segment file: its name, its header, and reading stretches of it.

The header is kept twice, in two blocks of the disk, so that no damage to one block loses a segment. It says where the
segment before it ended: a sealed segment's end is what its successor says, never its file's length.
"""

from collections.abc import Iterable
from struct import Struct

import msgspec
from isal.isal_zlib import crc32

from questlog.journal.files import Files
from questlog.journal.record import FRAME_BYTES, MAX_RECORD_BYTES, Stretch, parse

FORMAT_VERSION = 1
HEADER_BYTES = 8192
"""Where a segment's first record lies."""

MAX_SEGMENT = 2**32 - 1
"""The highest segment number and offset that the head file can hold."""

_MAGIC = b"QLJOURNL"
_FIXED = Struct("<8sHHIQQQQ8s")
_CHECK = Struct("<I")
_COPY_BYTES = HEADER_BYTES // 2
_MORE_BYTES = 64 * 1024
_SUFFIX = ".seg"


class UnknownFormat(Exception):
    """The segment was written by a newer Questlog. Reading it as damage would lose it."""


class Header(msgspec.Struct, frozen=True):
    """What a segment says about itself and about the one before it (`previous_segment` 0: there was none).

    `created_at` is UTC microseconds; `previous_end` is the byte at which the previous segment's durable records end.
    """

    writer: int
    segment: int
    created_at: int
    previous_segment: int
    previous_end: int
    marker: bytes


def segment_name(segment: int) -> str:
    """The file name of a segment: sorts as its number does."""
    return f"{segment:010d}{_SUFFIX}"


def segment_numbers(names: Iterable[str]) -> list[int]:
    """The segments among the names of a directory, ascending."""
    stems = (name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))
    return sorted(int(stem) for stem in stems if stem.isascii() and stem.isdigit())


def encode_header(header: Header) -> bytes:
    """The first `HEADER_BYTES` of a segment."""
    fixed = _FIXED.pack(
        _MAGIC,
        FORMAT_VERSION,
        0,
        header.writer,
        header.segment,
        header.created_at,
        header.previous_segment,
        header.previous_end,
        header.marker,
    )
    return (fixed + _CHECK.pack(crc32(fixed))).ljust(_COPY_BYTES, b"\0") * 2


def decode_header(data: bytes) -> Header | None:
    """The header of which `data` begins with the two copies; None when neither is whole. Raises `UnknownFormat`."""
    return _decode_copy(data, 0) or _decode_copy(data, _COPY_BYTES)


def _decode_copy(data: bytes, at: int) -> Header | None:
    fixed = data[at : at + _FIXED.size]
    check = data[at + _FIXED.size : at + _FIXED.size + _CHECK.size]
    if not fixed.startswith(_MAGIC) or check != _CHECK.pack(crc32(fixed)):
        return None
    _, version, _, writer, segment, created_at, previous_segment, previous_end, marker = _FIXED.unpack(fixed)
    if version != FORMAT_VERSION:
        raise UnknownFormat(f"journal segment {segment} has format {version}; this is format {FORMAT_VERSION}")
    return Header(writer, segment, created_at, previous_segment, previous_end, marker)


def read_header(files: Files, fd: int) -> Header | None:
    """The segment's header; None when it cannot be read. Raises `OSError`, `UnknownFormat`."""
    return decode_header(files.read_at(fd, HEADER_BYTES, 0))


def read_stretches(files: Files, fd: int, marker: bytes, start: int, end: int, max_bytes: int) -> list[Stretch]:
    """About `max_bytes` of a segment's stretches from `start`, at least one; `end` is where the segment ends.

    Bytes that should be there and are not (a file cut from outside) are a stretch without a record. Raises `OSError`.
    """
    stretches = _read_piece(files, fd, marker, start, min(end, start + max_bytes + _MORE_BYTES), end, max_bytes)
    if not stretches:  # a record longer than the piece
        whole = start + FRAME_BYTES + MAX_RECORD_BYTES
        stretches = _read_piece(files, fd, marker, start, min(end, whole), end, max_bytes)
    return stretches


def _read_piece(files: Files, fd: int, marker: bytes, start: int, stop: int, end: int, max_bytes: int) -> list[Stretch]:
    data = files.read_at(fd, stop - start, start)
    has_end = start + len(data)
    is_short = has_end < stop
    stretches = parse(data, marker, start, max_bytes, is_last=is_short or stop == end)
    if is_short and (not stretches or stretches[-1].end == has_end):
        stretches.append(Stretch(has_end, end, None))
    return stretches
