import uuid

import pytest

from questlog.control.database import ControlDatabase
from questlog.control.errors import AlreadyExists, NotAllowed, NotFound


def test_a_key_is_a_lower_case_uuid_of_its_game(control: ControlDatabase) -> None:
    game = control.create_game("Tetris")
    key = control.create_api_key("Tetris", "server")
    assert str(uuid.UUID(key.key)) == key.key
    assert (key.game_id, key.name) == (game.game_id, "server")
    assert control.live_api_key("Tetris", "server") == key


def test_a_name_is_taken_within_its_game_only(control: ControlDatabase) -> None:
    control.create_game("Tetris")
    control.create_game("Pong")
    control.create_api_key("Tetris", "server")
    with pytest.raises(AlreadyExists, match="'Tetris' has an API key 'server' already"):
        control.create_api_key("Tetris", "server")
    control.create_api_key("Pong", "server")
    assert control.games_with_api_key("server") == ["Tetris", "Pong"]


def test_a_revoked_key_frees_its_name(control: ControlDatabase) -> None:
    control.create_game("Tetris")
    old = control.create_api_key("Tetris", "server")
    control.revoke_api_key("Tetris", "server")
    assert control.live_api_key("Tetris", "server") is None
    new = control.create_api_key("Tetris", "server")
    assert new.key != old.key
    assert [listed.revoked_at is None for listed in control.list_api_keys("Tetris")] == [False, True]
    with pytest.raises(NotFound, match="no API key 'never'"):
        control.revoke_api_key("Tetris", "never")


def test_a_given_key_must_be_a_uuid_nobody_has(control: ControlDatabase) -> None:
    control.create_game("Tetris")
    given = "ABCDEF00-0000-4000-8000-000000000001"
    assert control.create_api_key("Tetris", "a", given).key == given.lower()
    with pytest.raises(AlreadyExists):
        control.create_api_key("Tetris", "b", given)
    with pytest.raises(NotAllowed, match="UUID"):
        control.create_api_key("Tetris", "c", "secret")


def test_the_list_shows_no_whole_key(control: ControlDatabase) -> None:
    control.create_game("Tetris")
    key = control.create_api_key("Tetris", "server").key
    (listed,) = control.list_api_keys()
    assert key not in repr(listed)
    assert key.startswith(listed.key_start)


@pytest.mark.parametrize("name", ["", "a/b"])
def test_names_that_are_no_part_of_an_address_are_refused(control: ControlDatabase, name: str) -> None:
    control.create_game("Tetris")
    with pytest.raises(NotAllowed, match="the name of a"):
        control.create_api_key("Tetris", name)


def test_an_unknown_game_has_no_keys(control: ControlDatabase) -> None:
    for attempt in (lambda: control.create_api_key("x", "y"), lambda: control.list_api_keys("x")):
        with pytest.raises(NotFound, match="there is no game 'x'"):
            attempt()
