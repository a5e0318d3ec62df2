"""Overview: is the game well? For a producer, in two minutes."""

from collections.abc import Mapping

import msgspec

from questlog.analytics.analyses.cohort_members import Form
from questlog.analytics.analyses.retention import Retention
from questlog.web.cards import Card
from questlog.web.charts import curve
from questlog.web.reports import Report
from questlog.web.standard_cards import figures_card, over_time, top_values
from questlog.web.translations import mark
from questlog.web.view import View

_FIGURES = {
    "dau": "engagement",
    "new_players": "engagement",
    "sessions": "engagement",
    "playtime_per_player": "engagement",
    "retention_d1": "retention",
    "revenue": "monetization",
    "arpdau": "monetization",
    "paying_players": "monetization",
}
_OF_VALUES = ("dau", "new_players", "revenue")


def _retention(view: View) -> Mapping[str, msgspec.Struct]:
    return {"curve": Retention(view.period, ages=30, filter=view.filter, form=Form.CURVE, intervals=True)}


REPORT = Report(
    "overview",
    "Is the game well?",
    (
        figures_card("overview.figures", tuple(_FIGURES), _FIGURES),
        over_time(
            "overview.players",
            mark("Daily active players"),
            ("dau",),
            "area",
            compared=True,
            open_page="engagement",
            empty=mark("No player in this period."),
        ),
        over_time(
            "overview.new_and_returning",
            mark("New and returning players"),
            ("new_players", "returning_players"),
            "stacked",
            open_page="engagement",
        ),
        Card(
            "overview.retention",
            mark("Retention"),
            _retention,
            curve,
            open_page="retention",
            help=mark("Share of new players who came back on day N, with its 95 % interval."),
            empty=mark("No new player in this period whose next day is over."),
        ),
        over_time(
            "overview.revenue",
            mark("Revenue"),
            ("revenue", "ad_revenue"),
            "stacked",
            open_page="monetization",
            empty=mark("No purchase and no ad in this period."),
        ),
        over_time("overview.arpdau", mark("ARPDAU and ARPPU"), ("arpdau", "arppu"), open_page="monetization"),
        over_time(
            "overview.errors",
            mark("Errors"),
            ("errors", "error_players"),
            open_page="errors",
            empty=mark("No error in this period."),
        ),
        top_values("overview.country", mark("Countries"), "country", _OF_VALUES),
        top_values("overview.platform", mark("Platforms"), "platform", _OF_VALUES),
        top_values("overview.build", mark("Builds"), "build", _OF_VALUES),
    ),
)
