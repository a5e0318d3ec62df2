"""Cohorts: what players of a cohort spent and played by age: LTV, playtime, sessions (metrics.md §§3, 5)."""

from collections.abc import Callable, Mapping
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from questlog.analytics.analyses.cohort_members import (
    MOST_CELLS,
    CohortQuestion,
    Cohorts,
    Form,
    members,
    of_ages,
    player_days_of,
    rows_of,
)
from questlog.analytics.analyses.triangle import Bools, Ints, Triangle, ratio, whole
from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.intervals import Parts, with_intervals
from questlog.analytics.metrics.unpriced import by_currency, money_warnings
from questlog.analytics.question.answer import Answer, AnswerColumn, Warned
from questlog.analytics.question.examples import JANUARY, Example
from questlog.analytics.question.query import Granularity, Period
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.cardinality import warnings

_MILLION = 1_000_000
_MONEY = pa.decimal128(38, 6)


class Cohort(CohortQuestion, frozen=True, forbid_unknown_fields=True):
    """What the players of a cohort spent and played: cohort by cohort, or added up as a curve.

    Cohorts, groups and ages are those of `Retention`. The answer has `revenue`, `playtime` and `sessions` at each age;
    `…_total`: the sums from age 0 to this age; `…_per_player`: each of them divided by the players of the cohort.
    `ltv` is `revenue_total` per player. They are null until the day (week, month) is over. With `intervals` each mean
    is followed by `…_numerator` and `…_denominator`; `…_low` and `…_high` are null.
    """

    intervals: bool = False


def answer(question: Cohort, context: Context) -> Answer:
    """The triangle or the curve; the totals are the curve of all. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    cohorts = question.cohorts(context)
    rows = rows_of(context, sums_by_day, cohorts)
    sizes = rows.filter(pc.equal(rows["at"], rows["cohort"]))
    triangle = Triangle.of(sizes, question.granularity, question.last_age, context.today, MOST_CELLS[question.form])
    cells = {name: triangle.cells(rows, _whole_numbers(rows[name])) for name in _MEASURED}
    totals = _curve(triangle, cells, is_total=True)
    if question.form is Form.CURVE:
        table = _curve(triangle, cells, is_total=False)
    else:
        table = triangle.table(_columns(cells, triangle.size[:, None], triangle.has_passed))
    columns = [_COLUMNS[name] for name in table.column_names]
    warned = (*warnings(context, cohorts.selection.caps), *_unpriced(question, cohorts, context))
    found = Answer(table, columns, warned, totals, context.data_version)
    return with_intervals(found, _PARTS) if question.intervals else found


def _unpriced(question: Cohort, cohorts: Cohorts, context: Context) -> tuple[Warned, ...]:
    """The purchases without a price in dollars that the revenue of these ages leaves out."""
    from_then_on = Period(question.period.start, context.today)
    return money_warnings(context, from_then_on, "revenue", unpriced_purchases, cohorts, question.last_age)


def _whole_numbers(column: pa.ChunkedArray) -> Ints:
    """Counts as they are; decimals in millionths."""
    if not pa.types.is_decimal(column.type):
        return column.to_numpy()  # type: ignore[no-any-return]
    return np.array([int(value.scaleb(6)) for value in column.to_pylist()], np.int64)


def _curve(triangle: Triangle, cells: dict[str, Ints], *, is_total: bool) -> pa.Table:
    curves = triangle.curves()
    sizes = curves.sizes(is_total)
    # An age's total is of the cohorts whose day has passed: it is summed before they are.
    added = {name: curves.added(values, is_total) for name, values in cells.items()}
    totals = {name: curves.added(values.cumsum(axis=1), is_total) for name, values in cells.items()}
    return curves.table(_columns(added, sizes, sizes > 0, totals), is_total)


def _columns(
    cells: dict[str, Ints], sizes: Ints, is_known: Bools, totals: dict[str, Ints] | None = None
) -> dict[str, pa.Array]:
    columns: dict[str, pa.Array] = {}
    for name, values in cells.items():
        total = values.cumsum(axis=1) if totals is None else totals[name]
        for each, label in ((values, name), (total, f"{name}_total")):
            columns[label] = _amounts(each, is_known) if name in _IN_MILLIONTHS else whole(each, is_known)
            per_player = "ltv" if label == "revenue_total" else f"{label}_per_player"
            unit = _MILLION if name in _IN_MILLIONTHS else 1
            columns[per_player] = ratio(each, sizes * unit, is_known)
    return columns


def _amounts(millionths: Ints, is_known: Bools) -> pa.Array:
    values = [Decimal(value).scaleb(-6) for value in millionths.ravel().tolist()]
    return pa.array(values, _MONEY, mask=~is_known.ravel())


# ----------------------------------------------------------------------------------------------- asked of the engine


def sums_by_day(cohorts: Cohorts) -> ir.Table:
    """Cohort, group and the sums in the bucket that begins `at`; `players` became one of the cohort in it."""
    days, bought = _activity(cohorts), _purchases(cohorts)
    # On the first day there was an event: what made the player one of the cohort.
    done = days.group_by([*cohorts.keys, "at"]).aggregate(
        players=(days.day == days["from"]).sum(),
        revenue=_NO_MONEY,
        playtime=days.playtime_s.sum().cast("decimal(38, 6)"),
        sessions=days.sessions.sum(),
    )
    paid = bought.group_by([*cohorts.keys, "at"]).aggregate(
        players=_NOBODY,
        revenue=bought.amount_usd.sum().cast("decimal(38, 6)").fill_null(_NO_MONEY),
        playtime=_NO_MONEY,
        sessions=_NOBODY,
    )
    both = done.union(paid)
    sums = {name: both[name].sum().cast(both[name].type()) for name in ("players", *_MEASURED)}
    return both.group_by([*cohorts.keys, "at"]).aggregate(**sums)


def _activity(cohorts: Cohorts) -> ir.Table:
    """The player days of the cohorts' players."""
    days = player_days_of(cohorts.selection.game_id)
    if not cohorts.is_plain:
        return _in_cohorts(cohorts, days)
    # Each knows the player's first day.
    days = days.filter(cohorts.selection.days.holds_day(days.first_day))
    return _at_ages(cohorts, days.mutate(**{"from": days.first_day}))


