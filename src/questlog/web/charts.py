"""Charts made of answers: the specification that the browser draws (docs/design/charts.md), and what is said in words.

Sparklines are drawn here.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from questlog.analytics.question.answer import Answer
from questlog.analytics.question.query import Granularity, Period
from questlog.model.calendar import Zone
from questlog.web.cards import Asked, Drawing
from questlog.web.formats import NOTHING
from questlog.web.tables import Table, table_of
from questlog.web.titles import is_high_better, title_of
from questlog.web.translations import mark
from questlog.web.view import View

_PREVIOUS = "previous_"
_OVER_TIME = frozenset({"line", "area", "bar", "stacked", "stacked_bar"})
NO_CHART = Drawing("cards/chart.html", {}, is_empty=True)
"""What is drawn where there is nothing to draw."""
_DAY = dt.timedelta(days=1)
SPARK_WIDTH, SPARK_HEIGHT = 120, 28


class Figure(NamedTuple):
    """A number of the period, with its change since the compared period and a sparkline."""

    name: str
    title: str
    text: str
    value: str
    definition: str
    change: str
    tone: str  # good, bad or even
    compared_text: str
    spark: str
    spark_running: str
    url: str | None


def time_series(
    asked: Asked,
    answer: Answer | None = None,
    *,
    metrics: Sequence[str] | None = None,
    kind: str = "line",
    group: str | None = None,
) -> Drawing:
    """A chart of a `Query`'s answer over its buckets: a line for each metric, or of one metric for each group."""
    answer = answer or asked.answer
    spec = time_series_spec(asked, answer, metrics=metrics, kind=kind, group=group)
    is_empty = all(not any(series["values"]) for series in spec["series"])
    table = table_of(answer, asked.formats, asked.translate)
    return chart(spec, table, summary_of(asked, spec), is_empty=is_empty)


def chart(
    spec: Mapping[str, Any], table: Table, summary: str, *, is_empty: bool = False, about: Sequence[str] | None = None
) -> Drawing:
    """A chart with the same numbers as a table; `summary` is for who cannot see it. `about` is as of `Drawing`."""
    values = {
        "spec": spec,
        "table": table,
        "summary": summary,
        "chart": "time-series" if spec["kind"] in _OVER_TIME else "forms",
    }
    return Drawing("cards/chart.html", values, is_empty, about)


