"""Ads: what they earn, how often they are shown, and where they fail."""

from questlog.web.reports import Report
from questlog.web.standard_cards import figures_card, over_time, top_values
from questlog.web.translations import mark

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

REPORT = Report(
    "ads",
    "What do ads earn, and how often are they shown?",
    (
        figures_card("ads.figures", _FIGURES, empty=_EMPTY),
        over_time("ads.revenue", mark("Ad revenue"), ("ad_revenue",), compared=True, empty=_EMPTY),
        over_time("ads.shown", mark("Ads shown and clicked"), ("ad_impressions", "ad_clicks"), empty=_EMPTY),
        over_time("ads.fill", mark("Fill rate and click rate"), ("ad_fill_rate", "ad_click_rate"), empty=_EMPTY),
        over_time("ads.failed", mark("Ads that were not shown"), ("ad_failed_shows",), compared=True, empty=_EMPTY),
        top_values("ads.networks", mark("Networks"), "ad_network_name", ("ad_revenue", "ad_impressions"), empty=_EMPTY),
        top_values("ads.sdks", mark("Ad SDKs"), "ad_sdk_name", ("ad_impressions", "ad_clicks"), empty=_EMPTY),
        top_values(
            "ads.reasons", mark("Why ads were not shown"), "ad_fail_show_reason", ("ad_failed_shows",), empty=_EMPTY
        ),
        top_values("ads.placements", mark("Placements"), "ad_placement", _BY, rows=25, span=12, empty=_EMPTY),
        top_values("ads.types", mark("Types"), "ad_type", _BY, rows=25, span=12, empty=_EMPTY),
    ),
)
