"""One player: profile, sessions, and everything that happened, newest first (metrics.md §5)."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa
from msgspec import Meta

from questlog.analytics.analyses.split import check_split
from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.compile import arrow_schema
from questlog.analytics.engine.context import Context
from questlog.analytics.engine.pages import newest, page
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import IS_IOS, JANUARY, PURCHASE, Example
from questlog.analytics.question.paging import Mark
from questlog.analytics.question.problems import InvalidQuery, NothingOfThatName
from questlog.analytics.question.query import EventMatch, Period
from questlog.analytics.selection.dimensions import referenced_dimensions
from questlog.analytics.selection.filters import event_matches
from questlog.analytics.selection.rows import events_with
from questlog.analytics.selection.selection import Selection, select
from questlog.model.calendar import Zone
from questlog.store.schema import EVENTS, PLAYERS, SESSIONS, Table

_UNITS: Mapping[str, str] = {"_usd": "USD", "_s": "s", "_ms": "ms"}
"""By the end of a column's name: types of the engine do not say it, for money and seconds are of one."""

SEARCHED = ("event_id", "message", "attributes")
"""The columns that a search looks into."""

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - all stored times are UTC without saying so
_INTERNAL = {"player_at", "first_rank", "properties_at", "writer", "segment", "record_offset", "record_index"}

PlayerId = Annotated[str, Meta(min_length=1, max_length=1_024)]


class PlayerProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One player's profile: one row."""

    player_id: PlayerId


class PlayerSessions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A player's sessions, newest first. For the next page, `after` is the `next` of the answer."""

    player_id: PlayerId
    after: Mark | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class PlayerTimeline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A player's events, newest first: all of them, or those that match.

    `search` is a text anywhere in the event's id, message or attributes (as JSON); upper and lower case are equal. For
    the next page, `after` is the `next` of the answer.
    """

    player_id: PlayerId
    period: Period | None = None
    event: EventMatch = EventMatch()
    search: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    after: Mark | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        if self.period is not None and self.period.end < self.period.start:
            raise InvalidQuery("period.end", f"{self.period.end} is before the start, {self.period.start}")
        self.event.check("event")
        check_split(segments, self.event.filter, field="event.filter")


def profile(question: PlayerProfile, context: Context) -> Answer:
    """The player's row: from the first to the last event. Raises `InvalidQuery` for an unknown player."""
    rows = context.run(_player, context.game_id, question.player_id)
    if rows.num_rows == 0:
        raise _no_such_player(question.player_id)
    return rows_answer(rows, PLAYERS, context)


def sessions(question: PlayerSessions, context: Context) -> Answer:
    """At most `limit` sessions. Raises `InvalidQuery` for an unknown player."""
    player = known_player(question.player_id, context)
    rows = context.run(_sessions, context.game_id, player["player_no"], question.after, question.limit)
    rows, following = page(rows, "start_time", "session_no", question.limit)
    return rows_answer(rows, SESSIONS, context, following)


def answer(question: PlayerTimeline, context: Context) -> Answer:
    """At most `limit` events with all their columns. Raises `InvalidQuery`, also for an unknown player."""
    question.check(context.segments)
    player = known_player(question.player_id, context)
    lifetime = _lifetime(player, context.zone)
    period = lifetime if question.period is None or lifetime is None else _both(question.period, lifetime)
    if period is None:
        return rows_answer(_no_events(), EVENTS, context)
    selection = select(context, period, names=referenced_dimensions(question.event.filter))
    wanted = _Wanted(player["player_no"], question.event, question.search, question.after, question.limit)
    rows, following = page(context.run(_events, selection, wanted), "event_time", "row_no", question.limit)
    return rows_answer(rows, EVENTS, context, following)


class _Wanted(msgspec.Struct, frozen=True):
    """Which of a player's events."""

    player_no: int
    event: EventMatch
    search: str | None
    after: str | None
    limit: int


def _events(selection: Selection, wanted: _Wanted) -> ir.Table:
    rows = events_with(selection, referenced_dimensions(wanted.event.filter))
    rows = rows.filter(rows.player_no == wanted.player_no, event_matches(wanted.event, rows))
    if wanted.search is not None:
        rows = rows.filter(_is_found(rows, wanted.search))
    return newest(stored_columns(rows), "event_time", "row_no", wanted.after, wanted.limit)


