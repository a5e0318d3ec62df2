"""What is answered of a funnel's attempts: counts, conversions and median times by step, and who dropped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.analyses.funnel_matching import Attempts, Ints
from questlog.analytics.metrics.sub_query import MAX_ROWS
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.selection.cardinality import OTHER

_TIME = pa.timestamp("us")


@dataclass(frozen=True)
class Counted:
    """The attempts that count, the steps' names, what is counted, and the attempts' groups if they are split."""

    attempts: Attempts
    steps: Sequence[str]
    unit: str
    groups: pa.Array | None = None


@dataclass(frozen=True)
class _Row:
    count: int
    from_previous: float | None
    from_first: float | None
    median_from_previous_s: float | None
    median_from_first_s: float | None


def steps_answer(counted: Counted, top: int | None) -> Answer:
    """One row for each group, in order (null, then `(other)` last), and step. The totals are of all."""
    attempts, steps = counted.attempts, len(counted.steps)
    totals = _table(counted, _rows(attempts, slice(None), steps))
    if counted.groups is None:
        return Answer(totals, _columns(totals, counted.unit))
    values, code = _greatest(counted.groups, top)
    if len(values) * steps > MAX_ROWS:
        raise InvalidQuery("group_by", f"the answer would have more than {MAX_ROWS} rows; use `top`, or a filter")
    order = np.argsort(code, kind="stable")
    ends = np.cumsum(np.bincount(code, minlength=len(values)))
    rows: list[_Row] = []
    for end, size in zip(ends, np.diff(ends, prepend=0), strict=True):
        rows += _rows(attempts, order[end - size : end], steps)
    group = values.take(pa.array(np.repeat(np.arange(len(values)), steps)))
    table = _table(counted, rows).add_column(0, "group", group)
    return Answer(table, _columns(table, counted.unit), totals=totals)


def first_dropped(attempts: Attempts, step: int, limit: int) -> pa.Table:
    """`number`, `started_at` and `reached_at` of those who reached the step and no other: the latest attempts first."""
    dropped = np.flatnonzero(attempts.reached == step)
    started, number = attempts.times_us[0, dropped], attempts.unit[dropped]
    chosen = np.lexsort((number, -started))[:limit]
    reached = attempts.times_us[step - 1, dropped]
    return pa.table(
        {
            "number": number[chosen],
            "started_at": pa.array(started[chosen]).cast(_TIME),
            "reached_at": pa.array(reached[chosen]).cast(_TIME),
        }
    )


def _greatest(groups: pa.Array, top: int | None) -> tuple[pa.Array, Ints]:
    """The different groups in order, and each attempt's place among them.

    What is not among the `top` is one with what is `(other)` already, and that is the last.
    """
    values = pc.unique(groups)
    values = values.take(pc.sort_indices(values))
    code: Ints = pc.index_in(groups, value_set=values).to_numpy(zero_copy_only=False).astype(np.int64)
    is_other = np.array([value == OTHER for value in values.to_pylist()], np.bool_)
    sizes = np.where(is_other, -1, np.bincount(code, minlength=len(values)))
    kept = np.sort(np.argsort(-sizes, kind="stable")[: len(values) - is_other.sum()][:top])
    if len(kept) == len(values):
        return values, code
    place = np.full(len(values), len(kept))
    place[kept] = np.arange(len(kept))
    texts = values.take(pa.array(kept)).cast(pa.string())
    return pa.concat_arrays([texts, pa.array([OTHER])]), place[code]


def _rows(attempts: Attempts, chosen: Ints | slice, steps: int) -> Iterator[_Row]:
    reached, times = attempts.reached[chosen], attempts.times_us[:, chosen]
    first = previous = len(reached)
    yield _Row(first, None, _share(first, first), None, None)
    for step in range(1, steps):
        here = np.flatnonzero(reached > step)
        now, before = times[step].take(here), times[step - 1].take(here)
        from_previous = _median_s(now - before)
        from_first = _median_s(now - times[0].take(here)) if step > 1 else from_previous
        yield _Row(len(here), _share(len(here), previous), _share(len(here), first), from_previous, from_first)
        previous = len(here)


def _share(count: int, of: int) -> float | None:
    return count / of if of else None


def _median_s(times_us: npt.NDArray[np.int64]) -> float | None:
    """Exact: the mean of the middle two where they are two."""
    return float(np.median(times_us)) / 1_000_000 if len(times_us) else None


def _table(counted: Counted, rows: Iterator[_Row] | Sequence[_Row]) -> pa.Table:
    found, steps = list(rows), len(counted.steps)
    groups = len(found) // steps
    numbers = pa.array
    return pa.table(
        {
            "step": numbers([step + 1 for step in range(steps)] * groups, pa.int64()),
            "event": numbers(list(counted.steps) * groups, pa.string()),
            "count": numbers([row.count for row in found], pa.int64()),
            "from_previous": numbers([row.from_previous for row in found], pa.float64()),
            "from_first": numbers([row.from_first for row in found], pa.float64()),
            "median_from_previous_s": numbers([row.median_from_previous_s for row in found], pa.float64()),
            "median_from_first_s": numbers([row.median_from_first_s for row in found], pa.float64()),
        }
    )


def _columns(table: pa.Table, unit: str) -> list[AnswerColumn]:
    meanings = {
        "group": ("", "value of the dimension, of the event of step 1 of the attempt that counts"),
        "step": ("", "number of the step, from 1"),
        "event": ("", "the event that the step is"),
        "count": (unit, f"{unit} that reached the step"),
        "from_previous": ("share", "count ÷ count of the step before"),
        "from_first": ("share", "count ÷ count of step 1"),
        "median_from_previous_s": ("s", "median time since the step before, of those who reached this one"),
        "median_from_first_s": ("s", "median time since step 1, of those who reached this one"),
    }
    return [AnswerColumn(name, *meanings[name]) for name in table.column_names]


DROPPED_COLUMNS = {
    column.name: column
    for column in (
        AnswerColumn("player_id", "", "the player's id as sent"),
        AnswerColumn("session_id", "", "the session's id as sent"),
        AnswerColumn("started_at", "", "time of step 1 in the attempt that counts, UTC"),
        AnswerColumn("reached_at", "", "time of the last step reached, UTC"),
    )
}
