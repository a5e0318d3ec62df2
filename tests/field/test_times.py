"""Clocks that are wrong: unset, set during the session, hours ahead (metrics.md §1)."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from questlog.analytics.analyses.funnel import Funnel
from questlog.analytics.question.query import EventMatch, Period
from tests.support.field import ALL, RECEIVED, FieldGame, data, events, field_game
from tests.support.installation import USER_EVENT

_NOW_S = round(RECEIVED.timestamp())
_TODAY = RECEIVED.date()
_DAY_10 = Period(dt.date(2026, 11, 10), dt.date(2026, 11, 10))
_EARLIEST_S = 1_262_304_000
"""2010-01-01."""


@pytest.fixture
def game(tmp_path: Path) -> Iterator[FieldGame]:
    with field_game(tmp_path) as made:
        yield made


def test_stray_clocks_of_1970_change_no_cohort(game: FieldGame) -> None:
    assert game.send(data("f2a_stray_old_clock_1_before.ga.json")) == 200
    asked = ("dau", "new_players", "returning_players", "retention_d1")
    before = game.metrics(*asked, period=_DAY_10)
    assert before == [{"dau": 10, "new_players": 10, "returning_players": 0, "retention_d1": 1.0}]
    assert game.send(data("f2a_stray_old_clock_2_after.ga.json")) == 200
    assert game.metrics(*asked, period=_DAY_10) == before
    assert game.metric("new_players") == 10
    today = game.metrics("dau", "returning_players", period=Period(_TODAY, _TODAY))
    assert today == [{"dau": 4, "returning_players": 4}]


def test_a_clock_that_is_set_during_the_session_makes_no_session_of_years(game: FieldGame) -> None:
    game.at(dt.datetime(2026, 11, 20, 10, 5, tzinfo=dt.UTC))
    assert game.send(data("f2b_clock_set_during_session.ga.json")) == 200
    assert game.metrics("dau", "new_players", "sessions", "playtime") == [
        {"dau": 1, "new_players": 1, "sessions": 1, "playtime": 300.0}
    ]
    assert game.metric("events", Period(dt.date(1970, 1, 1), dt.date(1970, 12, 31))) == 0


def _ahead(**shifts_s: int) -> list[dict[str, Any]]:
    """The events of the template, with the clock nine hours ahead."""
    made = []
    for event in events("f4_clock_ahead.ga.template.json"):
        before_s = int(str(event["client_ts"]).removeprefix("NOW+9h"))
        made.append({**event, "client_ts": _NOW_S + 9 * 3600 + before_s + shifts_s.get(event["user_id"], 0)})
    return made


_FUNNEL = Funnel(tuple(EventMatch("design", name) for name in "abc"), ALL)


def test_a_clock_ahead_keeps_the_order_and_the_spacing_of_its_events(game: FieldGame) -> None:
    assert game.send(_ahead()) == 200
    assert _steps(game) == [2, 1, 1]
    assert game.metrics("sessions", "session_length") == [{"sessions": 2, "session_length": 1200.0}]


def test_each_clock_is_moved_back_by_its_own_amount(game: FieldGame) -> None:
    assert game.send(_ahead(backward=-7200)) == 200
    assert _steps(game) == [2, 1, 1]
    assert game.metrics("sessions", "session_length") == [{"sessions": 2, "session_length": 1200.0}]
    ends = game.store.query("SELECT max(event_time) AS at FROM events GROUP BY player_id", {})["at"].to_pylist()
    assert ends == [RECEIVED.replace(tzinfo=None)] * 2


def test_events_of_right_clocks_stay_where_they_are_among_those_ahead(game: FieldGame) -> None:
    right = {**USER_EVENT, "user_id": "forward", "client_ts": _NOW_S - 3000, "session_id": _ahead()[0]["session_id"]}
    tolerated = {**USER_EVENT, "user_id": "tolerated", "client_ts": _NOW_S + 600}
    assert game.send([right, *_ahead(), tolerated]) == 200
    times = "player_id, min(event_time) AS first, max(event_time) AS last"
    assert game.metric("dau") == 3
    rows = game.store.query(f"SELECT {times} FROM events GROUP BY player_id", {}).to_pylist()  # noqa: S608
    minutes = {row["player_id"]: tuple(_minutes(row[name]) for name in ("first", "last")) for row in rows}
    assert minutes == {"forward": (-50, 0), "backward": (-20, 0), "tolerated": (10, 10)}


def _minutes(time: dt.datetime) -> float:
    return (time.replace(tzinfo=dt.UTC) - RECEIVED) / dt.timedelta(minutes=1)


def _steps(game: FieldGame) -> list[int]:
    return [row["count"] for row in game.ask(_FUNNEL).table.to_pylist()]


def test_a_time_before_there_was_the_game_is_none(game: FieldGame) -> None:
    too_early = (0, 5, 30, 86_400 * 365, _EARLIEST_S - 1)
    for client_ts in (*too_early, _EARLIEST_S):
        assert game.send([{**USER_EVENT, "user_id": f"player-{client_ts}", "client_ts": client_ts}]) == 200
    assert game.metric("new_players", Period(_TODAY, _TODAY)) == len(too_early)
    assert game.metric("new_players", Period(dt.date(2010, 1, 1), dt.date(2010, 1, 1))) == 1


def test_satori_clients_have_such_clocks_too(game: FieldGame) -> None:
    too_early = ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2009-12-31T23:59:59.999999Z")
    unset = {"sessionId": "match-42", "sessionIssuedAt": 0, "sessionExpiresAt": 0}
    for place, timestamp in enumerate(too_early):
        sent = {"name": "win", "identityId": f"identity-{place}", "timestamp": timestamp}
        assert game.send_server_events({"events": [sent, {**sent, **unset}]}) == 200
    assert game.metrics("new_players", "sessions", "playtime", period=Period(_TODAY, _TODAY)) == [
        {"new_players": 3, "sessions": 3, "playtime": 0.0}
    ]


def test_servers_ahead_are_moved_back_too(game: FieldGame) -> None:
    ahead = RECEIVED + dt.timedelta(hours=9)
    sent = [
        {"name": name, "identityId": "identity-a", "timestamp": (ahead + dt.timedelta(minutes=minute)).isoformat()}
        for minute, name in enumerate("abc")
    ]
    assert game.send_server_events({"events": sent}) == 200
    steps = Funnel(tuple(EventMatch("custom", name) for name in "abc"), ALL)
    assert [row["count"] for row in game.ask(steps).table.to_pylist()] == [1, 1, 1]
