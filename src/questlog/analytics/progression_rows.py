"""Progression in the engine: what is counted of each level, by the status of its events."""

from typing import Literal

import ibis
import ibis.expr.types as ir
import msgspec
from ibis import _

from questlog.analytics import tables
from questlog.analytics.functions import epoch_us, intersection_size, player_set
from questlog.analytics.query import Period
from questlog.analytics.split import Events, folded, greatest_groups, rows_of

START, FAIL, COMPLETE = "Start", "Fail", "Complete"
STATUSES = (START, FAIL, COMPLETE)
SUMS = ("events", "score_count", "score_sum", "attempt_count", "attempt_sum")
MAX_ROWS = 200_000


def by_day(game_id: int, depth: int, period: Period) -> ir.Table:
    """Counts and sums by level and status, from the counts per id and day: all events of the period."""
    days = tables.event_days
    days = days.filter(days.game_id == game_id, days.day.between(period.start, period.end))
    counted = days.group_by("event_no").aggregate(
        events=days.events.sum(),
        score_count=days.score_count.sum(),
        score_sum=days.score_sum.sum(),
        attempt_count=days.attempt_count.sum(),
        attempt_sum=days.attempt_sum.sum(),
    )
    return _added_up(counted, game_id, depth, ())


def by_event(events: Events, depth: int) -> ir.Table:
    """The same from the events themselves."""
    rows = _at_levels(msgspec.structs.replace(events, kept=None), depth)
    counted = rows.group_by("event_no", *events.keys).aggregate(
        events=rows.count(),
        score_count=rows.score.count(),
        score_sum=rows.score.sum(),
        attempt_count=rows.attempt_num.count(where=rows.is_complete),
        attempt_sum=rows.attempt_num.cast("float64").sum(where=rows.is_complete),
    )
    return _added_up(folded(events, counted), events.scope.game_id, depth, events.keys)


def players(events: Events, depth: int, order: tuple[str, ...], has_few: bool) -> ir.Table:
    """`players` by level and status; of those with a start `next_players`, who started the next level of the order too.

    `has_few`: there are so few levels and groups that a bitmap for each is faster.
    """
    rows = _at_levels(events, depth)
    named = _representatives(events.scope.game_id, depth, order)
    if has_few:
        sets = rows.group_by("status_no", *events.keys).aggregate(
            players=player_set(rows.player_no, events.last_player_no)
        )
        sets = sets.inner_join(named, "status_no")
        counted = _beside_next(sets, events.keys, "left").mutate(
            next_players=intersection_size(_.players, _.players_right),
            players=intersection_size(_.players, _.players),
        )
        return counted.select("level", "status", *events.keys, "players", "next_players")
    counted = rows.group_by("status_no", *events.keys).aggregate(players=rows.player_no.nunique())
    starts = rows.filter(rows.is_start, rows.player_no.notnull()).select("player_no", "status_no", *events.keys)
    beside = _beside_next(starts.distinct().inner_join(named, "status_no"), (*events.keys, "player_no"), "inner")
    going_on = beside.group_by("status_no", *events.keys).aggregate(next_players=beside.count())
    counted = counted.inner_join(named, "status_no")
    found = counted.left_join(going_on, ["status_no", *(_same(counted, going_on, name) for name in events.keys)])
    return found.select("level", "status", *events.keys, "players", next_players=found.next_players.fill_null(0))


def times(events: Events, depth: int) -> ir.Table:
    """`taken_us`: median from a player's first start of a level to the first complete, where that is not earlier."""
    rows = _at_levels(events, depth)
    rows = rows.filter(rows.player_no.notnull(), rows.is_start | rows.is_complete)
    firsts = rows.group_by("player_no", "level_no", *events.keys).aggregate(
        started=rows.event_time.min(where=rows.is_start), completed=rows.event_time.min(where=rows.is_complete)
    )
    firsts = firsts.filter(firsts.completed >= firsts.started)
    firsts = firsts.mutate(taken=(epoch_us(firsts.completed) - epoch_us(firsts.started)).cast("float64"))
    found = firsts.group_by("level_no", *events.keys).aggregate(taken_us=firsts.taken.median())
    named = _levels(events.scope.game_id, depth)
    return found.inner_join(named, found.level_no == named.event_no).select("level", *events.keys, "taken_us")


def top_groups(events: Events, depth: int, top: int) -> ir.Table:
    """The groups with most progression events."""
    return greatest_groups(_at_levels(events, depth), top)


def _levels(game_id: int, depth: int) -> ir.Table:
    """Every progression event's `level`: the first `depth` parts of its id after the status.

    `status_no` is the least event number of the level and the status, `level_no` that of the level.
    """
    names = tables.event_names
    names = names.filter(names.game_id == game_id, names.category == "progression")
    names = names.mutate(parts=names.event_id.fill_null("").split(":"))
    names = names.mutate(status=names.parts[0], level=names.parts[1 : depth + 1].join(":"))
    names = names.filter(names.parts.length() > 1, names.status.isin(STATUSES))
    return names.select(
        "event_no",
        "level",
        "status",
        is_start=names.status == START,
        is_complete=names.status == COMPLETE,
        level_no=names.event_no.min().over(ibis.window(group_by="level")),
        status_no=names.event_no.min().over(ibis.window(group_by=["level", "status"])),
    )


def _at_levels(events: Events, depth: int) -> ir.Table:
    named = _levels(events.scope.game_id, depth).drop("level", "status")
    return rows_of(events).inner_join(named, "event_no")


def _added_up(counted: ir.Table, game_id: int, depth: int, keys: tuple[str, ...]) -> ir.Table:
    named = _levels(game_id, depth).select("event_no", "level", "status")
    at_levels = counted.inner_join(named, "event_no")
    sums = {name: at_levels[name].sum() for name in SUMS}
    return at_levels.group_by("level", "status", *keys).aggregate(**sums).limit(MAX_ROWS + 1)


def _representatives(game_id: int, depth: int, order: tuple[str, ...]) -> ir.Table:
    """`level` and `status` of each `status_no`; the level's `place` in the order for starts, else null."""
    named = _levels(game_id, depth)
    named = named.filter(named.event_no == named.status_no)
    place = ibis.literal(list(order)).index(named.level)
    return named.select("status_no", "level", "status", place=named.is_start.ifelse(place, ibis.null("int64")))


def _beside_next(starts: ir.Table, same: tuple[str, ...], how: Literal["inner", "left"]) -> ir.Table:
    """Rows with a `place` beside those of the next place, that are the same in some columns."""
    after = starts.view()
    return starts.join(
        after, [starts.place + 1 == after.place, *(_same(starts, after, name) for name in same)], how=how
    )


def _same(one: ir.Table, other: ir.Table, name: str) -> ir.BooleanValue:
    return one[name].identical_to(other[name])
