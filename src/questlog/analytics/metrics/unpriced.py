"""Purchases without a price in US dollars, or with an approximate one: what to know of an answer about money.

metrics.md §3, Money.
"""

import datetime as dt
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

import ibis
import ibis.expr.types as ir
import msgspec

from questlog.analytics.engine import tables
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.metric import Metric
from questlog.analytics.metrics.sources.cohorts import has_passed, installed, longer, told_columns
from questlog.analytics.metrics.sub_query import SubQuery
from questlog.analytics.question.answer import Warned
from questlog.analytics.question.query import Granularity, Period
from questlog.analytics.selection.buckets import timestamp
from questlog.analytics.selection.dimensions import referenced_dimensions
from questlog.analytics.selection.filters import event_matches, predicate
from questlog.analytics.selection.rows import purchases_with
from questlog.analytics.selection.selection import Selection

_OF_PURCHASES = frozenset(
    {
        Quantity.REVENUE,
        Quantity.GROSS_REVENUE,
        Quantity.REFUNDED,
        Quantity.PRICED_TRANSACTIONS,
        Quantity.PRICED_PAYERS,
        Quantity.CUSTOM_REVENUE,
    }
)
_OF_COHORTS = frozenset({Quantity.COHORT_REVENUE})
_ONE_DAY = dt.timedelta(days=1)
_EPOCH = dt.date(1970, 1, 1)
_MOST_TOLD = 5


def unpriced_warnings(
    context: Context, metrics: Sequence[Metric], selection: Selection, compared: Period | None = None
) -> tuple[Warned, ...]:
    """The purchases that the metrics leave out, or value approximately, in the selection and in the `compared` period.

    One warning for all metrics of purchases, and one for all of cohorts. Raises `QueryAborted`.
    """
    selection = msgspec.structs.replace(selection, group_by=(), top=None, caps=())
    warned: list[Warned] = []
    for quantities, build in ((_OF_PURCHASES, unpriced_purchases), (_OF_COHORTS, unpriced_of_cohorts)):
        measures = tuple(dict.fromkeys(_measures(metrics, quantities)))
        if not measures:
            continue
        field = next(metric.name for metric in metrics if any(m in measures for m in metric.measures))
        for period, when in ((selection.period, ""), (compared, " of the period that is compared with")):
            if period is not None:
                query = SubQuery(selection.over(period), measures, Granularity.ALL)
                warned += _warned(context, query, build, field, when)
    return tuple(warned)


def money_warnings(
    context: Context,
    looked_at: Period,
    field: str,
    build: Callable[..., ir.Table],
    *arguments: Hashable,
    when: str = "",
) -> tuple[Warned, ...]:
    """What the purchases of `build(*arguments)`, by currency, are warned of; they are of these days of the game's zone.

    It is asked for only where those days have a purchase without a price, or with an approximate one.
    """
    approximate = _approximate_in(context, looked_at)
    [found] = context.run_once(count_of_unpriced, context.game_id, looked_at).to_pylist()
    if not approximate and not found["unpriced"]:
        return ()
    rows = context.run(build, *arguments).to_pylist()
    of_all = sum(row["purchases"] for row in rows)
    left_out = {row["currency"] or "no currency": row["unpriced"] for row in rows if row["unpriced"]}
    near = {row["currency"]: row["purchases"] - row["unpriced"] for row in rows if row["currency"] in approximate}
    parts = (
        (left_out, "have no price in US dollars and are left out", f". {_ADVICE}"),
        ({code: count for code, count in near.items() if count}, "are priced by approximate exchange rates", ""),
    )
    return tuple(
        Warned(
            field, f"{sum(counts.values()):,} of {of_all:,} purchases and refunds{when} {told}: {_listed(counts)}{end}"
        )
        for counts, told, end in parts
        if counts
    )


_ADVICE = "With a rate (money.rates_path, money.wide_rates), `questlog reprice` adds them"


