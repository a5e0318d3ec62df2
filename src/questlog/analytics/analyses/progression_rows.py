"""Progression in the engine: what is counted of each level, by the status of its events."""

from typing import Literal

import ibis
import ibis.expr.types as ir
from ibis import _

from questlog.analytics.analyses.split import Split, folded, greatest_groups, named_rows
from questlog.analytics.engine import tables
from questlog.analytics.engine.functions import epoch_us, intersection_size, player_set
from questlog.analytics.metrics.sub_query import MAX_ROWS
from questlog.analytics.selection.shown_names import names_of, shown_names

START, FAIL, COMPLETE = "Start", "Fail", "Complete"
STATUSES = (START, FAIL, COMPLETE)
SUMS = ("events", "score_count", "score_sum", "attempt_count", "attempt_sum")
PARTS = ("progression_01", "progression_02", "progression_03")
"""The dimensions that the parts of a level are."""

_EVENT_COLUMNS = ("event_no", "event_time", "player_no", "score", "attempt_num")


class Levels(Split, frozen=True):
    """A game's levels in the events of a selection split by one dimension: the first `depth` parts of progression ids
    after the status, as shown: they have `caps`.
    """

    depth: int


def by_day(levels: Levels) -> ir.Table:
    """Counts and sums by level and status, from the counts per id and day: all events of the period."""
    days = tables.event_days
    days = days.filter(days.game_id == levels.selection.game_id, levels.selection.days.holds_day(days.day))
    counted = days.group_by(levels.keys).aggregate(
        events=days.events.sum(),
        score_count=days.score_count.sum(),
        score_sum=days.score_sum.sum(),
        attempt_count=days.attempt_count.sum(),
        attempt_sum=days.attempt_sum.sum(),
    )
    return _added_up(counted, levels, ())


def by_event(levels: Levels) -> ir.Table:
    """The same from the events themselves."""
    rows = _at_levels(levels.unfolded)
    counted = rows.group_by(*levels.keys, *levels.groups).aggregate(
        events=rows.count(),
        score_count=rows.score.count(),
        score_sum=rows.score.sum(),
        attempt_count=rows.attempt_num.count(where=rows.is_complete),
        attempt_sum=rows.attempt_num.cast("float64").sum(where=rows.is_complete),
    )
    return _added_up(folded(levels.selection, counted), levels, levels.groups)


def players(levels: Levels, order: tuple[str, ...], has_few: bool) -> ir.Table:
    """`players` by level and status; of those with a start `next_players`, who started the next level of the order too.

    `has_few`: there are so few levels and groups that a bitmap for each is faster.
    """
    rows = _at_levels(levels)
    named = _representatives(levels, order)
    if has_few:
        sets = rows.group_by("status_no", *levels.groups).aggregate(
            players=player_set(rows.player_no, levels.selection.player_bound)
        )
        sets = sets.inner_join(named, "status_no")
        counted = _beside_next(sets, levels.groups, "left").mutate(
            next_players=intersection_size(_.players, _.players_right),
            players=intersection_size(_.players, _.players),
        )
        return counted.select("level", "status", *levels.groups, "players", "next_players")
    counted = rows.group_by("status_no", *levels.groups).aggregate(players=rows.player_no.nunique())
    starts = rows.filter(rows.is_start, rows.player_no.notnull()).select("player_no", "status_no", *levels.groups)
    beside = _beside_next(starts.distinct().inner_join(named, "status_no"), (*levels.groups, "player_no"), "inner")
    going_on = beside.group_by("status_no", *levels.groups).aggregate(next_players=beside.count())
    counted = counted.inner_join(named, "status_no")
    found = counted.left_join(going_on, ["status_no", *(_same(counted, going_on, name) for name in levels.groups)])
    return found.select("level", "status", *levels.groups, "players", next_players=found.next_players.fill_null(0))


