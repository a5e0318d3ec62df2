"""Error groups on both engines: what is new, since which build."""

import datetime as dt
from typing import Any

import pytest

from questlog.analytics.analyses import error_groups, error_samples
from questlog.analytics.analyses.error_groups import ErrorGroups
from questlog.analytics.analyses.error_samples import ErrorSamples
from questlog.analytics.engine.context import Context
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Comparison, Condition, Period
from tests.support.asked import rows_of
from tests.support.staged import DAY, NOON

_PERIOD = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 2))


def error(
    player: str | None, day: int, message: str | None, build: str | None = "1.0", **fields: Any
) -> dict[str, Any]:
    told = {"category": "error", "severity": "error", "message": message, "build": build, "platform": "ios"}
    return {"player_id": player, "event_time": NOON + day * DAY, **told, **fields}


ROWS = [
    error("a", 0, "no 12", "1.1"),
    error("a", -3, "no 7", "1.0"),
    error("b", 1, "no 8", "1.1", severity="critical", platform="android"),
    error("a", 0, "oops", "1.1"),
    error(None, 0, "oops", "1.1"),
    error("c", 5, "oops", "1.2"),
    error("c", 1, "late", None),
    error("c", -9, "gone", "0.9"),
    error("c", 1, None),
    {"player_id": "a", "category": "sdk_error", "message": "not one of them", "event_time": NOON},
]


def ask(context: Context, question: ErrorGroups, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows_of(error_groups.answer(question, context))]


def test_groups_of_the_period_and_when_each_was_first_seen(context: Context) -> None:
    names = ("fingerprint", "message", "severity", "first_build", "is_new", "events", "players")
    assert ask(context, ErrorGroups(_PERIOD), *names) == [
        ("no #", "no 8", "critical", "1.0", False, 2, 2),
        ("oops", "oops", "error", "1.1", True, 2, 1),
        ("late", "late", "error", None, True, 1, 1),
    ]
    first, last = ask(context, ErrorGroups(_PERIOD), "first_seen", "last_seen")[0]
    noon = dt.datetime(2026, 1, 1, 12)  # noqa: DTZ001 - engines answer with naive UTC
    assert (first, last) == (noon - dt.timedelta(days=3), noon + dt.timedelta(days=1))
    totals = error_groups.answer(ErrorGroups(_PERIOD), context).totals
    assert totals is not None
    assert totals.to_pylist() == [{"groups": 3, "new_groups": 2, "events": 5}]


def test_new_ones_and_old_ones(context: Context) -> None:
    assert ask(context, ErrorGroups(_PERIOD, is_new=True), "fingerprint") == [("oops",), ("late",)]
    assert ask(context, ErrorGroups(_PERIOD, is_new=False), "fingerprint") == [("no #",)]


def test_those_that_came_with_a_build(context: Context) -> None:
    assert ask(context, ErrorGroups(_PERIOD, first_build="1.1"), "fingerprint") == [("oops",)]
    assert ask(context, ErrorGroups(_PERIOD, first_build="1.2"), "fingerprint") == []


def test_a_filter_counts_and_does_not_say_which_was_the_first(context: Context) -> None:
    android = ErrorGroups(_PERIOD, filter=Condition("platform", values=("android",)))
    assert ask(context, android, "fingerprint", "first_build", "events", "is_new") == [("no #", "1.0", 1, False)]


def test_with_the_previous_period(context: Context) -> None:
    period = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 4))
    compared = ErrorGroups(period, compare=Comparison.PREVIOUS_PERIOD)
    names = ("fingerprint", "events", "previous_events", "players", "previous_players")
    assert ask(context, compared, *names) == [("no #", 2, 1, 2, 1), ("oops", 2, 0, 1, 0), ("late", 1, 0, 1, 0)]


def test_a_later_period_can_be_compared_with(context: Context) -> None:
    now, later = Period(dt.date(2025, 12, 1), dt.date(2025, 12, 31)), Period(dt.date(2026, 1, 1), dt.date(2026, 1, 4))
    alone = ask(context, ErrorGroups(now), "fingerprint", "events", "first_seen", "last_seen", "is_new")
    compared = ErrorGroups(now, compare=later)
    assert ask(context, compared, "fingerprint", "events", "first_seen", "last_seen", "is_new") == alone
    assert ask(context, compared, "fingerprint", "previous_events", "previous_players") == [
        ("gone", 0, 0),
        ("no #", 2, 2),
    ]


def test_page_by_page(context: Context) -> None:
    first = error_groups.answer(ErrorGroups(_PERIOD, limit=2), context)
    second = error_groups.answer(ErrorGroups(_PERIOD, limit=2, after=first.next), context)
    assert [each.table["fingerprint"].to_pylist() for each in (first, second)] == [["no #", "oops"], ["late"]]
    assert second.next is None


def test_what_cannot_be_asked(context: Context) -> None:
    with pytest.raises(InvalidQuery) as refused:
        error_groups.answer(ErrorGroups(_PERIOD, filter=Condition("contry", values=("DE",))), context)
    assert (refused.value.field, refused.value.nearest) == ("filter.dimension", "country")


def test_samples_of_a_group_are_its_latest_errors_of_the_period(context: Context) -> None:
    def samples(fingerprint: str, **asked: Any) -> list[tuple[str, str]]:
        found = error_samples.answer(ErrorSamples(fingerprint, _PERIOD, **asked), context)
        return [(row["message"], row["player_id"]) for row in rows_of(found)]

    assert samples("no #") == [("no 8", "b"), ("no 12", "a")]
    assert samples("no #", limit=1) == [("no 8", "b")]
    assert samples("no #", filter=Condition("platform", values=("ios",))) == [("no 12", "a")]
    assert samples("nothing") == []
    with pytest.raises(InvalidQuery) as refused:
        samples("no #", filter=Condition("colour", values=("red",)))
    assert refused.value.field == "filter.dimension"
