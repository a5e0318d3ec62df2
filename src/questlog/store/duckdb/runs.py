"""The runs of a family of sessions: where its events are further apart than `session.reuse_gap_s`, one session ends.

A run is a connected part of the times of its events, so it does not depend on the order in which they arrive: a late
event can lengthen a run, or join two.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from questlog.store.duckdb.families import Families
from questlog.store.duckdb.groups import I64
from questlog.store.duckdb.transaction import Transaction
from questlog.store.keys import Mask

_NONE = np.iinfo(np.int64).max
_LONG_AGO = np.iinfo(np.int64).min


class Pieces(NamedTuple):
    """Spans of time (UTC microseconds) with events of a family; `run` is a stored one's number, 0 for a batch's."""

    family: I64
    first: I64
    last: I64
    run: I64
    is_issued: Mask


class Runs(NamedTuple):
    """The runs that pieces make, by family and time, and for each piece the place of its run.

    `before` is when the run before in the same family ended, long ago where there is none. `is_doubtful`: it joins
    several stored runs, or is before a stored one whose start may depend on where it ends.
    """

    of: I64
    family: I64
    number: I64
    before: I64
    is_doubtful: Mask


class Assigned(NamedTuple):
    """The sessions of a batch's events: number, family's number, and when each was created as far as that counts.

    `doubtful` are families whose sessions have to be put together from the events again; `new_families` those that got
    their number now.
    """

    session_no: I64
    family_no: I64
    is_of_token: Mask
    created_at: pa.Array
    doubtful: I64
    new_families: I64
    family_numbers: I64
    last_no: int


_STORED = """
    SELECT session_no, family_no, epoch_us(first_event_time) AS first, epoch_us(end_time) AS last,
        issued_at IS NOT NULL AS is_issued
    FROM sessions SEMI JOIN batch_families USING (family_no)
"""


def assign(transaction: Transaction, families: Families, events: pa.Table, gap_us: int, last_no: int) -> Assigned:
    """Find or number the session of each event of a batch; `last_no` is the last number given out."""
    rows = np.flatnonzero(families.of >= 0)
    of = families.of[rows]
    times = np.asarray(events["event_time"].cast(pa.int64()).to_numpy(), np.int64)[rows]
    pieces, piece_of = _batch_pieces(of, times, len(families.firsts), gap_us)
    stored = _stored_pieces(transaction, families)
    runs = runs_of(_joined(pieces, stored), gap_us)
    numbers, last_no = _numbered(runs, last_no)
    family_numbers, new_families = _family_numbers(families, runs, numbers)
    run_of = runs.of[: len(pieces.family)][piece_of]
    session_no, family_no = (np.zeros(events.num_rows, np.int64) for _ in range(2))
    session_no[rows], family_no[rows] = numbers[run_of], family_numbers[of]
    of_token = np.zeros(events.num_rows, np.bool_)
    of_token[rows] = families.is_of_token[of]
    is_touched = np.zeros(len(numbers), np.bool_)
    is_touched[run_of] = True
    doubtful = np.unique(runs.family[runs.is_doubtful & is_touched])
    return Assigned(
        session_no,
        family_no,
        of_token,
        _created(events, rows, runs.before[run_of]),
        np.union1d(doubtful, np.flatnonzero(families.is_late)),
        new_families,
        family_numbers,
        last_no,
    )


def runs_of(pieces: Pieces, gap_us: int) -> Runs:
    """The connected parts of each family's pieces, where no gap is longer than `gap_us`."""
    order = np.lexsort((pieces.last, pieces.first, pieces.family))
    family, first, last, run = (column[order] for column in pieces[:4])
    ends = _running_ends(family, last)
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = family[1:] != family[:-1]
    is_start = is_first.copy()
    is_start[1:] |= first[1:] - ends[:-1] > gap_us
    place = np.cumsum(is_start) - 1
    starts = np.flatnonzero(is_start)
    number = np.full(len(starts), _NONE, np.int64)
    np.minimum.at(number, place, np.where(run > 0, run, _NONE))
    before = np.full(len(starts), _LONG_AGO, np.int64)
    later = starts[~is_first[starts]]
    before[place[later]] = ends[later - 1]
    stored = np.bincount(place, weights=run > 0, minlength=len(starts))
    is_issued = np.zeros(len(starts), np.bool_)
    is_issued[place[pieces.is_issued[order]]] = True
    is_doubtful = stored > 1
    is_doubtful[:-1] |= (family[starts][1:] == family[starts][:-1]) & is_issued[1:]
    of = np.empty(len(order), np.int64)
    of[order] = place
    return Runs(of, family[starts], np.where(number == _NONE, 0, number), before, is_doubtful)


