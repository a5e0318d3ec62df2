"""Cells of answers whose players can be listed, and the players of each in the engine: one column, `player_no`."""

import datetime as dt
from typing import Annotated

import ibis.expr.types as ir
import msgspec
from msgspec import Meta

from questlog.analytics.analyses import economy_rows, explore_rows, progression_rows
from questlog.analytics.analyses.cohort_members import meant_events, members, player_days_of
from questlog.analytics.analyses.economy import Balances
from questlog.analytics.analyses.economy_rows import Items
from questlog.analytics.analyses.error_groups import ErrorGroups, error_events
from questlog.analytics.analyses.explore import Explore
from questlog.analytics.analyses.explore_rows import Tree
from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.analyses.progression import Progression
from questlog.analytics.analyses.progression_rows import Levels
from questlog.analytics.analyses.retention import Retention, Return, Returns
from questlog.analytics.analyses.split import GROUP, Split
from questlog.analytics.engine import tables
from questlog.analytics.metrics.measures import Measure, Quantity
from questlog.analytics.metrics.sources.purchases import first_purchases
from questlog.analytics.question.query import AllOf, Condition, Filter, Name, Operator, Query, Value
from questlog.analytics.selection.buckets import timestamp
from questlog.analytics.selection.cardinality import is_standing, standing
from questlog.analytics.selection.dimensions import FINGERPRINT, dimension_column, player_day, referenced_dimensions
from questlog.analytics.selection.filters import event_matches, predicate
from questlog.analytics.selection.rows import events_with, installed_with, purchases_with
from questlog.analytics.selection.selection import Selection

Group = tuple[Value | None, ...]
"""A value for each dimension that the question is grouped by; null: the events (players) without one."""


class MetricCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="metric", tag_field="type"):
    """A point of a chart: the `metric` of the `question`, in one `bucket` and `group`.

    The bucket is named as the answer does: `2026-01-31`, of hours and minutes `2026-01-31T13:00:00Z`.
    """

    question: Query
    metric: Name
    bucket: Annotated[str, Meta(max_length=64)] | None = None
    group: Group = ()


class RetentionCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="retention", tag_field="type"):
    """A cell of the triangle: who of the `cohort` came back at that `age`; without an age, the whole cohort."""

    question: Retention
    cohort: dt.date
    age: Annotated[int, Meta(ge=0)] | None = None
    group: Group = ()


class FunnelCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="funnel", tag_field="type"):
    """Who reached a `step` (from 1) of a funnel; with `dropped`, who reached it and not the next one."""

    question: Funnel
    step: Annotated[int, Meta(ge=1)]
    dropped: bool = False
    bucket: dt.date | None = None
    group: Group = ()


class LevelCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="level", tag_field="type"):
    """Who has an event of that `status` (`Start`, `Fail`, `Complete`) of a level."""

    question: Progression
    level: Annotated[str, Meta(max_length=1_024)]
    status: str = progression_rows.START
    group: Group = ()


class ErrorCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="error_group", tag_field="type"):
    """Who had an error of the group in the period."""

    question: ErrorGroups
    fingerprint: Annotated[str, Meta(max_length=4_096)]


class BinCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="bin", tag_field="type"):
    """Who has an event whose value is in a bin of Explore's histogram: `low` and `high` as the answer names them."""

    question: Explore
    low: float | None
    high: float | None
    group: Group = ()


class BalanceCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="balance", tag_field="type"):
    """Who has a balance in a bin of the balances' histogram: `low` and `high` as the answer names them."""

    question: Balances
    low: float | None
    high: float | None


Cell = MetricCell | RetentionCell | FunnelCell | LevelCell | ErrorCell | BinCell | BalanceCell


def narrowed(condition: Filter | None, names: tuple[str, ...], group: Group) -> Filter | None:
    """The filter that holds in one group only."""
    values = zip(names, group, strict=True)
    conditions = [
        Condition(name, Operator.IS_NOT_SET) if value is None else Condition(name, Operator.IS, (value,))
        for name, value in values
    ]
    found = (*conditions, *([] if condition is None else [condition]))
    return found[0] if len(found) == 1 else AllOf(found) if found else None


# ----------------------------------------------------------------------------------------------- asked of the engine


class MetricPoint(msgspec.Struct, frozen=True):
    """A measure of players in one bucket: the selection's days; within a day from `from_us` to before `until_us`.

    What the selection has `caps` of is above a limit on some days: then it is not in the cell.
    """

    measure: Measure
    selection: Selection
    from_us: int | None = None
    until_us: int | None = None


PLAYER_QUANTITIES = frozenset(
    {
        Quantity.ACTIVE_PLAYERS,
        Quantity.NEW_PLAYERS,
        Quantity.RETURNING_PLAYERS,
        Quantity.PLAYERS_OF_DAYS,
        Quantity.PAYING_PLAYERS,
        Quantity.CONVERTING_PLAYERS,
        Quantity.EVENT_PLAYERS,
    }
)
"""What counts players who can be listed."""


