import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.console import player_export
from questlog.control.audit_log import AuditFilter
from questlog.control.grants import Role
from questlog.control.identities import Origin, Properties
from tests.support.console import FakeConsole

Client = TestClient[Litestar]
PATH = "/api/v1/games/1/erasures"
HOUR_US = 3_600_000_000

pytestmark = pytest.mark.usefixtures("game")


def test_a_player_is_erased_after_a_day_unless_someone_undoes_it(client: Client, console: FakeConsole) -> None:
    console.tables.insert("players", game_id=1, player_no=1, player_id="ada/ë")
    answer = client.post(PATH, json={"player_id": "ada/ë"})
    told = {
        "game_id": 1,
        "player_id": "ada/ë",
        "requested_by": "token tests",
        "requested_at": console.clock.us,
        "due_at": console.clock.us + 24 * HOUR_US,
    }
    assert (answer.status_code, answer.json()) == (202, told)
    assert client.post(PATH, json={"player_id": "ada/ë"}).status_code == 409
    assert client.get(PATH).json() == [told]
    assert client.delete(PATH, params={"player_id": "ada/ë"}).status_code == 204
    assert client.get(PATH).json() == []
    assert client.delete(PATH, params={"player_id": "ada/ë"}).status_code == 404


def test_who_is_known_by_the_identity_or_by_rejected_events_only_is_erased_too(
    client: Client, console: FakeConsole
) -> None:
    console.control.get_or_create_identity(1, "iris", Origin(None, None, {}), Properties({}, {}))
    console.tables.insert("rejected_events", game_id=1, rejected_no=1, player_id="rex")
    for player in ("iris", "rex"):
        assert client.post(PATH, json={"player_id": player, "undo_hours": 0}).status_code == 202
    assert [each.player_id for each in console.control.due_erasures()] == ["iris", "rex"]


def test_nobody_is_erased_by_a_mistyped_id(client: Client, console: FakeConsole) -> None:
    console.tables.insert("players", game_id=2, player_no=1, player_id="ada")
    answer = client.post(PATH, json={"player_id": "ada"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "the game has no player 'ada'")


@pytest.mark.parametrize(
    ("body", "field"),
    [({"player_id": ""}, "player_id"), ({}, None), ({"player_id": "a", "undo_hours": 721}, "undo_hours")],
)
def test_a_wrong_value_is_named(client: Client, body: object, field: str | None) -> None:
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["error"].get("field")) == (400, field)


def test_analysts_see_what_waits_and_change_nothing(stranger: Client, console: FakeConsole) -> None:
    stranger.headers["Authorization"] = f"Bearer {console.token_of(Role.ANALYST)}"
    assert stranger.get(PATH).json() == []
    assert stranger.post(PATH, json={"player_id": "ada"}).status_code == 403
    assert stranger.delete(PATH, params={"player_id": "ada"}).status_code == 403
    stranger.headers["Authorization"] = f"Bearer {console.token_of(Role.VIEWER)}"
    assert stranger.get(PATH).status_code == 403


def test_everything_of_a_player_is_one_file(
    client: Client, console: FakeConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(player_export, "_EVENTS_AT_ONCE", 2)
    console.tables.insert("players", game_id=1, player_no=7, player_id="ada/ë", properties='{"custom": {"a": "b"}}')
    console.tables.insert("players", game_id=1, player_no=8, player_id="bob")
    console.tables.insert("sessions", game_id=1, player_no=7, session_no=3, session_id="s")
    console.tables.insert("purchases", game_id=1, player_no=7, row_no=1, amount=99)
    console.tables.insert("rejected_events", game_id=1, player_id="ada/ë", rejected_no=1, errors='[{"path": "v"}]')
    for row_no in range(1, 6):
        console.tables.insert("events", game_id=1, player_no=7, row_no=row_no, attributes='{"x": 1}', value=0.5)
    console.tables.insert("events", game_id=1, player_no=8, row_no=9)
    answer = client.get("/api/v1/games/1/player-export", params={"player_id": "ada/ë"})
    assert answer.status_code == 200
    assert answer.json() == {
        "player_id": "ada/ë",
        "exported_at": console.clock.us,
        "identity": None,
        "player": {"game_id": 1, "player_no": 7, "player_id": "ada/ë", "properties": {"custom": {"a": "b"}}},
        "sessions": [{"game_id": 1, "player_no": 7, "session_no": 3, "session_id": "s"}],
        "purchases": [{"game_id": 1, "player_no": 7, "row_no": 1, "amount": 99}],
        "rejected_events": [{"game_id": 1, "player_id": "ada/ë", "rejected_no": 1, "errors": [{"path": "v"}]}],
        "events": [
            {"game_id": 1, "player_no": 7, "row_no": row_no, "attributes": {"x": 1}, "value": 0.5}
            for row_no in range(1, 6)
        ],
    }
    actions = [(entry.action, entry.subject) for entry in console.control.list_audit(AuditFilter())]
    assert ("export", "player/ada/ë") in actions


def test_of_an_identity_without_events_the_file_has_the_properties(client: Client, console: FakeConsole) -> None:
    console.control.get_or_create_identity(1, "iris", Origin(None, None, {}), Properties({}, {"level": "3"}))
    answer = client.get("/api/v1/games/1/player-export", params={"player_id": "iris"}).json()
    assert (answer["player"], answer["events"]) == (None, [])
    assert answer["identity"]["properties"]["custom"] == {"level": "3"}
    assert client.get("/api/v1/games/1/player-export", params={"player_id": "nobody"}).status_code == 404
