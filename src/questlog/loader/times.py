"""Times of events, a column at a time (metrics.md §1)."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Micros = npt.NDArray[np.int64]
"""UTC microseconds since 1970."""

MOST_AHEAD_US = 10 * 60 * 1_000_000
DAY_US = 86_400 * 1_000_000

# What every engine, and every reader of RFC 3339, can say: the years 1 to 9999.
EARLIEST_US = -62_135_596_800_000_000
LATEST_US = 253_402_300_799_999_999

_TIMESTAMP = pa.timestamp("us")


def time_column(values: Sequence[object]) -> pa.Array:
    """A timestamp column of microseconds, None where there is none; times out of range become the nearest in range."""
    try:
        micros = pa.array(values, pa.int64())
    except (OverflowError, pa.ArrowInvalid):  # above 64 bits
        micros = pa.array([_clamped(value) for value in values], pa.int64())
    if micros.null_count == len(micros):
        return pa.nulls(len(micros), _TIMESTAMP)
    clamped = np.clip(micros.fill_null(0).to_numpy(), EARLIEST_US, LATEST_US)
    return pa.array(clamped, pa.int64(), mask=micros.is_null().to_numpy(zero_copy_only=False)).cast(_TIMESTAMP)


def event_times(client_times: pa.Array, received_at: Micros) -> Micros:
    """The client's time where there is one not more than ten minutes ahead of `received_at`, else `received_at`."""
    sent = client_times.cast(pa.int64())
    is_sent = sent.is_valid().to_numpy(zero_copy_only=False)
    client = sent.fill_null(0).to_numpy()
    return np.where(is_sent & (client <= received_at + MOST_AHEAD_US), client, received_at)


def timestamps(micros: Micros) -> pa.Array:
    """A column without gaps."""
    return pa.array(micros, pa.int64()).cast(_TIMESTAMP)


def _clamped(value: object) -> int | None:
    return min(max(value, EARLIEST_US), LATEST_US) if isinstance(value, int) else None
