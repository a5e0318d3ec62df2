"""The rows that questions are about, with the dimensions they ask for: events, player days, players."""

import datetime as dt
from collections.abc import Collection

import ibis
import ibis.expr.types as ir
import msgspec

from questlog.analytics.engine import tables
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.query import Period
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


class Scope(msgspec.Struct, frozen=True):
    """Whose rows, of which days. `today` and the game's `segments` are for dimensions `segment.NAME`.

    Leave `segments` empty, and `today` at any fixed day, where no such dimension is asked for: expressions are kept by
    their scope.
    """

    game_id: int
    period: Period
    segments: tuple[tuple[str, SegmentDefinition], ...] = ()
    today: dt.date = dt.date(1970, 1, 1)


def events_with(scope: Scope, names: Collection[str] = ()) -> ir.Table:
    """The events of the period: all columns, and a column for each dimension."""
    plain, segments = _told_apart(names)
    return _with_segments(add_event_dimensions(_events(scope), plain), scope, segments)


def player_days_with(scope: Scope, names: Collection[str] = ()) -> ir.Table:
    """The player days of the period: all columns, and a column for each dimension."""
    plain, segments = _told_apart(names)
    days = tables.player_days
    days = days.filter(days.game_id == scope.game_id, days.day.between(scope.period.start, scope.period.end))
    return _with_segments(add_player_day_dimensions(days, plain, _events(scope)), scope, segments)


def players_with(scope: Scope, names: Collection[str] = ()) -> ir.Table:
    """The game's players that have an event, of any time: all columns, and a column for each dimension."""
    plain, segments = _told_apart(names)
    players = tables.players
    players = players.filter(players.game_id == scope.game_id, players.first_seen.notnull())
    return _with_segments(add_player_dimensions(players, plain), scope, segments)


def installed_with(scope: Scope, names: Collection[str]) -> ir.Table:
    """Players as `players_with` has them, with dimensions of events too: the last of the player's first day.

    Those are known of players whose first day is in the scope's period.
    """
    of_player = {name for name in names if name in PLAYER_DIMENSIONS or name.startswith((PROPERTY, SEGMENT))}
    players = players_with(scope, of_player)
    of_day = sorted(set(names) - of_player)
    if not of_day:
        return players
    days = player_days_with(scope, of_day)
    days = days.filter(days.is_new).select("player_no", *map(dimension_column, of_day))
    return players.left_join(days, "player_no").drop("player_no_right")


def _events(scope: Scope) -> ir.Table:
    events, period = tables.events, scope.period
    after = period.end + dt.timedelta(days=1)
    return events.filter(
        events.game_id == scope.game_id,
        events.event_time >= ibis.timestamp(f"{period.start} 00:00:00"),
        events.event_time < ibis.timestamp(f"{after} 00:00:00"),
    )


def _told_apart(names: Collection[str]) -> tuple[list[str], list[str]]:
    return [each for each in names if not each.startswith(SEGMENT)], [n for n in names if n.startswith(SEGMENT)]


def _with_segments(rows: ir.Table, scope: Scope, names: Collection[str]) -> ir.Table:
    return with_membership(rows, names, scope.game_id, scope.segments, scope.today)
