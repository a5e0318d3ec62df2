"""Numerator, denominator and 95 % interval of a share or a mean.

A share of two counts has Wilson's score interval (E. B. Wilson, JASA 22 (1927) 209; without correction
for continuity). A mean has none: that would need the sum of the squares, which is not kept.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.metrics.formulas import (
    Column,
    Formula,
    added,
    as_float,
    difference,
    difference_ratio,
    ratio,
    rest_of_one,
    share_of_both,
)
from questlog.analytics.question.answer import Answer, AnswerColumn

Parts = Callable[[pa.Table], tuple[Column, Column]]
"""The numerators and denominators of an answer's rows."""

Floats = npt.NDArray[np.float64]

SUFFIXES = ("_numerator", "_denominator", "_low", "_high")
"""The columns of an interval are called like the share or mean, with these behind."""

SHARE = "share"
_Z = 1.959963984540054
"""The 0.975 quantile of the standard normal distribution."""


def wilson(successes: Floats, trials: Floats) -> tuple[Floats, Floats]:
    """Least and greatest share of the 95 % interval; NaN where `successes` are not 0 to `trials`, or nothing was tried.

    What is counted twice has no such interval: completes of a level may be more than its starts.
    """
    is_share = (trials > 0) & (successes >= 0) & (successes <= trials)
    n = np.where(is_share, trials, np.nan)
    share, z2 = successes / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    low = np.where(successes == 0, np.where(is_share, 0.0, np.nan), middle - half)
    high = np.where(successes == trials, np.where(is_share, 1.0, np.nan), middle + half)
    return low, high


def interval_values(numerator: Column, denominator: Column, unit: str) -> list[Column]:
    """The columns of a share or mean: numerator, denominator, least and greatest value of its interval.

    Null where there is nothing to divide by, and the interval of all that is not a share.
    """
    numbers = [as_float(column).to_numpy().astype(np.float64) for column in (numerator, denominator)]
    if unit == SHARE:
        bounds = [pa.array(bound, pa.float64(), from_pandas=True) for bound in wilson(numbers[0], numbers[1])]
    else:
        bounds = [pa.nulls(len(numerator), pa.float64())] * 2
    return [numerator, denominator, *(pa.chunked_array([bound]) for bound in bounds)]


def interval_columns(name: str, unit: str) -> list[AnswerColumn]:
    """What these columns mean."""
    if unit == SHARE:
        said = f"of the 95 % interval of {name} (Wilson's score interval); null where the numerator is the greater one."
    else:
        said = f"of the 95 % interval of {name}: not known, since sums of squares are not kept."
    return [
        AnswerColumn(f"{name}_numerator", "", f"What {name} divides."),
        AnswerColumn(f"{name}_denominator", "", f"What {name} divides by."),
        AnswerColumn(f"{name}_low", unit, f"Least value {said}"),
        AnswerColumn(f"{name}_high", unit, f"Greatest value {said}"),
    ]


def with_intervals(answer: Answer, parts: Mapping[str, Parts]) -> Answer:
    """The answer where each of these columns that it has is followed by its parts and its interval."""
    units = {column.name: column.unit for column in answer.columns}
    columns: list[AnswerColumn] = []
    for column in answer.columns:
        columns += [column, *(interval_columns(column.name, column.unit) if column.name in parts else ())]
    tables = [None if each is None else _inserted(each, parts, units) for each in (answer.table, answer.totals)]
    return msgspec.structs.replace(answer, table=tables[0], columns=columns, totals=tables[1])


def _inserted(table: pa.Table, parts: Mapping[str, Parts], units: Mapping[str, str]) -> pa.Table:
    found: dict[str, Column] = {}
    for name in table.column_names:
        found[name] = table[name]
        if name in parts:
            values = interval_values(*parts[name](table), units[name])
            found |= dict(zip((f"{name}{suffix}" for suffix in SUFFIXES), values, strict=True))
    return pa.table(found)


def divided(formula: Formula, measures: Sequence[Column]) -> tuple[Column, Column] | None:
    """The numerator and the denominator of a formula that divides; None for others."""
    parts = _PARTS.get(formula)
    if parts is None:
        return None
    above, below = parts
    return above(*measures), below(*measures)


def divides(formula: Formula) -> bool:
    """Whether the formula has a numerator and a denominator."""
    return formula in _PARTS


def _first(one: Column, *_: Column) -> Column:
    return one


def _last(*columns: Column) -> Column:
    return columns[-1]


_PARTS: Mapping[Formula, tuple[Formula, Formula]] = {
    ratio: (_first, _last),
    rest_of_one: (lambda above, below: pc.subtract(below, above), _last),
    difference_ratio: (lambda more, less, _: difference(more, less), _last),
    share_of_both: (_first, added),
}
