"""The rows that questions are about, with the dimensions they ask for: events, player days, players."""

from collections.abc import Collection

import ibis.expr.types as ir

from questlog.analytics.engine import tables
from questlog.analytics.selection.dimensions import (
    PLAYER_DIMENSIONS,
    PROPERTY,
    SEGMENT,
    add_event_dimensions,
    add_player_day_dimensions,
    add_player_dimensions,
    dimension_column,
)
from questlog.analytics.selection.segments import with_membership
from questlog.analytics.selection.selection import Selection


def events_with(selection: Selection, names: Collection[str] = ()) -> ir.Table:
    """The events of the period: all columns, and a column for each dimension."""
    plain, segments = _told_apart(names)
    rows = add_event_dimensions(_events(selection), plain, selection.days)
    return with_membership(rows, segments, selection)


def player_days_with(selection: Selection, names: Collection[str] = ()) -> ir.Table:
    """The player days of the period: all columns, and a column for each dimension."""
    plain, segments = _told_apart(names)
    days = tables.player_days
    days = days.filter(days.game_id == selection.game_id, selection.days.holds_day(days.day))
    days = add_player_day_dimensions(days, plain, _events(selection), selection.days)
    return with_membership(days, segments, selection)


def players_with(selection: Selection, names: Collection[str] = ()) -> ir.Table:
    """The game's players that have an event, of any time: all columns, and a column for each dimension."""
    plain, segments = _told_apart(names)
    players = tables.players
    players = players.filter(players.game_id == selection.game_id, players.first_seen.notnull())
    return with_membership(add_player_dimensions(players, plain, selection.days), segments, selection)


def installed_with(selection: Selection, names: Collection[str]) -> ir.Table:
    """Players as `players_with` has them, with dimensions of events too: the last of the player's first day.

    Those are known of players whose first day is in the selection's period.
    """
    of_player = {name for name in names if name in PLAYER_DIMENSIONS or name.startswith((PROPERTY, SEGMENT))}
    players = players_with(selection, of_player)
    of_day = sorted(set(names) - of_player)
    if not of_day:
        return players
    days = player_days_with(selection, of_day)
    days = days.filter(days.is_new).select("player_no", *map(dimension_column, of_day))
    return players.left_join(days, "player_no").drop("player_no_right")


def _events(selection: Selection) -> ir.Table:
    events = tables.events
    return events.filter(events.game_id == selection.game_id, selection.days.holds(events.event_time))


def _told_apart(names: Collection[str]) -> tuple[list[str], list[str]]:
    return [each for each in names if not each.startswith(SEGMENT)], [n for n in names if n.startswith(SEGMENT)]
