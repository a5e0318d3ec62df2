"""Engagement: how many play, how often and how long."""

from questlog.analytics.question.query import Granularity
from questlog.web.reports import Report
from questlog.web.standard_cards import by_dimension_over_time, figures_card, over_time, top_values
from questlog.web.translations import mark

_FIGURES = (
    "dau",
    "new_players",
    "returning_players",
    "stickiness",
    "sessions_per_player",
    "session_length",
    "playtime_per_player",
    "events_per_session",
)

REPORT = Report(
    "engagement",
    "How many play, how often and how long?",
    (
        figures_card("engagement.figures", _FIGURES),
        over_time(
            "engagement.active",
            mark("Players of a day, a week, a month"),
            ("dau", "wau", "mau"),
            shortest=Granularity.DAY,
            span=12,
            help=mark("WAU and MAU count the 7 and 30 days that end with the point."),
        ),
        over_time("engagement.stickiness", mark("Stickiness (DAU ÷ MAU)"), ("stickiness",), shortest=Granularity.DAY),
        over_time("engagement.new", mark("New players"), ("new_players",), "area", compared=True),
        over_time("engagement.sessions", mark("Sessions"), ("sessions",), "area", compared=True),
        over_time("engagement.per_player", mark("Sessions per player"), ("sessions_per_player",), compared=True),
        over_time(
            "engagement.length",
            mark("Session length"),
            ("session_length", "session_length_median"),
            help=mark("Mean and median of the sessions that began in the point."),
        ),
        over_time("engagement.playtime", mark("Playtime per player"), ("playtime_per_player",), compared=True),
        by_dimension_over_time("engagement.platforms", mark("Players by platform"), "dau", "platform"),
        by_dimension_over_time("engagement.builds", mark("Players by build"), "dau", "build"),
        top_values(
            "engagement.country", mark("Countries"), "country", ("dau", "sessions_per_player", "playtime_per_player")
        ),
        top_values(
            "engagement.device", mark("Devices"), "device", ("dau", "sessions_per_player", "playtime_per_player")
        ),
        top_values(
            "engagement.version", mark("Systems"), "os_version", ("dau", "sessions_per_player", "playtime_per_player")
        ),
    ),
)
