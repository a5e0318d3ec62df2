"""Finding players: by the beginning of the id, by what they are and did, and by segment (metrics.md §5)."""

import enum
import re
from collections.abc import Mapping
from typing import Annotated

import ibis
import ibis.expr.types as ir
import msgspec
from msgspec import Meta

from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Context
from questlog.analytics.engine.functions import epoch_us
from questlog.analytics.engine.pages import page_of_players
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.definitions import SegmentDefinition
from questlog.analytics.question.examples import PAYERS, Example
from questlog.analytics.question.paging import Mark, player_after
from questlog.analytics.question.query import Filter, Name, check_size
from questlog.analytics.selection.dimensions import SEGMENT, add_player_dimensions, check_player_dimension
from questlog.analytics.selection.filters import check_filter, predicate
from questlog.analytics.selection.segment_rules import (
    check_name,
    check_segment,
    counted_from,
    segments_of,
    with_segments,
)
from questlog.analytics.selection.segments import LISTED, players_in, with_membership
from questlog.analytics.selection.selection import ALL_TIME, Selection, cells_found, select

MAX_PLAYERS = 1_000


class PlayerOrder(enum.StrEnum):
    """By which number the players are sorted, the greatest or latest first."""

    LAST_SEEN = "last_seen"
    FIRST_SEEN = "first_seen"
    EVENTS = "events"
    SESSIONS = "sessions"
    PLAYTIME = "playtime_s"
    TRANSACTIONS = "transactions"
    REVENUE = "revenue_usd"


class PlayerSearch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Players of the game: all of them, or those that match.

    `prefix` is the beginning of the player's id; upper and lower case are equal. `filter` can use what the rule `who`
    of a segment can: dimensions at install, lifetime numbers, days, properties, segments. `segment` is the name of a
    saved segment, or a definition. The totals are the number of `players` that match. For the next page, `after` is the
    `next` of the answer.
    """

    prefix: Annotated[str, Meta(max_length=1_024)] = ""
    filter: Filter | None = None
    segment: Name | SegmentDefinition | None = None
    order: PlayerOrder = PlayerOrder.LAST_SEEN
    limit: Annotated[int, Meta(ge=0, le=MAX_PLAYERS)] = 100
    after: Mark | None = None

    def check(self, segments: Mapping[str, SegmentDefinition]) -> None:
        """Raises `InvalidQuery` for what cannot be answered in a game with these segments."""
        check_size(self.filter)
        check_filter("filter", self.filter, with_segments(check_player_dimension, segments))
        if isinstance(self.segment, str):
            check_name("segment", self.segment, segments)
        if (definition := self.definition(segments)) is not None:
            check_segment("segment", definition, segments)

    def definition(self, segments: Mapping[str, SegmentDefinition]) -> SegmentDefinition | None:
        """The definition of the segment."""
        return segments[self.segment] if isinstance(self.segment, str) else self.segment


class _Wanted(msgspec.Struct, frozen=True):
    """Which players: those that pass the selection's filter too."""

    selection: Selection
    prefix: str
    segment: SegmentDefinition | None


def answer(question: PlayerSearch, context: Context) -> Answer:
    """A page of players, and their number. Raises `InvalidQuery`, `QueryAborted`."""
    question.check(context.segments)
    after_no = player_after(question.after)
    wanted = _Wanted(_selection(question, context), question.prefix, question.definition(context.segments))
    rows = context.run(_page, wanted, question.order, question.limit + 1, None if question.after is None else after_no)
    rows, following = page_of_players(rows, question.limit)
    totals = context.run(_count, wanted)
    return Answer(rows, LISTED, totals=totals, data_version=context.data_version, next=following)


def _selection(question: PlayerSearch, context: Context) -> Selection:
    selection = select(context, ALL_TIME, question.filter)
    definition = question.definition(context.segments)
    if definition is None:
        return selection
    segments = selection.segments or segments_of(definition, context.segments)
    today = context.today if selection.segments else counted_from(definition, segments, context.today)
    cells = tuple({**dict(selection.cells), **dict(cells_found([definition], context))}.items())
    return msgspec.structs.replace(selection, segments=segments, today=today, cells=cells)


def _found(wanted: _Wanted) -> ir.Table:
    selection, names = wanted.selection, wanted.selection.dimensions
    rows = tables.players.filter(tables.players.game_id == selection.game_id)
    if wanted.prefix:
        rows = rows.filter(rows.player_id.re_search("(?i)^" + re.escape(wanted.prefix).replace("\0", r"\x00")))
    segments = [name for name in names if name.startswith(SEGMENT)]
    rows = add_player_dimensions(rows, names - set(segments), selection.days)
    rows = with_membership(rows, segments, selection)
    rows = rows.filter(predicate(selection.filter, rows))
    return rows if wanted.segment is None else rows.semi_join(players_in(wanted.segment, selection), "player_no")


def _page(wanted: _Wanted, order: PlayerOrder, limit: int, after_no: int | None) -> ir.Table:
    """The greatest, of those that come after a player."""
    rows = _found(wanted).mutate(**{_PLACE: lambda found: _place(found, order)})
    if after_no is not None:
        last = tables.players
        last = last.filter(last.game_id == wanted.selection.game_id, last.player_no == after_no)
        rows = rows.cross_join(last.select(**{_LAST: _place(last, order), _LAST_NO: last.player_no}))
        is_same = (rows[_PLACE] == rows[_LAST]) & (rows.player_no > rows[_LAST_NO])
        rows = rows.filter((rows[_PLACE] < rows[_LAST]) | is_same)
    rows = rows.order_by(ibis.desc(_PLACE), "player_no").limit(limit)
    return rows.select("player_no", *(column.name for column in LISTED))


_PLACE, _LAST, _LAST_NO = "place", "last:place", "last:no"


def _place(players: ir.Table, order: PlayerOrder) -> ir.NumericValue:
    """What a player is sorted by; never null, for a time of nothing is before all others."""
    column = players[order]
    return epoch_us(column).fill_null(-(2**62)) if isinstance(column, ir.TimestampValue) else column


def _count(wanted: _Wanted) -> ir.Table:
    found = _found(wanted)
    return found.aggregate(players=found.count())


ANALYSIS = Analysis(
    "players",
    PlayerSearch,
    answer,
    "Players by the beginning of their id, by properties and lifetime numbers, or by segment.",
    page="reference/analyses/players.md",
    is_personal=True,
    examples=(
        Example("The players who were active last", {"limit": 20}),
        Example("Players whose id begins with `9f2`", {"prefix": "9f2"}),
        Example(
            "Players on level 10 by a property, who paid most first",
            {
                "filter": {"type": "condition", "dimension": "properties.level", "operator": "is", "values": ["10"]},
                "order": "revenue_usd",
            },
        ),
        Example("Members of a segment, the longest playtime first", {"segment": PAYERS, "order": "playtime_s"}),
    ),
)
