"""What is answered of a funnel's attempts: counts, conversions and times by step, bucket and group, and who dropped."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.analyses.funnel_attempts import Attempts, Ints
from questlog.analytics.analyses.histogram import Histogram, edges_of
from questlog.analytics.engine.context import StandingGroups
from questlog.analytics.metrics.intervals import Parts
from questlog.analytics.metrics.sub_query import MAX_ROWS
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.selection.cardinality import OTHER
from questlog.analytics.selection.dimensions import meaning_of

CONVERSIONS = ("from_previous", "from_first")
"""The shares of an answer."""

_TIME = pa.timestamp("us")
_SECOND_US = 1_000_000


@dataclass(frozen=True)
class Counted:
    """The attempts that count, and what is needed to tell them.

    `steps` are the steps' names, `unit` what is counted. `buckets` are the starts of all buckets in order, None where
    all is one. `groups` has a row for every attempt, and a column for each dimension of `group_by`. An attempt is open
    for `window_us` from its start on.
    """

    attempts: Attempts
    steps: Sequence[str]
    unit: str
    window_us: int
    now_us: int
    buckets: pa.Array | None = None
    group_by: tuple[str, ...] = ()
    groups: pa.Table | None = None
    standing: StandingGroups = field(default_factory=StandingGroups)


@dataclass(frozen=True)
class Cells:
    """The attempts by group: `code` is the place of each one's group among the `groups`, which are in order."""

    code: Ints
    groups: pa.Table

    @property
    def count(self) -> int:
        """How many groups there are."""
        return int(self.groups.num_rows)


@dataclass(frozen=True)
class _Row:
    count: int
    from_previous: float | None
    from_first: float | None
    median_from_previous_s: float | None
    median_from_first_s: float | None
    is_open: int


