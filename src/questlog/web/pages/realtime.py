"""Realtime: what happens now, against the same time a week ago. For a producer on the day of a release."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from questlog.analytics.analyses.realtime import Realtime, Span
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.charts import Figure, chart, iso, series_spec, spark, tone
from questlog.web.reports import Report
from questlog.web.tables import table_of
from questlog.web.translations import mark
from questlog.web.view import NOTHING, View

_BEFORE = "week_ago_"
_WEEK = dt.timedelta(days=7)
_NAMES = ("active", "new", "sessions", "revenue", "errors")
_TITLES = {
    "active": mark("Players in the last whole minute"),
    "new": mark("New players in the last hour"),
    "sessions": mark("Sessions in the last hour"),
    "revenue": mark("Revenue in the last hour"),
    "errors": mark("Errors in the last hour"),
}
_COLUMN_TITLES = {
    "active": mark("Active players"),
    "new": mark("New players"),
    "sessions": mark("Sessions"),
    "revenue": mark("Revenue"),
    "errors": mark("Errors"),
}
_METRICS = {"active": "dau", "new": "new_players"}
"""What the columns are called elsewhere."""
_REFRESH_S = {Span.HOUR: 10, Span.DAY: 60}


def _questions(span: Span) -> Callable[[View], Mapping[str, msgspec.Struct]]:
    return lambda view: {"now": Realtime(span, view.filter)}


def _draw_figures(asked: Asked) -> Drawing:
    """Of whole minutes: the one that runs would always be less than a week ago."""
    rows = asked.answer.table.to_pylist()[:-1]
    columns = {column.name: column for column in asked.answer.columns}
    return Drawing("cards/figures.html", {"figures": [_figure(asked, name, rows, columns) for name in _NAMES]})


def _figure(asked: Asked, name: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> Figure:
    now, before = _total(rows, name), _total(rows, _BEFORE + name)
    column = columns[name]
    line, tail = spark([float(row[name]) for row in rows], None)
    return Figure(
        name,
        asked.translate(_TITLES[name]),
        asked.formats.value(now, column.unit),
        str(now),
        column.definition,
        asked.formats.change(now, before),
        tone(_METRICS.get(name, name), now, before),
        asked.formats.value(before, column.unit),
        line,
        tail,
        None,
    )


def _total(rows: Sequence[Mapping[str, Any]], name: str) -> Any:
    """Players of several minutes are not added up: the same may be in each."""
    return rows[-1][name] if name.endswith("active") else sum(row[name] for row in rows)


def _draw(*names: str, kind: str = "line") -> Callable[[Asked], Drawing]:
    def draw(asked: Asked) -> Drawing:
        answer = asked.answer
        is_compared = asked.view.compare_text != NOTHING
        rows = answer.table.to_pylist()
        series = []
        for name in names:
            title = asked.translate(_COLUMN_TITLES[name])
            series.append({"key": name, "name": title, "values": _numbers(rows, name), "compared": False})
            if is_compared:
                before = _numbers(rows, _BEFORE + name)
                name_before = asked.translate("{name}, a week ago").format(name=title)
                series.append({"key": _BEFORE + name, "name": name_before, "values": before, "compared": True})
        units = {column.name: column.unit for column in answer.columns}
        length = "minute" if len(rows) > 24 else "hour"
        x = [iso(row["bucket"]) for row in rows]
        spec = series_spec(asked.view, kind, units[names[0]], length, x, series) | {
            "unfinished_from": len(rows) - 1,
            "compared_x": [iso(row["bucket"] - _WEEK) for row in rows] if is_compared else None,
        }
        shown = ["bucket", *(each for name in names for each in (name, _BEFORE + name))]
        titles = {_BEFORE + name: mark("A week ago") for name in names} | {name: _COLUMN_TITLES[name] for name in names}
        table = table_of(answer, asked.formats, asked.translate, columns=shown, titles=titles)
        return chart(spec, table, _summary(asked, rows, names), about=shown)

    return draw


def _summary(asked: Asked, rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str:
    """One sentence for who cannot see the chart."""
    told = []
    for name in names:
        title = asked.translate(_COLUMN_TITLES[name])
        now, before = (asked.formats.number(float(rows[-2][each])) for each in (name, _BEFORE + name))
        template = asked.translate("{name}: {now} at last, {before} a week ago.")
        told.append(template.format(name=title, now=now, before=before))
    return " ".join(told)


def _numbers(rows: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


def _card(name: str, title: str, time: Span, draw: Callable[[Asked], Drawing], **values: Any) -> Card:
    return Card(f"realtime.{name}", title, _questions(time), draw, refresh_s=_REFRESH_S[time], **values)


REPORT = Report(
    "realtime",
    "What happens now?",
    (
        _card("figures", mark("Now"), Span.HOUR, _draw_figures, span=12, height=Height.FIGURES),
        _card("minutes", mark("Active players by minute"), Span.HOUR, _draw("active", kind="area")),
        _card("starts", mark("Sessions and new players by minute"), Span.HOUR, _draw("sessions", "new")),
        _card("revenue", mark("Revenue by minute"), Span.HOUR, _draw("revenue", kind="bar"), span=6),
        _card("errors", mark("Errors by minute"), Span.HOUR, _draw("errors", kind="bar"), span=6),
        _card("hours", mark("Active players by hour"), Span.DAY, _draw("active", kind="area")),
        _card("day_starts", mark("Sessions and new players by hour"), Span.DAY, _draw("sessions", "new")),
        _card("day_revenue", mark("Revenue by hour"), Span.DAY, _draw("revenue", kind="bar")),
        _card("day_errors", mark("Errors by hour"), Span.DAY, _draw("errors", kind="bar")),
    ),
    template="realtime.html",
)
