"""Realtime: the last hour by minute, the last day by hour, each beside the same time a week ago (metrics.md §5)."""

import datetime as dt
import enum
from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.types as ir
import msgspec
import pyarrow as pa

from questlog.analytics.engine import tables
from questlog.analytics.engine.analysis import Analysis, Freshness
from questlog.analytics.engine.context import Context
from questlog.analytics.engine.functions import distinct_players, epoch_us
from questlog.analytics.metrics import metric_query
from questlog.analytics.metrics.purchases import is_purchase
from questlog.analytics.question.answer import Answer, AnswerColumn
from questlog.analytics.question.examples import Example
from questlog.analytics.question.query import Filter, Granularity, Period, Query

_MINUTE_US = 60_000_000
_HOUR_US = 60 * _MINUTE_US
_WEEK_US = 7 * 24 * _HOUR_US
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - all stored times are UTC without saying so
_ZERO = ibis.literal(0, "decimal(38, 6)")


class Span(enum.StrEnum):
    """How far back: 60 minutes by minute, or 24 hours by hour. The running minute or hour is the last of them."""

    HOUR = "hour"
    DAY = "day"


class Realtime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens now: a row for each minute or hour. `filter` is over the metrics' dimensions (metrics.md §4)."""

    span: Span = Span.HOUR
    filter: Filter | None = None


class Window(msgspec.Struct, frozen=True):
    """`count` buckets of `width_us` from `start_us` on, which is one's start (UTC microseconds)."""

    game_id: int
    start_us: int
    width_us: int
    count: int
    last_player_no: int = 0

    @property
    def end_us(self) -> int:
        """Where it ends."""
        return self.start_us + self.count * self.width_us

    def widened(self, to_us: int) -> "Window":
        """From and to multiples of a time: a window that is the same for a while, and so is its compiled text."""
        start = self.start_us // to_us * to_us
        end = -(-self.end_us // to_us) * to_us
        return msgspec.structs.replace(self, start_us=start, count=(end - start) // self.width_us)


def answer(question: Realtime, context: Context) -> Answer:
    """The buckets in order, empty ones too. Raises `InvalidQuery` for a filter that is none, `QueryAborted`.

    A bucket a week ago is whole, also beside the running one.
    """
    width_us, count = (_MINUTE_US, 60) if question.span is Span.HOUR else (_HOUR_US, 24)
    start_us = (context.now_us // width_us - count + 1) * width_us
    now = Window(context.game_id, start_us, width_us, count, context.player_bound)
    before = msgspec.structs.replace(now, start_us=start_us - _WEEK_US)
    columns: dict[str, pa.Array] = {"bucket": _starts(now)}
    columns |= _columns(now, question.filter, context)
    columns |= {f"week_ago_{name}": each for name, each in _columns(before, question.filter, context).items()}
    return Answer(table=pa.table(columns), columns=_COLUMNS, data_version=context.data_version)


def events_by_bucket(window: Window) -> ir.Table:
    """`place`, `active`, `revenue`, `errors` of the events of each bucket that has any."""
    rows = _within(tables.events, "event_time", window)
    return rows.group_by("place").aggregate(
        active=distinct_players(rows.player_no, window.last_player_no, window.count),
        revenue=rows.amount_usd.sum(where=is_purchase(rows)).cast("decimal(38, 6)").fill_null(_ZERO),
        errors=rows.count(where=(rows.category == "error").fill_null(False)),
    )


def new_by_bucket(window: Window) -> ir.Table:
    """`place` and `new`: players first seen in each bucket."""
    rows = _within(tables.players, "first_seen", window)
    return rows.group_by("place").aggregate(new=rows.count())


def sessions_by_bucket(window: Window) -> ir.Table:
    """`place` and `sessions`: those that started in each bucket."""
    rows = _within(tables.sessions, "start_time", window)
    return rows.group_by("place").aggregate(sessions=rows.count())


def _within(rows: ir.Table, time: str, window: Window) -> ir.Table:
    """The game's rows of the window, with the `place` of their bucket."""
    start, end = (ibis.timestamp(_time(us).isoformat(sep=" ")) for us in (window.start_us, window.end_us))
    rows = rows.filter(rows.game_id == window.game_id, rows[time] >= start, rows[time] < end)
    return rows.mutate(place=((epoch_us(rows[time]) - window.start_us) // window.width_us).cast("int64"))


def _columns(window: Window, condition: Filter | None, context: Context) -> Mapping[str, pa.Array]:
    found = _numbers(window, context) if condition is None else _metrics(window, condition, context)
    rows = [found.get(_time(window.start_us + place * window.width_us), {}) for place in range(window.count)]
    return {name: pa.array([row.get(name, 0) for row in rows], kind) for name, kind in _TYPES.items()}


def _numbers(window: Window, context: Context) -> Mapping[dt.datetime, Mapping[str, Any]]:
    """By the start of each bucket that has any."""
    asked = window.widened(_HOUR_US if window.width_us == _MINUTE_US else 24 * _HOUR_US)
    found: dict[dt.datetime, dict[str, Any]] = {}
    for build in (events_by_bucket, new_by_bucket, sessions_by_bucket):
        for row in context.run(build, asked).to_pylist():
            start = _time(asked.start_us + row.pop("place") * asked.width_us)
            found.setdefault(start, {}).update(row)
    return found


def _metrics(window: Window, condition: Filter, context: Context) -> Mapping[dt.datetime, Mapping[str, Any]]:
    """The same of what passes a filter: the metrics of these names, of the days that the window touches."""
    period = Period(_time(window.start_us).date(), _time(window.end_us - 1).date())
    granularity = Granularity.MINUTE if window.width_us == _MINUTE_US else Granularity.HOUR
    query = Query(tuple(_METRICS.values()), period, granularity, filter=condition)
    rows = metric_query.answer(query, context).table.to_pylist()
    return {row["bucket"]: {name: row[metric] or 0 for name, metric in _METRICS.items()} for row in rows}


def _starts(window: Window) -> pa.Array:
    starts = [_time(window.start_us + place * window.width_us) for place in range(window.count)]
    return pa.array(starts, pa.timestamp("us"))


def _time(us: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=us)


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
    "revenue": ("USD", "Σ `amount_usd` of purchases."),
    "errors": ("events", "Error events."),
}
_COLUMNS = (
    AnswerColumn("bucket", "", "Start of the minute or hour, UTC."),
    *(AnswerColumn(name, unit, meaning) for name, (unit, meaning) in _MEANINGS.items()),
    *(
        AnswerColumn(f"week_ago_{name}", unit, f"A week earlier, the whole minute or hour: {meaning}")
        for name, (unit, meaning) in _MEANINGS.items()
    ),
)


ANALYSIS = Analysis(
    "realtime",
    Realtime,
    answer,
    "The last hour by minute, or the last day by hour, beside the same time a week ago.",
    page="reference/analyses/realtime.md",
    freshness=Freshness.MINUTE,
    examples=(
        Example("The last hour, minute by minute", {}),
        Example("The last day, hour by hour", {"span": "day"}),
    ),
)
