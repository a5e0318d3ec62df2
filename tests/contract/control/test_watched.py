"""What a collector's event loop asks, from memory."""

from collections.abc import Iterator
from typing import Protocol

import pytest

from questlog.control.database import ControlDatabase
from questlog.control.errors import ControlUnavailable
from questlog.control.watched import WatchedControl, open_for_collector
from tests.support.postgres import PostgresServer

NOW_S = 1_700_000_000
LATER_S = NOW_S + 3600


class Settable(Protocol):
    now: int

    def now_us(self) -> int: ...


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def watched(control: ControlDatabase, place: str, clock: Settable, seconds: Seconds) -> Iterator[WatchedControl]:
    """It looks when told."""
    with WatchedControl(place, clock, seconds, period_s=3600) as database:
        yield database


def test_what_others_revoke_is_refused_after_a_look(control: ControlDatabase, watched: WatchedControl) -> None:
    control.revoke_session(1, "sid-1", LATER_S)
    control.revoke_all(1, "player-1", NOW_S, LATER_S)
    watched.look()
    assert watched.is_revoked(1, "player-2", "sid-1", NOW_S)
    assert watched.is_revoked(1, "player-1", "any", NOW_S)
    assert not watched.is_revoked(1, "player-1", "any", NOW_S + 1)
    assert not watched.is_revoked(2, "player-1", "sid-1", NOW_S)
    control.revoke_all(1, "player-1", NOW_S + 5, LATER_S)
    control.revoke_session(1, "sid-2", LATER_S)
    watched.look()
    assert watched.is_revoked(1, "player-1", "any", NOW_S + 5)
    assert watched.is_revoked(1, "player-3", "sid-2", NOW_S)


def test_what_was_revoked_before_the_start_is_refused(control: ControlDatabase, place: str, clock: Settable) -> None:
    control.revoke_session(1, "sid-1", LATER_S)
    with WatchedControl(place, clock, period_s=3600) as late:
        assert late.is_revoked(1, "player-1", "sid-1", NOW_S)


def test_what_this_process_revokes_is_refused_at_once(control: ControlDatabase, watched: WatchedControl) -> None:
    watched.revoke_session(1, "sid-1", LATER_S)
    watched.revoke_all(1, "player-1", NOW_S, LATER_S)
    assert watched.is_revoked(1, "player-2", "sid-1", NOW_S)
    assert watched.is_revoked(1, "player-1", "any", NOW_S)
    assert control.is_revoked(1, "player-2", "sid-1", NOW_S)


def test_it_looks_by_itself(control: ControlDatabase, place: str, clock: Settable) -> None:
    with WatchedControl(place, clock, period_s=0.01) as watched:
        control.revoke_session(1, "sid-1", LATER_S)
        control.create_game("Tetris")
        while not watched.is_revoked(1, "player-1", "sid-1", NOW_S) or watched.version() == 0:
            pass
        assert [game.name for game in watched.snapshot().games_by_id.values()] == ["Tetris"]


def test_expired_revocations_are_forgotten(control: ControlDatabase, watched: WatchedControl, clock: Settable) -> None:
    watched.revoke_session(1, "sid-1", LATER_S)
    watched.revoke_all(1, "player-1", NOW_S, LATER_S)
    assert len(watched._revoked) == 2
    clock.now = (LATER_S + 1) * 1_000_000
    watched.look()
    assert len(watched._revoked) == 0


def test_a_snapshot_is_taken_when_games_or_keys_change(control: ControlDatabase, watched: WatchedControl) -> None:
    before = watched.snapshot()
    control.revoke_session(1, "sid-1", LATER_S)
    watched.look()
    assert watched.snapshot() is before
    control.create_game("Tetris")
    watched.look()
    assert watched.version() == watched.snapshot().version == control.version()
    assert watched.snapshot() == control.snapshot()


def test_while_the_database_does_not_answer_what_is_known_holds_for_a_minute(
    postgres: PostgresServer, postgres_url: str, clock: Settable, seconds: Seconds
) -> None:
    with WatchedControl(postgres_url, clock, seconds, period_s=3600) as watched:
        game = watched.create_game("Tetris")
        watched.look()
        postgres.stop()
        with pytest.raises(ControlUnavailable):
            watched.look()
        seconds.now = 60
        assert not watched.is_revoked(1, "player-1", "sid-1", NOW_S)
        assert watched.snapshot().games_by_key == {game.game_key: game}
        seconds.now = 61
        with pytest.raises(ControlUnavailable, match="has not answered for 60 s"):
            watched.is_revoked(1, "player-1", "sid-1", NOW_S)
        postgres.start()
        watched.look()
        assert not watched.is_revoked(1, "player-1", "sid-1", NOW_S)


def test_a_collector_asks_a_file_itself(place: str, clock: Settable) -> None:
    with open_for_collector(place, clock) as opened:
        assert isinstance(opened, WatchedControl) == isinstance(place, str)
