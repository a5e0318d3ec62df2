"""Whether two shares differ by more than chance: the p-value of a two-sided z-test of two proportions, pooled.

The normal approximation needs at least 5 expected successes and failures on both sides (Cochran's rule); with fewer
there is no p-value.
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa

from questlog.analytics.metrics.formulas import Column, as_float
from questlog.analytics.metrics.intervals import Floats
from questlog.analytics.question.answer import Answer, AnswerColumn

SUFFIX = "_p_value"
"""The column of a p-value is called like the share, with this behind."""

_PREVIOUS = "previous_"
_LEAST_EXPECTED = 5


def p_values(successes: Floats, trials: Floats, other_successes: Floats, other_trials: Floats) -> Floats:
    """The probability of a difference at least that large between equal shares; NaN where it cannot be said."""
    is_share = (successes >= 0) & (successes <= trials) & (other_successes >= 0) & (other_successes <= other_trials)
    both = trials + other_trials
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (successes + other_successes) / both
        least = np.minimum(trials, other_trials) * np.minimum(pooled, 1 - pooled)
        difference = successes / trials - other_successes / other_trials
        z = np.abs(difference) / np.sqrt(pooled * (1 - pooled) * (1 / trials + 1 / other_trials))
    can_say = is_share & (least >= _LEAST_EXPECTED)
    return np.array([math.erfc(each / math.sqrt(2)) if ok else math.nan for each, ok in zip(z, can_say, strict=True)])


def p_value_column(name: str, than: str) -> AnswerColumn:
    """What a p-value means."""
    said = (
        f"Probability of a difference at least that large to {name} {than}, if both were equal (two-sided z-test of two"
    )
    return AnswerColumn(f"{name}{SUFFIX}", "", f"{said} proportions); null where the expected counts are below 5.")


def compared_with_previous(answer: Answer) -> Answer:
    """A compared answer with intervals: behind the compared interval of each share, the p-value of their difference.

    It takes the place of one between the groups of a period.
    """
    answer = _without_p_values(answer)
    shares = [column.name for column in answer.columns if f"{_PREVIOUS}{column.name}_low" in answer.table.column_names]
    shares = [name for name in shares if f"{name}_numerator" in answer.table.column_names]
    if not shares:
        return answer
    columns: list[AnswerColumn] = []
    for column in answer.columns:
        columns.append(column)
        ends = [name for name in shares if column.name == f"{_PREVIOUS}{name}_high"]
        columns += [p_value_column(name, "of the period that is compared with") for name in ends]
    tables = [None if table is None else _with_previous(table, shares) for table in (answer.table, answer.totals)]
    return msgspec.structs.replace(answer, table=tables[0], totals=tables[1], columns=columns)


def _without_p_values(answer: Answer) -> Answer:
    columns = [column for column in answer.columns if not column.name.endswith(SUFFIX)]
    if len(columns) == len(answer.columns):
        return answer
    return msgspec.structs.replace(answer, table=answer.table.select([each.name for each in columns]), columns=columns)


def _with_previous(table: pa.Table, shares: Sequence[str]) -> pa.Table:
    found: dict[str, Column] = {}
    for column in table.column_names:
        found[column] = table[column]
        for name in shares:
            if column == f"{_PREVIOUS}{name}_high":
                parts = (f"{start}{name}{end}" for start in ("", _PREVIOUS) for end in ("_numerator", "_denominator"))
                found[f"{name}{SUFFIX}"] = _column(*(table[part] for part in parts))
    return pa.table(found)


def compared_with_others(answer: Answer, shares: Sequence[str], rows_a_group: int) -> Answer:
    """An answer with intervals and groups that exclude each other: each share against that of all other groups.

    The totals have one row for each of the `rows_a_group` rows of a group.
    """
    if answer.totals is None or answer.totals.num_rows != rows_a_group or not answer.table.num_rows:
        return answer
    table = answer.table
    columns = list(answer.columns)
    for name in shares:
        successes, trials = (_floats(table[f"{name}{end}"]) for end in ("_numerator", "_denominator"))
        groups = len(successes) // rows_a_group
        totals = [np.tile(_floats(answer.totals[f"{name}{end}"]), groups) for end in ("_numerator", "_denominator")]
        values = p_values(successes, trials, totals[0] - successes, totals[1] - trials)
        place = table.column_names.index(f"{name}_high") + 1
        column = p_value_column(name, "of all other groups together")
        table = table.add_column(place, column.name, pa.array(values, from_pandas=True))
        columns.insert([each.name for each in columns].index(f"{name}_high") + 1, column)
    return msgspec.structs.replace(answer, table=table, columns=columns)


def _column(*parts: Column) -> Column:
    values = p_values(*map(_floats, parts))
    return pa.chunked_array([pa.array(values, pa.float64(), from_pandas=True)])


def _floats(column: Column) -> Floats:
    values: Floats = as_float(column).to_numpy().astype(np.float64)
    return values
