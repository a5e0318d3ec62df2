"""The rows that questions are about, each with the dimensions that it is counted by (metrics.md §4).

Events and purchases have their own values, sessions those of their first event, players those at install: of their
first event. What a table does not carry is looked up in that event.
"""

from collections.abc import Collection

import ibis
import ibis.expr.types as ir

from questlog.analytics.engine import tables
from questlog.analytics.selection.dimensions import (
    NEW,
    OF_PLAYER,
    PLAYER_DIMENSIONS,
    PROPERTY,
    SEGMENT,
    add_dimensions,
    add_player_dimensions,
    dimension_column,
    own_value,
)
from questlog.analytics.selection.segments import with_membership
from questlog.analytics.selection.selection import Selection
from questlog.store.schema import DIMENSIONS, PURCHASES

_ROWS = 1 << 40
"""A rank is a time in microseconds, times this, plus the number of the event's row."""

_OF_SESSIONS = frozenset({*DIMENSIONS, "source", "session_id", "session_num"})
_OF_PURCHASES = frozenset(column.name for column in PURCHASES.columns) | {"item_type", "item_id"}
_OF_PLAYERS = frozenset(PLAYER_DIMENSIONS)


def events_with(selection: Selection, names: Collection[str] = ()) -> ir.Table:
    """The events of the period: all columns, and a column for each dimension."""
    plain, segments = _told_apart(names)
    events = tables.events
    events = events.filter(events.game_id == selection.game_id, selection.days.holds(events.event_time))
    return with_membership(add_dimensions(events, plain, selection.days), segments, selection)


def player_days_with(selection: Selection, names: Collection[str] = ()) -> ir.Table:
    """The player days of the period: all columns, and a column for each dimension, of the player or a segment."""
    return _by_stored_day(tables.player_days, selection, names)


def player_day_values_with(selection: Selection, names: Collection[str] = ()) -> ir.Table:
    """The combinations of values of player days: all columns, and a column for each dimension that they carry."""
    return _by_stored_day(tables.player_day_values, selection, names)


def _by_stored_day(rows: ir.Table, selection: Selection, names: Collection[str]) -> ir.Table:
    plain, segments = _told_apart(names)
    rows = rows.filter(rows.game_id == selection.game_id, selection.days.holds_day(rows.day))
    return with_membership(add_dimensions(rows, plain, selection.days, rows.day), segments, selection)


def sessions_with(selection: Selection, names: Collection[str] = ()) -> ir.Table:
    """The sessions that started in the period: `player_no`, `start_time`, `length_s`, `day`, and the dimensions."""
    sessions, days = tables.sessions, selection.days
    sessions = sessions.filter(sessions.game_id == selection.game_id)
    if days.is_stored:
        sessions = sessions.filter(days.holds_day(sessions.day))
    else:
        sessions = sessions.filter(days.holds(sessions.start_time)).mutate(day=days.day_of(sessions.start_time))
    return _with_own_and_event(sessions, names, _OF_SESSIONS, selection, row_of_rank(sessions.first_rank))


def purchases_with(selection: Selection, names: Collection[str] = ()) -> ir.Table:
    """The purchases and refunds of the period: all columns, and the dimensions."""
    purchases, days = tables.purchases, selection.days
    purchases = purchases.filter(purchases.game_id == selection.game_id)
    if days.is_stored:
        purchases = purchases.filter(days.holds_day(purchases.day))
    else:
        purchases = purchases.filter(days.holds(purchases.event_time)).mutate(day=days.day_of(purchases.event_time))
    return _with_own_and_event(purchases, names, _OF_PURCHASES, selection, purchases.row_no)


def players_with(selection: Selection, names: Collection[str] = ()) -> ir.Table:
    """The game's players that have an event, of any time: all columns, and a column for each dimension of theirs."""
    plain, segments = _told_apart(names)
    players = tables.players
    players = players.filter(players.game_id == selection.game_id, players.first_seen.notnull())
    return with_membership(add_player_dimensions(players, plain, selection.days), segments, selection)


def installed_with(selection: Selection, names: Collection[str]) -> ir.Table:
    """The same with dimensions of events too: those of the player's first event."""
    of_player = {name for name in names if name in _OF_PLAYERS or name.startswith((PROPERTY, SEGMENT))}
    players = players_with(selection, of_player)
    if "player_age" in names:
        players = players.mutate(**{dimension_column("player_age"): ibis.literal(NEW)})
    of_event = [name for name in names if name not in of_player and name != "player_age"]
    return _with_event(players, of_event, selection, row_of_rank(players.first_rank))


def row_of_rank(rank: ir.DecimalColumn) -> ir.IntegerValue:
    """The number of the row that a rank is of."""
    return (rank % _ROWS).cast("int64")


def _with_own_and_event(
    rows: ir.Table, names: Collection[str], carried: Collection[str], selection: Selection, row_no: ir.IntegerValue
) -> ir.Table:
    """Rows with the dimensions that they carry, those of their player on their `day`, and those of one event."""
    plain, segments = _told_apart(names)
    of_event = [name for name in plain if name not in carried and name not in OF_PLAYER]
    rows = _with_event(rows, of_event, selection, row_no)
    own = [name for name in plain if name not in of_event]
    return with_membership(add_dimensions(rows, own, selection.days, rows.day), segments, selection)


def _with_event(rows: ir.Table, names: Collection[str], selection: Selection, row_no: ir.IntegerValue) -> ir.Table:
    """Rows with the values of dimensions of the event with that row number; null where it is no longer there.

    Where they have no `category`, they get the event's: limits of parts of ids are those of a category.
    """
    if not names:
        return rows
    events = tables.events
    events = events.filter(events.game_id == selection.game_id)
    events = events.select(**{f"event:{name}": events[name] for name in events.columns})
    joined = rows.left_join(events, row_no == events["event:row_no"])
    values = {dimension_column(name): own_value(lambda of: joined[f"event:{of}"], name) for name in sorted(names)}
    if "category" not in rows.columns:
        values["category"] = joined["event:category"]
    return joined.mutate(**values).drop(*events.columns)


def _told_apart(names: Collection[str]) -> tuple[list[str], list[str]]:
    return [each for each in names if not each.startswith(SEGMENT)], [n for n in names if n.startswith(SEGMENT)]
