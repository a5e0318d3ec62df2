"""The built-in metrics of events: design, progression, economy, errors, ads, health (metrics.md §3).

They go by the events' own dimensions.
"""

from questlog.analytics.metrics.formulas import added, difference, difference_ratio, ratio, share_of_both
from questlog.analytics.metrics.measures import Measure, Quantity, Unit
from questlog.analytics.metrics.metric import Group, Metric
from questlog.analytics.question.query import EventMatch
from questlog.model.taxonomy import CUSTOM, SATORI_IMPRESSION
from questlog.store.distributions import (
    APP_MEMORY_USED,
    BOOT_TIMES,
    DESIGN_VALUES,
    FRAME_RATES,
    MEMORY_USED,
    Distribution,
)

_ANY = EventMatch()
_DESIGN = EventMatch(category="design")
_PROGRESSION = EventMatch(category="progression")
_START, _FAIL, _COMPLETE = (
    EventMatch(category="progression", event_id=status, is_prefix=True) for status in ("Start", "Fail", "Complete")
)
_SOURCE, _SINK = (EventMatch(category="resource", event_id=flow, is_prefix=True) for flow in ("Source", "Sink"))
_RESOURCE = EventMatch(category="resource")
_ERROR = EventMatch(category="error")
_SDK_ERROR = EventMatch(category="sdk_error")
_ADS = EventMatch(category="ads")


def _count(match: EventMatch) -> Measure:
    return Measure(Quantity.EVENTS, match=match)


def _players(match: EventMatch) -> Measure:
    return Measure(Quantity.EVENT_PLAYERS, match=match)


def _total(quantity: Quantity, match: EventMatch) -> Measure:
    return Measure(quantity, Unit.TOTAL, match=match)


def _mean(distribution: Distribution) -> tuple[Measure, Measure]:
    """What a mean is a ratio of: the sum of the numbers and their count."""
    match, field = EventMatch(category=distribution.category), distribution.field
    return (
        Measure(Quantity.SAMPLE_SUM, Unit.TOTAL, match=match, field=field),
        Measure(Quantity.SAMPLE_COUNT, Unit.TOTAL, match=match, field=field),
    )


def _quantile(distribution: Distribution, share: float) -> tuple[Measure]:
    match = EventMatch(category=distribution.category)
    return (Measure(Quantity.SAMPLE_QUANTILE, Unit.NUMBER, match=match, field=distribution.field, share=share),)


EVENT_COUNT = Metric("events", Group.ENGAGEMENT, "events", "Number of events.", (_count(_ANY),))

_SOURCED, _SUNK = _total(Quantity.VALUE_SUM, _SOURCE), _total(Quantity.VALUE_ABS_SUM, _SINK)
_ECONOMY_PLAYERS = _players(_RESOURCE)

ECONOMY_METRICS = (
    Metric("source", Group.ECONOMY, "", "Σ value of the resource events `Source:…`.", (_SOURCED,)),
    Metric("sink", Group.ECONOMY, "", "Σ value of the resource events `Sink:…`, without sign.", (_SUNK,)),
    Metric("flow", Group.ECONOMY, "", "source − sink.", (_SOURCED, _SUNK), difference),
    Metric("economy_players", Group.ECONOMY, "players", "Distinct players with a resource event.", (_ECONOMY_PLAYERS,)),
    Metric("source_per_player", Group.ECONOMY, "", "source ÷ economy_players.", (_SOURCED, _ECONOMY_PLAYERS), ratio),
    Metric("sink_per_player", Group.ECONOMY, "", "sink ÷ economy_players.", (_SUNK, _ECONOMY_PLAYERS), ratio),
    Metric(
        "flow_per_player",
        Group.ECONOMY,
        "",
        "flow ÷ economy_players.",
        (_SOURCED, _SUNK, _ECONOMY_PLAYERS),
        difference_ratio,
    ),
)

_STARTS, _FAILS, _COMPLETES = _count(_START), _count(_FAIL), _count(_COMPLETE)


