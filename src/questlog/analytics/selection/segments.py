"""Segments: players by what they are, what they did, and which other segments they are in (metrics.md §5)."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from operator import and_, eq, ge, gt, le, lt, ne, or_
from typing import Annotated, Any

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa
from msgspec import Meta

from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis
from questlog.analytics.engine.context import Built, Context
from questlog.analytics.engine.pages import page_of_players
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.definitions import (
    AllRules,
    Did,
    InCell,
    InSegment,
    Measured,
    NotRule,
    Rule,
    SegmentDefinition,
    Who,
)
from questlog.analytics.question.examples import PAYERS, Example
from questlog.analytics.question.paging import Mark, player_after
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import EventMatch, Name, Operator, Period
from questlog.analytics.selection.buckets import LocalDays
from questlog.analytics.selection.dimensions import (
    NO,
    SEGMENT,
    YES,
    add_dimensions,
    add_player_dimensions,
    dimension_column,
    referenced_dimensions,
)
from questlog.analytics.selection.filters import id_matches, is_money, predicate
from questlog.analytics.selection.segment_rules import (
    check_name,
    check_segment,
    counted_from,
    names_of,
    rules_of,
    segment_names,
    segments_of,
)
from questlog.analytics.selection.selection import ALL_TIME, Selection, cells_found

MOST_PLAYERS = 1_000_000

_COMPARISONS = {
    Operator.IS: eq,
    Operator.IS_NOT: ne,
    Operator.GREATER: gt,
    Operator.GREATER_OR_EQUAL: ge,
    Operator.LESS: lt,
    Operator.LESS_OR_EQUAL: le,
}
_MEASURED_AS = {
    Measured.COUNT: "int64",
    Measured.DAYS: "int64",
    Measured.VALUE_SUM: "float64",
    Measured.REVENUE: "decimal(38, 6)",
}
_MICROS = Decimal("0.000001")
_MEASURED_COLUMNS = ("player_no", "event_time", "category", "event_id", "value", "amount", "amount_usd")
LISTED = (
    AnswerColumn("player_id", "", "the player's id as sent"),
    AnswerColumn("first_seen", "", "time of the player's first event, UTC; null without events"),
    AnswerColumn("last_seen", "", "time of the player's last event, UTC"),
    AnswerColumn("events", "events", "events of the player"),
    AnswerColumn("sessions", "sessions", "sessions of the player"),
    AnswerColumn("playtime_s", "s", "Σ length of the sessions"),
    AnswerColumn("transactions", "purchases", "purchases of the player"),
    AnswerColumn("revenue_usd", "USD", "Σ of the purchases"),
    AnswerColumn("country", "", "country at install"),
    AnswerColumn("platform", "", "platform at install"),
    AnswerColumn("build", "", "build at install"),
)
_SIZE = (
    AnswerColumn("players", "players", "members now"),
    AnswerColumn("all_players", "players", "all players of the game"),
    AnswerColumn("share", "share", "players ÷ all_players; null while the game has none"),
)


class Segment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The size of a segment now; or its first members, with `players` = their number.

    `segment` is the name of a saved segment, or a definition. The size is one row: `players`, `all_players`, `share`.
    Members are in the order in which the server first saw them. For the next
    page, `after` is the `next` of the answer.
    """

    segment: Name | SegmentDefinition
    players: Annotated[int, Meta(ge=0, le=MOST_PLAYERS)] = 0
    after: Mark | None = None


def answer(question: Segment, context: Context) -> Answer:
    """The segment's size or its members. Raises `InvalidQuery` and `QueryAborted`."""
    definition = _definition(question, context.segments)
    segments = segments_of(definition, context.segments)
    today = counted_from(definition, segments, context.today)
    zone = context.zone
    cells = cells_found([definition], context)
    selection = Selection(context.game_id, ALL_TIME, zone, zone, segments=segments, today=today, cells=cells)
    if question.after is not None and not question.players:
        raise InvalidQuery("after", "`after` needs `players`, the number of members on a page")
    if question.players:
        page = _Page(question.players + 1, player_after(question.after))
        members, following = page_of_players(context.run(_members, definition, selection, page), question.players)
        return Answer(members, LISTED, data_version=context.data_version, next=following)
    return Answer(_with_share(context.run(_size, definition, selection)), _SIZE, data_version=context.data_version)


