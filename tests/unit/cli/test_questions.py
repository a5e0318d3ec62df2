import datetime as dt
from typing import Any

import click
import pytest

from questlog.cli.questions import all_of, compare, condition, names, period

TODAY = dt.date(2026, 2, 3)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2025-01-01..2025-01-31", "2025-01-01", "2025-01-31"),
        ("2025-01-01", "2025-01-01", "2025-01-01"),
        ("1d", "2026-02-03", "2026-02-03"),
        ("7d", "2026-01-28", "2026-02-03"),
        ("4w", "2026-01-07", "2026-02-03"),
        ("today", "2026-02-03", "2026-02-03"),
        ("yesterday", "2026-02-02", "2026-02-02"),
        ("this-month", "2026-02-01", "2026-02-03"),
        ("last-month", "2026-01-01", "2026-01-31"),
        ("2025-12", "2025-12-01", "2025-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
    ],
)
def test_a_period_names_its_first_and_last_day(text: str, start: str, end: str) -> None:
    assert period(text, TODAY) == {"start": start, "end": end}


@pytest.mark.parametrize(
    "text",
    ["", "..", "2025-01-01..", "tomorrow", "0d", "0w", "2025-13", "0000-01", "-1d", "2025-02-30", "7d..8d", "9999999d"],
)
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="a period is"):
        period(text, TODAY)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="ends before it begins"):
        period("2025-02-01..2025-01-01", TODAY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("previous_period", "previous_period"),
        ("previous-weekdays", "previous_weekdays"),
        ("previous_year", "previous_year"),
        ("2025-12", {"start": "2025-12-01", "end": "2025-12-31"}),
        ("2025-01-01..2025-01-31", {"start": "2025-01-01", "end": "2025-01-31"}),
    ],
)
def test_a_comparison_is_a_name_or_a_period(text: str, expected: object) -> None:
    assert compare(text, TODAY) == expected


@pytest.mark.parametrize("text", ["", "previous", "2025-02-01..2025-01-01"])
def test_what_is_no_comparison_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="compare with previous_period, previous_weekdays, previous_year"):
        compare(text, TODAY)


def test_names_are_told_apart_by_commas() -> None:
    assert names(" dau, revenue,,") == ["dau", "revenue"]


@pytest.mark.parametrize(
    ("text", "dimension", "operator", "values"),
    [
        ("platform=ios", "platform", "is", ["ios"]),
        ("country=DE, AT", "country", "in", ["DE", "AT"]),
        ("country!=DE,AT", "country", "not_in", ["DE", "AT"]),
        ("build!=1.0", "build", "is_not", ["1.0"]),
        ("attributes.level>=10", "attributes.level", "greater_or_equal", ["10"]),
        ("attributes.level<=10", "attributes.level", "less_or_equal", ["10"]),
        ("birth_year>1990", "birth_year", "greater", ["1990"]),
        ("birth_year<1990", "birth_year", "less", ["1990"]),
        ("device~^iPhone(1|2),", "device", "matches", ["^iPhone(1|2),"]),
        ("event_id*=boss", "event_id", "contains", ["boss"]),
        ("custom_01", "custom_01", "is_set", []),
        ("!custom_01", "custom_01", "is_not_set", []),
        ("custom_01=", "custom_01", "is", [""]),
        ("custom_01=a=b", "custom_01", "is", ["a=b"]),
        ("device~a=b", "device", "matches", ["a=b"]),
    ],
)
def test_a_condition_is_a_name_a_sign_and_a_value(text: str, dimension: str, operator: str, values: list[str]) -> None:
    expected = {"type": "condition", "dimension": dimension, "operator": operator, "values": values}
    assert condition(text) == expected


@pytest.mark.parametrize("text", ["", "!", " ", "  =x"])
def test_a_condition_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="begins with a dimension"):
        condition(text)


def test_all_conditions_must_hold() -> None:
    ios: dict[str, Any] = condition("platform=ios")
    assert all_of([]) is None
    assert all_of(["platform=ios"]) == ios
    assert all_of(["platform=ios", "country"]) == {"type": "all", "filters": [ios, condition("country")]}
