"""Sorted runs of keys, in memory or in a file of their own: what a KeyIndex consists of."""

import itertools
import os
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from questlog.store.keys import U32, U64, Keys, Mask

_MAGIC = "questlog key run 1"
_HEADER_BYTES = 4096
_FILTER_BITS_PER_KEY = 16
_CHUNK = 1 << 18
_PART_COUNT = 1 << 20
_KINDS = (np.uint64, np.uint64, np.uint32, np.uint32)


class _Header(msgspec.Struct):
    """What a file begins with. `width` is how many bits of a key choose its bit in the filter."""

    magic: str
    seed: int
    first: int
    last: int
    count: int
    width: int
    checksums: list[int]


_header_decoder = msgspec.json.Decoder(_Header)


class Entries(NamedTuple):
    """Keys with their payloads, sorted by `keys.high`."""

    keys: Keys
    payloads: U32

    def take(self, places: npt.NDArray[np.intp] | Mask) -> "Entries":
        """The entries at these places, or where the mask is true."""
        return Entries(self.keys.take(places), self.payloads[places])

    def between(self, start: int, end: int) -> "Entries":
        """The entries from one place to before another, without copying."""
        high, low, domain = self.keys
        return Entries(Keys(high[start:end], low[start:end], domain[start:end]), self.payloads[start:end])


class Run(NamedTuple):
    """Immutable sorted entries.

    `first` and `last` say which of the table's rows it covers (by their monotone number, both inclusive). `bits` holds
    one bit for every value of the top bits of `keys.high`, set where there is a key: it answers nearly all questions
    for absent keys with one memory access.
    """

    first: int
    last: int
    entries: Entries
    bits: npt.NDArray[np.uint8]
    shift: int
    path: Path | None = None

    @property
    def size(self) -> int:
        """How many entries."""
        return len(self.entries.payloads)


class RunDamaged(Exception):
    """A run's file is not what was written."""


def sorted_entries(keys: Keys, payloads: U32) -> Entries:
    """The entries in the order of a run."""
    return Entries(keys, payloads).take(np.argsort(keys.high))


def merged(runs: list[Run]) -> Entries:
    """The entries of several runs in the order of a run."""
    return _joined([run.entries for run in runs])


def _joined(pieces: list[Entries]) -> Entries:
    if len(pieces) == 1:
        return pieces[0]
    columns = zip(*((*piece.keys, piece.payloads) for piece in pieces), strict=True)
    high, low, domain, payloads = (np.concatenate(column) for column in columns)
    # This sort is the quicker one for pieces that are sorted.
    return Entries(Keys(high, low, domain), payloads).take(np.argsort(high, kind="stable"))


def make_run(first: int, last: int, entries: Entries) -> Run:
    """A run in memory."""
    width = _filter_width(len(entries.payloads))
    return Run(first, last, entries, _filter(entries.keys.high, width, 0, 0), 64 - width)


def _filter_width(count: int) -> int:
    """How many top bits of a key choose its bit in the filter."""
    return max(10, (max(1, count) * _FILTER_BITS_PER_KEY - 1).bit_length())


