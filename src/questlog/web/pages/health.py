"""Health: does the game run well on the players' devices? Frames per second, memory, time to start."""

from collections.abc import Mapping

import msgspec

from questlog.analytics.analyses.explore import Explore, Numbers
from questlog.analytics.analyses.histogram import Histogram
from questlog.analytics.question.query import Granularity
from questlog.web.cards import Asked, Card, Drawing
from questlog.web.charts import chart, histogram_spec
from questlog.web.reports import Report
from questlog.web.standard_cards import figures_card, over_time, top_values
from questlog.web.tables import table_of
from questlog.web.translations import mark
from questlog.web.view import View

_FIGURES = ("health_players", "fps_median", "fps_p5", "memory_used_median", "boot_time_median", "boot_time_p95")
_OF_DEVICES = ("health_players", "fps_median", "fps_p5", "memory_used_p95", "boot_time_median", "boot_time_p95")
_EMPTY = mark(
    "No health events in this period. The GameAnalytics SDKs send them once they are switched on: frames per second, "
    "memory and boot time."
)
_BINS = 24


def _series(name: str, title: str, metrics: tuple[str, ...], explained: str) -> Card:
    return over_time(f"health.{name}", title, metrics, shortest=Granularity.DAY, help=explained, empty=_EMPTY)


def _histogram(name: str, title: str, category: str, numbers: Numbers, explained: str) -> Card:
    def questions(view: View) -> Mapping[str, msgspec.Struct]:
        bins = Histogram(bins=_BINS)
        asked = Explore(view.period, category, filter=view.filter, histogram=bins, histogram_of=numbers)
        return {"bins": asked}

    return Card(f"health.{name}", title, questions, _draw_histogram, help=explained, empty=_EMPTY)


def _draw_histogram(asked: Asked) -> Drawing:
    titles = {"low": mark("From"), "high": mark("To"), "count": mark("Samples")}
    columns = ("low", "high", "count", "share")
    table = table_of(asked.answer, asked.formats, asked.translate, columns=columns, bars=("count",), titles=titles)
    rows = asked.answer.table.to_pylist()
    unit = next(column.unit for column in asked.answer.columns if column.name == "low")
    summary = asked.translate(mark("{samples} samples, from {low} to {high}.")).format(
        samples=asked.formats.number(sum(row["count"] for row in rows)),
        low=asked.formats.value(rows[0]["low"] if rows else None, unit),
        high=asked.formats.value(rows[-1]["high"] if rows else None, unit),
    )
    return chart(histogram_spec(rows, unit, "samples"), table._replace(totals=None), summary, is_empty=not rows)


def _by(dimension: str, title: str) -> Card:
    return top_values(f"health.{dimension}", title, dimension, _OF_DEVICES, rows=25, span=12, empty=_EMPTY)


REPORT = Report(
    "health",
    "Does the game run well on the players' devices?",
    (
        figures_card("health.figures", _FIGURES, empty=_EMPTY),
        _series(
            "fps",
            mark("Frames per second"),
            ("fps_median", "fps_p5"),
            mark("Half of all samples, and the slowest 5 %."),
        ),
        _series(
            "boot",
            mark("Time to start"),
            ("boot_time_median", "boot_time_p95"),
            mark("From the launch of the game to the start of its SDK."),
        ),
        _series(
            "memory",
            mark("Memory in use"),
            ("memory_used_median", "memory_used_p95"),
            mark("Share of the device's memory that is in use."),
        ),
        _series(
            "app_memory",
            mark("Memory used by the game"),
            ("app_memory_used_median", "app_memory_used_p95"),
            mark("Share of the device's memory that the game uses."),
        ),
        _by("device", mark("Devices")),
        _by("build", mark("Builds")),
        _by("os_version", mark("Systems")),
        _histogram(
            "fps_bins", mark("How often which frame rate"), "health", Numbers.FPS, mark("All samples of the period.")
        ),
        _histogram(
            "boot_bins", mark("How often which time to start"), "sdk_init", Numbers.BOOT_TIME, mark("One per start.")
        ),
    ),
)
