"""Rows numbered by the group that they belong to, for what is made of groups outside the engine."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]


def group_codes(rows: pa.Table, names: Sequence[str]) -> tuple[Ints, pa.Table]:
    """The number of each row's group, from 0, and the groups by number. Null is a value; without names all is one."""
    if not names:
        return np.zeros(rows.num_rows, np.int64), pa.table({"": [0]})
    numbers = np.zeros(rows.num_rows, np.int64)
    for name in names:
        encoded = rows[name].combine_chunks().dictionary_encode(null_encoding="encode")
        codes = numbers * max(1, len(encoded.dictionary)) + encoded.indices.to_numpy(zero_copy_only=False)
        _, numbers = np.unique(codes, return_inverse=True)
    _, firsts = np.unique(numbers, return_index=True)
    return numbers.astype(np.int64), rows.select(list(names)).take(pa.array(firsts))