def times(levels: Levels) -> ir.Table:
    """`taken_us`: median from a player's first start of a level to the first complete, where that is not earlier."""
    rows = _at_levels(levels)
    rows = rows.filter(rows.player_no.notnull(), rows.is_start | rows.is_complete)
    firsts = rows.group_by("player_no", "level_no", *levels.groups).aggregate(
        started=rows.event_time.min(where=rows.is_start), completed=rows.event_time.min(where=rows.is_complete)
    )
    firsts = firsts.filter(firsts.completed >= firsts.started)
    firsts = firsts.mutate(taken=(epoch_us(firsts.completed) - epoch_us(firsts.started)).cast("float64"))
    found = firsts.group_by("level_no", *levels.groups).aggregate(taken_us=firsts.taken.median())
    named = _levels(levels)
    return found.inner_join(named, found.level_no == named.name_no).select("level", *levels.groups, "taken_us")


def at_level(levels: Levels, level: str, status: str) -> ir.Table:
    """The events of a level and status that pass the filter."""
    named = _levels(levels)
    named = named.filter(named.level == level, named.status == status)
    rows = named_rows(levels, _EVENT_COLUMNS)
    return rows.inner_join(named.select(*levels.keys), levels.keys)


def top_groups(levels: Levels, top: int) -> ir.Table:
    """The groups with most progression events."""
    return greatest_groups(_at_levels(levels), top)


def _levels(levels: Levels) -> ir.Table:
    """Every progression event's `level` and `status`.

    `status_no` is the least number of a name of the level and the status, `level_no` that of one of the level.
    """
    names = names_of(levels.selection.game_id, "progression")
    names = names.mutate(parts=names.event_id.fill_null("").split(":"))
    names = names.filter(names.parts.length() > 1, names.parts[0].isin(STATUSES))
    if levels.caps:
        places = {name: names.parts[place].nullif("") for place, name in enumerate(PARTS, start=1)}
        names = shown_names(names.mutate(**places), {name: name for name in PARTS}, levels.selection, levels.caps)
        shown = [ibis.coalesce(names[name], "") for name in PARTS[: levels.depth]]
        names = names.mutate(level=_joined(names, shown))
    else:
        names = names.mutate(name_no=names.event_no, level=names.parts[1 : levels.depth + 1].join(":"))
    names = names.mutate(status=names.parts[0])
    return names.select(
        *levels.keys,
        "name_no",
        "level",
        "status",
        is_start=names.status == START,
        is_complete=names.status == COMPLETE,
        level_no=names.name_no.min().over(ibis.window(group_by="level")),
        status_no=names.name_no.min().over(ibis.window(group_by=["level", "status"])),
    )


def _joined(names: ir.Table, shown: list[ir.StringValue]) -> ir.StringValue:
    """The parts that the id has, of those."""
    texts = shown[0]
    for place, part in enumerate(shown[1:], start=2):
        texts = (names.parts.length() > place).ifelse(texts + ":" + part, texts)
    return texts


def _at_levels(levels: Levels) -> ir.Table:
    named = _levels(levels).drop("level", "status")
    return named_rows(levels, _EVENT_COLUMNS).inner_join(named, levels.keys)


def _added_up(counted: ir.Table, levels: Levels, keys: tuple[str, ...]) -> ir.Table:
    named = _levels(levels).select(*levels.keys, "level", "status")
    at_levels = counted.inner_join(named, levels.keys)
    sums = {name: at_levels[name].sum() for name in SUMS}
    return at_levels.group_by("level", "status", *keys).aggregate(**sums).limit(MAX_ROWS + 1)


def _representatives(levels: Levels, order: tuple[str, ...]) -> ir.Table:
    """`level` and `status` of each `status_no`; the level's `place` in the order for starts, else null."""
    named = _levels(levels)
    named = named.filter(named.name_no == named.status_no)
    place = ibis.literal(list(order)).index(named.level)
    return named.select("status_no", "level", "status", place=named.is_start.ifelse(place, ibis.null("int64")))


def _beside_next(starts: ir.Table, same: tuple[str, ...], how: Literal["inner", "left"]) -> ir.Table:
    """Rows with a `place`, joined with those of the next place that are equal in some columns."""
    after = starts.view()
    return starts.join(
        after, [starts.place + 1 == after.place, *(_same(starts, after, name) for name in same)], how=how
    )


def _same(one: ir.Table, other: ir.Table, name: str) -> ir.BooleanValue:
    return one[name].identical_to(other[name])
