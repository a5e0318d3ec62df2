"""Intervals, against published values."""

import numpy as np
import pyarrow as pa
import pytest

from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.metrics.formulas import difference_ratio, ratio, rest_of_one, share_of_both, value
from questlog.analytics.metrics.intervals import divided, divides, interval_columns, interval_values, wilson
from questlog.analytics.metrics.metric import DAY_METRICS

# R. G. Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3 (score, without correction for continuity).
PUBLISHED = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]


@pytest.mark.parametrize(("successes", "trials", "low", "high"), PUBLISHED)
def test_shares_have_the_published_intervals(successes: int, trials: int, low: float, high: float) -> None:
    found = wilson(np.array([float(successes)]), np.array([float(trials)]))
    assert [round(float(bound[0]), 4) for bound in found] == [low, high]
    # The interval of what did not succeed is its mirror image.
    mirrored = wilson(np.array([float(trials - successes)]), np.array([float(trials)]))
    assert [float(bound[0]) for bound in mirrored] == pytest.approx([1 - found[1][0], 1 - found[0][0]])


def test_nothing_and_everything_end_at_0_and_1() -> None:
    low, high = wilson(np.array([0.0, 7.0]), np.array([7.0, 7.0]))
    assert (low[0], high[1]) == (0.0, 1.0)
    assert 0 < low[1] < 1
    assert 0 < high[0] < 1


def test_what_is_no_share_has_no_interval() -> None:
    counts = pa.chunked_array([[0, 5, -1, None]])
    trials = pa.chunked_array([[0, 4, 4, 4]])
    columns = interval_values(counts, trials, "share")
    assert [column.to_pylist() for column in columns[2:]] == [[None] * 4, [None] * 4]
    assert [column.to_pylist() for column in columns[:2]] == [[0, 5, -1, None], [0, 4, 4, 4]]


def test_a_mean_has_parts_and_says_that_it_has_no_interval() -> None:
    columns = interval_values(pa.chunked_array([[10.0]]), pa.chunked_array([[4]]), "s")
    assert [column.to_pylist() for column in columns] == [[10.0], [4], [None], [None]]
    assert "not known" in interval_columns("session_length", "s")[2].definition


def test_the_numerator_over_the_denominator_is_the_value() -> None:
    one, two, three = (pa.chunked_array([[number]]) for number in (3, 5, 10))
    for formula, measures in (
        (ratio, (one, three)),
        (rest_of_one, (one, three)),
        (difference_ratio, (two, one, three)),
        (share_of_both, (one, two)),
    ):
        parts = divided(formula, measures)
        assert parts is not None
        above, below = parts
        assert ratio(above, below).to_pylist() == pytest.approx(formula(*measures).to_pylist())
    assert divided(value, (one,)) is None


def test_every_share_of_the_catalogue_has_an_interval() -> None:
    shares = [metric for metric in (*CATALOGUE.values(), *DAY_METRICS) if metric.unit == "share"]
    assert len(shares) > 5
    assert [metric.name for metric in shares if not divides(metric.formula)] == []
