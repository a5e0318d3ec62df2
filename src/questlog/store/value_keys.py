"""One number for a combination of the dimensions' values: the same in Python and in SQL, in every process and version.

It only has to tell the combinations of one player's day apart. What is hashed says the length of each text, and that
there is none, so that no two combinations are the same text.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from questlog.store.schema import DIMENSIONS

_NONE = b"-"
_KEPT = 1 << 16
"""Combinations come again and again."""


def values_keys(columns: Sequence[pa.Array]) -> npt.NDArray[np.int64]:
    """The key of each row of equally long text columns (or dictionaries of texts), one for each dimension."""
    parts = [_parts(column) for column in columns]
    return np.array([_hashed(b"".join(row)) for row in zip(*parts, strict=True)], np.int64)


def _parts(column: pa.Array) -> list[bytes]:
    """What each row adds to the text that is hashed; each value is written once."""
    encoded = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
    different = np.empty(len(encoded.dictionary) + 1, object)
    different[:] = [*map(_part, encoded.dictionary.to_pylist()), _NONE]
    codes = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    return different[codes].tolist()  # type: ignore[no-any-return]


def _part(value: str) -> bytes:
    text = value.encode()
    return b"%d:%b" % (len(text), text)


@lru_cache(maxsize=_KEPT)
def _hashed(text: bytes) -> int:
    """The lower half of MD5, as DuckDB has it, in 63 bits. Nothing secret depends on it."""
    return int.from_bytes(hashlib.md5(text, usedforsecurity=False).digest()[8:], "little") >> 1


_PARTS = ", ".join(f"coalesce(strlen({name}) || ':' || {name}, '-')" for name in DIMENSIONS)
VALUES_KEY = f"(md5_number_lower(concat({_PARTS})) >> 1)::BIGINT"
"""SQL: the key of a row with the dimensions' columns."""
