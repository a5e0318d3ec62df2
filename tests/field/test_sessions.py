"""Session ids as clients really send them: one for all players, one for a server, one for a match (metrics.md §2)."""

import base64
import datetime as dt
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from questlog.analytics.question.query import Period
from tests.support.field import RECEIVED, FieldGame, data, events, field_game
from tests.support.installation import USER_EVENT

_DAY_10 = dt.date(2026, 11, 10)
_BEGIN_S = 1_794_304_800
"""2026-11-10 10:00 UTC."""


@pytest.fixture
def game(tmp_path: Path) -> Iterator[FieldGame]:
    with field_game(tmp_path) as made:
        yield made


def told(game: FieldGame) -> dict[str, Any]:
    [row] = game.metrics("dau", "sessions", "playtime", "session_length_median")
    return row


def test_three_players_with_one_session_id_have_three_sessions(game: FieldGame) -> None:
    assert game.send(data("f1a_three_players_one_session_id.ga.json")) == 200
    assert told(game) == {"dau": 3, "sessions": 3, "playtime": 1800.0, "session_length_median": 600.0}
    by_day = game.metrics(
        "sessions", "new_players", period=Period(_DAY_10, _DAY_10 + dt.timedelta(2)), granularity="day"
    )
    assert [(row["sessions"], row["new_players"]) for row in by_day] == [(1, 1)] * 3


def test_the_visits_to_a_game_server_with_one_id_are_sessions(game: FieldGame) -> None:
    assert game.send(data("f1b_game_server_one_session_id.ga.json")) == 200
    assert told(game) == {"dau": 5, "sessions": 10, "playtime": 12_000.0, "session_length_median": 1200.0}


@pytest.mark.parametrize("seed", range(2))
def test_sessions_do_not_depend_on_the_order_in_which_events_come(game: FieldGame, seed: int) -> None:
    shuffled = events("f1b_game_server_one_session_id.ga.json")
    random.Random(seed).shuffle(shuffled)
    for event in shuffled:
        assert game.send([event]) == 200
        if seed == 0:
            game.metric("sessions")  # loads what there is so far
    assert told(game) == {"dau": 5, "sessions": 10, "playtime": 12_000.0, "session_length_median": 1200.0}


def test_the_players_of_a_match_have_sessions_of_their_own(game: FieldGame) -> None:
    assert game.send_server_events(data("f1d_match_as_session.satori.json")) == 200
    assert told(game) == {"dau": 4, "sessions": 4, "playtime": 2760.0, "session_length_median": 690.0}


def ga(second: int, player: str = "ann", **fields: object) -> dict[str, object]:
    return {**USER_EVENT, "user_id": player, "client_ts": _BEGIN_S + second, **fields}


_GAP = 43_200


_USES: Mapping[tuple[int, ...], tuple[int, int]] = {
    (0, _GAP): (1, _GAP),
    (0, _GAP + 1): (2, 0),
    (0, 600, _GAP + 601, _GAP + 700): (2, 699),
    # Late events that join two sessions, one at each side of a gap, and one that is all alone.
    (0, 2 * _GAP, _GAP): (1, 2 * _GAP),
    (0, 3 * _GAP, _GAP, 2 * _GAP): (1, 3 * _GAP),
    (3 * _GAP, 0, _GAP): (2, _GAP),
}
"""When a player uses the same session id, in the order of arrival: how many sessions that makes, how long."""


def test_a_session_id_used_again_much_later_is_another_session(game: FieldGame) -> None:
    for place in range(max(map(len, _USES))):
        sent = [ga(seconds[place], str(seconds)) for seconds in _USES if place < len(seconds)]
        assert game.send(sent) == 200
        told(game)
    statement = "SELECT player_id, count(*) AS n, sum(length_s)::INTEGER AS s FROM sessions GROUP BY player_id"
    rows = game.store.query(statement, {}).to_pylist()
    assert {row["player_id"]: (row["n"], row["s"]) for row in rows} == {str(key): of for key, of in _USES.items()}