def _listed(counts: Mapping[str, int]) -> str:
    """How many in which currency, the most first."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    parts = [f"{count:,} in {currency}" for currency, count in ordered[:_MOST_TOLD]]
    others = [count for _, count in ordered[_MOST_TOLD:]]
    if others:
        parts.append(f"{sum(others):,} in {len(others)} other {'currency' if len(others) == 1 else 'currencies'}")
    return ", ".join(parts)


def _approximate_in(context: Context, period: Period) -> frozenset[str]:
    """The currencies of these days' purchases whose rates are approximate."""
    last_day = (period.end - _EPOCH).days
    codes = frozenset(code for code, first_day in context.approximate_from.items() if first_day <= last_day)
    if not codes:
        return codes
    found = context.run_once(currencies, context.game_id, period)
    return codes.intersection(found["currency"].to_pylist())


def by_currency(purchases: ir.Table, counts: ir.BooleanValue | None = None) -> ir.Table:
    """`currency`, how many `purchases` and how many of them are `unpriced`, of those that count."""
    rows = purchases if counts is None else purchases.filter(counts)
    return rows.group_by(currency=rows.currency.upper()).aggregate(
        purchases=rows.count(), unpriced=rows.count(where=rows.amount_usd.isnull())
    )


# ----------------------------------------------------------------------------------------------- asked of the engine


def count_of_unpriced(game_id: int, period: Period) -> ir.Table:
    """`unpriced`, of days of the game's zone."""
    days = tables.event_days
    days = days.filter(days.game_id == game_id, days.day.between(period.start, period.end))
    return days.aggregate(unpriced=days.unpriced.sum().fill_null(ibis.literal(0, "int64")).cast("int64"))


def currencies(game_id: int, period: Period) -> ir.Table:
    """Each `currency` of the purchases of days of the game's zone."""
    rows = tables.purchases
    rows = rows.filter(rows.game_id == game_id, rows.day.between(period.start, period.end))
    return rows.select(currency=rows.currency.upper()).distinct()


def unpriced_purchases(query: SubQuery) -> ir.Table:
    """The purchases and refunds that the measures are of."""
    names = query.dimensions | referenced_dimensions(*(measure.match.filter for measure in query.measures))
    rows = purchases_with(query.selection, names)
    rows = rows.filter(predicate(query.selection.filter, rows))
    return by_currency(rows, _any_of(_counts(measure, rows) for measure in query.measures))


def unpriced_between(selection: Selection, start_us: int, end_us: int) -> ir.Table:
    """The purchases and refunds of the selection from one time to before another, UTC microseconds."""
    rows = purchases_with(selection, selection.dimensions)
    is_between = (rows.event_time >= timestamp(start_us)) & (rows.event_time < timestamp(end_us))
    return by_currency(rows, is_between & predicate(selection.filter, rows))


def unpriced_of_cohorts(query: SubQuery) -> ir.Table:
    """The purchases and refunds of the cohorts' players, up to the days that the measures look on."""
    bought = purchases_with(longer(query))
    bought = bought.filter(bought.player_no.notnull())
    bought = bought.select("player_no", "currency", "amount_usd", "receipt_state", bought_on=bought.day)
    players = installed(query)
    players = players.select("player_no", "first_day", *told_columns(query, players))
    rows = bought.inner_join(players, "player_no")
    age = rows.bought_on.delta(rows.first_day, unit="day")
    counts = (has_passed(query, rows, m.days) & (age <= m.days) & _counts(m, rows) for m in query.measures)
    return by_currency(rows, _any_of(counts))


def _counts(measure: Measure, rows: ir.Table) -> ir.BooleanValue:
    if measure.quantity is Quantity.CUSTOM_REVENUE:
        return event_matches(measure.match, rows)
    return ibis.literal(value=True) if measure.state is None else rows.receipt_state == measure.state


def _any_of(conditions: Iterable[ir.BooleanValue]) -> ir.BooleanValue:
    return reduce(or_, (condition.fill_null(False) for condition in conditions))


def _measures(metrics: Sequence[Metric], quantities: Collection[Quantity]) -> Iterable[Measure]:
    return (measure for metric in metrics for measure in metric.measures if measure.quantity in quantities)


def _warned(
    context: Context, query: SubQuery, build: Callable[[SubQuery], ir.Table], field: str, when: str
) -> tuple[Warned, ...]:
    last_age = max(measure.days for measure in query.measures)
    period = query.selection.period
    # A day of another zone lies in two of the game's.
    looked_at = Period(period.start - _ONE_DAY, period.end + (last_age + 1) * _ONE_DAY)
    return money_warnings(context, looked_at, field, build, query, when=when)
