"""What metrics, dimensions and columns are called on pages. The API's names are in every card's definition."""

import re

from questlog.analytics.question.query import Operator
from questlog.web.translations import mark

_TITLES = {
    "bucket": mark("Time"),
    "dau": mark("Daily active players"),
    "wau": mark("Weekly active players"),
    "mau": mark("Monthly active players"),
    "stickiness": mark("Stickiness (DAU ÷ MAU)"),
    "new_players": mark("New players"),
    "returning_players": mark("Returning players"),
    "sessions": mark("Sessions"),
    "sessions_per_player": mark("Sessions per player"),
    "session_length": mark("Session length"),
    "session_length_median": mark("Session length (median)"),
    "playtime": mark("Playtime"),
    "playtime_per_player": mark("Playtime per player"),
    "events_per_session": mark("Events per session"),
    "events": mark("Events"),
    "players": mark("Players"),
    "share": mark("Share"),
    "revenue": mark("Revenue"),
    "gross_revenue": mark("Gross revenue"),
    "refunds": mark("Refunds"),
    "refunded": mark("Refunded"),
    "total_revenue": mark("Revenue with ads"),
    "ad_revenue": mark("Ad revenue"),
    "transactions": mark("Purchases"),
    "revenue_per_transaction": mark("Revenue per purchase"),
    "paying_players": mark("Paying players"),
    "converting_players": mark("First-time payers"),
    "conversion": mark("Conversion"),
    "arpdau": mark("ARPDAU"),
    "arppu": mark("ARPPU"),
    "errors": mark("Errors"),
    "error_players": mark("Players with errors"),
    "errors_per_player": mark("Errors per player"),
    "starts": mark("Starts"),
    "fails": mark("Fails"),
    "completes": mark("Completes"),
    "completion_rate": mark("Completion rate"),
    "fail_rate": mark("Fail rate"),
    "source": mark("Source"),
    "sink": mark("Sink"),
    "flow": mark("Flow"),
    "fps": mark("Frames per second"),
    "fps_median": mark("Frames per second (median)"),
    "fps_p5": mark("Frames per second (slowest 5 %)"),
    "memory_used": mark("Memory in use"),
    "boot_time": mark("Boot time"),
    "boot_time_median": mark("Boot time (median)"),
    "boot_time_p95": mark("Boot time (slowest 5 %)"),
    "health_players": mark("Players with health events"),
    "memory_used_median": mark("Memory in use (median)"),
    "memory_used_p95": mark("Memory in use (highest 5 %)"),
    "app_memory_used_median": mark("Memory of the game (median)"),
    "app_memory_used_p95": mark("Memory of the game (highest 5 %)"),
    "sdk_errors": mark("Errors of SDKs"),
    "ad_players": mark("Players with ads"),
    "ad_rewards": mark("Rewards for ads"),
    "ad_failed_shows": mark("Ads not shown"),
    "ad_network_name": mark("Network"),
    "ad_sdk_name": mark("Ad SDK"),
    "ad_placement": mark("Placement"),
    "ad_type": mark("Type"),
    "ad_fail_show_reason": mark("Reason"),
    "low": mark("From"),
    "high": mark("To"),
    "samples": mark("Samples"),
    "ad_impressions": mark("Ads shown"),
    "ad_clicks": mark("Ad clicks"),
    "ad_click_rate": mark("Ad click rate"),
    "ad_fill_rate": mark("Ad fill rate"),
    "country": mark("Country"),
    "platform": mark("Platform"),
    "build": mark("Build"),
    "device": mark("Device"),
    "os_version": mark("System"),
    "manufacturer": mark("Manufacturer"),
    "sdk_version": mark("SDK"),
    "connection_type": mark("Connection"),
    "player_age": mark("New or returning"),
    "payer": mark("Payer"),
    "first_build": mark("First build"),
    "install_date": mark("Install date"),
    "cohort": mark("Cohort"),
    "size": mark("Players"),
    "age": mark("Age"),
    "value": mark("Value"),
    "event_id": mark("Event"),
    "category": mark("Category"),
    "currency": mark("Currency"),
    "message": mark("Message"),
    "severity": mark("Severity"),
    "player_id": mark("Player"),
    "session_id": mark("Session"),
}
_OF_DAY = re.compile(r"(retention|rolling|churn|ltv)_d(\d+)(.*)")
_FAMILIES = {
    "retention": mark("Retention, day {}"),
    "rolling": mark("Rolling retention, day {}"),
    "churn": mark("Churn, day {}"),
    "ltv": mark("Lifetime value, day {}"),
}
_LOWER_IS_BETTER = frozenset({"errors", "error_players", "errors_per_player", "refunds", "refunded", "fail_rate"})


OPERATOR_WORDS = {
    Operator.IS: mark("is"),
    Operator.IS_NOT: mark("is not"),
    Operator.IN: mark("is one of"),
    Operator.NOT_IN: mark("is none of"),
    Operator.CONTAINS: mark("contains"),
    Operator.MATCHES: mark("matches"),
    Operator.GREATER: mark("is more than"),
    Operator.GREATER_OR_EQUAL: mark("is at least"),
    Operator.LESS: mark("is less than"),
    Operator.LESS_OR_EQUAL: mark("is at most"),
    Operator.IS_SET: mark("is set"),
    Operator.IS_NOT_SET: mark("is not set"),
}
"""How operators of conditions are said."""


def title_of(name: str) -> str:
    """What a metric, dimension or column is called; its own name, spelt as words, where nothing better is known."""
    name = name.removeprefix("previous_")
    known = _TITLES.get(name)
    if known is not None:
        return known
    if of_day := _OF_DAY.fullmatch(name):
        return _FAMILIES[of_day[1]].format(of_day[2])
    words = name.removeprefix("attributes.").replace("_", " ")
    return words[:1].upper() + words[1:]


def is_high_better(metric: str) -> bool:
    """Whether more of it is good news."""
    return metric not in _LOWER_IS_BETTER and not metric.startswith(("churn_d", "boot_time", "memory", "ad_failed"))
