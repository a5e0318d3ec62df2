"""Users, invitations and tokens over HTTP."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from questlog.control.grants import Role
from tests.support.console import FakeConsole

Client = TestClient[Litestar]
PASSWORD = "correct horse"
HOUR_US = 3_600_000_000


@pytest.fixture(autouse=True)
def _games(console: FakeConsole) -> None:
    for name in ("Mine", "Theirs"):
        console.control.create_game(name)


@pytest.fixture
def owner_of_mine(console: FakeConsole, client: Client) -> Client:
    """Someone who owns one game."""
    client.headers["Authorization"] = f"Bearer {console.token_of(Role.OWNER, 'Mine')}"
    return client


def post(client: Client, path: str, **body: object) -> Any:
    answer = client.post(f"/api/v1{path}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_users_are_made_listed_changed_and_removed(console: FakeConsole, client: Client) -> None:
    made = post(client, "/users", email="Ann@Example.com", password=PASSWORD, role="viewer", games=["Mine"])
    assert (made["email"], made["role"], made["games"]) == ("ann@example.com", None, {"Mine": "viewer"})
    answer = client.put("/api/v1/users/ann@example.com/role", json={"role": "admin"})
    assert (answer.json()["role"], answer.json()["games"]) == ("admin", {"Mine": "viewer"})
    answer = client.put("/api/v1/users/ann@example.com/role", json={"role": None, "games": ["1"]})
    assert client.get("/api/v1/users").json() == [answer.json()]
    assert (answer.json()["role"], answer.json()["games"]) == ("admin", {})
    assert client.delete("/api/v1/users/ann@example.com").status_code == 204
    assert client.get("/api/v1/users").json() == []
    assert client.delete("/api/v1/users/ann@example.com").status_code == 404


def test_an_invitation_is_a_link_that_is_shown_once(console: FakeConsole, client: Client) -> None:
    made = post(client, "/invitations", email="ann@example.com", role="analyst", lifetime_s=3_600)
    assert made["expires_at"] == console.clock.us + HOUR_US
    secret = made["path"].removeprefix("/join/")
    assert console.control.find_invitation(secret) is not None
    [listed] = client.get("/api/v1/invitations").json()
    assert secret not in str(listed)
    assert (listed["email"], listed["role"], listed["created_by"]) == ("ann@example.com", "analyst", "token tests")
    assert client.delete(f"/api/v1/invitations/{listed['invitation_id']}").status_code == 204
    assert console.control.find_invitation(secret) is None
    assert client.delete(f"/api/v1/invitations/{10**12}").status_code == 404


def test_a_password_link_is_for_a_user(console: FakeConsole, client: Client) -> None:
    console.control.create_user("ann@example.com", PASSWORD)
    made = post(client, "/users/ann@example.com/password-link")
    console.control.accept_invitation(made["path"].removeprefix("/join/"), "another one")
    assert console.control.check_password("ann@example.com", "another one") is not None
    assert client.post("/api/v1/users/bob@example.com/password-link").status_code == 404


def test_the_only_owner_stays(console: FakeConsole, client: Client) -> None:
    console.control.create_user("ann@example.com", PASSWORD, Role.OWNER)
    for answer in (
        client.delete("/api/v1/users/ann@example.com"),
        client.put("/api/v1/users/ann@example.com/role", json={"role": "admin"}),
    ):
        assert answer.status_code == 400
        assert "only owner" in answer.json()["error"]["message"]


def test_a_token_is_shown_once_and_revoked(console: FakeConsole, client: Client) -> None:
    made = post(client, "/tokens", name="ci", role="viewer", games=["Mine"], lifetime_s=3_600)
    assert client.get("/api/v1/games", headers={"Authorization": f"Bearer {made['token']}"}).status_code == 200
    [_, listed] = client.get("/api/v1/tokens").json()
    assert made["token"] not in str(listed)
    assert (listed["name"], listed["games"]) == ("ci", {"Mine": "viewer"})
    assert listed["expires_at"] == console.clock.us + HOUR_US
    assert client.delete("/api/v1/tokens/ci").status_code == 204
    assert [token["name"] for token in client.get("/api/v1/tokens").json()] == ["tests"]
    assert client.delete("/api/v1/tokens/ci").status_code == 404


def test_the_owner_of_one_game_sees_and_changes_what_is_about_it(console: FakeConsole, owner_of_mine: Client) -> None:
    control, client = console.control, owner_of_mine
    control.create_user("all@example.com", PASSWORD, Role.OWNER)
    control.create_user("both@example.com", PASSWORD, Role.VIEWER, ["Mine", "Theirs"])
    control.create_user("theirs@example.com", PASSWORD, Role.VIEWER, ["Theirs"])
    control.create_token("theirs", Role.VIEWER, ["Theirs"])
    control.create_token("both", Role.VIEWER, ["Mine", "Theirs"])
    control.invite("new@example.com", Role.VIEWER, ["Theirs"])
    post(client, "/invitations", email="newer@example.com", role="admin", games=["Mine"])
    assert {user["email"]: user["games"] for user in client.get("/api/v1/users").json()} == {
        "all@example.com": {},
        "both@example.com": {"Mine": "viewer"},
    }
    assert [each["email"] for each in client.get("/api/v1/invitations").json()] == ["newer@example.com"]
    assert [token["games"] for token in client.get("/api/v1/tokens").json()] == [{"Mine": "owner"}]
    changed = client.put("/api/v1/users/both@example.com/role", json={"role": "admin", "games": ["Mine"]})
    assert changed.json()["games"] == {"Mine": "admin"}


def people(console: FakeConsole) -> list[object]:
    control = console.control
    tokens = [(token.name, token.grants, token.revoked_at) for token in control.list_tokens()]
    return [control.list_users(), tokens, control.list_invitations()]


@pytest.mark.parametrize(
    ("games", "status"), [([], 403), (["Theirs"], 404), (["Mine", "Theirs"], 404), (["Gone"], 404)]
)
def test_the_owner_of_one_game_changes_nothing_else(
    console: FakeConsole, owner_of_mine: Client, games: list[str], status: int
) -> None:
    console.control.create_user("ann@example.com", PASSWORD, Role.OWNER)
    console.control.create_token("theirs", Role.VIEWER, ["Theirs"])
    console.control.invite("new@example.com", Role.VIEWER, ["Theirs"])
    client, before = owner_of_mine, people(console)
    answers = [
        client.post(
            "/api/v1/users", json={"email": "e@example.com", "password": PASSWORD, "role": "owner", "games": games}
        ),
        client.post("/api/v1/invitations", json={"email": "e@example.com", "role": "owner", "games": games}),
        client.post("/api/v1/tokens", json={"name": "e", "role": "owner", "games": games}),
        client.put("/api/v1/users/ann@example.com/role", json={"role": "viewer", "games": games}),
    ]
    assert [answer.status_code for answer in answers] == [status] * 4
    assert client.delete("/api/v1/users/ann@example.com").status_code == 403
    assert client.post("/api/v1/users/ann@example.com/password-link").status_code == 403
    assert client.delete("/api/v1/tokens/theirs").status_code == 404
    assert client.delete("/api/v1/invitations/1").status_code == 404
    assert people(console) == before


def test_a_secret_that_was_rotated_is_accepted_for_a_while(console: FakeConsole, client: Client) -> None:
    answer = client.post("/api/v1/games/Mine/rotate-secret?keep_old_s=3600").json()
    assert answer["old_secret_until"] == console.clock.us + HOUR_US
    assert client.get("/api/v1/games/Mine").json()["old_secret_until"] == console.clock.us + HOUR_US
    assert client.delete("/api/v1/games/Mine/old-secret").status_code == 204
    assert client.get("/api/v1/games/Mine").json()["old_secret_until"] is None
    assert client.delete("/api/v1/games/Mine/old-secret").status_code == 404
    assert client.post("/api/v1/games/Mine/rotate-secret?keep_old_s=-1").status_code == 400


def test_an_api_key_is_replaced_by_one_of_the_same_name(console: FakeConsole, client: Client) -> None:
    old = post(client, "/games/Mine/api-keys", name="server")
    new = post(client, "/games/Mine/api-keys/server/rotate?keep_old_s=60")
    assert new["name"] == "server"
    assert new["key"] != old["key"]
    ended, live = client.get("/api/v1/games/Mine/api-keys").json()
    assert (ended["revoked_at"], live["revoked_at"]) == (console.clock.us + 60_000_000, None)
    assert client.post("/api/v1/games/Mine/api-keys/gone/rotate").status_code == 404
