"""Health: does the game run well on the players' devices? Frames per second, memory, time to start."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from questlog.analytics.question.query import Granularity, Query
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.charts import figures, time_series
from questlog.web.questions import comparison_of, point_length
from questlog.web.reports import Report
from questlog.web.tables import table_of
from questlog.web.translations import mark
from questlog.web.view import View

_FIGURES = ("health_players", "fps_median", "fps_p5", "memory_used_median", "boot_time_median", "boot_time_p95")
_OF_DEVICES = ("health_players", "fps_median", "fps_p5", "memory_used_p95", "boot_time_median", "boot_time_p95")
_EMPTY = mark(
    "No health events in this period. The GameAnalytics SDKs send them once they are switched on: frames per second, "
    "memory and boot time."
)

Questions = Callable[[View], Mapping[str, msgspec.Struct]]


def _figures_questions(view: View) -> Mapping[str, msgspec.Struct]:
    return {
        "figures": Query(
            metrics=_FIGURES,
            period=view.period,
            granularity=point_length(view, Granularity.DAY),
            filter=view.filter,
            compare=comparison_of(view),
            totals=True,
        )
    }


def _draw_figures(asked: Asked) -> Drawing:
    found = figures(asked, _FIGURES, "figures")
    has_any = any(figure.value not in ("", "0") for figure in found)
    return Drawing("cards/figures.html", {"figures": found}, is_empty=not has_any)


def _over_time(*metrics: str) -> Questions:
    def questions(view: View) -> Mapping[str, msgspec.Struct]:
        length = point_length(view, Granularity.DAY)
        return {"series": Query(metrics=metrics, period=view.period, granularity=length, filter=view.filter)}

    return questions


def _series(name: str, title: str, metrics: Sequence[str], told: str) -> Card:
    return Card(
        f"health.{name}", title, _over_time(*metrics), time_series, takes_marks=True, help=told, empty=_EMPTY, span=6
    )


def _by_questions(dimension: str) -> Questions:
    def questions(view: View) -> Mapping[str, msgspec.Struct]:
        return {
            "by": Query(
                metrics=_OF_DEVICES,
                period=view.period,
                granularity=Granularity.ALL,
                group_by=(dimension,),
                filter=view.filter,
                top=25,
            )
        }

    return questions


def _draw_by(dimension: str) -> Callable[[Asked], Drawing]:
    def draw(asked: Asked) -> Drawing:
        def link(row: Mapping[str, object]) -> str | None:
            value = row[dimension]
            return None if value in (None, "(other)") else asked.view.adding(dimension, value)

        links = {dimension: link}
        table = table_of(asked.answer, asked.formats, asked.translate, links=links, bars=("health_players",))
        return Drawing("cards/table.html", {"table": table}, is_empty=not table.rows)

    return draw


def _by(dimension: str, title: str) -> Card:
    return Card(
        f"health.{dimension}",
        title,
        _by_questions(dimension),
        _draw_by(dimension),
        span=12,
        help=mark("A row adds itself as a filter."),
        empty=_EMPTY,
    )


REPORT = Report(
    "health",
    "Does the game run well on the players' devices?",
    (
        Card(
            "health.figures", mark("The period in numbers"), _figures_questions, _draw_figures, 12, Height.FIGURES,
            empty=_EMPTY,
        ),
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
    ),
)  # fmt: skip