def _purchases(cohorts: Cohorts) -> ir.Table:
    """What the cohorts' players paid and got back."""
    bought = tables.purchases
    bought = bought.filter(bought.game_id == cohorts.selection.game_id, bought.player_no.notnull())
    return _in_cohorts(cohorts, bought.select("player_no", "day", "currency", "amount_usd"))


def unpriced_purchases(cohorts: Cohorts, last_age: int) -> ir.Table:
    """The purchases of the cohorts' players up to an age, by currency."""
    bought = _purchases(cohorts)
    return by_currency(bought, bought["at"] <= bought.cohort + _AGE[cohorts.granularity](last_age))


def _in_cohorts(cohorts: Cohorts, rows: ir.Table) -> ir.Table:
    belonging = members(cohorts).drop("last_day", "cohort").rename({"member:no": "player_no"})
    return _at_ages(cohorts, belonging.inner_join(rows, belonging["member:no"] == rows.player_no))


def _at_ages(cohorts: Cohorts, rows: ir.Table) -> ir.Table:
    """Rows with the start of their `cohort` and of their own bucket, `at`; not before they were one of it."""
    rows, granularity = of_ages(cohorts, rows, rows.day, rows["from"]), cohorts.granularity
    rows = rows.mutate(cohort=bucket_of_day(rows["from"], granularity), at=bucket_of_day(rows.day, granularity))
    return rows.filter(rows["at"] >= rows.cohort)


_AGE: Mapping[Granularity, Callable[[int], ir.IntervalScalar]] = {
    Granularity.DAY: lambda ages: ibis.interval(days=ages),
    Granularity.WEEK: lambda ages: ibis.interval(days=7 * ages),
    Granularity.MONTH: lambda ages: ibis.interval(months=ages),
}
_NO_MONEY, _NOBODY = ibis.literal(0, "decimal(38, 6)"), ibis.literal(0, "int64")
_MEASURED = ("revenue", "playtime", "sessions")
_IN_MILLIONTHS = {"revenue", "playtime"}


def _column(name: str, unit: str, definition: str) -> list[AnswerColumn]:
    total = f"{definition}, from age 0 through this one"
    per_player = "ltv" if name == "revenue" else f"{name}_total_per_player"
    return [
        AnswerColumn(name, unit, f"{definition}, at this age; null until the day is over"),
        AnswerColumn(f"{name}_per_player", unit, f"{name} ÷ size"),
        AnswerColumn(f"{name}_total", unit, f"{total}; null until the day is over"),
        AnswerColumn(per_player, unit, f"{name}_total ÷ size"),
    ]


_COLUMNS = {
    column.name: column
    for column in (
        AnswerColumn("cohort", "", "first day of the day, week or month in which the players joined the cohort"),
        AnswerColumn("group", "", "value of the dimension of `group_by`"),
        AnswerColumn("size", "players", "players of the cohort; in a curve, players of the cohorts whose day is over"),
        AnswerColumn("age", "", "days, weeks or months since then"),
        *_column("revenue", "USD", "Σ of their purchases, net of refunds"),
        *_column("playtime", "s", "Σ length of their sessions, by the day they started"),
        *_column("sessions", "sessions", "sessions they started"),
    )
}


def _per_player(total: str) -> Parts:
    return lambda table: (table[total], table["size"])


_PARTS = {
    "ltv" if total == "revenue_total" else f"{total}_per_player": _per_player(total)
    for name in _MEASURED
    for total in (name, f"{name}_total")
}


ANALYSIS = Analysis(
    "cohorts",
    Cohort,
    answer,
    "LTV, playtime and sessions of cohorts, by age.",
    page="reference/analyses/retention.md",
    is_savable=True,
    keys=("cohort", "age"),
    examples=(
        Example("LTV, playtime and sessions by week of install", {"period": JANUARY, "granularity": "week"}),
        Example("The same, added up by platform", {"period": JANUARY, "form": "curve", "group_by": ["platform"]}),
    ),
)
