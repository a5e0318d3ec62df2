"""What becomes of measures: quotients are null where there is nothing to divide by, and as exact as a float can be."""

from decimal import Decimal

import pyarrow as pa

from questlog.analytics.metrics.formulas import (
    as_float,
    difference,
    difference_ratio,
    ratio,
    rest_of_one,
    share_of_both,
)


def money(*amounts: str | None) -> pa.ChunkedArray:
    values = [None if amount is None else Decimal(amount) for amount in amounts]
    return pa.chunked_array([pa.array(values, pa.decimal128(38, 6))])


def counts(*numbers: int | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(numbers, pa.int64())])


def test_nothing_divided_by_nothing_is_nothing() -> None:
    assert ratio(money("5", "0", None), counts(0, 0, 3)).to_pylist() == [None, None, None]


def test_money_keeps_its_cents() -> None:
    assert ratio(money("14.97"), counts(3)).to_pylist() == [4.99]
    assert as_float(money("0.000001", "-14.97", "123456789012345678901234567890.123456")).to_pylist() == [
        1e-06,
        -14.97,
        1.2345678901234568e29,
    ]


def test_shares_and_differences() -> None:
    assert share_of_both(counts(1, 0), counts(3, 0)).to_pylist() == [0.25, None]
    assert rest_of_one(counts(1, 0), counts(4, 0)).to_pylist() == [0.75, None]
    assert difference(counts(5), counts(2)).to_pylist() == [3]
    assert difference_ratio(counts(5), counts(2), counts(2)).to_pylist() == [1.5]