def steps_answer(counted: Counted, top: int | None) -> Answer:
    """One row for each bucket, group, in order (null, then `(other)` last), and step. The totals are of all."""
    attempts, steps = counted.attempts, len(counted.steps)
    everyone = attempts if counted.buckets is None else attempts.best_of_units()
    totals = _table(counted, _rows(counted, everyone))
    if counted.groups is None and counted.buckets is None:
        return Answer(totals, _columns(totals, counted))
    cells = cells_of(counted, top)
    number = attempts.bucket * cells.count + cells.code
    present = np.unique(number) if counted.groups is not None else np.arange(len(counted.buckets or ()))
    if len(present) * steps > MAX_ROWS:
        raise InvalidQuery("group_by", f"the answer would have more than {MAX_ROWS} rows; use `top`, or a filter")
    order = np.argsort(number, kind="stable")
    first, after = (np.searchsorted(number[order], present, side) for side in ("left", "right"))
    rows: list[_Row] = []
    for begin, end in zip(first.tolist(), after.tolist(), strict=True):
        rows += _rows(counted, attempts.taken(order[begin:end]))
    table = _table(counted, rows)
    table = _with_groups(table, counted, cells, np.repeat(present % cells.count, steps))
    if counted.buckets is not None:
        table = table.add_column(0, "bucket", counted.buckets.take(pa.array(np.repeat(present // cells.count, steps))))
    return Answer(table, _columns(table, counted), totals=totals)


def conversion_parts(steps: int) -> Mapping[str, Parts]:
    """What the conversions of a table of steps divide: nothing comes before step 1."""

    def from_previous(table: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        counts = table["count"].to_numpy().reshape(-1, steps)
        before = np.concatenate([np.zeros((len(counts), 1), np.int64), counts[:, :-1]], axis=1)
        is_first = np.tile(np.arange(steps) == 0, len(counts))
        above, below = (pa.chunked_array([pa.array(each.ravel(), mask=is_first)]) for each in (counts, before))
        return above, below

    def from_first(table: pa.Table) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
        counts = table["count"].to_numpy().reshape(-1, steps)
        return table["count"], pa.chunked_array([np.repeat(counts[:, 0], steps)])

    return {"from_previous": from_previous, "from_first": from_first}


def times_answer(counted: Counted, top: int | None, step: int, since: int, histogram: Histogram) -> Answer:
    """How many took how long to a step since another (both from 0), of those who reached it, by group."""
    attempts = counted.attempts
    there = np.flatnonzero(attempts.reached > step)
    seconds = (attempts.times_us[step, there] - attempts.times_us[since, there]) / _SECOND_US
    cells = cells_of(counted, top)
    table = _binned(seconds, np.zeros_like(there), 1, histogram)
    if counted.groups is None:
        return Answer(table, _columns(table, counted))
    by_group = _binned(seconds, cells.code[there], cells.count, histogram)
    of = np.repeat(np.arange(cells.count), by_group.num_rows // max(cells.count, 1))
    by_group = _with_groups(by_group, counted, cells, of)
    return Answer(by_group, _columns(by_group, counted), totals=table)


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


def cells_of(counted: Counted, top: int | None) -> Cells:
    """The different groups in order, and each attempt's place among them; without groups all is one.

    With `top`, those that are not among the greatest by step 1 are one with what is `(other)` already, the last.
    """
    if counted.groups is None:
        return Cells(np.zeros(len(counted.attempts.unit), np.int64), pa.table({"": [0]}))
    code, groups = group_places(counted.groups)
    texts = [_texts(group) for group in groups.to_pylist()]
    counts = np.bincount(code[of_everyone(counted)], minlength=groups.num_rows)
    standing = counted.standing.once(lambda: _greatest(texts, counts, top))
    kept = np.array([place for place, each in enumerate(texts) if standing is None or each in standing], np.int64)
    kept = kept[[OTHER not in texts[place] for place in kept]]
    if len(kept) == groups.num_rows:
        return Cells(code, groups)
    place = np.full(groups.num_rows, len(kept))
    place[kept] = np.arange(len(kept))
    named = groups.take(pa.array(kept)).cast(pa.schema([(name, pa.string()) for name in groups.column_names]))
    other = pa.table({name: pa.array([OTHER]) for name in groups.column_names})
    return Cells(place[code], pa.concat_tables([named, other]))


def _texts(group: Mapping[str, object]) -> tuple[str | None, ...]:
    return tuple(None if value is None else str(value) for value in group.values())


def _greatest(groups: Sequence[tuple[str | None, ...]], counts: Ints, top: int | None) -> frozenset[object] | None:
    """The `top` groups with the most step 1, of equally great ones the first in order; None: all of them."""
    if top is None:
        return None
    named = [place for place, group in enumerate(groups) if OTHER not in group]
    return frozenset(groups[place] for place in sorted(named, key=lambda place: -counts[place])[:top])


def group_places(groups: pa.Table) -> tuple[Ints, pa.Table]:
    """Each row's place among the different rows in order, null last; and these."""
    if not groups.num_rows:
        return np.zeros(0, np.int64), groups
    numbers = np.zeros(groups.num_rows, np.int64)
    for name in groups.column_names:
        encoded = groups[name].combine_chunks().dictionary_encode("encode")
        place = np.argsort(pc.sort_indices(encoded.dictionary).to_numpy())
        values = place[encoded.indices.to_numpy(zero_copy_only=False)]
        _, numbers = np.unique(numbers * len(place) + values, return_inverse=True)
    _, firsts = np.unique(numbers, return_index=True)
    return numbers.astype(np.int64), groups.take(pa.array(firsts))


def of_everyone(counted: Counted) -> Ints:
    """The places of the attempts that count where buckets do not."""
    attempts = counted.attempts
    order = np.lexsort((attempts.start_us, -attempts.reached, attempts.unit))
    first: Ints = order[np.diff(attempts.unit[order], prepend=-1) != 0]
    return first


def _rows(counted: Counted, attempts: Attempts) -> Iterator[_Row]:
    reached, times = attempts.reached, attempts.times_us
    is_open = np.bincount(reached[attempts.is_open(counted.window_us, counted.now_us)], minlength=len(times) + 1)
    first = previous = len(reached)
    yield _Row(first, None, _share(first, first), None, None, int(is_open[1]))
    for step in range(1, len(counted.steps)):
        here = np.flatnonzero(reached > step)
        now, before = times[step].take(here), times[step - 1].take(here)
        from_previous = _median_s(now - before)
        from_first = _median_s(now - times[0].take(here)) if step > 1 else from_previous
        shares = _share(len(here), previous), _share(len(here), first)
        yield _Row(len(here), *shares, from_previous, from_first, int(is_open[step + 1]))
        previous = len(here)


def _share(count: int, of: int) -> float | None:
    return count / of if of else None


def _median_s(times_us: npt.NDArray[np.int64]) -> float | None:
    """Exact: the mean of the middle two where they are two."""
    return float(np.median(times_us)) / _SECOND_US if len(times_us) else None


def _binned(seconds: npt.NDArray[np.float64], code: Ints, groups: int, histogram: Histogram) -> pa.Table:
    """`low_s`, `high_s`, `count` and `share` of every bin of every group; no bins where nobody took any time."""
    if not len(seconds):
        return pa.table({name: pa.array([], kind) for name, kind in _TIMES.items()})
    bins = histogram.bins_for(float(seconds.min()), float(seconds.max()))
    place = np.searchsorted(bins.edges, seconds, "right")
    place[seconds == bins.edges[-1]] = len(bins.edges) - 1
    if not bins.is_open:
        place = place.clip(1, len(bins.edges) - 1)
    edges = edges_of(bins)
    counts = np.bincount(code * (len(bins.edges) + 1) + place, minlength=groups * (len(bins.edges) + 1))
    counts = counts.reshape(groups, -1)[:, [number for number, _, _ in edges]]
    of = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, of, out=np.zeros(counts.shape), where=of > 0)
    return pa.table(
        {
            "low_s": pa.array([low for _, low, _ in edges] * groups, pa.float64()),
            "high_s": pa.array([high for _, _, high in edges] * groups, pa.float64()),
            "count": counts.ravel(),
            "share": pa.array(shares.ravel(), mask=np.repeat(of.ravel() == 0, len(edges))),
        }
    )


def _table(counted: Counted, rows: Iterator[_Row] | Sequence[_Row]) -> pa.Table:
    found, steps = list(rows), len(counted.steps)
    cells = len(found) // steps
    numbers = pa.array
    return pa.table(
        {
            "step": numbers([step + 1 for step in range(steps)] * cells, pa.int64()),
            "event": numbers(list(counted.steps) * cells, pa.string()),
            "count": numbers([row.count for row in found], pa.int64()),
            "from_previous": numbers([row.from_previous for row in found], pa.float64()),
            "from_first": numbers([row.from_first for row in found], pa.float64()),
            "median_from_previous_s": numbers([row.median_from_previous_s for row in found], pa.float64()),
            "median_from_first_s": numbers([row.median_from_first_s for row in found], pa.float64()),
            "open": numbers([row.is_open for row in found], pa.int64()),
        }
    )


def _with_groups(table: pa.Table, counted: Counted, cells: Cells, of: Ints) -> pa.Table:
    """The table with the groups' columns first; `of` is the number of each row's group."""
    if counted.groups is None:
        return table
    groups = cells.groups.take(pa.array(of))
    for place, name in enumerate(counted.group_by):
        table = table.add_column(place, _group_name(name), groups[name])
    return table


def _group_name(dimension: str) -> str:
    """The dimension's name; `by_NAME` where the answer has another column of that name."""
    return f"by_{dimension}" if dimension in _MEANINGS else dimension


_TIMES = {"low_s": pa.float64(), "high_s": pa.float64(), "count": pa.int64(), "share": pa.float64()}
_MEANINGS = {
    "bucket": ("", "start of the day, week or month in which the attempts begin, also where that is before the period"),
    "step": ("", "number of the step, from 1"),
    "event": ("", "the event that the step is"),
    "count": ("{unit}", "{unit} that reached the step; of a bin, those who took so long"),
    "from_previous": ("share", "count ÷ count of the step before"),
    "from_first": ("share", "count ÷ count of step 1"),
    "median_from_previous_s": ("s", "median time since the step before, of those who reached this one"),
    "median_from_first_s": ("s", "median time since step 1, of those who reached this one"),
    "open": (
        "{unit}",
        "of them, those who have not reached the next step, and whose attempt can still go on: its window is not over",
    ),
    "low_s": ("s", "lower edge: times from it on; null: no edge"),
    "high_s": ("s", "upper edge: times below it, in the last bin also those equal to it; null: no edge"),
    "share": ("share", "count ÷ all who reached the step"),
}


def _columns(table: pa.Table, counted: Counted) -> list[AnswerColumn]:
    groups = {
        _group_name(name): ("", f"{meaning_of(name)}; of the event of step 1 of the attempt that counts")
        for name in counted.group_by
    }
    meanings = {**_MEANINGS, **groups}
    return [
        AnswerColumn(name, *(text.format(unit=counted.unit) if name in _MEANINGS else text for text in meanings[name]))
        for name in table.column_names
    ]


DROPPED_COLUMNS = {
    column.name: column
    for column in (
        AnswerColumn("player_id", "", "the player's id as sent"),
        AnswerColumn("session_id", "", "the session's id as sent"),
        AnswerColumn("started_at", "", "time of step 1 in the attempt that counts, UTC"),
        AnswerColumn("reached_at", "", "time of the last step reached, UTC"),
    )
}
