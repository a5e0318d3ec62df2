"""Values of a field above its limit are one group of their day; sums stay, filters see them, and somebody is told."""

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from questlog.analytics.analyses import cohorts, explore, funnel, retention
from questlog.analytics.analyses.cohort_members import Form as RetentionForm
from questlog.analytics.analyses.cohorts import Cohort
from questlog.analytics.analyses.explore import Explore
from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.analyses.retention import Retention
from questlog.analytics.engine.context import Context
from questlog.analytics.metrics import metric_query
from questlog.analytics.question.answer import Answer, Warned
from questlog.analytics.question.query import Condition, EventMatch, Granularity, Operator, Period, Query
from questlog.analytics.selection import cardinality
from questlog.analytics.selection.cardinality import OTHER, Cardinality
from questlog.config import CardinalitySettings
from questlog.store.fields import FIELDS
from tests.support.engines import BothEngines, ExactOnly, embedded_store
from tests.support.staged import DAY, NOON, SECOND, batch

FIRST, SECOND_DAY = dt.date(2026, 1, 1), dt.date(2026, 1, 2)
TWO_DAYS = Period(FIRST, SECOND_DAY)
LIMITS = {"custom_01": 2, "resource_item_type": 1, "platform": 30}


def event(place: int, day: int, custom: str | None, **fields: Any) -> dict[str, Any]:
    return {
        "offset": place,
        "player_id": f"player-{place}",
        "event_time": NOON + day * DAY + place * SECOND,
        "custom_01": custom,
        "platform": "ios",
        **fields,
    }


# On the first day the order of arrival is a, b, c, d, though the earliest event has c.
ROWS = [
    event(10, 0, "a", value=0.0),
    event(11, 0, "b", value=-0.0),
    event(1, 0, "c"),
    event(12, 0, "a"),
    event(13, 0, "d"),
    event(14, 0, None),
    event(20, 1, "d"),
    event(21, 1, "c"),
    event(22, 1, "d", category="resource", event_id="Source:gold:quest:q1", value=5.0),
    event(23, 1, "d", category="resource", event_id="Source:gold:shop:s1", value=7.0),
    event(24, 1, "d", category="business", event_id="quest:q1", amount=99, currency="USD", amount_usd=Decimal("0.99")),
    event(25, 1, "d", category="business", event_id="shop:q1", amount=99, currency="USD", amount_usd=Decimal("0.99")),
]


@pytest.fixture(scope="module")
def engines() -> Iterator[BothEngines]:
    with embedded_store() as store:
        store.load(batch(ROWS[:7]), NOON)
        store.load(batch(ROWS[7:]), NOON)
        yield BothEngines(store)


@pytest.fixture(params=["duckdb", "clickhouse"])
def engine(request: pytest.FixtureRequest, engines: BothEngines) -> ExactOnly:
    found = engines.duckdb if request.param == "duckdb" else engines.clickhouse
    found.statements.clear()
    return found


def context(engine: ExactOnly, limits: dict[str, int] | None = None, version: int = 0) -> Context:
    return Context(
        1, engine, NOON + 3 * DAY, limits=LIMITS if limits is None else limits, last_player_no=20, data_version=version
    )


def ask(engine: ExactOnly, *metrics: str, **fields: Any) -> Answer:
    return metric_query.answer(Query(metrics, TWO_DAYS, **fields), context(engine))


def rows(answer: Answer) -> set[tuple[Any, ...]]:
    return {tuple(row.values()) for row in answer.table.to_pylist()}


def test_values_above_the_limit_are_one_group_of_their_day(engine: ExactOnly) -> None:
    assert rows(ask(engine, "dau", group_by=("custom_01",))) == {
        (FIRST, "a", 2),
        (FIRST, "b", 1),
        (FIRST, OTHER, 2),
        (FIRST, None, 1),
        (SECOND_DAY, "d", 5),
        (SECOND_DAY, "c", 1),
    }


def test_what_is_shown_adds_up_to_the_total(engine: ExactOnly) -> None:
    answer = ask(engine, "events", group_by=("custom_01",), granularity=Granularity.ALL, totals=True)
    assert answer.totals is not None
    assert sum(answer.table["events"].to_pylist()) == answer.totals["events"][0].as_py() == len(ROWS)


def test_windows_of_several_days_cap_each_day_by_itself(engine: ExactOnly) -> None:
    answer = ask(engine, "wau", group_by=("custom_01",), granularity=Granularity.ALL)
    assert rows(answer) == {("a", 2), ("b", 1), ("c", 1), ("d", 5), (OTHER, 2), (None, 1)}


def test_a_part_of_an_id_is_capped_for_its_category_only(engine: ExactOnly) -> None:
    by_type = ask(engine, "source", group_by=("item_type",), granularity=Granularity.ALL)
    assert rows(by_type) == {("quest", 5.0), (OTHER, 7.0)}
    of_all = ask(engine, "events", group_by=("item_type",), granularity=Granularity.ALL)
    assert rows(of_all) == {("quest", 2), ("shop", 1), (OTHER, 1), (None, 8)}


def test_a_part_of_the_id_of_the_first_event_is_capped_for_its_category_only(engine: ExactOnly) -> None:
    answer = ask(engine, "new_players", "ltv_d0", "retention_d1", group_by=("item_type",), granularity=Granularity.ALL)
    expected = {("quest", 2, 0.495, 0.0), ("shop", 1, 0.99, 0.0), (OTHER, 1, 0.0, 0.0), (None, 8, 0.0, 0.0)}
    assert rows(answer) == expected
    curve = retention.answer(
        Retention(TWO_DAYS, ages=0, group_by=("item_type",), form=RetentionForm.CURVE), context(engine)
    )
    assert {(row["group"], row["players"]) for row in curve.table.to_pylist()} == {each[:2] for each in expected}