def _filter(high: U64, width: int, part: int, parts: int) -> npt.NDArray[np.uint8]:
    """The filter's bits for sorted keys that all begin with the `parts` bits of `part`."""
    bits = np.zeros((1 << (width - parts)) // 8, np.uint8)
    base = part << (width - parts)
    for start in range(0, len(high), _CHUNK):
        slots = (high[start : start + _CHUNK] >> np.uint64(64 - width)).astype(np.int64) - base
        lowest = int(slots[0]) & ~7
        flags = np.zeros((int(slots[-1]) - lowest) // 8 * 8 + 8, np.bool_)
        flags[slots - lowest] = True
        packed = np.packbits(flags, bitorder="little")
        bits[lowest // 8 : lowest // 8 + len(packed)] |= packed
    return bits


def matches(run: Run, keys: Keys) -> tuple[npt.NDArray[np.intp], U32]:
    """Every pair of a key (its place) and an entry with that key (its payload).

    Cheapest when `keys` are sorted by their high half.
    """
    slots = (keys.high >> np.uint64(run.shift)).astype(np.int64)
    places = np.flatnonzero((run.bits[slots >> 3] >> (slots & 7).astype(np.uint8)) & 1)
    entries = run.entries
    at = np.searchsorted(entries.keys.high, keys.high[places])
    found_places: list[npt.NDArray[np.intp]] = []
    found_payloads: list[U32] = []
    while len(places):
        is_inside = at < run.size
        places, at = places[is_inside], at[is_inside]
        is_equal = entries.keys.high[at] == keys.high[places]
        places, at = places[is_equal], at[is_equal]
        is_match = (entries.keys.low[at] == keys.low[places]) & (entries.keys.domain[at] == keys.domain[places])
        found_places.append(places[is_match])
        found_payloads.append(entries.payloads[at[is_match]])
        at = at + 1
    if not found_places:
        return np.zeros(0, np.intp), np.zeros(0, np.uint32)
    return np.concatenate(found_places), np.concatenate(found_payloads)


def write_run(directory: Path, seed: int, runs: list[Run], before: int = 0) -> Run:
    """Neighbouring runs as one, in a file, without the entries whose payload is below `before`.

    Works through the keys a part at a time, so that memory does not grow with the runs. The file is complete and on
    stable storage before it has its name.
    """
    count = sum(kept(run, before) for run in runs)
    width = _filter_width(count)
    parts = max(0, (count // _PART_COUNT).bit_length())
    path = directory / f"{runs[0].first:016x}-{runs[-1].last:016x}.run"
    unfinished = path.with_suffix(".part")
    places = _starts(count, (1 << width) // 8)[:-1]
    checksums = [0] * len(places)
    with unfinished.open("wb") as file:
        for part in range(1 << parts):
            entries = _part_of(runs, part, parts, before)
            bits = _filter(entries.keys.high, width, part, parts)
            for column, values in enumerate((*entries.keys, entries.payloads, bits)):
                octets = np.asarray(values).tobytes()
                checksums[column] = zlib.crc32(octets, checksums[column])
                file.seek(places[column])
                places[column] += file.write(octets)
        header = _Header(_MAGIC, seed, runs[0].first, runs[-1].last, count, width, checksums)
        file.seek(0)
        file.write(msgspec.json.encode(header).ljust(_HEADER_BYTES))
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    return _open_columns(path, header)


def kept(run: Run, before: int) -> int:
    """How many entries have a payload of at least `before`."""
    if before == 0:
        return run.size
    payloads = run.entries.payloads
    starts = range(0, run.size, _PART_COUNT)
    return sum(int(np.count_nonzero(payloads[start : start + _PART_COUNT] >= before)) for start in starts)


def _part_of(runs: list[Run], part: int, parts: int, before: int) -> Entries:
    """The entries whose keys begin with the `parts` bits of `part`, of all the runs, in order."""
    pieces = []
    for run in runs:
        high = run.entries.keys.high
        start = int(np.searchsorted(high, np.uint64(part << (64 - parts)))) if part else 0
        is_last = part + 1 == 1 << parts
        end = run.size if is_last else int(np.searchsorted(high, np.uint64((part + 1) << (64 - parts))))
        piece = run.entries.between(start, end)
        pieces.append(piece.take(piece.payloads >= before) if before else piece)
    return _joined(pieces)


def open_run(path: Path, seed: int) -> Run:
    """A run as written by `write_run`. Raises `RunDamaged` when its bytes or its seed are others."""
    try:
        with path.open("rb") as file:
            header = _header_decoder.decode(file.read(_HEADER_BYTES).rstrip())
            starts = _starts(header.count, (1 << header.width) // 8)
            checksums = [_checksum(file, end - start) for start, end in itertools.pairwise(starts)]
        is_good = header.magic == _MAGIC and header.seed == seed and header.checksums == checksums
        if not is_good or path.stat().st_size != starts[-1]:
            raise RunDamaged(str(path))
        return _open_columns(path, header)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise RunDamaged(str(path)) from error


def _checksum(file: BinaryIO, length: int) -> int:
    checksum = 0
    while length and (octets := file.read(min(length, _CHUNK))):
        checksum = zlib.crc32(octets, checksum)
        length -= len(octets)
    return checksum


def _starts(count: int, filter_bytes: int) -> list[int]:
    """Where each column of a file starts, and where the last one ends."""
    lengths = (*(count * np.dtype(kind).itemsize for kind in _KINDS), filter_bytes)
    return list(itertools.accumulate(lengths, initial=_HEADER_BYTES))


def _open_columns(path: Path, header: _Header) -> Run:
    octets = np.memmap(path, np.uint8, "r")
    starts = _starts(header.count, (1 << header.width) // 8)
    high, low, domain, payloads, bits = (np.asarray(octets[start:end]) for start, end in itertools.pairwise(starts))
    keys = Keys(high.view(np.uint64), low.view(np.uint64), domain.view(np.uint32))
    entries = Entries(keys, payloads.view(np.uint32))
    return Run(header.first, header.last, entries, bits, 64 - header.width, path)