def _score(name: str, match: EventMatch, which: str) -> Metric:
    measures = (_total(Quantity.SCORE_SUM, match), Measure(Quantity.SCORE_COUNT, match=match))
    return Metric(name, Group.PROGRESSION, "", f"Mean score of {which} that have one.", measures, ratio)


PROGRESSION_METRICS = (
    Metric("starts", Group.PROGRESSION, "events", "Progression events `Start:…`.", (_STARTS,)),
    Metric("fails", Group.PROGRESSION, "events", "Progression events `Fail:…`.", (_FAILS,)),
    Metric("completes", Group.PROGRESSION, "events", "Progression events `Complete:…`.", (_COMPLETES,)),
    Metric("attempts", Group.PROGRESSION, "events", "fails + completes.", (_FAILS, _COMPLETES), added),
    Metric("completion_rate", Group.PROGRESSION, "share", "completes ÷ starts.", (_COMPLETES, _STARTS), ratio),
    Metric("fail_rate", Group.PROGRESSION, "share", "fails ÷ attempts.", (_FAILS, _COMPLETES), share_of_both),
    _score("score", _PROGRESSION, "all progression events"),
    _score("start_score", _START, "the starts"),
    _score("fail_score", _FAIL, "the fails"),
    _score("complete_score", _COMPLETE, "the completes"),
    Metric(
        "attempts_to_complete",
        Group.PROGRESSION,
        "attempts",
        "Mean `attempt_num` of the completes that have one.",
        (_total(Quantity.ATTEMPT_SUM, _COMPLETE), Measure(Quantity.ATTEMPT_COUNT, match=_COMPLETE)),
        ratio,
    ),
    Metric(
        "progression_players",
        Group.PROGRESSION,
        "players",
        "Distinct players with a progression event.",
        (_players(_PROGRESSION),),
    ),
    Metric("start_players", Group.PROGRESSION, "players", "Distinct players with a start.", (_players(_START),)),
    Metric("fail_players", Group.PROGRESSION, "players", "Distinct players with a fail.", (_players(_FAIL),)),
    Metric(
        "complete_players", Group.PROGRESSION, "players", "Distinct players with a complete.", (_players(_COMPLETE),)
    ),
)

_DESIGN_SUM, _DESIGN_COUNT = _total(Quantity.VALUE_SUM, _DESIGN), Measure(Quantity.VALUE_COUNT, match=_DESIGN)
_DESIGN_MIN, _DESIGN_MAX = (
    Measure(quantity, Unit.NUMBER, match=_DESIGN) for quantity in (Quantity.VALUE_MIN, Quantity.VALUE_MAX)
)

DESIGN_METRICS = (
    Metric("design_count", Group.DESIGN, "events", "Design events.", (_count(_DESIGN),)),
    Metric("design_sum", Group.DESIGN, "", "Σ value of the design events.", (_DESIGN_SUM,)),
    Metric(
        "design_mean",
        Group.DESIGN,
        "",
        "Mean value of the design events that have one.",
        (_DESIGN_SUM, _DESIGN_COUNT),
        ratio,
    ),
    Metric(
        "design_min",
        Group.DESIGN,
        "",
        "Least value of a design event.",
        (_DESIGN_MIN,),
    ),
    Metric(
        "design_max",
        Group.DESIGN,
        "",
        "Greatest value of a design event.",
        (_DESIGN_MAX,),
    ),
    Metric(
        "design_median",
        Group.DESIGN,
        "",
        "Median value of the design events; of an even number, the mean of the two in the middle.",
        _quantile(DESIGN_VALUES, 0.5),
    ),
    Metric(
        "design_p95",
        Group.DESIGN,
        "",
        "95th percentile of the values of the design events, interpolated between two values.",
        _quantile(DESIGN_VALUES, 0.95),
    ),
    Metric("design_players", Group.DESIGN, "players", "Distinct players with a design event.", (_players(_DESIGN),)),
)

_ERRORS, _ERROR_PLAYERS = _count(_ERROR), _players(_ERROR)

