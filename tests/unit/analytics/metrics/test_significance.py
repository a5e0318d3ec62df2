import math

import numpy as np
import pyarrow as pa
import pytest

from questlog.analytics.metrics.significance import compared_with_others, compared_with_previous, p_values
from questlog.analytics.question.answer import Answer, AnswerColumn


def p_value(*counts: float) -> float:
    return float(p_values(*(np.array([count], np.float64) for count in counts))[0])


def test_a_difference_has_the_p_value_of_the_pooled_z_test() -> None:
    # By hand: p = 0.105, standard error = √(0.105 · 0.895 · 0.002) = 0.0137095, z = 2.18826.
    assert p_value(120, 1_000, 90, 1_000) == pytest.approx(0.028650, abs=1e-6)


def test_equal_shares_do_not_differ() -> None:
    assert p_value(50, 100, 500, 1_000) == 1.0


def test_the_order_does_not_matter() -> None:
    assert p_value(30, 100, 90, 200) == p_value(90, 200, 30, 100)


@pytest.mark.parametrize(
    "counts",
    [
        (3, 10, 30, 1_000),
        (0, 100, 0, 100),
        (100, 100, 100, 100),
        (0, 0, 5, 10),
        (12, 10, 5, 10),
        (math.nan, 100, 50, 100),
    ],
)
def test_too_few_or_no_shares_have_no_p_value(counts: tuple[float, ...]) -> None:
    assert math.isnan(p_value(*counts))


def answer(table: dict[str, list[float]], totals: dict[str, list[float]] | None = None) -> Answer:
    columns = [AnswerColumn(name, "share", name) for name in table]
    return Answer(pa.table(table), columns, totals=None if totals is None else pa.table(totals))


def test_a_compared_answer_says_it_behind_the_compared_interval() -> None:
    parts = {"share": [0.12], "share_numerator": [120.0], "share_denominator": [1000.0], "share_high": [0.2]}
    previous = {"previous_share": [0.09], "previous_share_numerator": [90.0], "previous_share_denominator": [1000.0]}
    ends = {"previous_share_low": [0.05], "previous_share_high": [0.1], "n": [1.0]}
    found = compared_with_previous(answer(parts | previous | ends))
    assert found.table.column_names[-2:] == ["share_p_value", "n"]
    assert [column.name for column in found.columns] == found.table.column_names
    assert found.table["share_p_value"].to_pylist() == [pytest.approx(0.028650, abs=1e-6)]


def test_a_comparison_with_a_period_takes_the_place_of_one_between_groups() -> None:
    parts = {"share": [0.5], "share_numerator": [50.0], "share_denominator": [100.0], "share_p_value": [0.2]}
    previous = {f"previous_{name}": values for name, values in parts.items()}
    ends = {"previous_share_low": [0.4], "previous_share_high": [0.6]}
    found = compared_with_previous(answer(parts | previous | ends))
    assert [name for name in found.table.column_names if name.endswith("_p_value")] == ["share_p_value"]
    assert [column.name for column in found.columns] == found.table.column_names
    assert found.table["share_p_value"].to_pylist() == [1.0]


def test_without_intervals_an_answer_is_as_it_was() -> None:
    plain = answer({"share": [0.5], "previous_share": [0.5]})
    assert compared_with_previous(plain) is plain


def test_a_group_is_compared_with_all_others() -> None:
    parts = {"share_numerator": [120.0, 90.0, 0.0], "share_denominator": [1000.0, 1000.0, 2.0], "share_high": [1.0] * 3}
    totals = {"share_numerator": [210.0], "share_denominator": [2002.0]}
    found = compared_with_others(answer(parts, totals), ["share"], 1).table["share_p_value"].to_pylist()
    assert found[0] == pytest.approx(p_value(120, 1_000, 90, 1_002))
    assert found[2] is None