def players_of_metric(point: MetricPoint) -> ir.Table:
    """The players that the measure counts."""
    quantity = point.measure.quantity
    if quantity is Quantity.NEW_PLAYERS:
        return _new_players(point)
    if quantity in (Quantity.PAYING_PLAYERS, Quantity.CONVERTING_PLAYERS):
        return _buyers(point)
    match, selection = point.measure.match, point.selection
    rows = events_with(selection, selection.dimensions | referenced_dimensions(match.filter))
    rows = rows.filter(predicate(selection.filter, rows), event_matches(match, rows), *_within(point, rows.event_time))
    rows = standing(rows, selection.caps, selection.game_id, selection.days.day_of(rows.event_time))
    if quantity is Quantity.RETURNING_PLAYERS:
        old = tables.players
        old = old.filter(old.game_id == selection.game_id)
        is_new = selection.days.holds(old.first_seen)
        for condition in _within(point, old.first_seen):
            is_new &= condition
        rows = rows.semi_join(old.filter(~is_new.fill_null(True)), "player_no")
    return _players(rows)


def _within(point: MetricPoint, time: ir.TimestampValue) -> list[ir.BooleanValue]:
    if point.from_us is None or point.until_us is None:
        return []
    return [time >= timestamp(point.from_us), time < timestamp(point.until_us)]


def _new_players(point: MetricPoint) -> ir.Table:
    selection = point.selection
    rows = installed_with(selection, selection.dimensions)
    is_inside = selection.days.holds(rows.first_seen)
    rows = rows.filter(predicate(selection.filter, rows), is_inside, *_within(point, rows.first_seen))
    return _players(standing(rows, selection.caps, selection.game_id, player_day(rows, "first_seen", selection.days)))


def _buyers(point: MetricPoint) -> ir.Table:
    selection, state = point.selection, point.measure.state
    if point.measure.quantity is Quantity.CONVERTING_PLAYERS:
        rows = first_purchases(selection, state)
    else:
        rows = purchases_with(selection, selection.dimensions)
        rows = rows.filter(~rows.is_refund)
    if state is not None:
        rows = rows.filter(rows.receipt_state == state)
    rows = rows.filter(predicate(selection.filter, rows), *_within(point, rows.event_time))
    return _players(standing(rows, selection.caps, selection.game_id, rows.day))


def players_of_cohort(returns: Returns, cohort: dt.date, bucket: tuple[dt.date, dt.date] | None) -> ir.Table:
    """Who of the cohort came back on the days of the bucket (`rolling`: or later); without one all of the cohort."""
    rows = members(returns.cohorts)
    rows = rows.filter(rows.cohort == cohort)
    if returns.cohorts.selection.caps:
        rows = rows.filter(is_standing(rows.group))
    if bucket is None:
        return _players(rows)
    first, last = bucket
    is_rolling = returns.kind is Return.ROLLING
    if returns.returned is not None:
        found = meant_events(returns.selection, returns.returned)
        found = found.mutate(day=returns.selection.days.day_of(found.event_time))
    elif is_rolling:
        return _players(rows.filter(rows.last_day >= first))
    else:
        found = player_days_of(returns.selection.game_id)
        found = found.filter(found.events > 0)
    found = found.filter(found.day >= first) if is_rolling else found.filter(found.day.between(first, last))
    return _players(rows.semi_join(found.select("player_no"), "player_no"))


def players_of_level(levels: Levels, level: str, status: str) -> ir.Table:
    """The players with an event of the level and status."""
    return _players(_of_group(levels, progression_rows.at_level(levels, level, status)))


def players_of_errors(selection: Selection, fingerprint: str) -> ir.Table:
    """The players with an error of the group that passes the filter."""
    rows = error_events(selection)
    is_of_group = rows[dimension_column(FINGERPRINT)] == fingerprint
    return _players(rows.filter(is_of_group, predicate(selection.filter, rows)))


class Edges(msgspec.Struct, frozen=True):
    """A bin from `low` on to below `high`, or with it."""

    low: float | None
    high: float | None
    takes_high: bool


def players_of_bin(tree: Tree, edges: Edges) -> ir.Table:
    """The players with an event in the bin."""
    rows = _of_group(tree, explore_rows.valued(tree, None))
    return _players(rows.filter(*_in_bin(rows.value, edges)))


def _of_group(split: Split, rows: ir.Table) -> ir.Table:
    """Rows of the one group that the filter lets pass, on the days on which it is not above a limit."""
    return rows.filter(is_standing(rows[GROUP])) if split.groups else rows


def players_of_balances(items: Items, edges: Edges) -> ir.Table:
    """The players with a balance in the bin."""
    rows = economy_rows.owned_balances(items)
    return _players(rows.filter(*_in_bin(rows.balance, edges)))


def _in_bin(number: ir.NumericColumn, edges: Edges) -> list[ir.BooleanValue]:
    found = []
    if edges.low is not None:
        found.append(number > edges.low if edges.high is None else number >= edges.low)
    if edges.high is not None:
        found.append(number <= edges.high if edges.takes_high else number < edges.high)
    return found


def _players(rows: ir.Table) -> ir.Table:
    return rows.filter(rows.player_no.notnull()).select("player_no").distinct()


def sessions_players(selection: Selection) -> ir.Table:
    """The player of every session that can have an event in the selection's days."""
    sessions, (first_us, after_us) = (
        tables.sessions,
        selection.zone.bounds(selection.period.start, selection.period.end),
    )
    sessions = sessions.filter(
        sessions.game_id == selection.game_id,
        sessions.start_time < timestamp(after_us),
        sessions.end_time >= timestamp(first_us),
    )
    return sessions.filter(sessions.player_no.notnull()).select("session_no", "player_no")
