import pytest

from questlog.control.audit_log import AuditFilter
from questlog.control.database import ControlDatabase
from questlog.control.errors import AlreadyExists, NotFound
from questlog.control.player_erasures import RequestedErasure
from tests.contract.control.conftest import SteppingClock

HOUR_US = 3_600_000_000


def test_an_erasure_is_due_at_its_time_and_ends_when_it_is_carried_out(
    control: ControlDatabase, clock: SteppingClock
) -> None:
    game_id = control.create_game("Tetris").game_id
    later = control.request_erasure("Tetris", "bob", clock.now_us() + 2 * HOUR_US)
    sooner = control.request_erasure("Tetris", "ann/é😀", clock.now_us() + HOUR_US)
    assert later == RequestedErasure(game_id, "bob", "server", clock.now_us(), clock.now_us() + 2 * HOUR_US)
    assert control.list_erasures("Tetris") == [sooner, later]
    assert control.due_erasures() == []
    clock.now += HOUR_US
    assert control.due_erasures() == [sooner]
    control.end_erasure(game_id, "ann/é😀")
    control.end_erasure(game_id, "ann/é😀")
    assert (control.due_erasures(), control.list_erasures("1")) == ([], [later])


def test_an_erasure_is_undone_while_it_waits(control: ControlDatabase, clock: SteppingClock) -> None:
    control.create_game("Tetris")
    control.create_game("Pong")
    control.request_erasure("Tetris", "bob", clock.now_us())
    with pytest.raises(NotFound):
        control.undo_erasure("Pong", "bob")
    control.undo_erasure("Tetris", "bob")
    with pytest.raises(NotFound, match="no erasure of the player 'bob' waits"):
        control.undo_erasure("Tetris", "bob")
    assert control.due_erasures() == []
    told = [(entry.action, entry.game, entry.subject) for entry in control.list_audit(AuditFilter())]
    assert told[:2] == [("player.erase.undo", "Tetris", "player/bob"), ("player.erase", "Tetris", "player/bob")]


def test_a_player_is_erased_once(control: ControlDatabase, clock: SteppingClock) -> None:
    control.create_game("Tetris")
    control.create_game("Pong")
    control.request_erasure("Tetris", "bob", clock.now_us())
    control.request_erasure("Pong", "bob", clock.now_us())
    with pytest.raises(AlreadyExists, match="requested already"):
        control.request_erasure("Tetris", "bob", clock.now_us())


def test_a_deleted_game_and_one_that_is_not_there_have_none(control: ControlDatabase, clock: SteppingClock) -> None:
    control.create_game("Tetris")
    control.request_erasure("Tetris", "bob", clock.now_us())
    control.delete_game("Tetris", "Tetris")
    assert control.due_erasures() == []
    with pytest.raises(NotFound):
        control.list_erasures("Tetris")
