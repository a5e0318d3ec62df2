"""Different values of a column and where each comes first, without sorting."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

I64 = npt.NDArray[np.int64]


def grouped(codes: I64) -> tuple[I64, I64, I64]:
    """The different codes in order of appearance, the first place of each, and for each code which of them it is."""
    encoded = pa.array(codes).dictionary_encode()
    groups = encoded.indices.to_numpy().astype(np.int64)
    firsts = np.empty(len(encoded.dictionary), np.int64)
    firsts[groups[::-1]] = np.arange(len(groups) - 1, -1, -1)
    return encoded.dictionary.to_numpy(), firsts, groups