def _definition(question: Segment, saved: Mapping[str, SegmentDefinition]) -> SegmentDefinition:
    if isinstance(question.segment, str):
        check_name("segment", question.segment, saved)
        check_segment("segment", saved[question.segment], saved)
        return saved[question.segment]
    check_segment("segment", question.segment, saved)
    return question.segment


def _size(definition: SegmentDefinition, selection: Selection) -> ir.Table:
    members = players_in(definition, selection).aggregate(players=lambda rows: rows.count())
    everybody = _players(selection.game_id).aggregate(all_players=lambda rows: rows.count())
    return members.cross_join(everybody)


class _Page(msgspec.Struct, frozen=True):
    """So many members with a greater number."""

    most: int
    after_no: int


def _members(definition: SegmentDefinition, selection: Selection, page: _Page) -> ir.Table:
    members = players_in(definition, selection)
    members = members.filter(members.player_no > page.after_no)
    listed = _players(selection.game_id).semi_join(members, "player_no").order_by("player_no").limit(page.most)
    return listed.select("player_no", *(column.name for column in LISTED))


def _with_share(size: pa.Table) -> pa.Table:
    players, everybody = (size[name][0].as_py() for name in ("players", "all_players"))
    return size.append_column("share", pa.array([players / everybody if everybody else None], pa.float64()))


# Members


def players_in(definition: SegmentDefinition, selection: Selection) -> ir.Table:
    """The members: one column, `player_no`, once for each of the game's players for whom the rule holds.

    Of the selection the game, its segments, its zone and `today` matter, which `last_days` count back from. Raises
    `InvalidQuery` for segments that do not exist or go round in a circle.
    """
    known = dict(selection.segments)
    check_segment("segment", definition, known)
    inner = _inner_segments(definition, known)
    involved = [rule for each in (*(known[name] for name in inner), definition) for _, rule in rules_of(each.rule)]
    dids = {rule: f"did:{place}" for place, rule in enumerate(involved) if isinstance(rule, Did)}
    who = _plain(referenced_dimensions(*(rule.filter for rule in involved if isinstance(rule, Who))))
    rows = add_player_dimensions(_players(selection.game_id), who, _days(selection))
    rows = rows.select("player_no", *map(dimension_column, who))
    rows, cells = _with_cells(rows, [rule for rule in involved if isinstance(rule, InCell)], dict(selection.cells))
    for dtype in sorted({_MEASURED_AS[did.measured] for did in dids}):
        alike = {column: did for did, column in dids.items() if _MEASURED_AS[did.measured] == dtype}
        measured = {column: _measured(did, selection) for column, did in alike.items()}
        rows = _with_measures(rows, measured, dtype)
    measures: Mapping[Rule, str] = {**_by_rule(dids), **_by_rule(cells)}
    for name in inner:
        is_member = ibis.cases((_holds(known[name].rule, rows, measures), YES), else_=NO)
        rows = rows.mutate(**{dimension_column(f"{SEGMENT}{name}"): is_member})
    return rows.filter(_holds(definition.rule, rows, measures)).select("player_no")


def with_membership(rows: ir.Table, names: Collection[str], selection: Selection) -> ir.Table:
    """Rows with a column for each dimension `segment.NAME` of `names`: `yes`, `no`, null for rows without a player."""
    known = dict(selection.segments)
    for name in segment_names(names):
        check_name(f"{SEGMENT}{name}", name, known)
        members = players_in(known[name], selection)
        members = members.select(**{"member:no": members.player_no})
        rows = rows.left_join(members, rows.player_no == members["member:no"])
        is_member = ibis.cases(
            (rows.player_no.isnull(), ibis.null("string")), (rows["member:no"].notnull(), YES), else_=NO
        )
        rows = rows.mutate(**{dimension_column(f"{SEGMENT}{name}"): is_member}).drop("member:no")
    return rows


