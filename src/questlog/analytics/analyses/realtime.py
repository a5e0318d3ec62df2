"""Realtime: the last hour by minute, the last day by hour, each compared with a week ago (metrics.md §5)."""

import enum
import itertools
from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa

from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis, Freshness
from questlog.analytics.engine.context import Context
from questlog.analytics.engine.functions import are_kept_bitmaps, distinct_players, player_bytes
from questlog.analytics.engine.growing import added_up, newer, set_sizes
from questlog.analytics.metrics import metric_query
from questlog.analytics.metrics.unpriced import money_warnings, unpriced_between
from questlog.analytics.question.answer import Answer, AnswerColumn, Warned
from questlog.analytics.question.examples import Example
from questlog.analytics.question.query import Filter, Granularity, Period, Query
from questlog.analytics.selection.buckets import LocalDays, timestamp
from questlog.analytics.selection.selection import select
from questlog.model.calendar import DAY_US, HOUR_US, MINUTE_US, Zone

_WIDTHS = {Granularity.MINUTE: (MINUTE_US, 60), Granularity.HOUR: (HOUR_US, 24)}
_WEEK_US = 7 * DAY_US
_ZERO = ibis.literal(0, "decimal(38, 6)")


class Span(enum.StrEnum):
    """How far back: 60 minutes by minute, or 24 hours by hour. The running minute or hour is the last of them."""

    HOUR = "hour"
    DAY = "day"


class Realtime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens now: a row for each minute or hour. `filter` uses the dimensions of metrics."""

    span: Span = Span.HOUR
    filter: Filter | None = None


class Window(msgspec.Struct, frozen=True):
    """The hours or minutes of a zone that lie between two times (UTC microseconds)."""

    game_id: int
    granularity: Granularity
    start_us: int
    end_us: int
    zone: Zone
    player_bound: int

    @property
    def days(self) -> LocalDays:
        """The local days that it touches."""
        return LocalDays(Period(self.zone.day_of(self.start_us), self.zone.day_of(self.end_us - 1)), self.zone)


def answer(question: Realtime, context: Context) -> Answer:
    """The buckets in order, empty ones too. Raises `InvalidQuery` for an invalid filter, `QueryAborted`.

    A bucket a week ago is whole, even if this week's is not over; it begins at the same local time.
    """
    granularity = Granularity.MINUTE if question.span is Span.HOUR else Granularity.HOUR
    width_us, count = _WIDTHS[granularity]
    now = _last_starts(context.zone, context.now_us, width_us, count)
    before = [_week_ago(start_us, width_us, context.zone) for start_us in now]
    columns: dict[str, pa.Array] = {"bucket": pa.array(now, pa.timestamp("us"))}
    columns |= _columns(now, granularity, question.filter, context)
    earlier = _columns(before, granularity, question.filter, context)
    columns |= {f"week_ago_{name}": each for name, each in earlier.items()}
    warned = (
        *_unpriced(now, width_us, question.filter, context, "revenue"),
        *_unpriced(before, width_us, question.filter, context, "week_ago_revenue"),
    )
    return Answer(pa.table(columns), _COLUMNS, warned, data_version=context.data_version)


def _unpriced(
    starts: list[int], width_us: int, condition: Filter | None, context: Context, field: str
) -> tuple[Warned, ...]:
    """The purchases without a price in dollars that these buckets leave out."""
    start_us, end_us = starts[0], starts[-1] + width_us
    period = Period(context.zone.day_of(start_us), context.zone.day_of(end_us - 1))
    selection = select(context, period, condition)
    return money_warnings(context, period, field, unpriced_between, selection, start_us, end_us)


def _last_starts(zone: Zone, now_us: int, width_us: int, count: int) -> list[int]:
    """When the last hours or minutes of the zone began, the running one included, in order."""
    starts = [zone.start_within(now_us, width_us)]
    while len(starts) < count:
        starts.append(zone.start_within(starts[-1] - 1, width_us))
    return starts[::-1]


def _week_ago(start_us: int, width_us: int, zone: Zone) -> int:
    """When the bucket of the same local time a week ago began."""
    moved_us = zone.offset_us(start_us) - zone.offset_us(start_us - _WEEK_US)
    return zone.start_within(start_us - _WEEK_US + moved_us, width_us)


def events_by_bucket(window: Window, count: int) -> ir.Table:
    """`start`, `active`, `errors` of the events of each bucket that has any; there are about `count`."""
    rows = _within(tables.events, "event_time", window)
    return rows.group_by("start").aggregate(
        active=distinct_players(rows.player_no, window.player_bound, count),
        errors=rows.count(where=(rows.category == "error").fill_null(False)),
    )


def newer_events_by_bucket(window: Window) -> ir.Table:
    """The same of newer events, with the `players` of each bucket."""
    rows = _within(newer(tables.events), "event_time", window)
    return rows.group_by("start").aggregate(
        players=player_bytes(rows.player_no, window.player_bound),
        errors=rows.count(where=(rows.category == "error").fill_null(False)),
    )


_MERGED = added_up(("start",), ("errors",), ("players",))


def revenue_by_bucket(window: Window, _: int) -> ir.Table:
    """`start` and `revenue`: purchases less refunds in each bucket."""
    rows = _within(tables.purchases, "event_time", window)
    return rows.group_by("start").aggregate(revenue=rows.amount_usd.sum().cast("decimal(38, 6)").fill_null(_ZERO))


def new_by_bucket(window: Window, _: int) -> ir.Table:
    """`start` and `new`: players first seen in each bucket."""
    rows = _within(tables.players, "first_seen", window)
    return rows.group_by("start").aggregate(new=rows.count())


def sessions_by_bucket(window: Window, _: int) -> ir.Table:
    """`start` and `sessions`: those that started in each bucket."""
    rows = _within(tables.sessions, "start_time", window)
    return rows.group_by("start").aggregate(sessions=rows.count())


def _within(rows: ir.Table, time: str, window: Window) -> ir.Table:
    """The game's rows of the window, with the `start` of their bucket (UTC microseconds)."""
    is_within = (rows[time] >= timestamp(window.start_us)) & (rows[time] < timestamp(window.end_us))
    rows = rows.filter(rows.game_id == window.game_id, is_within)
    return rows.mutate(start=window.days.bucket_of(rows[time], window.granularity))


