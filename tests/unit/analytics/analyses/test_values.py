"""Values of a dimension on both engines, beside counting them in Python."""

import datetime as dt
from collections import Counter
from typing import Any

import pytest

from questlog.analytics.analyses import values
from questlog.analytics.analyses.values import Values
from questlog.analytics.engine.context import Context
from questlog.analytics.question.paging import mark_of
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, Period
from tests.support.asked import rows_of
from tests.support.staged import DAY, NOON

_PERIOD = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 2))


def event(player: str | None, day: int = 0, **fields: Any) -> dict[str, Any]:
    return {"player_id": player, "event_time": NOON + day * DAY, "event_id": "x", "session_id": player, **fields}


ROWS = [
    event("a", country="DE", build="1.10", value=2.0),
    event("a", country="DE", build="1.1", attributes='{"weapon": "Sword"}'),
    event("b", 1, country="DE", value=2.5, attributes='{"weapon": "swan"}'),
    event("b", 1, country="FR", attributes='{"weapon": "bow"}'),
    event(None, country="FR"),
    event("c"),
    event("d", 3, country="US"),
    event("a", category="error", severity="warning", event_id=None, message="m"),
]
_IN_PERIOD = [row for row in ROWS if row["event_time"] < NOON + 2 * DAY]


def ask(context: Context, question: Values) -> list[tuple[Any, ...]]:
    return [(row["value"], row["events"], row["players"]) for row in rows_of(values.answer(question, context))]


def test_values_are_those_of_the_periods_events(context: Context) -> None:
    counts = Counter(row["country"] for row in _IN_PERIOD if row.get("country"))
    players = {
        name: len({row["player_id"] for row in _IN_PERIOD if row.get("country") == name} - {None}) for name in counts
    }
    wanted = [(name, count, players[name]) for name, count in sorted(counts.items(), key=lambda each: -each[1])]
    answer = values.answer(Values("country", _PERIOD), context)
    assert ask(context, Values("country", _PERIOD)) == wanted == [("DE", 3, 2), ("FR", 2, 1)]
    assert answer.table["share"].to_pylist() == [3 / 7, 2 / 7]
    assert answer.totals is not None
    assert answer.totals.to_pylist() == [{"values": 2, "events": 5, "players": 2}]


def test_by_prefix_in_capitals_or_not(context: Context) -> None:
    assert ask(context, Values("attributes.weapon", _PERIOD, "SW")) == [("Sword", 1, 1), ("swan", 1, 1)]
    assert ask(context, Values("build", _PERIOD, "1.1")) == [("1.1", 1, 1), ("1.10", 1, 1)]
    assert ask(context, Values("build", _PERIOD, "1.")) == [("1.1", 1, 1), ("1.10", 1, 1)]
    assert ask(context, Values("build", _PERIOD, ".")) == []


def test_page_by_page(context: Context) -> None:
    first = values.answer(Values("attributes.weapon", _PERIOD, limit=2), context)
    second = values.answer(Values("attributes.weapon", _PERIOD, limit=2, after=first.next), context)
    found = [each.table["value"].to_pylist() for each in (first, second)]
    assert (found, second.next) == ([["Sword", "bow"], ["swan"]], None)


def test_numbers_and_segments_and_parts_of_ids(context: Context) -> None:
    assert ask(context, Values("value", _PERIOD)) == [("2", 1, 1), ("2.5", 1, 1)]
    assert ask(context, Values("design_01", _PERIOD)) == [("x", 6, 3)]


def test_a_closed_vocabulary_is_whole(context: Context) -> None:
    found = ask(context, Values("severity", _PERIOD))
    assert found == [("warning", 1, 1), *((each, 0, 0) for each in ("critical", "debug", "error", "info"))]
    assert ask(context, Values("severity", _PERIOD, "E")) == [("error", 0, 0)]
    assert ask(context, Values("severity", _PERIOD, limit=1, after=mark_of(1))) == [("critical", 0, 0)]


def test_by_filter(context: Context) -> None:
    only = Values("country", _PERIOD, filter=Condition("build", values=("1.1",)))
    assert ask(context, only) == [("DE", 1, 1)]


def test_nothing_at_all(context: Context) -> None:
    never = Values("country", Period(dt.date(2001, 1, 1), dt.date(2001, 1, 1)))
    answer = values.answer(never, context)
    assert answer.table.num_rows == 0
    assert answer.totals is not None
    assert answer.totals.to_pylist() == [{"values": 0, "events": 0, "players": 0}]


@pytest.mark.parametrize(
    ("question", "field", "nearest"),
    [
        (Values("contry", _PERIOD), "dimension", "country"),
        (Values("segment.whales", _PERIOD), "dimension", None),
        (Values("country", Period(_PERIOD.end, _PERIOD.start)), "period.end", None),
        (Values("country", _PERIOD, filter=Condition("platfrm")), "filter.dimension", "platform"),
    ],
)
def test_what_cannot_be_asked(context: Context, question: Values, field: str, nearest: str | None) -> None:
    with pytest.raises(InvalidQuery) as refused:
        values.answer(question, context)
    assert (refused.value.field, refused.value.nearest) == (field, nearest)
