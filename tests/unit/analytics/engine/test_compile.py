"""What Ibis writes for the engines: exact functions, whole dates, values that stay values."""

import ibis
import pytest

from questlog.analytics.engine import tables
from questlog.analytics.engine.compile import Dialect, compiled
from questlog.analytics.engine.functions import attribute, distinct_players, epoch_us

events = tables.events
DIALECTS: tuple[Dialect, ...] = ("duckdb", "clickhouse")


def test_a_distinct_count_is_exact_on_clickhouse() -> None:
    asked = events.aggregate(players=events.player_no.nunique())
    assert "uniqExact(" in compiled(asked, "clickhouse")


def test_quantiles_are_exact_and_of_the_same_kind() -> None:
    asked = events.aggregate(median=events.value.median(), p95=events.value.quantile(0.95))
    assert compiled(asked, "clickhouse").count("quantileExactInclusive(") == 2
    assert compiled(asked, "duckdb").count("QUANTILE_CONT(") == 2


def test_days_before_1970_stay_what_they_are_on_clickhouse() -> None:
    asked = events.select(day=events.event_time.date())
    assert "toDate32(" in compiled(asked, "clickhouse")


def test_literals_of_time_have_the_types_of_the_columns_on_clickhouse() -> None:
    asked = events.filter(events.event_time < ibis.timestamp("2026-01-01 00:00:00"))
    assert "< toDateTime64('2026-01-01 00:00:00', 6, 'UTC')" in compiled(asked.select("row_no"), "clickhouse")
    assert "toDate32('1969-12-31')" in compiled(events.select(day=ibis.date("1969-12-31")), "clickhouse")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_value_cannot_end_its_literal(dialect: Dialect) -> None:
    hostile = "x' OR 1=1 --\\"
    statement = compiled(events.filter(events.platform == hostile).select("row_no"), dialect)
    assert "x' OR" not in statement.replace("x'' OR", "").replace("x\\' OR", "")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_attribute_key_cannot_end_its_literal(dialect: Dialect) -> None:
    statement = compiled(events.select(found=attribute(events.attributes, "a') FROM x --")), dialect)
    assert "a') FROM" not in statement.replace("a'') FROM", "").replace("a\\') FROM", "")


def test_few_groups_of_players_are_counted_with_bitmaps() -> None:
    asked = events.aggregate(players=distinct_players(events.player_no, last_player_no=200_000, groups=10))
    assert "BITSTRING_AGG(" in compiled(asked, "duckdb")
    assert "uniqExact(" in compiled(asked, "clickhouse")


def test_many_groups_of_players_are_counted_without() -> None:
    asked = events.aggregate(players=distinct_players(events.player_no, last_player_no=2_000_000, groups=50_000))
    assert "COUNT(DISTINCT" in compiled(asked, "duckdb")


def test_the_bound_of_the_bitmaps_changes_seldom() -> None:
    one, other = (
        compiled(events.aggregate(players=distinct_players(events.player_no, last, groups=1)), "duckdb")
        for last in (70_001, 90_000)
    )
    assert one == other


@pytest.mark.parametrize("dialect", DIALECTS)
def test_microseconds_come_from_the_engine_itself(dialect: Dialect) -> None:
    names = {"duckdb": "EPOCH_US(", "clickhouse": "toUnixTimestamp64Micro("}
    assert names[dialect] in compiled(events.select(at=epoch_us(events.event_time)), dialect)


def test_a_truncated_day_is_a_day_on_duckdb() -> None:
    days = ibis.table({"day": "date"}, name="days")
    assert "CAST(" in compiled(days.select(week=days.day.truncate("W")), "duckdb")


def test_a_star_is_a_key_like_any_other() -> None:
    assert "'/*'" in compiled(events.select(found=attribute(events.attributes, "*")), "duckdb")
    assert "'/a~1b~0'" in compiled(events.select(found=attribute(events.attributes, "a/b~")), "duckdb")


def test_there_is_nothing_before_the_first_row_on_clickhouse() -> None:
    asked = events.select(before=events.row_no.lag().over(order_by=events.row_no))
    assert "toNullable(" in compiled(asked, "clickhouse")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_always_counts_has_no_condition(dialect: Dialect) -> None:
    """DuckDB looks at one row by row."""
    always, some = events.count(where=ibis.literal(value=True)), events.count(where=events.value > 1)
    assert "WHERE" not in compiled(events.aggregate(always=always), dialect)
    assert ("FILTER(WHERE" in compiled(events.aggregate(some=some), dialect)) == (dialect == "duckdb")