@pytest.mark.parametrize(("top", "zero"), [(None, 0.0), (5, "0")])
def test_zero_and_minus_zero_are_one_value(engine: ExactOnly, top: int | None, zero: object) -> None:
    least = Condition("value", Operator.LESS, (1,))
    answer = ask(engine, "events", "dau", group_by=("value",), top=top, filter=least)
    assert rows(answer) == {(FIRST, zero, 2, 2)}


def test_what_is_above_a_limit_takes_no_place_among_the_greatest(engine: ExactOnly) -> None:
    only = Condition("custom_01", Operator.IN, ("b", "c", "d"))
    answer = ask(engine, "dau", group_by=("custom_01",), granularity=Granularity.ALL, filter=only, top=2)
    assert answer.table["custom_01"].to_pylist() == ["d", "b", OTHER]
    assert answer.table["dau"].to_pylist() == [5, 1, 3]


def test_a_filter_sees_the_values_above_the_limit(engine: ExactOnly) -> None:
    only = Condition("custom_01", Operator.IS, ("c",))
    answer = ask(engine, "dau", granularity=Granularity.ALL, filter=only)
    assert rows(answer) == {(2,)}


def test_the_answer_warns_of_the_field_the_day_and_the_first_value(engine: ExactOnly) -> None:
    [warned] = ask(engine, "dau", group_by=("custom_01",)).warnings
    assert isinstance(warned, Warned)
    assert warned.field == "custom_01"
    for part in ("4 values", "2026-01-01", "limit is 2", "'c'", OTHER):
        assert part in warned.detail


def test_nothing_is_joined_while_nothing_is_above_a_limit(engine: ExactOnly) -> None:
    answer = ask(engine, "dau", group_by=("platform",))
    assert answer.warnings == ()
    assert sum("field_values" in statement for statement in engine.statements) <= 2
    assert not any("field_values" in each and "player_days" in each for each in engine.statements)


def test_what_was_found_is_kept_until_the_data_changes(engine: ExactOnly) -> None:
    at_five = context(engine, version=5)
    for _ in range(3):
        assert cardinality.capped_dimensions(at_five, ["custom_01"], TWO_DAYS)
    assert len(engine.statements) == 1
    at_six = msgspec.structs.replace(at_five, data_version=6)
    cardinality.capped_dimensions(at_six, ["custom_01"], TWO_DAYS)
    assert len(engine.statements) == 2


def test_retention_and_cohorts_are_capped_by_the_day_of_installation(engine: ExactOnly) -> None:
    curve = retention.answer(
        Retention(TWO_DAYS, ages=0, group_by=("custom_01",), form=RetentionForm.CURVE), context(engine)
    )
    expected = {("a", 2), ("b", 1), ("c", 1), ("d", 5), (OTHER, 2), (None, 1)}
    assert {(row["group"], row["players"]) for row in curve.table.to_pylist()} == expected
    assert [warned.field for warned in curve.warnings] == ["custom_01"]
    brought = cohorts.answer(Cohort(TWO_DAYS, ages=0, group_by=("custom_01",)), context(engine))
    assert (OTHER, 2) in {(row["group"], row["size"]) for row in brought.table.to_pylist()}
    assert [warned.field for warned in brought.warnings] == ["custom_01"]


def test_the_groups_of_a_funnel_are_capped(engine: ExactOnly) -> None:
    steps = (EventMatch("design"), EventMatch("business"))
    found = funnel.answer(Funnel(steps, TWO_DAYS, group_by=("custom_01",)), context(engine))
    begun = {(row["custom_01"], row["count"]) for row in found.table.to_pylist() if row["step"] == 1}
    assert begun == {("a", 2), ("b", 1), ("c", 1), ("d", 1), (OTHER, 2), (None, 1)}
    assert [warned.field for warned in found.warnings] == ["custom_01"]


def test_the_groups_of_a_tree_are_capped(engine: ExactOnly) -> None:
    tree = explore.answer(Explore(TWO_DAYS, depth=0, group_by=("custom_01",)), context(engine))
    assert (OTHER, 2) in {(row["custom_01"], row["count"]) for row in tree.table.to_pylist()}
    assert [warned.field for warned in tree.warnings] == ["custom_01"]


def test_the_fields_above_their_limit_are_listed(engine: ExactOnly) -> None:
    answer = cardinality.answer(Cardinality(TWO_DAYS), context(engine))
    assert answer.table.to_pylist() == [
        {"day": SECOND_DAY, "field": "resource_item_type", "limit": 1, "values": 2, "first_over": "shop"},
        {"day": FIRST, "field": "custom_01", "limit": 2, "values": 4, "first_over": "c"},
    ]
    assert cardinality.answer(Cardinality(TWO_DAYS), context(engine, {})).table.num_rows == 0


def test_every_field_has_a_limit_in_the_settings_and_in_the_guide() -> None:
    defaults = msgspec.structs.asdict(CardinalitySettings())
    assert set(defaults) == set(FIELDS)
    guide = (Path(__file__).parents[4] / "docs" / "guides" / "cardinality.md").read_text()
    told = {
        field: int(limit.replace(" ", ""))
        for fields, limit in re.findall(r"^\| (`.*?) \| ([\d ]+?)(?: each)? \|", guide, re.MULTILINE)
        for field in re.findall(r"`(\w+)`", fields)
    }
    assert told == defaults
