"""Text as 128-bit keys: a UUID is its own bits, any other text is hashed. Vectorised over Arrow columns."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

U64: TypeAlias = npt.NDArray[np.uint64]
U32: TypeAlias = npt.NDArray[np.uint32]
Mask: TypeAlias = npt.NDArray[np.bool_]

_TEXT_DOMAIN = np.uint32(1 << 31)
_UUID_LENGTH = 36
_HYPHENS = (8, 13, 18, 23)
_HEX_PLACES = np.array([place for place in range(_UUID_LENGTH) if place not in _HYPHENS])
_NOT_HEX = 255


class Keys(NamedTuple):
    """Equally long columns: the upper and lower half of each key, and the domain that it is unique in.

    The domain is the game's number; its top bit tells hashed text from UUIDs, so that neither can pass for the other.
    """

    high: U64
    low: U64
    domain: U32

    def take(self, places: npt.NDArray[np.intp] | Mask) -> "Keys":
        """The keys at these places, or where the mask is true."""
        return Keys(self.high[places], self.low[places], self.domain[places])


def _digits(fold_case: bool) -> npt.NDArray[np.uint8]:
    table = np.full(256, _NOT_HEX, np.uint8)
    for value, character in enumerate("0123456789abcdef"):
        table[ord(character)] = value
        if fold_case:
            table[ord(character.upper())] = value
    return table


_EXACT_DIGITS = _digits(fold_case=False)
_FOLDED_DIGITS = _digits(fold_case=True)


def text_keys(texts: pa.StringArray, games: npt.NDArray[np.int32], *, fold_case: bool = False) -> Keys:
    """The key of each text (no nulls). With `fold_case`, a UUID is the same in capitals; otherwise text is exact."""
    return recognised_keys(texts, games, fold_case=fold_case)[0]


def recognised_keys(
    texts: pa.StringArray, games: npt.NDArray[np.int32], *, fold_case: bool = False
) -> tuple[Keys, Mask]:
    """The same as `text_keys`, and which texts are UUIDs."""
    high, low, is_uuid = uuid_halves(texts, fold_case=fold_case)
    domain = games.astype(np.uint32)
    others = np.flatnonzero(~is_uuid)
    if len(others):
        domain[others] |= _TEXT_DOMAIN
        for place, text in zip(others.tolist(), texts.take(pa.array(others)).to_pylist(), strict=True):
            high[place], low[place] = hashed_text(text)
    return Keys(high, low, domain), is_uuid


def joined_keys(keys: Sequence[Keys]) -> Keys:
    """Several lists of keys as one."""
    return Keys(
        np.concatenate([each.high for each in keys]),
        np.concatenate([each.low for each in keys]),
        np.concatenate([each.domain for each in keys]),
    )


def hashed_text(text: str) -> tuple[int, int]:
    """128 bits of BLAKE2b as two halves."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=b"questlog key").digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")


def scattered(values: U64) -> U64:
    """SplitMix64's finaliser: a permutation of 64-bit integers."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def uuid_halves(texts: pa.StringArray, *, fold_case: bool) -> tuple[U64, U64, Mask]:
    """Both halves of every text that is a hyphenated UUID, and which ones are; the others' halves are 0."""
    count = len(texts)
    high, low, is_uuid = np.zeros(count, np.uint64), np.zeros(count, np.uint64), np.zeros(count, np.bool_)
    has_length = np.asarray(pc.equal(pc.binary_length(texts), _UUID_LENGTH).to_numpy(zero_copy_only=False), np.bool_)
    places = np.flatnonzero(has_length)
    if not len(places):
        return high, low, is_uuid
    chosen = texts if len(places) == count else texts.take(pa.array(places))
    characters = _characters(chosen).reshape(-1, _UUID_LENGTH)
    digits = (_FOLDED_DIGITS if fold_case else _EXACT_DIGITS)[characters[:, _HEX_PLACES]]
    is_good = (characters[:, _HYPHENS] == ord("-")).all(axis=1) & (digits != _NOT_HEX).all(axis=1)
    octets = (digits[:, 0::2] << 4) | digits[:, 1::2]
    halves = np.ascontiguousarray(octets).view(">u8").astype(np.uint64)
    high[places], low[places] = np.where(is_good, halves[:, 0], 0), np.where(is_good, halves[:, 1], 0)
    is_uuid[places] = is_good
    return high, low, is_uuid


def _characters(texts: pa.StringArray) -> npt.NDArray[np.uint8]:
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(texts.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]


def uuid_column(high: U64, low: U64) -> pa.ExtensionArray:
    """An Arrow column of UUIDs from their halves."""
    octets = np.empty((len(high), 2), ">u8")
    octets[:, 0], octets[:, 1] = high, low
    storage = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(high), [None, pa.py_buffer(octets.tobytes())])
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)
