"""Ads: what they earn, how often they are shown, and where they fail."""

from collections.abc import Callable, Mapping

import msgspec

from questlog.analytics.question.query import Granularity, Query
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.charts import figures, time_series
from questlog.web.questions import comparison_of, point_length
from questlog.web.reports import Report
from questlog.web.tables import table_of
from questlog.web.translations import mark
from questlog.web.view import View

_FIGURES = (
    "ad_revenue",
    "ad_impressions",
    "ad_players",
    "ad_fill_rate",
    "ad_clicks",
    "ad_click_rate",
    "ad_rewards",
    "ad_failed_shows",
)
_BY = ("ad_impressions", "ad_players", "ad_fill_rate", "ad_clicks", "ad_click_rate", "ad_rewards", "ad_failed_shows")
_EMPTY = mark(
    "No ads in this period. They come from events of the categories `ads` and `impression`, or Satori's `adImpression`."
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
    has_any = any(figure.value not in ("", "0", "0.0", "0E-6", "0.000000") for figure in found)
    return Drawing("cards/figures.html", {"figures": found}, is_empty=not has_any)


def _over_time(*metrics: str, compared: bool = True) -> Questions:
    def questions(view: View) -> Mapping[str, msgspec.Struct]:
        return {
            "series": Query(
                metrics=metrics,
                period=view.period,
                granularity=view.granularity,
                filter=view.filter,
                compare=comparison_of(view) if compared else None,
            )
        }

    return questions


def _series(name: str, title: str, *metrics: str, compared: bool = True) -> Card:
    return Card(
        f"ads.{name}", title, _over_time(*metrics, compared=compared), time_series, takes_marks=True, empty=_EMPTY
    )


def _by(dimension: str, title: str, *metrics: str) -> Card:
    def questions(view: View) -> Mapping[str, msgspec.Struct]:
        return {
            "by": Query(
                metrics=metrics,
                period=view.period,
                granularity=Granularity.ALL,
                group_by=(dimension,),
                filter=view.filter,
                top=25,
            )
        }

    def draw(asked: Asked) -> Drawing:
        def link(row: Mapping[str, object]) -> str | None:
            value = row[dimension]
            return None if value in (None, "(other)") else asked.view.adding(dimension, value)

        links = {dimension: link}
        table = table_of(asked.answer, asked.formats, asked.translate, links=links, bars=(metrics[0],))
        return Drawing("cards/table.html", {"table": table}, is_empty=not table.rows)

    return Card(
        f"ads.{dimension}",
        title,
        questions,
        draw,
        span=12 if len(metrics) > 3 else 6,
        help=mark("A row adds itself as a filter."),
        empty=_EMPTY,
    )


REPORT = Report(
    "ads",
    "What do ads earn, and how often are they shown?",
    (
        Card(
            "ads.figures", mark("The period in numbers"), _figures_questions, _draw_figures, 12, Height.FIGURES,
            empty=_EMPTY,
        ),
        _series("revenue", mark("Ad revenue"), "ad_revenue"),
        _series("shown", mark("Ads shown and clicked"), "ad_impressions", "ad_clicks", compared=False),
        _series("fill", mark("Fill rate and click rate"), "ad_fill_rate", "ad_click_rate", compared=False),
        _series("failed", mark("Ads that were not shown"), "ad_failed_shows"),
        _by("ad_network_name", mark("Networks"), "ad_revenue", "ad_impressions"),
        _by("ad_sdk_name", mark("Ad SDKs"), "ad_impressions", "ad_clicks"),
        _by("ad_placement", mark("Placements"), *_BY),
        _by("ad_type", mark("Types"), *_BY),
        _by("ad_fail_show_reason", mark("Why ads were not shown"), "ad_failed_shows"),
    ),
)  # fmt: skip
