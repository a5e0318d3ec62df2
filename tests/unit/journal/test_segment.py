import os
from pathlib import Path

import pytest

from questlog.journal import segment as segment_module
from questlog.journal.files import OsFiles
from questlog.journal.record import frame
from questlog.journal.segment import (
    HEADER_BYTES,
    Header,
    UnknownFormat,
    decode_header,
    encode_header,
    read_stretches,
    segment_name,
    segment_numbers,
)

HEADER = Header(
    writer=3,
    segment=70_000_000,
    created_at=1_790_000_000_000_000,
    previous_segment=69,
    previous_end=9000,
    marker=b"8 bytes!",
)


def test_a_header_comes_back() -> None:
    assert len(encode_header(HEADER)) == HEADER_BYTES
    assert decode_header(encode_header(HEADER)) == HEADER


def test_a_flipped_byte_anywhere_in_the_header_leaves_it_readable() -> None:
    whole = encode_header(HEADER)
    for at in range(HEADER_BYTES):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        assert decode_header(bytes(damaged)) == HEADER


@pytest.mark.parametrize("lost", [slice(0, HEADER_BYTES // 2), slice(HEADER_BYTES // 2, HEADER_BYTES)])
def test_a_lost_block_leaves_the_header_readable(lost: slice) -> None:
    damaged = bytearray(encode_header(HEADER))
    damaged[lost] = bytes(HEADER_BYTES // 2)
    assert decode_header(bytes(damaged)) == HEADER


def test_a_header_that_was_never_wholly_written_is_none() -> None:
    whole = encode_header(HEADER)
    for cut in range(60):
        assert decode_header(whole[:cut]) is None
    assert decode_header(bytes(HEADER_BYTES)) is None


def test_a_newer_format_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_module, "FORMAT_VERSION", 2)
    newer = encode_header(HEADER)
    monkeypatch.undo()
    with pytest.raises(UnknownFormat, match="segment 70000000 has format 2; this is format 1"):
        decode_header(newer)


def test_segment_names_sort_as_their_numbers_and_other_names_are_passed_over() -> None:
    names = [segment_name(number) for number in (1, 99, 2**32 - 1)]
    assert names == sorted(names)
    assert segment_numbers([*reversed(names), "lock", "head", "x.seg", "1.tmp"]) == [1, 99, 2**32 - 1]


def test_bytes_cut_off_from_outside_are_a_stretch_without_a_record(tmp_path: Path) -> None:
    records = [b"one", b"two", b"three"]
    whole = b"".join(frame(HEADER.marker, records))
    (tmp_path / "s").write_bytes(whole[:-2])
    fd = os.open(tmp_path / "s", os.O_RDONLY)
    try:
        stretches = read_stretches(OsFiles(), fd, HEADER.marker, 0, len(whole), len(whole))
        assert [stretch.record for stretch in stretches] == [b"one", b"two", None, None]
        assert stretches[-1].end == len(whole)
        beyond = read_stretches(OsFiles(), fd, HEADER.marker, len(whole), len(whole) + 9, 9)
        assert [(stretch.start, stretch.end) for stretch in beyond] == [(len(whole), len(whole) + 9)]
    finally:
        os.close(fd)
