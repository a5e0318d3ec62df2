"""Sorted runs of keys, in memory or in a file of their own: what a KeyIndex consists of."""

import itertools
import json
import os
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from questlog.store.keys import U32, U64, Keys, Mask

_MAGIC = "questlog key run 1"
_HEADER_BYTES = 4096
_FILTER_BITS_PER_KEY = 16
_CHUNK = 1 << 20
_WIDTHS = (8, 8, 4, 4)


class Entries(NamedTuple):
    """Keys with their payloads, sorted by `keys.high`."""

    keys: Keys
    payloads: U32

    def take(self, places: npt.NDArray[np.intp] | Mask) -> "Entries":
        """The entries at these places, or where the mask is true."""
        return Entries(self.keys.take(places), self.payloads[places])


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
    return Entries(keys, payloads).take(np.argsort(keys.high, kind="stable"))


def merged(runs: list[Run]) -> Entries:
    """The entries of several runs in the order of a run."""
    columns = [(*run.entries.keys, run.entries.payloads) for run in runs]
    high, low, domain, payloads = (np.concatenate(column) for column in zip(*columns, strict=True))
    return sorted_entries(Keys(high, low, domain), payloads)


def make_run(first: int, last: int, entries: Entries) -> Run:
    """A run in memory."""
    bits, shift = _filter(entries.keys.high)
    return Run(first, last, entries, bits, shift)


def _filter(high: U64) -> tuple[npt.NDArray[np.uint8], int]:
    width = max(10, (max(1, len(high)) * _FILTER_BITS_PER_KEY - 1).bit_length())
    shift = 64 - width
    bits = np.zeros((1 << width) // 8, np.uint8)
    for start in range(0, len(high), _CHUNK):
        slots = high[start : start + _CHUNK] >> np.uint64(shift)
        lowest = int(slots[0]) & ~7
        flags = np.zeros((int(slots[-1]) - lowest) // 8 * 8 + 8, np.bool_)
        flags[slots.astype(np.int64) - lowest] = True
        packed = np.packbits(flags, bitorder="little")
        bits[lowest // 8 : lowest // 8 + len(packed)] |= packed
    return bits, shift


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


def write_run(directory: Path, seed: int, run: Run) -> Run:
    """The same run, in a file. The file is complete and on stable storage before it has its name."""
    path = directory / f"{run.first:016x}-{run.last:016x}.run"
    unfinished = path.with_suffix(".part")
    columns = (*run.entries.keys, run.entries.payloads, run.bits)
    checksum = 0
    with unfinished.open("wb") as file:
        file.seek(_HEADER_BYTES)
        for column in columns:
            for start in range(0, len(column), _CHUNK):
                octets = column[start : start + _CHUNK].tobytes()
                checksum = zlib.crc32(octets, checksum)
                file.write(octets)
        header = {"seed": seed, "first": run.first, "last": run.last, "count": run.size}
        header |= {"bits": len(run.bits), "shift": run.shift, "checksum": checksum}
        file.seek(0)
        file.write(json.dumps({"magic": _MAGIC, **header}).encode().ljust(_HEADER_BYTES))
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    return _open_columns(path, header)


def open_run(path: Path, seed: int) -> Run:
    """A run as written by `write_run`. Raises `RunDamaged` when its bytes or its seed are others."""
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(_HEADER_BYTES))
            checksum = 0
            while octets := file.read(_CHUNK):
                checksum = zlib.crc32(octets, checksum)
        is_good = header["magic"] == _MAGIC and header["seed"] == seed and header["checksum"] == checksum
        if not is_good or path.stat().st_size != _file_bytes(header):
            raise RunDamaged(str(path))
        return _open_columns(path, header)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunDamaged(str(path)) from error


def _file_bytes(header: dict[str, int]) -> int:
    return _HEADER_BYTES + header["count"] * sum(_WIDTHS) + header["bits"]


def _open_columns(path: Path, header: dict[str, int]) -> Run:
    count = header["count"]
    octets = np.memmap(path, np.uint8, "r", _HEADER_BYTES)
    ends = np.cumsum([0, *(count * width for width in _WIDTHS), header["bits"]]).tolist()
    high, low, domain, payloads, bits = (np.asarray(octets[start:end]) for start, end in itertools.pairwise(ends))
    keys = Keys(high.view(np.uint64), low.view(np.uint64), domain.view(np.uint32))
    entries = Entries(keys, payloads.view(np.uint32))
    return Run(header["first"], header["last"], entries, bits, header["shift"], path)
