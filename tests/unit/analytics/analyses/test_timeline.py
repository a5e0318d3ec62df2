"""One player's profile, sessions and events, newest first, the same on both engines."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from questlog.analytics.analyses import timeline
from questlog.analytics.analyses.timeline import PlayerProfile, PlayerSessions, PlayerTimeline
from questlog.analytics.engine.context import Context
from questlog.analytics.question.answer import Answer
from questlog.analytics.question.problems import InvalidQuery
from questlog.analytics.question.query import Condition, EventMatch, Operator, Period
from questlog.store.contract import PlayerProperties
from tests.support.engines import BothEngines, embedded_store
from tests.support.staged import DAY, MINUTE, NOON, batch, new_id

FIRST = dt.date(2026, 1, 1)


def event(at: int, player: str = "ann", **fields: Any) -> dict[str, Any]:
    return {"client_event_id": new_id(), "player_id": player, "event_time": NOON + at, "platform": "ios", **fields}


ROWS = [
    event(0, event_id="walk:far", session_id="s1", value=1.0),
    event(MINUTE, event_id="walk:far", session_id="s1"),
    event(MINUTE, event_id="walk:near", session_id="s1"),
    event(2 * MINUTE, category="error", severity="error", message="Could not OPEN 100% of c:\\x", session_id="s1"),
    event(DAY, event_id="talk", attributes='{"to": "Müller", "tone": "(loud)"}', session_id="s2"),
    event(DAY + MINUTE, category="business", event_id="gems:pack", amount=99, currency="USD", country="DE"),
    event(0, "bob", event_id="walk:far"),
    event(0, "ann", event_id="walk:far", game_id=2),
]


@pytest.fixture(scope="module")
def engines() -> Iterator[BothEngines]:
    with embedded_store() as store:
        known = PlayerProperties(1, "set", NOON, '{"default": {"a": "b"}, "custom": {}}')
        store.load(batch(ROWS, properties=[known]), NOON)
        yield BothEngines(store)


@pytest.fixture(params=["duckdb", "clickhouse"])
def context(request: pytest.FixtureRequest, engines: BothEngines) -> Context:
    return Context(1, engines.duckdb if request.param == "duckdb" else engines.clickhouse, NOON + 2 * DAY)


def told(answer: Answer) -> list[dict[str, Any]]:
    assert [column.name for column in answer.columns] == answer.table.column_names
    rows: list[dict[str, Any]] = answer.table.to_pylist()
    return rows


def ask(context: Context, **asked: Any) -> list[dict[str, Any]]:
    return told(timeline.answer(PlayerTimeline(**{"player_id": "ann", **asked}), context))


def ids(rows: list[dict[str, Any]]) -> list[Any]:
    return [row["event_id"] or row["category"] for row in rows]


def test_events_come_newest_first_and_later_rows_before_earlier_ones(context: Context) -> None:
    assert ids(ask(context)) == ["gems:pack", "talk", "error", "walk:near", "walk:far", "walk:far"]


def test_an_event_has_all_its_columns(context: Context) -> None:
    row = ask(context, event=EventMatch("error"))[0]
    is_set = {name: value for name, value in row.items() if value is not None}
    assert is_set.pop("event_uuid")
    assert is_set == {
        "row_no": 4, "batch_no": 1, "game_id": 1, "source": "gameanalytics", "has_client_id": True,
        "received_at": _time(0), "event_time": _time(2 * MINUTE), "player_no": 1, "session_no": 1,
        "session_is_matched": False, "event_no": row["event_no"], "category": "error", "severity": "error",
        "message": "Could not OPEN 100% of c:\\x", "player_id": "ann", "session_id": "s1", "platform": "ios",
    }  # fmt: skip


def _time(at: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=NOON + at)  # noqa: DTZ001 - engines answer naive UTC


def test_pages_follow_each_other_without_gap_or_repetition(context: Context) -> None:
    seen: list[Any] = []
    after: str | None = None
    pages = 0
    while pages == 0 or after is not None:
        answer = timeline.answer(PlayerTimeline("ann", limit=2, after=after), context)
        seen += answer.table["row_no"].to_pylist()
        after, pages = answer.next, pages + 1
    assert seen == [6, 5, 4, 3, 2, 1]
    assert pages == 3


@pytest.mark.parametrize("after", ["nonsense", "a b", "ä", "kwE", "93////8AAQ", "kgE="])
def test_what_is_no_mark_is_refused(context: Context, after: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        timeline.answer(PlayerTimeline("ann", after=after), context)
    assert refused.value.field == "after"


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("WALK", ["walk:near", "walk:far", "walk:far"]),
        ("k:f", ["walk:far", "walk:far"]),
        ("open 100% OF C:\\", ["error"]),
        ("(LOUD)", ["talk"]),
        ("mÜller", ["talk"]),
        (".", []),
        ("w.lk", []),
        ("gold", []),
        ("nul\0", []),
        ("'", []),
    ],
)
def test_a_search_looks_into_ids_messages_and_attributes(context: Context, search: str, found: list[str]) -> None:
    assert ids(ask(context, search=search)) == found


def test_only_what_matches_is_there(context: Context) -> None:
    walks = EventMatch("design", "walk", is_prefix=True)
    assert ids(ask(context, event=walks, period=Period(FIRST, FIRST))) == ["walk:near", "walk:far", "walk:far"]
    assert ids(ask(context, event=EventMatch(filter=Condition("country", Operator.IS, ("DE",))))) == ["gems:pack"]
    assert ids(ask(context, event=EventMatch(filter=Condition("value", Operator.IS_SET)))) == ["walk:far"]


def test_a_period_without_an_event_is_empty(context: Context) -> None:
    day = dt.date(2026, 1, 9)
    empty = timeline.answer(PlayerTimeline("ann", Period(day, day)), context).table
    assert empty.num_rows == 0
    assert empty.schema == timeline.answer(PlayerTimeline("ann"), context).table.schema


def test_sessions_come_newest_first(context: Context) -> None:
    rows = told(timeline.sessions(PlayerSessions("ann"), context))
    assert [(row["session_id"], row["events"], float(row["length_s"])) for row in rows] == [
        ("s2", 1, 0.0),
        ("s1", 4, 120.0),
    ]
    first = timeline.sessions(PlayerSessions("ann", limit=1), context)
    second = timeline.sessions(PlayerSessions("ann", after=first.next, limit=1), context)
    assert [row["session_id"] for answer in (first, second) for row in told(answer)] == ["s2", "s1"]
    assert second.next is None


def test_a_profile_is_the_players_row(context: Context) -> None:
    [row] = told(timeline.profile(PlayerProfile("ann"), context))
    expected: Mapping[str, Any] = {
        "player_id": "ann",
        "events": 6,
        "sessions": 2,
        "first_seen": _time(0),
        "platform": "ios",
    }
    assert {name: row[name] for name in expected} == expected


def test_a_player_of_whom_only_properties_are_known_has_no_events(context: Context) -> None:
    [row] = told(timeline.profile(PlayerProfile("set"), context))
    assert (row["first_seen"], row["properties"]) == (None, '{"default": {"a": "b"}, "custom": {}}')
    assert ask(context, player_id="set") == []
    assert told(timeline.sessions(PlayerSessions("set"), context)) == []


def test_who_is_not_there_is_refused(context: Context) -> None:
    with pytest.raises(InvalidQuery, match="player_id: the game has no player 'nobody'"):
        timeline.profile(PlayerProfile("nobody"), context)
    with pytest.raises(InvalidQuery, match="the game has no player"):
        timeline.sessions(PlayerSessions("nobody"), context)
    with pytest.raises(InvalidQuery, match="the game has no player"):
        ask(context, player_id="nobody")


def test_a_period_may_be_long_but_not_backwards(context: Context) -> None:
    assert len(ask(context, period=Period(dt.date(1970, 1, 1), dt.date(2200, 1, 1)))) == 6
    with pytest.raises(InvalidQuery, match="before the start"):
        ask(context, period=Period(dt.date(2026, 1, 2), FIRST))


def test_a_dimension_that_is_none_is_refused(context: Context) -> None:
    with pytest.raises(InvalidQuery, match="did you mean 'country'"):
        ask(context, event=EventMatch(filter=Condition("contry", Operator.IS_SET)))


def test_money_is_in_dollars_and_lengths_are_in_seconds(context: Context) -> None:
    found = timeline.profile(PlayerProfile("ann"), context)
    units = {column.name: column.unit for column in found.columns if column.unit}
    assert units == {"playtime_s": "s", "revenue_usd": "USD"}
    events = timeline.answer(PlayerTimeline("ann"), context)
    units = {column.name: column.unit for column in events.columns if column.unit}
    assert units == {"length_s": "s", "ad_duration_ms": "ms", "amount_usd": "USD", "ad_revenue_usd": "USD"}
