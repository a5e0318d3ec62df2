"""Players by their first day: how many are new, came back, stayed, and their revenue N days later.

All by the values of the player's first event (metrics.md §4).
"""

import datetime as dt

import ibis.expr.types as ir

from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sub_query import MetricRequest, Source, SubQuery, aggregated, with_groups
from questlog.analytics.question.query import Period
from questlog.analytics.selection.buckets import bucket_of_day
from questlog.analytics.selection.dimensions import dimension_column, player_day
from questlog.analytics.selection.filters import predicate
from questlog.analytics.selection.rows import events_with, installed_with, player_days_with, purchases_with
from questlog.analytics.selection.selection import Selection

_OF_PLAYERS = frozenset({Quantity.NEW_PLAYERS, Quantity.COHORT_SIZE, Quantity.COHORT_SURVIVED})


def can_answer(measure: Measure, _: MetricRequest) -> bool:
    """Whether players' first and last days tell it."""
    return measure.quantity in _OF_PLAYERS


def can_answer_returns(measure: Measure, request: MetricRequest) -> bool:
    """Whether it is about players who came back, which player days tell."""
    return measure.quantity is Quantity.COHORT_RETURNED and request.selection.is_stored_zone


def can_answer_returns_by_events(measure: Measure, _: MetricRequest) -> bool:
    """The same by days that no table carries."""
    return measure.quantity is Quantity.COHORT_RETURNED


def can_answer_revenue(measure: Measure, _: MetricRequest) -> bool:
    """Whether it is about what players of a cohort paid."""
    return measure.quantity is Quantity.COHORT_REVENUE


def build(query: SubQuery) -> ir.Table:
    """The measures of the players first seen in the period."""
    rows = installed(query)
    rows = with_groups(query, rows, rows.first_day)
    return aggregated(query, rows, bucket_of_first(query, rows), [_of_players(query, rows, m) for m in query.measures])


def build_returns(query: SubQuery) -> ir.Table:
    """How many came back on a day after their first, from the player days of those first seen in the period."""
    days = player_days_with(longer(query))
    rows = days.filter(query.days.holds_day(days.first_day), days.player_no.notnull(), days.events > 0)
    if not query.is_plain or query.granularity.is_within_a_day:
        players = installed(query)
        players = players.select("player_no", "first_seen", *told_columns(query, players))
        rows = rows.inner_join(players, "player_no")
    return _returned(query, rows)


def build_returns_by_events(query: SubQuery) -> ir.Table:
    """The same from the days of their events."""
    selection = longer(query)
    events = events_with(selection)
    days = events.filter(events.player_no.notnull())
    days = days.select("player_no", day=selection.days.day_of(days.event_time)).distinct()
    players = installed(query)
    players = players.select("player_no", "first_seen", "first_day", *told_columns(query, players))
    return _returned(query, days.inner_join(players, "player_no"))


def _returned(query: SubQuery, rows: ir.Table) -> ir.Table:
    ages = sorted({measure.days for measure in query.measures})
    rows = rows.mutate(age=rows.day.delta(rows.first_day, unit="day"))
    rows = with_groups(query, rows.filter(rows.age.isin(ages)), rows.first_day)
    counts = [rows.count(where=has_passed(query, rows, m.days) & (rows.age == m.days)) for m in query.measures]
    return aggregated(query, rows, bucket_of_first(query, rows), counts)


def build_revenue(query: SubQuery) -> ir.Table:
    """What they paid, net of refunds, up to a day after their first."""
    bought = purchases_with(longer(query))
    bought = bought.filter(bought.player_no.notnull())
    bought = bought.select("player_no", "amount_usd", "receipt_state", bought_on=bought.day)
    players = installed(query)
    players = players.select("player_no", "first_seen", "first_day", *told_columns(query, players))
    rows = bought.inner_join(players, "player_no")
    rows = with_groups(query, rows, rows.first_day)
    sums = [_paid(query, rows, measure) for measure in query.measures]
    return aggregated(query, rows, bucket_of_first(query, rows), sums)


def _paid(query: SubQuery, rows: ir.Table, measure: Measure) -> ir.Scalar:
    age = rows.bought_on.delta(rows.first_day, unit="day")
    counts = has_passed(query, rows, measure.days) & (age <= measure.days)
    if measure.state is not None:
        counts &= rows.receipt_state == measure.state
    return rows.amount_usd.sum(where=counts)


def _of_players(query: SubQuery, rows: ir.Table, measure: Measure) -> ir.Scalar:
    if measure.quantity is Quantity.NEW_PLAYERS:
        return rows.count()
    counts = has_passed(query, rows, measure.days)
    if measure.quantity is Quantity.COHORT_SURVIVED:
        counts &= rows.last_day.delta(rows.first_day, unit="day") >= measure.days
    return rows.count(where=counts)


def installed(query: SubQuery) -> ir.Table:
    """The players first seen in the period that the filter lets pass, with dimensions, `first_day` and `last_day`."""
    days = query.days
    players = installed_with(query.selection, query.dimensions)
    first_day, last_day = (player_day(players, time, days) for time in ("first_seen", "last_seen"))
    players = players.mutate(first_day=first_day, last_day=last_day)
    return players.filter(days.holds_day(players.first_day), predicate(query.selection.filter, players))


def bucket_of_first(query: SubQuery, rows: ir.Table) -> ir.Value | None:
    """The bucket of the player's first event. `rows` have `first_day`, and `first_seen` where buckets are shorter."""
    if query.granularity.is_within_a_day:
        return query.days.bucket_of(rows.first_seen, query.granularity)
    return bucket_of_day(rows.first_day, query.granularity)


def told_columns(query: SubQuery, players: ir.Table) -> list[str]:
    """The columns of the dimensions that the filter and the groups need, and of the category that these are of."""
    columns = [dimension_column(name) for name in sorted(query.dimensions)]
    return [*columns, "category"] if "category" in players.columns else columns


def has_passed(query: SubQuery, rows: ir.Table, days: int) -> ir.BooleanValue:
    """Whether the local day N days after the first is over."""
    return rows.first_day < query.selection.today - dt.timedelta(days=days)


def longer(query: SubQuery) -> Selection:
    """The selection with as many days more behind it as the measures look on."""
    period, days = query.selection.period, max(measure.days for measure in query.measures)
    return query.selection.over(Period(period.start, period.end + dt.timedelta(days=days)))


PLAYERS = Source("players", can_answer, build)
RETURNS = Source("player_days", can_answer_returns, build_returns)
RETURNS_BY_EVENTS = Source("events", can_answer_returns_by_events, build_returns_by_events)
REVENUE = Source("purchases", can_answer_revenue, build_revenue)
