import pytest

from questlog.control.computed import ComputedProperty
from questlog.control.database import ControlDatabase
from questlog.control.identities import Origin

ORIGIN = Origin(None, None, {})


@pytest.fixture
def game_id(control: ControlDatabase) -> int:
    game_id = control.create_game("Tetris").game_id
    control.create_identities(game_id, ["player-01", "player-02"], ORIGIN)
    return game_id


def test_figures_are_absolute(control: ControlDatabase, other: ControlDatabase, game_id: int) -> None:
    first = ComputedProperty(game_id, "player-01", "coins", 1, 10, 10, 5.5, 5.5, 5.5)
    second = ComputedProperty(game_id, "player-01", "coins", 3, 10, 30, 9.0, 5.5, -2.0)
    without_value = ComputedProperty(game_id, "player-01", "appLaunched", 2, 1, 2)
    assert control.upsert_computed([first, without_value]) == 2
    assert control.upsert_computed([second]) == 1
    assert other.computed(game_id, "player-01") == [without_value, second]
    assert other.computed(game_id, "player-02") == []


def test_rows_of_unknown_identities_are_left_out(control: ControlDatabase, game_id: int) -> None:
    rows = [ComputedProperty(game_id, identity_id, "a", 1, 1, 1) for identity_id in ("player-01", "stranger")]
    assert control.upsert_computed([*rows, ComputedProperty(99, "player-01", "a", 1, 1, 1)]) == 1
    assert control.upsert_computed([]) == 0
    assert control.computed(game_id, "stranger") == []


def test_they_go_with_their_identity(control: ControlDatabase, game_id: int) -> None:
    control.upsert_computed([ComputedProperty(game_id, "player-01", "a", 1, 1, 1)])
    control.delete_identity(game_id, "player-01")
    control.create_identities(game_id, ["player-01"], ORIGIN)
    assert control.computed(game_id, "player-01") == []


def test_many_rows_are_stored_in_one_go(control: ControlDatabase, game_id: int) -> None:
    rows = [ComputedProperty(game_id, "player-01", f"event-{number:04}", 1, 1, 1) for number in range(4_500)]
    assert control.upsert_computed(rows) == 4_500
    assert control.computed(game_id, "player-01") == rows