def _running_ends(family: I64, last: I64) -> I64:
    """The latest end so far within each family; families are in order. By ranks, which do not overflow."""
    different, ranks = np.unique(last, return_inverse=True)
    width = max(len(different), 1)
    _, dense = np.unique(family, return_inverse=True)
    return np.asarray(different[np.maximum.accumulate(dense * width + ranks) % width], np.int64)


def _batch_pieces(of: I64, times: I64, count: int, gap_us: int) -> tuple[Pieces, I64]:
    """One piece for each family whose events are near each other, one for each event of the others."""
    first, last = np.full(count, _NONE, np.int64), np.full(count, _LONG_AGO, np.int64)
    np.minimum.at(first, of, times)
    np.maximum.at(last, of, times)
    is_near = last - first <= gap_us
    apart = np.flatnonzero(~is_near[of])
    place = np.cumsum(is_near) - 1
    piece_of = place[of]
    piece_of[apart] = np.count_nonzero(is_near) + np.arange(len(apart))
    near = np.flatnonzero(is_near)
    family = np.concatenate([near, of[apart]])
    nothing = np.zeros(len(family), np.int64)
    pieces = Pieces(
        family,
        np.concatenate([first[near], times[apart]]),
        np.concatenate([last[near], times[apart]]),
        nothing,
        nothing.astype(np.bool_),
    )
    return pieces, piece_of


def _stored_pieces(transaction: Transaction, families: Families) -> Pieces:
    known = np.flatnonzero(families.numbers)
    if not len(known):
        empty = np.zeros(0, np.int64)
        return Pieces(empty, empty, empty, empty, empty.astype(np.bool_))
    transaction.register("batch_families", pa.table({"family_no": pa.array(families.numbers[known])}))
    found = transaction.read(_STORED)
    numbers = families.numbers[known]
    order = np.argsort(numbers)
    family = known[order[np.searchsorted(numbers[order], found["family_no"].to_numpy())]]
    first, last, run = (np.asarray(found[name].to_numpy(), np.int64) for name in ("first", "last", "session_no"))
    return Pieces(family, first, last, run, np.asarray(found["is_issued"].to_numpy(), np.bool_))


def _joined(one: Pieces, other: Pieces) -> Pieces:
    return Pieces(*(np.concatenate(columns) for columns in zip(one, other, strict=True)))


def _numbered(runs: Runs, last_no: int) -> tuple[I64, int]:
    numbers = runs.number.copy()
    new = np.flatnonzero(numbers == 0)
    numbers[new] = np.arange(last_no + 1, last_no + 1 + len(new))
    return numbers, last_no + len(new)


def _family_numbers(families: Families, runs: Runs, numbers: I64) -> tuple[I64, I64]:
    """Each family's number, for a new one that of its first run; and which are new."""
    found = families.numbers.copy()
    new = np.flatnonzero(found == 0)
    least = np.full(len(found), _NONE, np.int64)
    np.minimum.at(least, runs.family, numbers)
    found[new] = least[new]
    return found, new


def _created(events: pa.Table, rows: I64, before: I64) -> pa.Array:
    """When the session was created by what each event says; null where that is before the family's run before ended."""
    issued = events["session_issued_at"].combine_chunks()
    if issued.null_count == len(issued):
        return issued
    times = issued.cast(pa.int64()).fill_null(_LONG_AGO).to_numpy(zero_copy_only=False)
    counts = np.zeros(len(times), np.bool_)
    counts[rows] = times[rows] > before
    return pa.array(times, pa.int64(), mask=~counts).cast(issued.type)
