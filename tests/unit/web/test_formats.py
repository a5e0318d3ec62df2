import datetime as dt
from decimal import Decimal

import pytest

from questlog.model.calendar import Zone
from questlog.web.formats import Formats

EN, DE = Formats("en"), Formats("de")


@pytest.mark.parametrize(
    ("value", "unit", "english", "german"),
    [
        (None, "players", "–", "–"),
        (1234567, "players", "1,234,567", "1.234.567"),
        (0.4234, "share", "42.3 %", "42,3 %"),
        (Decimal("1234.5"), "USD", "$1,234.50", "1.234,50\xa0$"),
        (0.01234, "USD", "$0.0123", "0,0123 $"),
        (123456.78, "USD", "$123,457", "123.457 $"),
        (59, "s", "59 s", "59 s"),
        (61, "s", "1 min 1 s", "1 min 1 s"),
        (7_260, "s", "2 h 1 min", "2 h 1 min"),
        (200_000, "s", "55 h", "55 h"),
        (12.3456, "", "12.35", "12,35"),
        ("text", "", "text", "text"),
        (dt.date(2026, 12, 1), "", "Dec 1, 2026", "01.12.2026"),
    ],
)
def test_values_are_written_with_their_unit(value: object, unit: str, english: str, german: str) -> None:
    assert EN.value(value, unit) == english
    assert DE.value(value, unit).replace("\u202f", " ") == german


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (110, 100, "+10.0 %"),
        (90, 100, "−10.0 %"),
        (300, 100, "+200 %"),
        (5, 0, "–"),
        (None, 5, "–"),
        (-5, -10, "+50.0 %"),
    ],
)
def test_a_change_is_of_what_was_before(now: float | None, before: float, text: str) -> None:
    assert EN.change(now, before) == text


def test_times_are_of_the_games_zone() -> None:
    moment = dt.datetime(2026, 7, 1, 22, 30, tzinfo=dt.UTC)
    assert EN.clock(moment, Zone("Europe/Berlin")) == "00:30"
    assert EN.clock(moment) == "22:30"
