"""Cells by cohort, group and age, and which of them have passed: the answering half of retention and cohorts.

An age counts days, weeks or months: the difference between the buckets of the calendar.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Granularity
from questlog.analytics.selection.cardinality import OTHER

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_MONDAY = 3
"""1970-01-01 was a Thursday: three days after the start of its week."""


def bucket_numbers(days: npt.NDArray[np.datetime64], granularity: Granularity) -> Ints:
    """The number of each day's bucket, since that of 1970-01-01."""
    if granularity is Granularity.MONTH:
        days = days.astype("datetime64[M]")
    numbers: Ints = days.astype(np.int64)
    return (numbers + _MONDAY) // 7 if granularity is Granularity.WEEK else numbers


def bucket_starts(numbers: Ints, granularity: Granularity) -> pa.Array:
    """The first day of each bucket."""
    if granularity is Granularity.MONTH:
        return pa.array(numbers.astype("datetime64[M]").astype("datetime64[D]"))
    days = numbers * 7 - _MONDAY if granularity is Granularity.WEEK else numbers
    return pa.array(days.astype("datetime64[D]"))


@dataclass(frozen=True)
class Triangle:
    """The cohorts that have a player, by start and group (null last), and their cells.

    `start` is the number of the cohort's bucket, `group` its place in `groups`; `has_passed[cohort, age]` whether the
    cell's bucket is wholly before `today`.
    """

    granularity: Granularity
    start: Ints
    group: Ints
    groups: pa.Array | None
    size: Ints
    has_passed: Bools

    @property
    def ages(self) -> int:
        """How many ages there are, from 0."""
        return int(self.has_passed.shape[-1])

    @classmethod
    def of(cls, sizes: pa.Table, granularity: Granularity, ages: int, today: dt.date, most: int) -> "Triangle":
        """From rows of `cohort`, perhaps `group`, and `players`. Raises `InvalidQuery` for over `most` cells."""
        if sizes.num_rows * (ages + 1) > most:
            raise InvalidQuery("ages", f"cohorts, groups and ages would have more than {most} cells; ask for fewer")
        start = bucket_numbers(sizes["cohort"].to_numpy(), granularity)
        groups = _in_order(sizes["group"]) if "group" in sizes.column_names else None
        group = _places(sizes["group"], groups) if groups is not None else np.zeros_like(start)
        order = np.lexsort((group, start))
        start, group = start[order], group[order]
        has_passed = start[:, None] + np.arange(ages + 1) < bucket_numbers(
            np.array([today], "datetime64[D]"), granularity
        )
        return cls(granularity, start, group, groups, sizes["players"].to_numpy()[order], has_passed)

    def cells(self, rows: pa.Table, values: Ints) -> Ints:
        """[cohort, age]: the values of rows of `cohort`, perhaps `group`, and the day `at`; 0 where there is no row.

        Every row is of a cohort and group of the triangle; those of a greater age than it has are left out.
        """
        return self._cells(rows, values, self._ages_of(rows))

    def cells_from_then_on(self, rows: pa.Table, values: Ints) -> Ints:
        """The same with the values of each age and all later ones, however late, added up."""
        cells = self._cells(rows, values, np.minimum(self._ages_of(rows), self.ages - 1))
        return cells[:, ::-1].cumsum(axis=1)[:, ::-1]

    def _ages_of(self, rows: pa.Table) -> Ints:
        at, start = rows["at"].to_numpy(), rows["cohort"].to_numpy()
        return bucket_numbers(at, self.granularity) - bucket_numbers(start, self.granularity)

    def _cells(self, rows: pa.Table, values: Ints, age: Ints) -> Ints:
        cells: Ints = np.zeros(self.has_passed.shape, np.int64)
        if len(self.start):
            start = bucket_numbers(rows["cohort"].to_numpy(), self.granularity)
            group = _places(rows["group"], self.groups) if self.groups is not None else np.zeros_like(start)
            cohort = np.searchsorted(self._keys(self.start, self.group), self._keys(start, group))
            is_inside = (age >= 0) & (age < self.ages)
            np.add.at(cells, (cohort[is_inside], age[is_inside]), values[is_inside])
        return cells

    def table(self, columns: Mapping[str, pa.Array]) -> pa.Table:
        """One row for each cohort, group and age, with `columns`, whose values come in the order of the cells."""
        ages = self.ages
        found = {"cohort": bucket_starts(np.repeat(self.start, ages), self.granularity)}
        if self.groups is not None:
            found["group"] = self.groups.take(pa.array(np.repeat(self.group, ages)))
        found["size"] = pa.array(np.repeat(self.size, ages))
        found["age"] = pa.array(np.tile(np.arange(ages), len(self.start)))
        return pa.table({**found, **columns})

    def curves(self) -> "Curves":
        """The same cohorts added up: for each group, and in the answer's totals for all."""
        return Curves(self)

    def _keys(self, start: Ints, group: Ints) -> Ints:
        return start * (1 if self.groups is None else len(self.groups) + 1) + group


class Curves:
    """Sums over the cohorts whose cell has passed, by group and age."""

    def __init__(self, triangle: Triangle) -> None:
        self._triangle = triangle

    def added(self, cells: Ints, is_total: bool) -> Ints:
        """[group, age]: the sum over the cohorts; of all groups together for the total."""
        triangle = self._triangle
        group = np.zeros_like(triangle.group) if is_total else triangle.group
        sums: Ints = np.zeros((self._count(is_total), triangle.ages), np.int64)
        np.add.at(sums, group, np.where(triangle.has_passed, cells, 0))
        return sums

    def sizes(self, is_total: bool) -> Ints:
        """[group, age]: the players of the cohorts whose cell has passed."""
        size = self._triangle.size[:, None]
        return self.added(np.broadcast_to(size, self._triangle.has_passed.shape), is_total)

    def table(self, columns: Mapping[str, pa.Array], is_total: bool) -> pa.Table:
        """One row for each group and age, with `columns` in that order."""
        groups, ages = self._count(is_total), self._triangle.ages
        found = {}
        if self._triangle.groups is not None and not is_total:
            found["group"] = self._triangle.groups.take(pa.array(np.repeat(np.arange(groups), ages)))
        found["size"] = pa.array(self.sizes(is_total).ravel())
        found["age"] = pa.array(np.tile(np.arange(ages), groups))
        return pa.table({**found, **columns})

    def _count(self, is_total: bool) -> int:
        groups = self._triangle.groups
        return 1 if is_total or groups is None else len(groups)


def whole(values: Ints, is_known: Bools) -> pa.Array:
    """Whole numbers; null where they are not known."""
    return pa.array(values.ravel(), mask=~is_known.ravel())


def ratio(values: npt.NDArray[np.generic], of: Ints, is_known: Bools) -> pa.Array:
    """Values over how many; null where they are not known and where there is nothing to divide by."""
    is_known = is_known & (of > 0)
    shares = np.divide(values, of, out=np.zeros(np.broadcast_shapes(values.shape, of.shape)), where=of > 0)
    return pa.array(shares.ravel(), mask=~is_known.ravel())


def _in_order(values: pa.ChunkedArray) -> pa.Array:
    """The different values, null last but for what is above a limit."""
    found = pc.unique(values.combine_chunks())
    found = found.take(pc.sort_indices(found))
    places = sorted(range(len(found)), key=lambda place: found[place].as_py() == OTHER)
    return found.take(pa.array(places, pa.int64()))


def _places(values: pa.ChunkedArray, among: pa.Array) -> Ints:
    places: Ints = pc.index_in(values.combine_chunks(), value_set=among).to_numpy(zero_copy_only=False).astype(np.int64)
    return places
