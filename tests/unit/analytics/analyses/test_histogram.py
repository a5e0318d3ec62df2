"""Bins: where edges are, and that every number is in the bin that its comparison with the edges says."""

import math
from bisect import bisect_right
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from questlog.analytics.analyses.histogram import Histogram, counts, histogram_table
from questlog.analytics.question.problems import InvalidQuery

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(first=NUMBERS, second=NUMBERS, bins=st.integers(1, 200))
def test_edges_ascend_from_the_least_to_the_greatest(first: float, second: float, bins: int) -> None:
    least, greatest = sorted((first, second))
    edges = Histogram(bins=bins).bins_for(least, greatest).edges
    assert (edges[0], edges[-1]) == (least, greatest)
    assert all(low < high for low, high in pairwise(edges)) or edges == (least, least)
    assert len(edges) <= bins + 1


@pytest.mark.parametrize(("least", "greatest"), [(-math.inf, 1.0), (0.0, math.inf), (math.nan, math.nan)])
def test_between_infinite_numbers_there_are_no_bins(least: float, greatest: float) -> None:
    with pytest.raises(InvalidQuery, match="histogram"):
        Histogram().bins_for(least, greatest)
    assert Histogram(edges=(0.0, 1.0)).bins_for(least, greatest).edges == (0.0, 1.0)


def test_edges_are_divided_exactly() -> None:
    assert Histogram(bins=10).bins_for(0.0, 1.0).edges == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@given(edges=st.lists(NUMBERS, min_size=2, max_size=9, unique=True).map(sorted), number=NUMBERS)
def test_a_number_is_between_the_edges_of_its_bin(edges: list[float], number: float) -> None:
    bins = Histogram(edges=tuple(edges)).bins_for(0.0, 0.0)
    place = bins.bin_of(number)
    below, above = [-math.inf, *edges][place], [*edges, math.inf][place]
    assert below <= number < above or (place == len(edges) - 1 and number == above)
    assert place == bisect_right(edges, number) or number == edges[-1]


def test_what_is_next_to_an_edge_is_compared_with_it() -> None:
    bins = Histogram(bins=2).bins_for(0.0, 2.0)
    rows: list[dict[str, Any]] = [
        {"bin": None, "near": 1.0, "n": 1},
        {"bin": None, "near": 0.9999999999, "n": 2},
        {"bin": 2, "near": None, "n": 4},
    ]
    assert counts(rows, bins, "group", "n") == {(None, 2): 5, (None, 1): 2}


def test_a_sum_that_came_out_a_little_greater_is_in_the_last_bin() -> None:
    bins = Histogram(bins=1).bins_for(0.0, 0.3)
    table = histogram_table(bins, counts([{"bin": 2, "near": None, "n": 1}], bins, "group", "n"), [None])
    assert table.to_pylist() == [{"group": None, "low": 0.0, "high": 0.3, "count": 1, "share": 1.0}]


@pytest.mark.parametrize(("least", "greatest"), [(-1e308, 1e308), (1.0, math.nextafter(1.0, 2.0)), (5.0, 5.0)])
def test_bins_that_a_division_could_miss_are_searched(least: float, greatest: float) -> None:
    assert not Histogram(bins=4).bins_for(least, greatest).is_even
