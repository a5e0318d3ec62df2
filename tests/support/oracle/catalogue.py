"""Every metric of metrics.md §3 by its name, as a function of a game and of what is asked."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Any, TypeAlias

from tests.support.oracle import (
    ads,
    economy,
    engagement,
    errors,
    events,
    health,
    money,
    players,
    progression,
    retention,
)
from tests.support.oracle.asked import Asked, Key
from tests.support.oracle.game import Game

Number: TypeAlias = int | float | Fraction | Decimal | None
Answers: TypeAlias = Mapping[Key, Number]
Metric: TypeAlias = Callable[[Game, Asked], Mapping[Key, Any]]


def _design(aggregate: Callable[[events.Found], Mapping[Key, Any]]) -> Metric:
    return lambda game, asked: aggregate(events.found(game, asked, events.of_category("design")))


def _progression(aggregate: Callable[[events.Found], Mapping[Key, Any]]) -> Metric:
    return lambda game, asked: aggregate(events.found(game, asked, events.of_category("progression")))


def _sampled(table: str, aggregate: health.Aggregate) -> Metric:
    return partial(health.sampled, table=table, aggregate=aggregate)


_MONEY: Mapping[str, Callable[..., Mapping[Key, Any]]] = {
    "revenue": money.revenue,
    "transactions": money.transactions,
    "revenue_per_transaction": money.revenue_per_transaction,
    "paying_players": money.paying_players,
    "converting_players": money.converting_players,
    "conversion": money.conversion,
    "arpdau": money.arpdau,
    "arppu": money.arppu,
    "gross_revenue": money.gross_revenue,
    "refunds": money.refunds,
    "refunded": money.refunded,
    "total_revenue": money.total_revenue,
}
_TABLES = {
    "fps": "fps_data_table",
    "memory_used": "memory_sys_data_table",
    "app_memory_used": "memory_app_data_table",
}
_OF_SAMPLES: Mapping[str, health.Aggregate] = {
    "": events.mean_of,
    "_p5": health.percentile(5),
    "_median": health.percentile(50),
    "_p95": health.percentile(95),
}
_STATES = ("valid", "invalid", "unchecked")
_DAYS = (1, 2, 7)

METRICS: Mapping[str, Metric] = {
    "dau": players.dau,
    "wau": players.wau,
    "mau": players.mau,
    "stickiness": players.stickiness,
    "new_players": players.new_players,
    "returning_players": players.returning_players,
    "sessions": engagement.sessions,
    "sessions_per_player": engagement.sessions_per_player,
    "session_length": engagement.session_length,
    "session_length_median": engagement.session_length_median,
    "playtime": engagement.playtime,
    "playtime_per_player": engagement.playtime_per_player,
    "events": engagement.events,
    "events_per_session": engagement.events_per_session,
    **_MONEY,
    **{f"{name}_{state}": partial(metric, state=state) for name, metric in _MONEY.items() for state in _STATES},
    "ad_revenue": money.ad_revenue,
    **{f"retention_d{days}": partial(retention.classic, days=days) for days in _DAYS},
    **{f"rolling_d{days}": partial(retention.rolling, days=days) for days in _DAYS},
    **{f"churn_d{days}": partial(retention.churn, days=days) for days in _DAYS},
    **{f"ltv_d{days}": partial(retention.ltv, days=days) for days in (0, *_DAYS)},
    **{f"ltv_d{days}_{state}": partial(retention.ltv, days=days, state=state) for days in _DAYS for state in _STATES},
    "starts": partial(progression.count, status="Start"),
    "fails": partial(progression.count, status="Fail"),
    "completes": partial(progression.count, status="Complete"),
    "attempts": progression.attempts,
    "completion_rate": progression.completion_rate,
    "fail_rate": progression.fail_rate,
    "score": _progression(partial(events.mean, field="score")),
    "start_score": partial(progression.score, status="Start"),
    "fail_score": partial(progression.score, status="Fail"),
    "complete_score": partial(progression.score, status="Complete"),
    "attempts_to_complete": progression.attempts_to_complete,
    "progression_players": _progression(events.players),
    "start_players": partial(progression.players, status="Start"),
    "fail_players": partial(progression.players, status="Fail"),
    "complete_players": partial(progression.players, status="Complete"),
    "source": economy.source,
    "sink": economy.sink,
    "flow": economy.flow,
    "economy_players": economy.players,
    "source_per_player": economy.source_per_player,
    "sink_per_player": economy.sink_per_player,
    "flow_per_player": economy.flow_per_player,
    "design_count": _design(events.count),
    "design_sum": _design(events.total),
    "design_mean": _design(events.mean),
    "design_min": _design(events.least),
    "design_max": _design(events.greatest),
    "design_median": _design(events.middle),
    "design_p95": _design(events.p95),
    "design_players": _design(events.players),
    "errors": errors.count,
    "error_players": errors.players,
    "errors_per_player": errors.per_player,
    "sdk_errors": errors.of_sdks,
    "ad_impressions": ads.impressions,
    "network_impressions": ads.network_impressions,
    "ad_clicks": ads.clicks,
    "ad_failed_shows": ads.failed_shows,
    "ad_fill_rate": ads.fill_rate,
    "ad_click_rate": ads.click_rate,
    "ad_rewards": ads.rewards,
    "ad_players": ads.players,
    **{f"{name}{end}": _sampled(table, how) for name, table in _TABLES.items() for end, how in _OF_SAMPLES.items()},
    "boot_time": partial(health.boot_time, aggregate=events.mean_of),
    "boot_time_median": partial(health.boot_time, aggregate=health.percentile(50)),
    "boot_time_p95": partial(health.boot_time, aggregate=health.percentile(95)),
    "health_players": health.players,
}

NOTHING_IS_NULL = frozenset(
    name
    for name in METRICS
    if name.startswith(
        (
            *("retention_", "rolling_", "churn_", "ltv_", "arp", "conversion", "revenue_per_", "session_length"),
            *("fps", "memory_used", "app_memory_used", "boot_time"),
        )
    )
    or name.endswith(("_per_player", "_per_session", "_rate", "score"))
    or name
    in {"stickiness", "attempts_to_complete", "design_mean", "design_min", "design_max", "design_median", "design_p95"}
)
"""The metrics that are null where there is nothing; the others count or add up, and are 0 there."""