ERROR_METRICS = (
    Metric("errors", Group.ERRORS, "events", "Error events.", (_ERRORS,)),
    Metric("error_players", Group.ERRORS, "players", "Distinct players with an error event.", (_ERROR_PLAYERS,)),
    Metric("errors_per_player", Group.ERRORS, "events", "errors ÷ error_players.", (_ERRORS, _ERROR_PLAYERS), ratio),
    Metric("sdk_errors", Group.ERRORS, "events", "Errors that SDKs report about themselves.", (_count(_SDK_ERROR),)),
)

_SHOWS, _FAILED_SHOWS, _CLICKS, _REWARDS = (
    Measure(quantity, match=_ADS)
    for quantity in (Quantity.AD_SHOWS, Quantity.AD_FAILED_SHOWS, Quantity.AD_CLICKS, Quantity.AD_REWARDS)
)
_SATORI_IMPRESSIONS = _count(EventMatch(category=CUSTOM, event_id=SATORI_IMPRESSION))

AD_METRICS = (
    Metric(
        "ad_impressions",
        Group.ADS,
        "ads",
        "Ads shown: ad events `show`, and Satori's `adImpression`.",
        (_SHOWS, _SATORI_IMPRESSIONS),
        added,
    ),
    Metric(
        "network_impressions",
        Group.ADS,
        "ads",
        "Impressions that an ad network reported (category `impression`).",
        (_count(EventMatch(category="impression")),),
    ),
    Metric("ad_clicks", Group.ADS, "ads", "Ad events `clicked`.", (_CLICKS,)),
    Metric("ad_failed_shows", Group.ADS, "ads", "Ad events `failed_show`.", (_FAILED_SHOWS,)),
    Metric(
        "ad_fill_rate",
        Group.ADS,
        "share",
        "Ad events `show` ÷ (`show` + `failed_show`).",
        (_SHOWS, _FAILED_SHOWS),
        share_of_both,
    ),
    Metric("ad_click_rate", Group.ADS, "share", "ad_clicks ÷ ad events `show`.", (_CLICKS, _SHOWS), ratio),
    Metric("ad_rewards", Group.ADS, "ads", "Ad events `reward_received`.", (_REWARDS,)),
    Metric("ad_players", Group.ADS, "players", "Distinct players with an event of category `ads`.", (_players(_ADS),)),
)

_HEALTH = EventMatch(category="health")


def _sampled(name: str, table: Distribution, unit: str, what: str) -> tuple[Metric, ...]:
    """The mean and percentiles over the samples of a table in health events."""
    of = f"of {what}, over all samples in health events"
    return (
        Metric(name, Group.HEALTH, unit, f"Mean {of}.", _mean(table), ratio),
        Metric(f"{name}_p5", Group.HEALTH, unit, f"5th percentile {of}.", _quantile(table, 0.05)),
        Metric(f"{name}_median", Group.HEALTH, unit, f"Median {of}.", _quantile(table, 0.5)),
        Metric(f"{name}_p95", Group.HEALTH, unit, f"95th percentile {of}.", _quantile(table, 0.95)),
    )


_BOOTS = "of the time from the launch of the game to the start of its SDK (`app_boot_time`)"

HEALTH_METRICS = (
    *_sampled("fps", FRAME_RATES, "fps", "frames per second"),
    *_sampled("memory_used", MEMORY_USED, "%", "the device's memory in use"),
    *_sampled("app_memory_used", APP_MEMORY_USED, "%", "the device's memory in use by the game"),
    Metric(
        "boot_time",
        Group.HEALTH,
        "ms",
        f"Mean {_BOOTS}.",
        _mean(BOOT_TIMES),
        ratio,
    ),
    Metric("boot_time_median", Group.HEALTH, "ms", f"Median {_BOOTS}.", _quantile(BOOT_TIMES, 0.5)),
    Metric("boot_time_p95", Group.HEALTH, "ms", f"95th percentile {_BOOTS}.", _quantile(BOOT_TIMES, 0.95)),
    Metric("health_players", Group.HEALTH, "players", "Distinct players with a health event.", (_players(_HEALTH),)),
)

EVENT_METRICS = (
    EVENT_COUNT,
    *PROGRESSION_METRICS,
    *ECONOMY_METRICS,
    *DESIGN_METRICS,
    *ERROR_METRICS,
    *AD_METRICS,
    *HEALTH_METRICS,
)
