"""The catalogue of metrics: every one is declared once, says what it is, and is found by its name."""

import datetime as dt

import pytest

from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.metrics.measures import Quantity, Unit
from questlog.analytics.metrics.metric import DAY_METRICS, MAX_DAY, Group, Metric, metric_named
from questlog.analytics.metrics.planner import SOURCES, planned
from questlog.analytics.metrics.sub_query import MetricRequest
from questlog.analytics.question.definitions import CustomMetric, CustomMetricKind
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import EventMatch, Granularity, Period
from questlog.analytics.selection.selection import Selection
from questlog.model.calendar import zone_named

WEEK = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 7))
JUMPS = CustomMetric(CustomMetricKind.COUNT, EventMatch(category="custom", event_id="jump"), "Jumps.")


@pytest.mark.parametrize("metric", CATALOGUE.values(), ids=CATALOGUE)
def test_a_metric_says_what_it_is_and_can_be_asked(metric: Metric) -> None:
    assert metric.definition.endswith(".")
    assert metric.measures
    assert metric.measures


@pytest.mark.parametrize("granularity", Granularity)
@pytest.mark.parametrize("group_by", [(), ("country",), ("attributes.mode",), ("item_id",)])
def test_every_measure_has_a_source(granularity: Granularity, group_by: tuple[str, ...]) -> None:
    measures = tuple({measure for metric in (*CATALOGUE.values(), *DAY_METRICS) for measure in metric.measures})
    selection = Selection(1, WEEK, group_by=group_by)
    if granularity.is_within_a_day:
        measures = tuple(each for each in measures if each.quantity is not Quantity.PLAYERS_OF_DAYS)
    request = MetricRequest(measures, selection, granularity)
    answered = [each for _, some in planned(request, measures, SOURCES) for each in some]
    assert sorted(answered, key=repr) == sorted(measures, key=repr)


_ANSWERS = [
    ("dau", (), {"player_days"}),
    ("dau", ("payer",), {"player_days"}),
    ("dau", ("country",), {"player_day_values"}),
    ("dau", ("country", "platform"), {"player_day_values"}),
    ("dau", ("gender",), {"events"}),
    ("wau", ("platform",), {"player_day_values"}),
    ("wau", ("attributes.mode",), {"events"}),
    ("design_players", ("build",), {"player_day_values"}),
    ("new_players", ("attributes.mode",), {"players"}),
    ("retention_d1", ("country",), {"players", "player_days"}),
    ("ltv_d7", (), {"players", "purchases"}),
    ("revenue", ("item_id",), {"purchases"}),
    ("arpdau", ("country",), {"purchases", "player_day_values"}),
    ("sessions", (), {"player_days"}),
    ("sessions", ("country",), {"sessions"}),
    ("session_length_median", (), {"sessions"}),
    ("events", (), {"event_days"}),
    ("events", ("country",), {"player_day_values"}),
    ("design_sum", ("design_01",), {"event_days"}),
    ("design_median", (), {"value_counts"}),
    ("design_median", ("country",), {"events"}),
    ("fps", (), {"value_bins"}),
]
"""Which sources answer a metric by day and dimensions."""


@pytest.mark.parametrize(("name", "group_by", "wanted"), _ANSWERS, ids=[f"{a} {' '.join(b)}" for a, b, _ in _ANSWERS])
def test_the_first_source_that_can_answers(name: str, group_by: tuple[str, ...], wanted: set[str]) -> None:
    assert _sources(name, Selection(1, WEEK, group_by=group_by), Granularity.DAY) == wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("dau", {"events"}),
        ("events", {"events"}),
        ("sessions", {"sessions"}),
        ("revenue", {"purchases"}),
        ("retention_d1", {"players", "events"}),
    ],
)
def test_by_days_that_no_table_carries_only_what_has_times_answers(name: str, wanted: set[str]) -> None:
    in_utc = Selection(1, WEEK, stored_zone=zone_named("Asia/Kathmandu"))
    assert _sources(name, in_utc, Granularity.DAY) == wanted
    assert _sources("dau", Selection(1, WEEK), Granularity.HOUR) == {"events"}


def _sources(name: str, selection: Selection, granularity: Granularity) -> set[str]:
    measures = metric_named("metrics[0]", name, CATALOGUE).measures
    request = MetricRequest(measures, selection, granularity)
    return {source.name for source, _ in planned(request, measures, SOURCES)}


def test_the_metrics_of_the_definitions_are_there() -> None:
    named = {
        *("dau", "wau", "mau", "stickiness", "new_players", "returning_players"),
        *("sessions", "sessions_per_player", "session_length", "session_length_median", "playtime"),
        *("playtime_per_player", "events", "events_per_session"),
        *("revenue", "transactions", "revenue_per_transaction", "paying_players", "converting_players", "conversion"),
        *("arpdau", "arppu", "ad_revenue", "revenue_valid", "revenue_invalid", "revenue_unchecked"),
        *("starts", "fails", "completes", "attempts", "completion_rate", "fail_rate", "score", "attempts_to_complete"),
        *("source", "sink", "flow"),
    }
    assert named <= set(CATALOGUE)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("duu", "dau"),
        ("retention", "retention_d1"),
        ("retention_d366", "retention_d3"),
        ("retention_d0", "retention_d7"),
        ("retention_d1_valid", "retention_d1"),
        ("ltv_d1_forged", "ltv_d1"),
        ("nothing like it", None),
        ("jumpz", "jumps"),
    ],
)
def test_an_unknown_name_is_refused_with_a_near_one(name: str, nearest: str | None) -> None:
    with pytest.raises(InvalidQuery) as refused:
        metric_named("metrics[3]", name, CATALOGUE, {"jumps": JUMPS})
    assert refused.value.field == "metrics[3]"
    assert (refused.value.nearest is None) == (nearest is None)
    if nearest is not None:
        assert refused.value.nearest is not None
        assert refused.value.nearest.startswith(nearest[:4])


@pytest.mark.parametrize("name", ["retention_d1", f"rolling_d{MAX_DAY}", "churn_d28", "ltv_d0", "ltv_d7_unchecked"])
def test_any_day_up_to_a_year_has_its_metric(name: str) -> None:
    metric = metric_named("metrics[0]", name, CATALOGUE)
    assert metric.name == name
    day = name.split("_")[1].removeprefix("d")
    assert f"day {day} " in metric.definition
    assert all(measure.days == int(day) for measure in metric.measures)


def test_a_games_own_metric_is_found_after_the_built_in_ones() -> None:
    found = metric_named("metrics[0]", "jumps", CATALOGUE, {"jumps": JUMPS})
    assert (found.group, found.definition, found.measures[0].match) == (Group.CUSTOM, "Jumps.", JUMPS.event)
    assert metric_named("metrics[0]", "dau", CATALOGUE, {"dau": JUMPS}) is CATALOGUE["dau"]


def test_only_numbers_have_no_zero_for_nothing() -> None:
    assert [unit for unit in Unit if not unit.is_zero_for_nothing] == [Unit.NUMBER]
