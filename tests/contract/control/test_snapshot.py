from collections.abc import Callable

import pytest

from questlog.control.database import ControlDatabase

CHANGES: dict[str, Callable[[ControlDatabase], object]] = {
    "create_game": lambda control: control.create_game("Pong"),
    "disable_game": lambda control: control.disable_game("Tetris"),
    "enable_game": lambda control: control.enable_game("Tetris"),
    "set_strict": lambda control: control.set_strict("Tetris", True),
    "rotate_secret": lambda control: control.rotate_secret("Tetris"),
    "declare_event_names": lambda control: control.declare_event_names("Tetris", ["a"]),
    "forget_event_names": lambda control: control.forget_event_names("Tetris", ["a"]),
    "create_api_key": lambda control: control.create_api_key("Tetris", "client"),
    "revoke_api_key": lambda control: control.revoke_api_key("Tetris", "server"),
}


def test_a_new_database_has_an_empty_snapshot(control: ControlDatabase) -> None:
    snapshot = control.snapshot()
    assert (snapshot.version, snapshot.games_by_id, snapshot.api_keys) == (0, {}, {})
    assert control.version() == 0


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_seen_by_another_process_as_a_new_version(
    control: ControlDatabase, other: ControlDatabase, name: str
) -> None:
    control.create_game("Tetris")
    control.create_api_key("Tetris", "server")
    before = other.snapshot()
    assert other.version() == before.version
    CHANGES[name](control)
    assert other.version() > before.version
    assert other.snapshot().version == other.version()


def test_what_a_snapshot_does_not_show_leaves_the_version_alone(control: ControlDatabase) -> None:
    control.create_token("ci")
    control.create_user("ann@example.com", "correct horse")
    control.revoke_session(1, "sid", 2_000_000_000)
    control.set_marker("loaded", 3)
    assert control.version() == 0


def test_a_snapshot_finds_games_and_keys(control: ControlDatabase) -> None:
    control.create_game("Tetris")
    key = control.create_api_key("Tetris", "server")
    game = control.declare_event_names("Tetris", ["a", "b"])
    snapshot = control.snapshot()
    assert snapshot.games_by_id == {game.game_id: game}
    assert snapshot.games_by_key == {game.game_key: game}
    assert game.event_names == {"a", "b"}
    assert snapshot.api_key(key.key.upper()) == snapshot.api_key_named("server") == key
    assert snapshot.api_key("nonsense") is snapshot.api_key_named("client") is None


def test_revoked_keys_are_not_in_a_snapshot(control: ControlDatabase) -> None:
    control.create_game("Tetris")
    key = control.create_api_key("Tetris", "server")
    control.revoke_api_key("Tetris", "server")
    snapshot = control.snapshot()
    assert snapshot.api_key(key.key) is snapshot.api_key_named("server") is None


def test_a_key_name_of_two_games_needs_the_game_to_be_found(control: ControlDatabase) -> None:
    games = [control.create_game(name) for name in ("Tetris", "Pong")]
    keys = [control.create_api_key(game.name, "server") for game in games]
    snapshot = control.snapshot()
    assert snapshot.api_key_named("server") is None
    assert [snapshot.api_key_named("server", game.game_id) for game in games] == keys
    assert snapshot.api_key_named("server", 99) is None
