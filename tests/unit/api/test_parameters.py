import datetime as dt
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.api.errors import ApiError
from questlog.api.parameters import parse_day, parse_from, parse_to

Client = TestClient[Litestar]


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("statu=stored", "statu", "unknown query parameter `statu`: did you mean `status`?"),
        ("eventid=a", "eventid", "unknown query parameter `eventid`: did you mean `event_id`?"),
        ("status=lost", "status", "there is no such value: 'lost'; there are stored, warned, rejected"),
        ("limit=many", "limit", "must be a whole number, not a text"),
        ("limit=0", "limit", "must be a whole number >= 1"),
        ("limit=1001", "limit", "must be a whole number <= 1000"),
        ("limit=1&limit=2", "limit", "`limit` is given more than once"),
        ("from=yesterday", "from", "`from` is no date or time like 2026-01-31 or 2026-01-31T12:00:00Z: 'yesterday'"),
        ("to=2026-13-01", "to", "`to` is no date or time like 2026-01-31 or 2026-01-31T12:00:00Z: '2026-13-01'"),
        ("after=7", "after", "`after` must be the `next` of an earlier answer"),
        ("reason=bad_field", "reason", "`reason` cannot filter events"),
    ],
)
def test_a_wrong_parameter_is_named(client: Client, game: dict[str, Any], query: str, field: str, message: str) -> None:
    answer = client.get(f"/api/v1/games/1/events?{query}")
    assert answer.status_code == 400
    assert (answer.json()["error"]["field"], answer.json()["error"]["message"]) == (field, message)


def test_a_route_without_parameters_says_so(client: Client) -> None:
    answer = client.get("/api/v1/games?page=2")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "this route has no query parameters, so no `page`"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("1970-01-01", 0),
        ("1970-01-02T00:00:00Z", 86_400_000_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:00:00.000001", 1),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("0001-01-01", -62_135_596_800_000_000),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200_000_000),
        ("9999-12-31T23:59:59.999999-14:00", 253_402_351_199_999_999),
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text: str | None, expected: int | None) -> None:
    assert parse_from(text) == expected


@pytest.mark.parametrize("text", ["", "now", "2026-02-30", "10000-01-01", "\x00", "١٩٧٠-01-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    for parse in (parse_from, parse_to):
        with pytest.raises(ApiError, match="is no date or time"):
            parse(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("1970-01-01", 86_400_000_000),
        ("1970-01-02T00:00:00Z", 86_400_000_000),
        ("1970-01-02T00:00:00+01:00", 82_800_000_000),
    ],
)
def test_a_day_is_included_as_an_end_and_a_time_is_not(text: str | None, expected: int | None) -> None:
    assert parse_to(text) == expected


def test_a_day_after_which_there_is_none_is_refused() -> None:
    with pytest.raises(ApiError, match="too late"):
        parse_to("9999-12-31")


def test_days_of_a_game_are_days() -> None:
    assert (parse_day("from", None), parse_day("from", "2026-01-31")) == (None, dt.date(2026, 1, 31))
    with pytest.raises(ApiError, match="`from` is no day like 2026-01-31: '2026-01-31T00:00:00Z'"):
        parse_day("from", "2026-01-31T00:00:00Z")
