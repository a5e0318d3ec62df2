from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

Client = TestClient[Litestar]
KEYS = "/api/v1/games/1/api-keys"


def test_a_new_api_key_is_shown_once(client: Client, game: dict[str, Any]) -> None:
    answer = client.post(KEYS, json={"name": "server"})
    assert answer.status_code == 201
    made = answer.json()
    assert made["name"] == "server"
    listed = client.get(KEYS)
    assert [key["name"] for key in listed.json()] == ["server"]
    assert made["key"] not in listed.text


def test_a_name_is_taken_until_its_key_is_revoked(client: Client, game: dict[str, Any]) -> None:
    client.post(KEYS, json={"name": "server"})
    assert client.post(KEYS, json={"name": "server"}).status_code == 409
    assert client.delete(f"{KEYS}/server").status_code == 204
    assert client.delete(f"{KEYS}/server").status_code == 404
    assert client.post(KEYS, json={"name": "server"}).status_code == 201


def test_keys_of_a_game_that_is_not_there_are_not_found(client: Client) -> None:
    assert client.get("/api/v1/games/7/api-keys").status_code == 404
    assert client.post("/api/v1/games/7/api-keys", json={"name": "a"}).status_code == 404
