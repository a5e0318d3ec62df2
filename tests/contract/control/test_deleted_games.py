import pytest

from questlog.control.database import ControlDatabase
from questlog.control.deleted_games import DeletedGame, GameContents
from questlog.control.errors import NotAllowed, NotFound
from questlog.control.identities import Origin, Properties
from questlog.control.tables import api_keys
from tests.unit.control.conftest import SteppingClock

KEY, SECRET = "a1" * 16, "b2" * 20
NO_PROPERTIES = Properties({}, {})


@pytest.fixture
def full(control: ControlDatabase) -> ControlDatabase:
    """Game 1, which has some of everything, and game 2 beside it."""
    control.create_game("Tetris", KEY, SECRET)
    control.create_game("Pong")
    for game in ("Tetris", "Pong"):
        control.create_api_key(game, "server")
        control.declare_event_names(game, ["levelCompleted"])
        control.create_definition(game, "segment", "whales", {"a": 1}, "ann")
        control.change_receipt_settings(game, apple_bundle_id="com.example")
    for game_id in (1, 2):
        for number in range(3):
            control.get_or_create_identity(game_id, f"player-{number}", Origin(None, None, {}), NO_PROPERTIES)
    return control


def test_a_deleted_game_is_nowhere_any_more(full: ControlDatabase, other: ControlDatabase) -> None:
    version = other.version()
    full.delete_game("Tetris", "Tetris")
    assert other.version() > version
    for reference in ("Tetris", KEY, "1"):
        with pytest.raises(NotFound):
            other.find_game(reference)
    assert [game.name for game in other.list_games()] == ["Pong"]
    assert list(other.time_zones()) == [2]
    assert list(other.receipt_settings()) == [2]
    assert [definition.name for definition in other.definitions_of(1)] == []
    assert [key.game for key in other.list_api_keys()] == ["Pong"]
    assert other.games_with_api_key("server") == ["Pong"]


def test_collectors_know_neither_its_keys_nor_the_game(full: ControlDatabase) -> None:
    full.delete_game("1", "Tetris")
    snapshot = full.snapshot()
    assert list(snapshot.games_by_id) == [2]
    assert KEY not in snapshot.games_by_key
    assert [key.game_id for key in snapshot.api_keys.values()] == [2]
    named = snapshot.api_key_named("server", 1)
    assert named is None


def test_a_key_that_was_made_while_its_game_was_deleted_is_no_key(full: ControlDatabase) -> None:
    """PostgreSQL has several writers: one may have found the game before it was deleted."""
    full.delete_game("Tetris", "Tetris")
    row = {"game_id": 1, "name": "late", "key": "k", "created_at": 0}
    with full._connections.write() as connection:
        connection.execute(api_keys.insert().values(row))
    assert [key.game_id for key in full.snapshot().api_keys.values()] == [2]
    assert [key.game for key in full.list_api_keys()] == ["Pong"]
    assert full.games_with_api_key("late") == []


def test_another_name_deletes_nothing(full: ControlDatabase) -> None:
    for name in ("tetris", "Pong", "", KEY):
        with pytest.raises(NotAllowed, match="is not the name of the game, which is 'Tetris': nothing was deleted"):
            full.delete_game(KEY, name)
    assert len(full.list_games()) == 2


def test_name_and_keys_are_free_at_once_and_the_number_is_never_used_again(full: ControlDatabase) -> None:
    for number in (3, 4, 5):
        full.delete_game("Tetris", "Tetris")
        assert full.create_game("Tetris", KEY, SECRET).game_id == number


def test_deleted_games_are_known_for_ever(full: ControlDatabase, clock: SteppingClock) -> None:
    first = full.delete_game("Tetris", "Tetris")
    clock.now += 5
    second = full.delete_game("Pong", "Pong")
    full.delete_identities_of(1)
    assert full.deleted_games() == [first, second] == [DeletedGame(1, clock.now - 5), DeletedGame(2, clock.now)]


def test_identities_go_with_the_game_and_no_others(full: ControlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("questlog.control.deleted_games._IDENTITIES_AT_ONCE", 2)
    full.delete_game("Tetris", "Tetris")
    assert full.delete_identities_of(1) == 3
    assert [full.identity(1, f"player-{number}") for number in range(3)] == [None, None, None]
    assert full.identity(2, "player-0") is not None
    assert full.delete_identities_of(1) == 0


def test_identities_of_a_game_that_is_not_deleted_stay(full: ControlDatabase) -> None:
    assert full.delete_identities_of(2) == 0
    assert full.identity(2, "player-0") is not None


def test_what_goes_with_a_game_is_counted(full: ControlDatabase) -> None:
    assert full.game_contents("Tetris") == GameContents(api_keys=1, definitions=1, identities=3)