def _plain(dimensions: Collection[str]) -> list[str]:
    return sorted(name for name in dimensions if not name.startswith(SEGMENT))


def _players(game_id: int) -> ir.Table:
    return tables.players.filter(tables.players.game_id == game_id)


def _inner_segments(definition: SegmentDefinition, known: Mapping[str, SegmentDefinition]) -> list[str]:
    """The segments whose members must be computed, each after the segments that it uses.

    Segments in an event's own filter are not among them: they are looked up with the events.
    """
    found: list[str] = []
    for _, rule in rules_of(definition.rule):
        for name in () if isinstance(rule, Did) else names_of(rule):
            found += [each for each in (*_inner_segments(known[name], known), name) if each not in found]
    return found


def _with_cells(
    rows: ir.Table, rules: Collection[InCell], built: Mapping[InCell, Built]
) -> tuple[ir.Table, Mapping[InCell, str]]:
    """The players with a column for each of the rules, whether they are in the cell; and the columns' names."""
    columns = {rule: f"cell:{place}" for place, rule in enumerate(dict.fromkeys(rules))}
    for rule, column in columns.items():
        build, *arguments = built[rule]
        found = build(*arguments)
        found = found.select(**{"cell:no": found.player_no})
        joined = rows.left_join(found, rows.player_no == found["cell:no"])
        rows = joined.mutate(**{column: joined["cell:no"].notnull()}).drop("cell:no")
    return rows, columns


def _by_rule(columns: Mapping[Any, str]) -> Mapping[Rule, str]:
    """The same with a wider type: keys of mappings have but one."""
    return columns


def _holds(rule: Rule, rows: ir.Table, measures: Mapping[Rule, str]) -> ir.BooleanValue:
    """Whether the rule holds for a player, never null. `measures` are the columns of what was found before."""
    if isinstance(rule, Who):
        return predicate(rule.filter, rows)
    if isinstance(rule, Did):
        return _COMPARISONS[rule.operator](rows[measures[rule]], _literal(rule))
    if isinstance(rule, InCell):
        return rows[measures[rule]]
    if isinstance(rule, InSegment):
        return rows[dimension_column(f"{SEGMENT}{rule.name}")] == YES
    if isinstance(rule, NotRule):
        return ~_holds(rule.rule, rows, measures)
    parts = [_holds(each, rows, measures) for each in rule.rules]
    return reduce(and_ if isinstance(rule, AllRules) else or_, parts)


def _literal(did: Did) -> ir.Scalar:
    """What is compared with: money to the sixth decimal, as it is stored; counts as whole numbers where they are."""
    if did.measured is Measured.REVENUE:
        # From a text: ClickHouse reads a decimal literal as a double, and cuts what that is short of.
        return ibis.literal(str(Decimal(str(did.value)).quantize(_MICROS))).cast("decimal(38, 6)")
    if did.measured is not Measured.VALUE_SUM and float(did.value).is_integer():
        return ibis.literal(int(did.value), "int64")
    return ibis.literal(float(did.value), "float64")


def _with_measures(rows: ir.Table, measured: Mapping[str, ir.Table], dtype: str) -> ir.Table:
    """The players with what was measured of each, 0 where there was nothing.

    One join takes all measures: joined one by one, each would be a statement within the next, and thirty of them are
    nested deeper than a statement can be written.
    """
    if len(measured) == 1:
        ((column, only),) = measured.items()
        beside = only.select(**{"measured:no": only.player_no, column: only.measure.cast(dtype)})
    else:
        together = _below_each_other([_marked(each, place, dtype) for place, each in enumerate(measured.values())])
        value, marked = together["measured:value"], together["measured:place"]
        each_once = {column: value.max(where=marked == place) for place, column in enumerate(measured)}
        beside = together.group_by("measured:no").aggregate(**each_once)
    joined = rows.left_join(beside, rows.player_no == beside["measured:no"]).drop("measured:no")
    return joined.mutate(**{column: joined[column].fill_null(0) for column in measured})


