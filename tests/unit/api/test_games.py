from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.support.console import FakeConsole

Client = TestClient[Litestar]


def test_a_new_game_shows_its_keys_once(client: Client) -> None:
    answer = client.post("/api/v1/games", json={"name": "Sky Raiders"})
    assert answer.status_code == 201
    made = answer.json()
    assert (len(made["game_key"]), len(made["secret_key"])) == (32, 40)
    assert made["secret_key"] not in client.get("/api/v1/games").text
    assert made["secret_key"] not in client.get("/api/v1/games/1").text
    assert made["secret_key"] not in client.patch("/api/v1/games/1", json={}).text


def test_a_game_may_bring_its_keys(client: Client) -> None:
    made = client.post("/api/v1/games", json={"name": "a", "game_key": "a" * 32, "secret_key": "b" * 40}).json()
    assert (made["game_key"], made["secret_key"]) == ("a" * 32, "b" * 40)


def test_a_key_of_the_wrong_form_is_refused(client: Client) -> None:
    answer = client.post("/api/v1/games", json={"name": "a", "game_key": "short"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "a game key has 32 letters and digits"


def test_the_schema_and_the_control_database_have_the_same_bounds(client: Client, game: dict[str, Any]) -> None:
    schemas = client.get("/api/schema").json()["components"]["schemas"]
    for path, name in (("games", "CreateGame"), ("games/1/api-keys", "CreateApiKey")):
        longest = "x" * schemas[name]["properties"]["name"]["maxLength"]
        assert client.post(f"/api/v1/{path}", json={"name": longest}).status_code == 201
        assert client.post(f"/api/v1/{path}", json={"name": f"{longest}x"}).json()["error"]["field"] == "name"
    assert client.patch("/api/v1/games/1", json={"event_names": ["x" * 256]}).status_code == 200
    refused = client.patch("/api/v1/games/1", json={"event_names": ["x" * 257]})
    assert refused.json()["error"]["field"] == "event_names[0]"


def test_a_name_that_is_taken_is_a_conflict(client: Client, game: dict[str, Any]) -> None:
    answer = client.post("/api/v1/games", json={"name": game["name"]})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "already_exists"


@pytest.mark.parametrize("field", ["game_id", "game_key", "name"])
def test_a_game_is_found_by_number_key_and_name(client: Client, game: dict[str, Any], field: str) -> None:
    assert client.get(f"/api/v1/games/{game[field]}").json()["game_id"] == game["game_id"]


def test_the_list_has_every_game_without_secrets(client: Client, game: dict[str, Any]) -> None:
    assert client.get("/api/v1/games").json() == [
        {
            "game_id": 1,
            "name": "Sky Raiders",
            "game_key": game["game_key"],
            "is_enabled": True,
            "is_strict": False,
            "is_lenient": False,
            "time_zone": "UTC",
            "keep_days": "default",
            "created_at": 1_767_225_600_000_000,
        }
    ]


def test_a_change_leaves_the_rest_as_it_was(client: Client, game: dict[str, Any]) -> None:
    client.patch("/api/v1/games/1", json={"is_strict": True, "event_names": ["b", "a"]})
    answer = client.patch("/api/v1/games/1", json={"is_enabled": False})
    assert answer.status_code == 200
    changed = answer.json()
    assert (changed["is_enabled"], changed["is_strict"], changed["event_names"]) == (False, True, ["a", "b"])


def test_a_game_has_the_zone_that_it_is_given_and_changes_it(client: Client) -> None:
    client.post("/api/v1/games", json={"name": "a", "time_zone": "Asia/Kathmandu"})
    assert client.get("/api/v1/games/a").json()["time_zone"] == "Asia/Kathmandu"
    assert client.patch("/api/v1/games/a", json={"time_zone": "America/Sao_Paulo"}).json()["time_zone"] == (
        "America/Sao_Paulo"
    )
    assert client.get("/api/v1/games").json()[0]["time_zone"] == "America/Sao_Paulo"


@pytest.mark.parametrize("zone", ["Berlin", "europe/berlin", "Europe/Berlim"])
def test_an_unknown_zone_is_refused_with_the_nearest_and_nothing_is_changed(
    client: Client, game: dict[str, Any], zone: str
) -> None:
    refused = client.patch("/api/v1/games/1", json={"is_enabled": False, "time_zone": zone})
    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == f"there is no time zone '{zone}'; did you mean 'Europe/Berlin'?"
    assert client.get("/api/v1/games/1").json()["is_enabled"] is True
    assert client.post("/api/v1/games", json={"name": "b", "time_zone": zone}).status_code == 400


def test_a_game_is_made_lenient_and_strict_again(client: Client, game: dict[str, Any]) -> None:
    assert client.get("/api/v1/games/1").json()["is_lenient"] is False
    assert client.patch("/api/v1/games/1", json={"is_lenient": True}).json()["is_lenient"] is True
    assert client.patch("/api/v1/games/1", json={"is_lenient": False}).json()["is_lenient"] is False


def test_event_names_are_replaced_as_a_whole(client: Client, game: dict[str, Any]) -> None:
    client.patch("/api/v1/games/1", json={"event_names": ["a", "b"]})
    assert client.patch("/api/v1/games/1", json={"event_names": ["b", "c"]}).json()["event_names"] == ["b", "c"]
    assert client.patch("/api/v1/games/1", json={"event_names": []}).json()["event_names"] == []


def test_a_rotated_secret_is_another_one(console: FakeConsole, client: Client, game: dict[str, Any]) -> None:
    answer = client.post("/api/v1/games/1/rotate-secret")
    assert answer.status_code == 200
    assert answer.json()["secret_key"] != game["secret_key"]
    assert console.control.find_game("1").secret_key == answer.json()["secret_key"]


# ------------------------------------------------------------------------------------------------ renaming, deleting


def test_a_game_is_renamed(client: Client, game: dict[str, Any]) -> None:
    assert client.patch("/api/v1/games/Sky Raiders", json={"name": "Sky"}).json()["name"] == "Sky"
    assert client.get("/api/v1/games/Sky Raiders").status_code == 404
    client.post("/api/v1/games", json={"name": "Pong"})
    refused = client.patch("/api/v1/games/Sky", json={"name": "Pong", "is_enabled": False})
    assert refused.json()["error"]["code"] == "already_exists"
    assert client.get("/api/v1/games/Sky").json()["is_enabled"]


def test_a_change_is_made_whole_or_not_at_all(client: Client, game: dict[str, Any]) -> None:
    for refused in ({"name": "a/b"}, {"time_zone": "Nowhere"}):
        assert client.patch("/api/v1/games/1", json={"is_enabled": False, **refused}).status_code == 400
    assert client.get("/api/v1/games/1").json()["is_enabled"]


def test_a_game_is_deleted_with_its_name_given_again(client: Client, game: dict[str, Any]) -> None:
    for path in ("/api/v1/games/1", "/api/v1/games/1?confirm=sky"):
        assert client.delete(path).status_code == 400
    answer = client.delete("/api/v1/games/1?confirm=Sky Raiders")
    assert answer.status_code == 202
    assert answer.json() == {"game_id": 1, "name": "Sky Raiders", "deleted_at": 1_767_225_600_000_000}
    assert client.get("/api/v1/games").json() == []
    assert client.get("/api/v1/games/1").status_code == 404
    made = client.post("/api/v1/games", json={"name": "Sky Raiders"}).json()
    assert made["game_id"] == 2


# ---------------------------------------------------------------------------------------------------------- expiry


@pytest.fixture
def old_events(console: FakeConsole) -> None:
    """Events of the game on two days of December; now is 2026-01-01."""
    for day, events in (("2025-12-01", 3), ("2025-12-02", 2), ("2025-12-31", 9)):
        console.tables.insert("event_days", game_id=1, day=day, event_no=1, events=events)


@pytest.mark.usefixtures("old_events")
def test_a_change_to_fewer_days_needs_a_confirmation_that_says_what_goes(client: Client, game: dict[str, Any]) -> None:
    answer = client.patch("/api/v1/games/1", json={"keep_days": 30})
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert (error["code"], error["field"]) == ("not_confirmed", "confirm")
    assert error["message"].startswith(
        "3 events of Sky Raiders on 1 day from 2025-12-01 on, all before 2025-12-02, will be deleted;"
    )
    assert client.get("/api/v1/games/1").json()["keep_days"] == "default"
    confirmed = client.patch("/api/v1/games/1", json={"keep_days": 30, "confirm": "Sky Raiders"})
    assert confirmed.json()["keep_days"] == 30
    assert client.patch("/api/v1/games/1", json={"keep_days": 31}).json()["keep_days"] == 31
    assert client.patch("/api/v1/games/1", json={"keep_days": 30, "confirm": "sky"}).status_code == 409
    assert client.patch("/api/v1/games/1", json={"keep_days": "for-ever"}).json()["keep_days"] == "for-ever"
    assert client.patch("/api/v1/games/1", json={"keep_days": "default"}).json()["keep_days"] == "default"


@pytest.mark.parametrize("days", [0, -1, 36_501, "never", 1.5, True])
def test_other_days_are_refused(client: Client, game: dict[str, Any], days: object) -> None:
    answer = client.patch("/api/v1/games/1", json={"keep_days": days, "confirm": "Sky Raiders"})
    assert answer.json()["error"]["field"] == "keep_days"


@pytest.mark.usefixtures("old_events")
def test_what_is_too_old_is_told_before_it_goes(client: Client, game: dict[str, Any]) -> None:
    assert client.get("/api/v1/games/1/expiry").json() == {
        "keep_days": 0,
        "first_day_kept": None,
        "first_day": None,
        "days": 0,
        "events": 0,
        "summary": "events of Sky Raiders are kept for ever",
    }
    assert client.get("/api/v1/games/1/expiry?keep_days=1").json() == {
        "keep_days": 1,
        "first_day_kept": "2025-12-31",
        "first_day": "2025-12-01",
        "days": 2,
        "events": 5,
        "summary": "5 events of Sky Raiders on 2 days from 2025-12-01 on, all before 2025-12-31, will be deleted",
    }
    none = client.get("/api/v1/games/1/expiry?keep_days=90").json()
    assert none["summary"] == "Sky Raiders has no events before 2025-10-03"


@pytest.mark.usefixtures("old_events")
def test_the_days_of_a_game_are_those_of_its_zone(client: Client, game: dict[str, Any]) -> None:
    client.patch("/api/v1/games/1", json={"time_zone": "America/New_York"})
    assert client.get("/api/v1/games/1/expiry?keep_days=1").json()["first_day_kept"] == "2025-12-30"
