import datetime as dt

import pytest

from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Compare, Comparison, Period, check_periods


def period(start: str, end: str) -> Period:
    return Period(dt.date.fromisoformat(start), dt.date.fromisoformat(end))


@pytest.mark.parametrize(
    ("compare", "of", "compared"),
    [
        ("previous_period", ("2026-01-08", "2026-01-14"), ("2026-01-01", "2026-01-07")),
        ("previous_period", ("2026-01-10", "2026-01-10"), ("2026-01-09", "2026-01-09")),
        ("previous_weekdays", ("2026-01-10", "2026-01-10"), ("2026-01-03", "2026-01-03")),
        ("previous_weekdays", ("2026-01-08", "2026-01-14"), ("2026-01-01", "2026-01-07")),
        ("previous_weekdays", ("2026-01-08", "2026-01-15"), ("2025-12-25", "2026-01-01")),
        ("previous_weekdays", ("2026-01-01", "2026-01-30"), ("2025-11-27", "2025-12-26")),
        ("previous_year", ("2026-01-08", "2026-01-14"), ("2025-01-08", "2025-01-14")),
        ("previous_year", ("2024-02-29", "2024-02-29"), ("2023-02-28", "2023-02-28")),
        ("previous_year", ("2024-02-01", "2024-03-31"), ("2023-02-01", "2023-03-31")),
    ],
)
def test_the_period_that_is_compared_with(compare: str, of: tuple[str, str], compared: tuple[str, str]) -> None:
    assert period(*of).compared(Comparison(compare)) == period(*compared)


def test_same_weekdays_never_overlap() -> None:
    for days in range(1, 40):
        now = Period(dt.date(2026, 3, 1), dt.date(2026, 3, 1) + dt.timedelta(days=days - 1))
        before = now.compared(Comparison.PREVIOUS_WEEKDAYS)
        assert before.start.weekday() == now.start.weekday()
        assert before.days == days
        assert dt.timedelta(0) < now.start - before.end <= dt.timedelta(days=7)


def test_any_period_can_be_compared_with() -> None:
    assert period("2026-01-08", "2026-01-14").compared(period("2026-06-01", "2026-06-03")) == period(
        "2026-06-01", "2026-06-03"
    )


@pytest.mark.parametrize(
    ("of", "compare", "field"),
    [
        (("2026-01-08", "2026-01-01"), Comparison.PREVIOUS_PERIOD, "period.end"),
        (("2026-01-01", "2026-01-08"), period("2026-01-08", "2026-01-01"), "compare.end"),
        (("2026-01-01", "2026-01-08"), period("2000-01-01", "2026-01-01"), "compare"),
        (("1970-06-01", "1970-06-30"), Comparison.PREVIOUS_YEAR, "compare"),
    ],
)
def test_a_period_that_cannot_be_compared_with_is_named(of: tuple[str, str], compare: Compare, field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        check_periods(period(*of), compare)
    assert refused.value.field == field