def _marked(measured: ir.Table, place: int, dtype: str) -> ir.Table:
    return measured.select(
        **{
            "measured:no": measured.player_no,
            "measured:place": ibis.literal(place, "int64"),
            "measured:value": measured.measure.cast(dtype),
        }
    )


def _below_each_other(rows: Sequence[ir.Table]) -> ir.Table:
    """All rows of all, halved again and again: nested as little as can be."""
    if len(rows) == 1:
        return rows[0]
    half = len(rows) // 2
    return _below_each_other(rows[:half]).union(_below_each_other(rows[half:]))


# Measures


def _days(selection: Selection, last_days: int | None = None) -> LocalDays:
    """The last days of the zone of the game's tables up to `today`; all days for None."""
    if last_days is None:
        return LocalDays(ALL_TIME, selection.stored_zone)
    start = selection.today - dt.timedelta(days=last_days - 1)
    return LocalDays(Period(start, selection.today), selection.stored_zone)


def _measured(did: Did, selection: Selection) -> ir.Table:
    """Player number and measure of every player with a matching event in time."""
    if did.event == EventMatch() and did.measured is not Measured.VALUE_SUM:
        return _measured_by_day(did, selection)
    game_id, local_days = selection.game_id, _days(selection, did.last_days)
    events = tables.events
    events = events.filter(events.game_id == game_id, events.player_no.notnull(), _is_named(did.event, game_id, events))
    if did.last_days is not None:
        events = events.filter(local_days.holds(events.event_time))
    names = referenced_dimensions(did.event.filter)
    plain = _plain(names)
    # Without the many other columns: each costs time in making and reading the statement.
    events = add_dimensions(events, plain, local_days)
    events = events.select(*_MEASURED_COLUMNS, *map(dimension_column, plain))
    events = with_membership(events, names, selection)
    events = events.filter(predicate(did.event.filter, events))
    return events.group_by("player_no").aggregate(measure=_measure_of_events(did.measured, events, local_days))


def _measured_by_day(did: Did, selection: Selection) -> ir.Table:
    """The same of any event: player days know it, and purchases what they brought."""
    days = tables.purchases if did.measured is Measured.REVENUE else tables.player_days
    days = days.filter(days.game_id == selection.game_id, days.player_no.notnull())
    if did.last_days is not None:
        days = days.filter(_days(selection, did.last_days).holds_day(days.day))
    if did.measured is Measured.REVENUE:
        return days.group_by("player_no").aggregate(measure=days.amount_usd.sum().cast("decimal(38, 6)"))
    days = days.filter(days.events > 0)
    measure = days.events.sum() if did.measured is Measured.COUNT else days.count()
    return days.group_by("player_no").aggregate(measure=measure)


def _measure_of_events(measured: Measured, events: ir.Table, local_days: LocalDays) -> ir.Scalar:
    if measured is Measured.COUNT:
        return events.count()
    if measured is Measured.DAYS:
        return local_days.day_of(events.event_time).nunique()
    if measured is Measured.VALUE_SUM:
        return events.value.sum()
    return events.amount_usd.sum(where=is_money(events)).cast("decimal(38, 6)")


def _is_named(match: EventMatch, game_id: int, events: ir.Table) -> ir.BooleanValue:
    """Whether an event has the category and the id that are meant, by the number of its name."""
    names = tables.event_names
    meant = names.filter(names.game_id == game_id)
    if match.category is not None:
        meant = meant.filter(meant.category == match.category)
    if match.event_id is not None:
        meant = meant.filter(id_matches(match, meant.event_id))
    is_any = match.category is None and match.event_id is None
    return ibis.literal(value=True) if is_any else events.event_no.isin(meant.event_no)


ANALYSIS = Analysis(
    "segments",
    Segment,
    answer,
    "The size of a segment now, or its members.",
    page="guides/segments.md",
    examples=(
        Example("Number of players who bought three times in the last 30 days", {"segment": PAYERS}),
        Example(
            "Players who have not played for two weeks",
            {
                "segment": {"rule": {"type": "did", "event": {}, "operator": "less", "value": 1, "last_days": 14}},
                "players": 100,
            },
        ),
    ),
)
