"""Overview: is the game well? For a producer, in two minutes."""

from collections.abc import Callable, Mapping

import msgspec

from questlog.analytics.analyses.cohort_members import Form
from questlog.analytics.analyses.retention import Retention
from questlog.analytics.question.query import Granularity, Query
from questlog.web.cards import Asked, Card, Drawing, Height
from questlog.web.charts import curve, figures, time_series
from questlog.web.questions import comparison_of, point_length
from questlog.web.reports import Report
from questlog.web.tables import table_of
from questlog.web.translations import mark
from questlog.web.view import View

_FIGURES = (
    "dau",
    "new_players",
    "sessions",
    "playtime_per_player",
    "retention_d1",
    "revenue",
    "arpdau",
    "paying_players",
)
_PAGES = {
    "dau": "engagement",
    "new_players": "engagement",
    "sessions": "engagement",
    "playtime_per_player": "engagement",
    "retention_d1": "retention",
    "revenue": "monetization",
    "arpdau": "monetization",
    "paying_players": "monetization",
}


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
    found = figures(asked, _FIGURES, "figures", _PAGES)
    return Drawing("cards/figures.html", {"figures": found}, is_empty=asked.answer.table.num_rows == 0)


def _over_time(*metrics: str, compared: bool = True) -> Callable[[View], Mapping[str, msgspec.Struct]]:
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


def _retention_questions(view: View) -> Mapping[str, msgspec.Struct]:
    return {"curve": Retention(view.period, ages=30, filter=view.filter, form=Form.CURVE, intervals=True)}


def _top_questions(dimension: str) -> Callable[[View], Mapping[str, msgspec.Struct]]:
    def questions(view: View) -> Mapping[str, msgspec.Struct]:
        return {
            "top": Query(
                metrics=("dau", "new_players", "revenue"),
                period=view.period,
                granularity=Granularity.ALL,
                group_by=(dimension,),
                filter=view.filter,
                top=10,
            )
        }

    return questions


def _draw_top(dimension: str) -> Callable[[Asked], Drawing]:
    def draw(asked: Asked) -> Drawing:
        links = {
            dimension: lambda row: (
                None if row[dimension] in (None, "(other)") else asked.view.adding(dimension, row[dimension])
            )
        }
        table = table_of(
            asked.answer, asked.formats, asked.translate, links=links, bars=("dau",), titles={"dau": mark("Players")}
        )
        return Drawing("cards/table.html", {"table": table}, is_empty=not table.rows)

    return draw


def _top(dimension: str, title: str) -> Card:
    return Card(
        f"overview.{dimension}",
        title,
        _top_questions(dimension),
        _draw_top(dimension),
        span=4,
        height=Height.MIDDLE,
        help=mark("A row adds itself as a filter."),
    )


REPORT = Report(
    "overview",
    "Is the game well?",
    (
        Card(
            "overview.figures",
            mark("The period in numbers"),
            _figures_questions,
            _draw_figures,
            span=12,
            height=Height.FIGURES,
        ),
        Card(
            "overview.players",
            mark("Daily active players"),
            _over_time("dau"),
            lambda asked: time_series(asked, metrics=("dau",), kind="area"),
            open_page="engagement",
            takes_marks=True,
            empty=mark("No player in this period."),
        ),
        Card(
            "overview.new_and_returning",
            mark("New and returning players"),
            _over_time("new_players", "returning_players", compared=False),
            lambda asked: time_series(asked, kind="stacked"),
            open_page="engagement",
            takes_marks=True,
        ),
        Card(
            "overview.retention",
            mark("Retention"),
            _retention_questions,
            curve,
            open_page="retention",
            help=mark("Share of new players who came back on day N, with its 95 % interval."),
            empty=mark("No new player in this period."),
        ),
        Card(
            "overview.revenue",
            mark("Revenue"),
            _over_time("revenue", "ad_revenue", compared=False),
            lambda asked: time_series(asked, kind="stacked"),
            open_page="monetization",
            takes_marks=True,
            empty=mark("No purchase in this period."),
        ),
        Card(
            "overview.arpdau",
            mark("ARPDAU and ARPPU"),
            _over_time("arpdau", "arppu", compared=False),
            time_series,
            open_page="monetization",
        ),
        Card(
            "overview.errors",
            mark("Errors"),
            _over_time("errors", "error_players", compared=False),
            time_series,
            open_page="errors",
            takes_marks=True,
            empty=mark("No error in this period."),
        ),
        _top("country", mark("Countries")),
        _top("platform", mark("Platforms")),
        _top("build", mark("Builds")),
    ),
)
