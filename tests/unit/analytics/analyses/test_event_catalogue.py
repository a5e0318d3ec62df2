"""The event catalogue on both engines."""

import datetime as dt
from typing import Any

import pytest

from questlog.analytics.analyses import event_catalogue
from questlog.analytics.analyses.event_catalogue import EventCatalogue
from questlog.analytics.engine.context import Context
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Period
from tests.support.asked import rows_of
from tests.support.staged import DAY, MINUTE, NOON

_PERIOD = Period(dt.date(2026, 1, 1), dt.date(2026, 1, 2))


def event(player: str, event_id: str | None, day: int = 0, **fields: Any) -> dict[str, Any]:
    return {"player_id": player, "event_id": event_id, "event_time": NOON + day * DAY, **fields}


ROWS = [
    event("a", "boss", value=1.0, build="2", sdk_version="unity 1", attributes='{"hp": 3, "name": "x", "n": null}'),
    event("b", "boss", 1, build="1", sdk_version="unity 1", attributes='{"hp": "3", "custom_fields": {"w": true}}'),
    event("b", "boss", 1, build="1", attributes='{"hp": 0.5, "list": [1], "object": {"k": 1}}'),
    event("a", "boss", -9),
    event("c", "miniBOSS", 5),
    event("a", None, category="user", source="satori_client"),
    *(event(f"p{n % 5}", "often", event_time=NOON + n * MINUTE, build=str(n % 3)) for n in range(600)),
]


def ask(context: Context, question: EventCatalogue, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows_of(event_catalogue.answer(question, context))]


def test_every_name_with_its_days_and_its_volume(context: Context) -> None:
    names = ("category", "event_id", "first_day", "last_day", "events", "with_value", "players")
    first = dt.date(2026, 1, 1)
    assert ask(context, EventCatalogue(_PERIOD, players=True), *names) == [
        ("design", "often", first, first, 600, 0, 5),
        ("design", "boss", dt.date(2025, 12, 23), dt.date(2026, 1, 2), 3, 1, 2),
        ("user", None, first, first, 1, 0, 1),
        ("design", "miniBOSS", dt.date(2026, 1, 6), dt.date(2026, 1, 6), 0, 0, 0),
    ]
    totals = event_catalogue.answer(EventCatalogue(_PERIOD), context).totals
    assert totals is not None
    assert totals.to_pylist() == [{"names": 4, "events": 604}]


def test_attributes_sdks_and_builds_of_its_events(context: Context) -> None:
    names = ("sampled", "sources", "sdk_versions", "builds", "attributes")
    [boss, _] = ask(context, EventCatalogue(_PERIOD, search="BOSS"), *names)
    assert boss == (
        3,
        ["gameanalytics"],
        ["unity 1"],
        ["1", "2"],
        [
            {"key": "hp", "types": ["number", "text"], "share": 1.0},
            {"key": "custom_fields.w", "types": ["boolean"], "share": 1 / 3},
            {"key": "list", "types": ["list"], "share": 1 / 3},
            {"key": "name", "types": ["text"], "share": 1 / 3},
            {"key": "object", "types": ["object"], "share": 1 / 3},
        ],
    )


def test_of_frequent_events_a_sample_is_looked_at(context: Context) -> None:
    [(sampled, builds)] = ask(context, EventCatalogue(_PERIOD, search="often", sample=60), "sampled", "builds")
    assert 40 <= sampled <= 80
    assert sorted(builds) == ["0", "1", "2"]
    assert ask(context, EventCatalogue(_PERIOD, search="often", sample=0), "sampled", "builds") == [(0, [])]


def test_by_category_and_page_by_page(context: Context) -> None:
    assert ask(context, EventCatalogue(_PERIOD, "user"), "category") == [("user",)]
    first = event_catalogue.answer(EventCatalogue(_PERIOD, limit=3), context)
    second = event_catalogue.answer(EventCatalogue(_PERIOD, limit=3, after=first.next), context)
    ids = [each.table["event_id"].to_pylist() for each in (first, second)]
    assert (ids, second.next) == ([["often", "boss", None], ["miniBOSS"]], None)


@pytest.mark.parametrize(
    ("question", "field", "nearest"),
    [
        (EventCatalogue(_PERIOD, "desing"), "category", "design"),
        (EventCatalogue(_PERIOD, limit=200, sample=200), "sample", "100"),
        (EventCatalogue(Period(_PERIOD.end, _PERIOD.start)), "period.end", None),
    ],
)
def test_what_cannot_be_asked(context: Context, question: EventCatalogue, field: str, nearest: str | None) -> None:
    with pytest.raises(InvalidQuery) as refused:
        event_catalogue.answer(question, context)
    assert (refused.value.field, refused.value.nearest) == (field, nearest)