def _columns(
    starts: list[int], granularity: Granularity, condition: Filter | None, context: Context
) -> Mapping[str, pa.Array]:
    found = (
        _numbers(starts, granularity, context)
        if condition is None
        else _metrics(starts, granularity, condition, context)
    )
    rows = [found.get(start_us, {}) for start_us in starts]
    return {name: pa.array([row.get(name, 0) for row in rows], kind) for name, kind in _TYPES.items()}


def _numbers(starts: list[int], granularity: Granularity, context: Context) -> Mapping[int, Mapping[str, Any]]:
    """By the start of each bucket that has any.

    The window reaches to whole hours or days: it is the same for a while, and so is the compiled text.
    """
    wide_us = HOUR_US if granularity is Granularity.MINUTE else DAY_US
    start_us = starts[0] // wide_us * wide_us
    end_us = -(-(starts[-1] + _WIDTHS[granularity][0]) // wide_us) * wide_us
    window = Window(context.game_id, granularity, start_us, end_us, context.zone, context.player_bound)
    count = (end_us - start_us) // _WIDTHS[granularity][0]
    builds = (revenue_by_bucket, new_by_bucket, sessions_by_bucket)
    tables_found = [context.run(build, window, count) for build in builds]
    if context.can_keep_rows and are_kept_bitmaps(context.player_bound, count):
        tables_found.append(_kept_events(_pieces(window, wide_us), context))
    else:
        tables_found.append(context.run(events_by_bucket, window, count))
    found: dict[int, dict[str, Any]] = {}
    for row in itertools.chain.from_iterable(table.to_pylist() for table in tables_found):
        found.setdefault(row.pop("start"), {}).update(row)
    return found


def _pieces(window: Window, wide_us: int) -> list[Window]:
    """Its hours or days one by one: they stay the same when the window moves on."""
    starts = range(window.start_us, window.end_us, wide_us)
    return [msgspec.structs.replace(window, start_us=each, end_us=each + wide_us) for each in starts]


def _kept_events(pieces: list[Window], context: Context) -> pa.Table:
    """As `events_by_bucket`; what was found before is kept, and only newer events are read.

    Hours of a zone of half hours can lie in two pieces.
    """
    found = [context.run_growing(newer_events_by_bucket, each, merge=_MERGED) for each in pieces]
    rows = _MERGED(pa.concat_tables(found))
    return rows.drop_columns("players").append_column("active", set_sizes(rows["players"]))


def _metrics(
    starts: list[int], granularity: Granularity, condition: Filter, context: Context
) -> Mapping[int, Mapping[str, Any]]:
    """The same of what passes a filter: the metrics of these names, of the days that the buckets touch."""
    period = Period(context.zone.day_of(starts[0]), context.zone.day_of(starts[-1]))
    query = Query(tuple(_METRICS.values()), period, granularity, filter=condition)
    rows = metric_query.answer(query, context).table
    buckets = rows["bucket"].cast(pa.int64()).to_pylist()
    return {
        bucket: {name: row[metric] or 0 for name, metric in _METRICS.items()}
        for bucket, row in zip(buckets, rows.to_pylist(), strict=True)
    }


_METRICS = {
    "active": "dau",
    "new": "new_players",
    "sessions": "sessions",
    "revenue": "revenue",
    "errors": "errors",
}
_MONEY = pa.decimal128(38, 6)
_TYPES = {"active": pa.int64(), "new": pa.int64(), "sessions": pa.int64(), "revenue": _MONEY, "errors": pa.int64()}
_MEANINGS = {
    "active": ("players", "Distinct players with an event."),
    "new": ("players", "Players first seen."),
    "sessions": ("sessions", "Sessions started."),
    "revenue": ("USD", "Σ `amount_usd` of purchases, net of refunds."),
    "errors": ("events", "Error events."),
}
_COLUMNS = (
    AnswerColumn("bucket", "", "Start of the minute or hour, UTC."),
    *(AnswerColumn(name, unit, meaning) for name, (unit, meaning) in _MEANINGS.items()),
    *(
        AnswerColumn(f"week_ago_{name}", unit, f"A week earlier, in the whole minute or hour: {meaning}")
        for name, (unit, meaning) in _MEANINGS.items()
    ),
)


ANALYSIS = Analysis(
    "realtime",
    Realtime,
    answer,
    "The last hour by minute, or the last day by hour, compared with a week ago.",
    page="reference/analyses/realtime.md",
    freshness=Freshness.MINUTE,
    examples=(
        Example("The last hour, minute by minute", {}),
        Example("The last day, hour by hour", {"span": "day"}),
    ),
)