def series_spec(
    view: View, kind: str, unit: str, granularity: str, x: Sequence[str], series: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The specification of a chart over `x`, with nothing marked, compared or unfinished."""
    return {
        "kind": kind,
        "unit": unit,
        "currency": unit if unit == "USD" else None,
        "zone": view.game.zone.name,
        "granularity": granularity,
        "x": x,
        "series": series,
        "unfinished_from": None,
        "marks": [],
        "compared_x": None,
        "zoom": None,
    }


def histogram_spec(
    rows: Sequence[Mapping[str, Any]],
    unit: str,
    count_unit: str,
    count: str = "count",
    ends: tuple[str, str] = ("low", "high"),
) -> dict[str, Any]:
    """The specification of a histogram of bins that follow each other; `ends` are the columns of a bin's edges."""
    low, high = ends
    return {
        "kind": "histogram",
        "unit": unit,
        "count_unit": count_unit,
        "edges": [*(row[low] for row in rows), *(row[high] for row in rows[-1:])],
        "counts": [row[count] for row in rows],
    }


def time_series_spec(
    asked: Asked,
    answer: Answer,
    *,
    metrics: Sequence[str] | None = None,
    kind: str = "line",
    group: str | None = None,
) -> dict[str, Any]:
    """The chart's specification."""
    view, columns = asked.view, {column.name: column for column in answer.columns}
    wanted = [name for name in metrics or columns if name in columns and name not in ("bucket", group)]
    wanted = [name for name in wanted if not name.startswith(_PREVIOUS)]
    rows = answer.table.to_pylist()
    buckets = list(dict.fromkeys(row["bucket"] for row in rows))
    series = _by_group(rows, buckets, wanted[0], group) if group else _by_metric(asked, rows, wanted)
    running = _unfinished_from(buckets, view.granularity, view.game.zone, view.game.now_us)
    unit = columns[wanted[0]].unit if wanted else ""
    return series_spec(view, kind, unit, view.granularity.value, [iso(bucket) for bucket in buckets], series) | {
        "unfinished_from": running,
        "marks": [{"x": each.day, "kind": each.kind, "text": each.text, "url": each.url} for each in asked.marks],
        "compared_x": _compared_x(view.compared, view.period, buckets),
        "zoom": view.url(period_text="{start}..{end}").replace("%7Bstart%7D", "{start}").replace("%7Bend%7D", "{end}"),
    }


def _by_metric(asked: Asked, rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> list[dict[str, Any]]:
    series = []
    for name in metrics:
        now = {
            "key": name,
            "name": asked.translate(title_of(name)),
            "values": [_number(row[name]) for row in rows],
            "compared": False,
        }
        for end in ("low", "high"):
            if rows and f"{name}_{end}" in rows[0]:
                now[end] = [_number(row[f"{name}_{end}"]) for row in rows]
        series.append(now)
        if rows and _PREVIOUS + name in rows[0]:
            series.append(
                {
                    "key": _PREVIOUS + name,
                    "name": asked.translate(title_of(name)),
                    "values": [_number(row[_PREVIOUS + name]) for row in rows],
                    "compared": True,
                }
            )
    return series


def _by_group(
    rows: Sequence[Mapping[str, Any]], buckets: Sequence[object], metric: str, group: str
) -> list[dict[str, Any]]:
    values: dict[object, dict[object, Any]] = {}
    for row in rows:
        values.setdefault(row[group], {})[row["bucket"]] = _number(row[metric])
    return [
        {
            "key": str(name),
            "name": NOTHING if name is None else str(name),
            "values": [of.get(bucket, 0) for bucket in buckets],
            "compared": False,
            "is_data": True,
        }
        for name, of in values.items()
    ]


_OF_PERIOD = {"dau": mark("Active players")}
"""Metrics that are called something else where the bucket is the whole period."""


def figures(asked: Asked, metrics: Sequence[str], series: str, pages: Mapping[str, str] | None = None) -> list[Figure]:
    """The metrics' totals of an answer with `totals` and `compare`; `series` is the name of the answer."""
    answer = asked.answers[series]
    [totals] = answer.totals.slice(0, 1).to_pylist() if answer.totals is not None else [{}]
    columns = {column.name: column for column in answer.columns}
    rows = answer.table.to_pylist()
    buckets = [row["bucket"] for row in rows]
    running = _unfinished_from(buckets, asked.view.granularity, asked.view.game.zone, asked.view.game.now_us)
    found = []
    for name in metrics:
        column, now, before = columns[name], totals.get(name), totals.get(_PREVIOUS + name)
        line, tail = spark([_number(row[name]) for row in rows], running)
        page = (pages or {}).get(name)
        found.append(
            Figure(
                name,
                asked.translate(_OF_PERIOD.get(name) or title_of(name)),
                asked.formats.value(now, column.unit),
                "" if now is None else str(now),
                column.definition,
                asked.formats.change(now, before),
                tone(name, now, before),
                asked.formats.value(before, column.unit),
                line,
                tail,
                asked.view.url(page) if page else None,
            )
        )
    return found


def spark(values: Sequence[float | None], running: int | None) -> tuple[str, str]:
    """The points of a sparkline (an SVG polyline), and of its end that is not over yet."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return "", ""
    low, high = min(0, *known), max(known)
    span, step = (high - low) or 1, SPARK_WIDTH / max(1, len(values) - 1)
    points = [
        (place, f"{place * step:.1f},{SPARK_HEIGHT - 2 - (value - low) / span * (SPARK_HEIGHT - 4):.1f}")
        for place, value in enumerate(values)
        if value is not None
    ]
    end = len(values) if running is None else running
    whole = " ".join(point for place, point in points if place < end)
    tail = " ".join(point for place, point in points if place >= end - 1) if running is not None else ""
    return whole, tail


def summary_of(asked: Asked, spec: Mapping[str, Any]) -> str:
    """One sentence for who cannot see the chart."""
    said = []
    for series in spec["series"][:6]:
        known = [(value, place) for place, value in enumerate(series["values"]) if value is not None]
        if not known or series["compared"]:
            continue
        low, high = min(known), max(known)
        template = asked.translate("{name}: {last} at the end, at least {low}, at most {high}.")
        said.append(
            template.format(
                name=series["name"],
                last=asked.formats.value(known[-1][0], spec["unit"]),
                low=asked.formats.value(low[0], spec["unit"]),
                high=asked.formats.value(high[0], spec["unit"]),
            )
        )
    return " ".join(said) or asked.translate("No values.")


def tone(metric: str, now: Any, before: Any) -> str:
    """Whether a change is good news: good, bad or even."""
    if now is None or before is None or now == before:
        return "even"
    return "good" if (now > before) == is_high_better(metric) else "bad"


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, (int, float)):
        return value
    return float(value)


def iso(bucket: Any) -> str:
    """A bucket as charts name it: a day, or an instant in UTC."""
    if isinstance(bucket, dt.datetime):
        return bucket.isoformat(timespec="seconds") + ("Z" if bucket.tzinfo is None else "")
    return str(bucket)


def _unfinished_from(buckets: Sequence[Any], granularity: Granularity, zone: Zone, now_us: int) -> int | None:
    """The first bucket that is not over."""
    today = zone.day_of(now_us)
    for place, bucket in enumerate(buckets):
        if isinstance(bucket, dt.datetime):
            width = dt.timedelta(minutes=1) if granularity is Granularity.MINUTE else dt.timedelta(hours=1)
            end = bucket.replace(tzinfo=dt.UTC) + width
            if end.timestamp() * 1_000_000 > now_us:
                return place
        elif _end_of(bucket, granularity) >= today:
            return place
    return None


def _end_of(first_day: dt.date, granularity: Granularity) -> dt.date:
    """The last day of a bucket."""
    match granularity:
        case Granularity.WEEK:
            return first_day + 6 * _DAY
        case Granularity.MONTH:
            return (first_day.replace(day=1) + 31 * _DAY).replace(day=1) - _DAY
    return first_day


def _compared_x(compared: Period | None, period: Period, buckets: Sequence[Any]) -> list[str] | None:
    if compared is None or not all(isinstance(bucket, dt.date) for bucket in buckets):
        return None
    shift = compared.start - period.start
    return [iso(bucket + shift) for bucket in buckets]


def curve(asked: Asked, measure: str = "share", unit: str = "share", title: str = "retention") -> Drawing:
    """A measure of cohorts by age, added up over the cohorts, from age 1 on: at age 0 all players are there.

    With its 95 % interval where the answer has one; a line for each group.
    """
    answer = asked.answer
    rows = [row for row in answer.table.to_pylist() if row[measure] is not None and (row["age"] or measure != "share")]
    groups: dict[str, dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(str(row.get("group") or ""), {})[row["age"]] = row
    ages = sorted({row["age"] for row in rows})

    def values(of: Mapping[int, Mapping[str, Any]], name: str) -> list[float | None]:
        return [_number(of[age].get(name)) if age in of else None for age in ages]

    series = [
        {
            "key": name or measure,
            "name": name or asked.translate(title_of(title)),
            "values": values(of, measure),
            "low": values(of, f"{measure}_low"),
            "high": values(of, f"{measure}_high"),
            "n": values(of, "size"),
            "compared": False,
        }
        for name, of in groups.items()
    ]
    spec = series_spec(asked.view, "line", unit, "age", [str(age) for age in ages], series)
    return chart(spec, table_of(answer, asked.formats, asked.translate), summary_of(asked, spec), is_empty=not rows)
