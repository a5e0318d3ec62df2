"""Times of events, a column at a time (metrics.md §1)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from questlog.model.times import MOST_AHEAD_US

Micros = npt.NDArray[np.int64]
"""UTC microseconds since 1970."""

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


class Senders(NamedTuple):
    """Whose clock an event's time is of: its request, counted from 0, and its player, null for an event without one."""

    requests: npt.NDArray[np.int64]
    players: pa.Array


def event_times(client_times: pa.Array, received_at: Micros, senders: Senders, earliest_us: int) -> Micros:
    """When each event happened: the client's time, or `received_at` where it sent none from `earliest_us` on.

    Events of one sender that are more than ten minutes ahead of `received_at` are moved back together, so that the
    latest of them happened at `received_at`. One that this moves to before `earliest_us` happened at `received_at` too.
    """
    sent = client_times.cast(pa.int64())
    client = sent.fill_null(EARLIEST_US).to_numpy()
    is_known = client >= earliest_us
    if earliest_us <= EARLIEST_US:
        is_known &= sent.is_valid().to_numpy(zero_copy_only=False)
    times = np.where(is_known, client, received_at)
    ahead = np.flatnonzero(times > received_at + MOST_AHEAD_US)
    if len(ahead):
        moved = _moved_back(times[ahead], received_at[ahead], _numbered(senders, ahead))
        times[ahead] = np.where(moved >= earliest_us, moved, received_at[ahead])
    return times


def _moved_back(times: Micros, received_at: Micros, groups: npt.NDArray[np.int64]) -> Micros:
    latest = np.full(groups.max() + 1, EARLIEST_US)
    np.maximum.at(latest, groups, times)
    return times - latest[groups] + received_at


def _numbered(senders: Senders, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each of these events the number of its sender, from 0."""
    players = senders.players.take(pa.array(places)).dictionary_encode()
    codes = players.indices.fill_null(len(players.dictionary)).to_numpy().astype(np.int64)
    pairs = senders.requests[places] * (len(players.dictionary) + 1) + codes
    return np.unique(pairs, return_inverse=True)[1]


def known_times(times: pa.Array, earliest_us: int) -> pa.Array:
    """A timestamp column without what lies before `earliest_us`: such a time counts as not sent."""
    if times.null_count == len(times):
        return times
    is_known = pc.greater_equal(times, pa.scalar(earliest_us, _TIMESTAMP))
    return pc.if_else(is_known, times, pa.scalar(None, _TIMESTAMP))


def timestamps(micros: Micros) -> pa.Array:
    """A column without gaps."""
    return pa.array(micros, pa.int64()).cast(_TIMESTAMP)


def _clamped(value: object) -> int | None:
    return min(max(value, EARLIEST_US), LATEST_US) if isinstance(value, int) else None