def stored_columns(events: ir.Table) -> ir.Table:
    """Events with the columns that people are shown, all but our own."""
    return events.mutate(event_uuid=events.event_uuid.cast("string")).select(*_columns_of(EVENTS))


def _is_found(rows: ir.Table, text: str) -> ir.BooleanValue:
    """Regular expressions take capitals for small letters in the same way on every engine; `lower` does not."""
    pattern = "(?i)" + re.escape(text).replace("\0", r"\x00")
    return ibis.or_(*(rows[name].re_search(pattern).fill_null(False) for name in SEARCHED))


def _player(game_id: int, player_id: str) -> ir.Table:
    players = tables.players
    rows = players.filter(players.game_id == game_id, players.player_id == player_id)
    return rows.select(*_columns_of(PLAYERS))


def _sessions(game_id: int, player_no: int, after: str | None, limit: int) -> ir.Table:
    rows = tables.sessions
    rows = rows.filter(rows.game_id == game_id, rows.player_no == player_no)
    return newest(rows.select(*_columns_of(SESSIONS)), "start_time", "session_no", after, limit)


def known_player(player_id: str, context: Context) -> Mapping[str, Any]:
    """The player's row. Raises `InvalidQuery` for an unknown player."""
    found: list[Mapping[str, Any]] = context.run(_player, context.game_id, player_id).to_pylist()
    if not found:
        raise _no_such_player(player_id)
    return found[0]


def _no_such_player(player_id: str) -> NothingOfThatName:
    return NothingOfThatName("player_id", f"the game has no player {player_id[:100]!r}")


def _lifetime(player: Mapping[str, Any], zone: Zone) -> Period | None:
    """The days on which there can be events; None for a player of whom only properties are known."""
    first, last = player["first_seen"], player["last_seen"]
    return None if first is None else Period(_day_of(first, zone), _day_of(last, zone))


def _day_of(time: dt.datetime, zone: Zone) -> dt.date:
    return zone.day_of((time - _EPOCH) // dt.timedelta(microseconds=1))


def _both(one: Period, other: Period) -> Period | None:
    start, end = max(one.start, other.start), min(one.end, other.end)
    return Period(start, end) if start <= end else None


def _no_events() -> pa.Table:
    return arrow_schema(stored_columns(tables.events)).empty_table()


def _columns_of(table: Table) -> list[str]:
    return [column.name for column in table.columns if column.name not in _INTERNAL]


def rows_answer(rows: pa.Table, table: Table, context: Context, following: str | None = None) -> Answer:
    """The answer with these rows of a table; `following` is the mark of the next page."""
    known = {column.name: column for column in table.columns}
    columns = [AnswerColumn(name, _unit_of(name), known[name].meaning) for name in rows.column_names]
    return Answer(table=rows, columns=columns, data_version=context.data_version, next=following)


def _unit_of(column: str) -> str:
    return next((unit for end, unit in _UNITS.items() if column.endswith(end)), "")


PLAYER = Analysis(
    "player",
    PlayerProfile,
    profile,
    "A player's profile: first and last event, install, sessions, playtime, revenue, properties.",
    page="reference/analyses/players.md",
    is_personal=True,
    examples=(Example("A player's first and last event, revenue and properties", {"player_id": "ada"}),),
)

SESSIONS_OF_PLAYER = Analysis(
    "sessions",
    PlayerSessions,
    sessions,
    "A player's sessions, newest first.",
    page="reference/analyses/players.md",
    is_personal=True,
    examples=(Example("A player's last ten sessions", {"player_id": "ada", "limit": 10}),),
)

ANALYSIS = Analysis(
    "timeline",
    PlayerTimeline,
    answer,
    "A player's events, newest first, with any filter.",
    page="reference/analyses/players.md",
    is_personal=True,
    examples=(
        Example("What a player did last", {"player_id": "ada"}),
        Example(
            "What a player bought on iOS in January",
            {"player_id": "ada", "period": JANUARY, "event": {**PURCHASE, "filter": IS_IOS}},
        ),
    ),
)
