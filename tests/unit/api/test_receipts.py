from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from tests.support.stores import Google

Client = TestClient[Litestar]
PATH = "/api/v1/games/1/receipts"


def test_what_receipts_are_checked_with_is_changed_part_by_part(client: Client, game: dict[str, Any]) -> None:
    licence_key = Google().licence_key
    assert client.get(PATH).json() == {"google_licence_key": None, "apple_bundle_id": None}
    client.patch(PATH, json={"google_licence_key": licence_key})
    changed = client.patch(PATH, json={"apple_bundle_id": "com.example"})
    assert changed.status_code == 200
    assert changed.json() == client.get(PATH).json()
    assert changed.json() == {"google_licence_key": licence_key, "apple_bundle_id": "com.example"}
    assert client.patch(PATH, json={"google_licence_key": ""}).json()["google_licence_key"] is None


def test_a_key_that_is_none_is_refused(client: Client, game: dict[str, Any]) -> None:
    answer = client.patch(PATH, json={"google_licence_key": "secret"})
    assert answer.status_code == 400
    assert "RSA key" in answer.json()["error"]["message"]
    assert client.patch(PATH, json={"google_key": "x"}).status_code == 400


def test_a_game_that_is_not_there_is_not_found(client: Client) -> None:
    assert client.get(PATH).status_code == 404
    assert client.patch(PATH, json={"apple_bundle_id": "com.example"}).status_code == 404