def test_the_clients_count_of_sessions_tells_them_apart(game: FieldGame) -> None:
    assert game.send([ga(0), ga(60), ga(120, session_num=2), ga(180, session_num=2), ga(240, "bob")]) == 200
    assert told(game) == {"dau": 2, "sessions": 3, "playtime": 120.0, "session_length_median": 60.0}


def server_event(second: int, identity: str | None, session: str | None, **fields: object) -> dict[str, object]:
    time = dt.datetime.fromtimestamp(_BEGIN_S + second, dt.UTC).isoformat()
    ids = {name: value for name, value in (("identityId", identity), ("sessionId", session)) if value}
    return {"name": "win", "timestamp": time, **ids, **fields}


def test_a_session_is_no_longer_than_31_days(game: FieldGame) -> None:
    days = 86_400
    issued = {"sessionIssuedAt": _BEGIN_S - 50 * days}
    assert game.send_server_events({"events": [server_event(0, "identity-a", "match", **issued)]}) == 200
    assert told(game)["playtime"] == 31.0 * days
    assert game.send([ga(0, category="session_end", length=32 * days)]) == 200
    assert told(game)["playtime"] == 62.0 * days


def test_a_session_that_is_one_again_was_not_created_before_it_ended(game: FieldGame) -> None:
    """The token, and its time of creation, are those of days ago."""
    issued = {"sessionIssuedAt": _BEGIN_S - 3600}
    sent = [server_event(day * 86_400, "identity-a", "match", **issued) for day in range(3)]
    assert game.send_server_events({"events": sent[:1]}) == 200
    assert told(game)["playtime"] == 3600.0
    assert game.send_server_events({"events": sent[1:]}) == 200
    assert told(game) == {"dau": 1, "sessions": 3, "playtime": 3600.0, "session_length_median": 0.0}


def test_what_a_server_says_of_a_players_session_is_of_that_session(game: FieldGame) -> None:
    """Also when the server names it, and where it comes first."""
    token = game.collector.authenticate("identity-a")["token"]
    session_id = _session_of(token)
    now = round(RECEIVED.timestamp()) - _BEGIN_S
    assert game.send_server_events({"events": [server_event(now - 60, "identity-b", "match-42")]}) == 200
    assert game.send_server_events({"events": [server_event(now + 300, "identity-a", session_id)]}) == 200
    game.at(RECEIVED + dt.timedelta(minutes=10))
    when = (RECEIVED + dt.timedelta(minutes=10)).isoformat()
    assert game.send_client_events(token, {"name": "jump", "timestamp": when}) == 200
    assert told(game)["sessions"] == 2
    assert told(game)["playtime"] == 600.0


def test_a_session_that_is_identified_anew_moves_to_the_other_player(game: FieldGame) -> None:
    session = game.collector.authenticate("identity-a")
    jump: Mapping[str, object] = {"name": "jump", "timestamp": RECEIVED.isoformat()}
    assert game.send_client_events(session["token"], jump) == 200
    answer = game.collector.ask(
        "PUT", "/v1/identify", {"id": "identity-b"}, {"Authorization": f"Bearer {session['token']}"}
    )
    assert answer.status == 200
    game.at(RECEIVED + dt.timedelta(minutes=5))
    later = {"name": "jump", "timestamp": (RECEIVED + dt.timedelta(minutes=5)).isoformat()}
    assert game.send_client_events(_token_of(answer.body), later) == 200
    assert told(game) == {"dau": 2, "sessions": 1, "playtime": 300.0, "session_length_median": 300.0}
    rows = game.store.query("SELECT player_id FROM sessions", {}).to_pylist()
    assert rows == [{"player_id": "identity-b"}]


def test_an_event_without_an_identity_is_of_no_session(game: FieldGame) -> None:
    sent = [server_event(0, None, "match-42"), server_event(60, "identity-a", "match-42")]
    assert game.send_server_events({"events": sent}) == 200
    assert told(game) == {"dau": 1, "sessions": 1, "playtime": 0.0, "session_length_median": 0.0}


def _token_of(body: bytes) -> str:
    return str(json.loads(body)["token"])


def _session_of(token: str) -> str:
    claims = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sid"])
