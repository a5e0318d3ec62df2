"""Questions for metrics on both engines: buckets, groups, the rest, totals, the period before, a game's own metrics."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from questlog.analytics.metrics.catalogue import CATALOGUE
from questlog.analytics.metrics.metric import DAY_METRICS
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.definitions import CustomMetric, CustomMetricKind, Did, SegmentDefinition
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import (
    AllOf,
    Comparison,
    Condition,
    EventMatch,
    Granularity,
    Not,
    Operator,
    Period,
    Query,
)
from questlog.analytics.runner import Analytics, Definitions
from tests.support.engines import BothEngines, ExactOnly, embedded_store
from tests.support.loading import FakeClock
from tests.support.staged import DAY, HOUR, NOON, batch, new_id

GAME = 1
FIRST = dt.date(2026, 1, 1)
NOW = NOON + 9 * DAY
LATER = Period(FIRST + dt.timedelta(days=7), FIRST + dt.timedelta(days=7))


def day(place: int) -> dt.date:
    return FIRST + dt.timedelta(days=place)


def event(player: str | None, at: int, **fields: Any) -> dict[str, Any]:
    return {
        "client_event_id": new_id(),
        "player_id": player,
        "event_time": NOON + at,
        "received_at": NOON + at,
        "platform": "ios",
        **fields,
    }


def purchase(player: str | None, at: int, cents: int, item: str, state: str = "valid", **fields: Any) -> dict[str, Any]:
    dollars = Decimal(cents) / 100
    return event(
        player,
        at,
        category="business",
        event_id=f"shop:{item}",
        amount=cents,
        amount_usd=dollars,
        currency="USD",
        receipt_state=state,
        **fields,
    )


def error(player: str | None, severity: str, message: str | None) -> dict[str, Any]:
    return event(player, 7 * DAY, category="error", severity=severity, message=message)


# Thursday, 1 January 2026 is day 0; ann is active on days 0, 1 and 4, bob on 0, cid on 1, dot on 4 (a Monday).
ROWS = [
    event("ann", 0, country="DE", session_id="s1", gender="female", attributes='{"mode":"easy"}'),
    event("ann", HOUR, country="DE", session_id="s1", category="custom", event_id="jump", value=2.0),
    event("bob", 0, country="FR", session_id="s2"),
    purchase("ann", DAY, 250, "gems", country="FR"),
    purchase("ann", DAY + HOUR, 100, "hat", "invalid", country="FR"),
    event("cid", DAY, country=None, category="custom", event_id="jump", value=3.5),
    event("ann", 4 * DAY, country="US"),
    event("dot", 4 * DAY, country="IT"),
    purchase(None, 4 * DAY, 1000, "gems", "unchecked"),
    event("eve", 0, game_id=2, country="DE"),
    error("fay", "error", "boom at 0x7fA0, line 12"),
    error("gus", "error", "boom at 0x1, line 9"),
    error("gus", "error", "boom at deadbeef99, line 7"),
    error(None, "warning", "no file 123e4567-e89b-12d3-a456-426614174000 of deadbeat"),
    error("hal", "warning", None),
    *(event(None, 8 * DAY, attributes=f'{{"on":{value}}}') for value in ("true", "1", '"1"', "1.5")),
    event(None, 9 * DAY, attributes='{"level":"low","Level":"UP","^level":"sharp","custom_fields":{"level":7}}'),
]

DEFINITIONS = Definitions(
    segments={
        "jumpers": SegmentDefinition(Did(EventMatch(category="custom", event_id="jump"))),
        "Jumpers": SegmentDefinition(Did(EventMatch(category="custom", event_id="jump", is_prefix=True), value=2)),
    },
    custom_metrics={
        "jumps": CustomMetric(CustomMetricKind.COUNT, EventMatch(category="custom", event_id="jump")),
        "jumped": CustomMetric(CustomMetricKind.BINOMIAL, EventMatch(category="custom", event_id="jump")),
        "height": CustomMetric(CustomMetricKind.SUM, EventMatch(category="custom", event_id="jump")),
        "paid": CustomMetric(CustomMetricKind.REVENUE, EventMatch(category="custom", event_id="jump")),
        "german": CustomMetric(
            CustomMetricKind.COUNT, EventMatch(filter=Condition("country", Operator.IS, ("DE",))), "From Germany."
        ),
    },
)


GERMAN = Condition("country", Operator.IS, ("DE",))
MANY_COUNTRIES = Condition("country", Operator.IN, tuple(f"{number}" for number in range(1000)))
NESTED = "filter.filters[1].filter.dimension"


@pytest.fixture(scope="module")
def engines() -> Iterator[BothEngines]:
    with embedded_store() as store:
        store.load(batch(ROWS), NOW)
        yield BothEngines(store)


@pytest.fixture(params=["duckdb", "clickhouse"])
def analytics(engines: BothEngines, request: pytest.FixtureRequest) -> Analytics:
    engine: ExactOnly = getattr(engines, request.param)
    return Analytics(engine, FakeClock(NOW), lambda _: DEFINITIONS)


def query(*metrics: str, last: int = 4, **asked: Any) -> Query:
    return Query(metrics, Period(day(0), day(last)), **asked)


def rows_of(answer: Answer) -> Sequence[Mapping[str, Any]]:
    rows: list[dict[str, Any]] = answer.table.to_pylist()
    return rows


def test_every_day_of_a_series_is_there(analytics: Analytics) -> None:
    answer = analytics.ask(GAME, query("dau", "revenue", "arppu", "design_max"))
    assert [row["bucket"] for row in rows_of(answer)] == [day(place) for place in range(5)]
    assert answer.table["dau"].to_pylist() == [2, 2, 0, 0, 2]
    assert answer.table["revenue"].to_pylist() == [0, Decimal("3.5"), 0, 0, 10]
    assert answer.table["arppu"].to_pylist() == [None, 3.5, None, None, None]
    assert answer.table["design_max"].to_pylist() == [None] * 5
    assert [(column.name, column.unit) for column in answer.columns[:3]] == [
        ("bucket", ""),
        ("dau", "players"),
        ("revenue", "USD"),
    ]


def test_a_player_of_two_days_is_one_player_of_the_week(analytics: Analytics) -> None:
    answer = analytics.ask(GAME, query("dau", "new_players", "wau", granularity=Granularity.WEEK))
    assert rows_of(answer) == [
        {"bucket": dt.date(2025, 12, 29), "dau": 3, "new_players": 3, "wau": 3},
        {"bucket": dt.date(2026, 1, 5), "dau": 2, "new_players": 1, "wau": 4},
    ]


def test_totals_are_asked_for_anew(analytics: Analytics) -> None:
    answer = analytics.ask(GAME, query("dau", "arpdau", group_by=("country",), totals=True))
    assert answer.totals is not None
    assert answer.totals.to_pylist() == [{"dau": 4, "arpdau": 13.5 / 6}]


def test_nothing_known_is_a_group_and_events_of_nobody_are_in_it(analytics: Analytics) -> None:
    answer = analytics.ask(GAME, query("dau", "revenue", group_by=("country",), granularity=Granularity.ALL))
    assert rows_of(answer) == [
        {"country": "DE", "dau": 1, "revenue": Decimal(0)},
        {"country": "FR", "dau": 2, "revenue": Decimal("3.5")},
        {"country": "IT", "dau": 1, "revenue": Decimal(0)},
        {"country": "US", "dau": 1, "revenue": Decimal(0)},
        {"country": None, "dau": 1, "revenue": Decimal(10)},
    ]


@pytest.mark.parametrize(("dimension", "value"), [("gender", "female"), ("attributes.mode", "easy")])
def test_a_player_counts_under_every_value_and_a_session_under_its_first(
    analytics: Analytics, dimension: str, value: str
) -> None:
    asked = query("dau", "sessions", last=0, group_by=(dimension,), granularity=Granularity.ALL)
    # ann's second event has none, and bob's only one.
    assert rows_of(analytics.ask(GAME, asked)) == [
        {dimension: value, "dau": 1, "sessions": 1},
        {dimension: None, "dau": 2, "sessions": 1},
    ]


def test_the_rest_is_counted_as_one_group(analytics: Analytics) -> None:
    asked = query("dau", "events", group_by=("country",), granularity=Granularity.ALL, top=1)
    answer = analytics.ask(GAME, asked)
    # ann was in DE and in US: as (other) she is one player.
    assert rows_of(answer) == [
        {"country": "FR", "dau": 2, "events": 3},
        {"country": "(other)", "dau": 3, "events": 6},
    ]


def test_the_greatest_are_those_of_the_whole_period_nothing_among_them(analytics: Analytics) -> None:
    answer = analytics.ask(GAME, query("revenue", "dau", group_by=("country",), top=2))
    by_day = {(row["bucket"], row["country"]): row["dau"] for row in rows_of(answer)}
    assert by_day == {
        (day(0), "FR"): 1,
        (day(0), "(other)"): 1,
        (day(1), None): 1,
        (day(1), "FR"): 1,
        (day(4), None): 0,
        (day(4), "(other)"): 2,
    }


def test_groups_that_the_first_metric_does_not_have_fill_up_the_top(analytics: Analytics) -> None:
    asked = query("revenue", "events", group_by=("country", "platform"), granularity=Granularity.ALL, top=4)
    found = [(row["country"], row["platform"]) for row in rows_of(analytics.ask(GAME, asked))]
    # DE, IT and US come after what brought something.
    assert found == [(None, "ios"), ("FR", "ios"), ("DE", "ios"), ("IT", "ios"), ("(other)", "(other)")]


def test_the_period_before_is_beside_this_one(analytics: Analytics) -> None:
    asked = Query(("dau", "arppu"), Period(day(1), day(2)), compare=Comparison.PREVIOUS_PERIOD)
    assert rows_of(analytics.ask(GAME, asked)) == [
        {"bucket": day(1), "dau": 2, "previous_dau": 0, "arppu": 3.5, "previous_arppu": None},
        {"bucket": day(2), "dau": 0, "previous_dau": 2, "arppu": None, "previous_arppu": None},
    ]


def test_a_bucket_that_the_period_before_does_not_have_is_unknown(analytics: Analytics) -> None:
    # Two days of two months; before them two of one.
    asked = Query(
        ("events",),
        Period(dt.date(2026, 1, 31), dt.date(2026, 2, 1)),
        Granularity.MONTH,
        compare=Comparison.PREVIOUS_PERIOD,
    )
    assert [row["previous_events"] for row in rows_of(analytics.ask(GAME, asked))] == [0, None]


def test_a_group_that_there_was_only_before_is_in_the_comparison(analytics: Analytics) -> None:
    asked = Query(
        ("dau",),
        Period(day(1), day(1)),
        Granularity.ALL,
        ("country",),
        compare=Comparison.PREVIOUS_PERIOD,
    )
    assert rows_of(analytics.ask(GAME, asked)) == [
        {"country": "DE", "dau": 0, "previous_dau": 1},
        {"country": "FR", "dau": 1, "previous_dau": 1},
        {"country": None, "dau": 1, "previous_dau": 0},
    ]


def test_money_by_what_was_bought_is_by_the_purchase(analytics: Analytics) -> None:
    asked = query("revenue", "paying_players", "revenue_valid", group_by=("item_id",), granularity=Granularity.ALL)
    assert rows_of(analytics.ask(GAME, asked)) == [
        {"item_id": "gems", "revenue": Decimal("12.5"), "paying_players": 1, "revenue_valid": Decimal("2.5")},
        {"item_id": "hat", "revenue": Decimal(1), "paying_players": 1, "revenue_valid": Decimal(0)},
    ]
    with pytest.raises(InvalidQuery, match="compares with all players"):
        analytics.ask(GAME, query("conversion", group_by=("item_id",)))


def test_a_refused_ratio_says_what_would_do(analytics: Analytics) -> None:
    for metric, nearest in (("arpdau", "revenue"), ("conversion_valid", "paying_players_valid")):
        with pytest.raises(InvalidQuery) as refused:
            analytics.ask(GAME, query(metric, filter=Condition("item_id", Operator.IS, ("gems",))))
        assert refused.value.nearest == nearest


def test_a_filter_of_several_conditions_means_one_event(analytics: Analytics) -> None:
    french, german = Condition("country", Operator.IS, ("FR",)), GERMAN
    jumped = Condition("event_id", Operator.IS, ("jump",))
    asked = query("dau", filter=AllOf((german, jumped)), granularity=Granularity.ALL)
    assert rows_of(analytics.ask(GAME, asked)) == [{"dau": 1}]
    # ann was in France, and jumped, but not there.
    asked = query("dau", filter=AllOf((french, jumped)), granularity=Granularity.ALL)
    assert rows_of(analytics.ask(GAME, asked)) == [{"dau": 0}]


def test_columns_say_under_which_values_they_count(analytics: Analytics) -> None:
    by_country = analytics.ask(GAME, query("dau", "sessions_per_player", "new_players", group_by=("country",)))
    definitions = {column.name: column.definition for column in by_country.columns}
    assert "every value that an event of theirs had in the bucket; groups may overlap" in definitions["dau"]
    assert "its first event" in definitions["sessions_per_player"]
    assert "every value" in definitions["sessions_per_player"]
    assert "first event ever" in definitions["new_players"]
    plain = analytics.ask(GAME, query("dau"))
    assert "overlap" not in plain.columns[1].definition


def test_a_games_own_metrics_are_asked_for_by_name(analytics: Analytics) -> None:
    asked = query("jumps", "jumped", "height", "paid", "german", granularity=Granularity.ALL)
    answer = analytics.ask(GAME, asked)
    assert rows_of(answer) == [{"jumps": 2, "jumped": 2, "height": 5.5, "paid": 0.055, "german": 2}]
    assert answer.columns[-1].definition == "From Germany."


def test_a_segment_is_a_filter_and_a_dimension(analytics: Analytics) -> None:
    asked = query("dau", group_by=("segment.jumpers",), granularity=Granularity.ALL)
    assert rows_of(analytics.ask(GAME, asked)) == [
        {"segment.jumpers": "no", "dau": 2},
        {"segment.jumpers": "yes", "dau": 2},
    ]
    jumpers = Condition("segment.jumpers", Operator.IS, ("yes",))
    assert rows_of(analytics.ask(GAME, query("dau", filter=jumpers, granularity=Granularity.ALL))) == [{"dau": 2}]


def test_retention_waits_for_its_day(analytics: Analytics) -> None:
    asked = query("retention_d1", "retention_d4", "rolling_d4", "churn_d4", "retention_d9", "ltv_d1")
    found = rows_of(analytics.ask(GAME, asked))
    assert {name: found[0][name] for name in asked.metrics} == {
        "retention_d1": 0.5,
        "retention_d4": 0.5,
        "rolling_d4": 0.5,
        "churn_d4": 0.5,
        "retention_d9": None,  # day 9 is the running day
        "ltv_d1": 1.75,
    }
    assert found[2]["retention_d1"] is None  # nobody was new on day 2


def test_hours_are_of_first_events_and_sessions(analytics: Analytics) -> None:
    asked = Query(("dau", "new_players", "sessions", "retention_d1"), Period(day(0), day(0)), Granularity.HOUR)
    found = {row["bucket"].hour: row for row in rows_of(analytics.ask(GAME, asked)) if row["dau"]}
    assert len(found) == 2
    noon = {"bucket": dt.datetime(2026, 1, 1, 12), "dau": 2, "new_players": 2, "sessions": 2, "retention_d1": 0.5}  # noqa: DTZ001
    assert found[12] == noon
    assert (found[13]["dau"], found[13]["new_players"], found[13]["retention_d1"]) == (1, 0, None)


def test_a_dimension_named_like_a_metric_of_the_question_has_another_name(analytics: Analytics) -> None:
    answer = analytics.ask(GAME, query("source", "events", group_by=("source",), granularity=Granularity.ALL))
    assert rows_of(answer) == [{"by_source": "gameanalytics", "source": 0.0, "events": 9}]


def test_errors_are_told_apart_by_what_does_not_vary(analytics: Analytics) -> None:
    asked = Query(("errors", "error_players"), LATER, Granularity.ALL, ("severity", "message_fingerprint"))
    assert rows_of(analytics.ask(GAME, asked)) == [
        {"severity": "error", "message_fingerprint": "boom at #, line #", "errors": 3, "error_players": 2},
        {"severity": "warning", "message_fingerprint": "no file # of deadbeat", "errors": 1, "error_players": 0},
        {"severity": "warning", "message_fingerprint": None, "errors": 1, "error_players": 1},
    ]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (query("dau", "duo"), "metrics[1]"),
        (query("dau", "wau", granularity=Granularity.HOUR), "metrics[1]"),
        (query("dau", group_by=("platform", "cuntry")), "group_by[1]"),
        (query("dau", group_by=("segment.none",)), "group_by[0]"),
        (query("dau", filter=Condition("birth_year", Operator.GREATER, ("old",))), "filter.values[0]"),
        (query("dau", filter=Condition("segment.none", Operator.IS, ("yes",))), "filter.dimension"),
        (query("dau", filter=AllOf((GERMAN, Not(Condition("segment.none", Operator.IS_SET))))), NESTED),
        (
            query("dau", filter=AllOf((GERMAN, Condition("build", Operator.MATCHES, ("1.(",))))),
            "filter.filters[1].values[0]",
        ),
        (query("dau", filter=AllOf((MANY_COUNTRIES,) * 5)), "filter"),
        (query("dau", last=-1), "period.end"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_field(asked: Query, field: str, engines: BothEngines) -> None:
    analytics = Analytics(engines.duckdb, FakeClock(NOW), lambda _: DEFINITIONS)
    with pytest.raises(InvalidQuery) as refused:
        analytics.ask(GAME, asked)
    assert refused.value.field == field


def test_a_question_survives_json(analytics: Analytics) -> None:
    asked = query("dau", group_by=("country",), compare=Comparison.PREVIOUS_PERIOD, top=3, totals=True)
    assert msgspec.json.decode(msgspec.json.encode(asked), type=Query) == asked


def test_an_answer_knows_the_version_of_the_data(analytics: Analytics) -> None:
    assert analytics.ask(GAME, query("dau")).data_version == analytics.state(GAME).data_version == 1


@pytest.mark.parametrize(
    ("value", "events"),
    [(True, 1), (1, 2), (1.0, 2), ("1", 2), ("true", 1), (False, 0), (0, 0), (1.5, 1)],
    ids=repr,
)
def test_equal_values_of_different_types_are_different_conditions(
    analytics: Analytics, value: str | float | bool, events: int
) -> None:
    later = Period(day(8), day(8))
    asked = Query(("events",), later, Granularity.ALL, filter=Condition("attributes.on", Operator.IS, (value,)))
    assert rows_of(analytics.ask(GAME, asked)) == [{"events": events}]


def test_names_that_differ_in_capitals_only_are_different_dimensions(analytics: Analytics) -> None:
    """To DuckDB, columns of such names are one."""
    names = ("attributes.level", "attributes.Level", "attributes.^level", "attributes.custom_fields.level")
    whole = Query(("events",), Period(day(9), day(9)), Granularity.ALL, names)
    for asked in (whole, msgspec.structs.replace(whole, filter=Condition(names[1], Operator.IS, ("UP",)))):
        [row] = rows_of(analytics.ask(GAME, asked))
        assert [row[name] for name in names] == ["low", "UP", "sharp", "7"]
    segments = query("dau", group_by=("segment.jumpers", "segment.Jumpers"), granularity=Granularity.ALL)
    assert [tuple(row.values()) for row in rows_of(analytics.ask(GAME, segments))] == [
        ("no", "no", 2),
        ("yes", "no", 2),
    ]


EVERYTHING = tuple(CATALOGUE) + tuple(metric.name for metric in DAY_METRICS)


@pytest.mark.parametrize("place", range(0, len(EVERYTHING), 20))
def test_a_game_without_events_has_answers_too(analytics: Analytics, place: int) -> None:
    some = EVERYTHING[place : place + 20]
    answer = analytics.ask(GAME + 7, Query(some, Period(day(0), day(1)), totals=True))
    assert answer.table.num_rows == 2
    assert answer.totals is not None
    [total] = answer.totals.to_pylist()
    assert {value for value in total.values() if value} == set()


def test_a_game_without_events_has_no_groups(analytics: Analytics) -> None:
    some = ("dau", "wau", "retention_d1", "rolling_d1", "fps_median", "revenue_valid", "design_players")
    asked = Query(some, Period(day(0), day(1)), group_by=("platform", "birth_year"), top=3)
    assert analytics.ask(GAME + 7, asked).table.num_rows == 0
