from typing import Protocol

from questlog.control.database import ControlDatabase


class Settable(Protocol):
    now: int


NOW_S = 1_700_000_000
LATER_S = NOW_S + 3600


def test_one_session_is_refused_at_once_everywhere(control: ControlDatabase, other: ControlDatabase) -> None:
    assert not control.is_revoked(1, "player-1", "sid-1", NOW_S)
    control.revoke_session(1, "sid-1", LATER_S)
    control.revoke_session(1, "sid-1", LATER_S)
    for database in (control, other):
        assert database.is_revoked(1, "player-1", "sid-1", NOW_S)
        assert not database.is_revoked(1, "player-1", "sid-2", NOW_S)
        assert not database.is_revoked(2, "player-1", "sid-1", NOW_S)


def test_all_tokens_of_an_identity_are_refused_up_to_a_second(control: ControlDatabase, other: ControlDatabase) -> None:
    control.revoke_all(1, "player-1", NOW_S, LATER_S)
    for database in (control, other):
        assert database.is_revoked(1, "player-1", "any", NOW_S)
        assert database.is_revoked(1, "player-1", "any", NOW_S - 100)
        assert not database.is_revoked(1, "player-1", "any", NOW_S + 1)
        assert not database.is_revoked(1, "player-2", "any", NOW_S)
        assert not database.is_revoked(2, "player-1", "any", NOW_S)


def test_a_token_issued_in_the_second_of_a_revocation_gets_the_next_one(control: ControlDatabase) -> None:
    assert control.first_issue_s(1, "player-1", NOW_S) == NOW_S
    control.revoke_all(1, "player-1", NOW_S, LATER_S)
    issued = control.first_issue_s(1, "player-1", NOW_S)
    assert issued == NOW_S + 1
    assert not control.is_revoked(1, "player-1", "new", issued)
    assert control.first_issue_s(1, "player-1", NOW_S + 50) == NOW_S + 50


def test_an_earlier_revocation_does_not_undo_a_later_one(control: ControlDatabase) -> None:
    control.revoke_all(1, "player-1", NOW_S, LATER_S)
    control.revoke_all(1, "player-1", NOW_S - 10, LATER_S - 10)
    assert control.is_revoked(1, "player-1", "any", NOW_S)
    control.revoke_all(1, "player-1", NOW_S + 10, LATER_S)
    assert control.is_revoked(1, "player-1", "any", NOW_S + 10)


def test_revocations_are_forgotten_when_their_tokens_have_expired(control: ControlDatabase, clock: Settable) -> None:
    control.revoke_session(1, "sid-1", LATER_S)
    control.revoke_all(1, "player-1", NOW_S, LATER_S)
    clock.now = LATER_S * 1_000_000
    control.revoke_session(1, "sid-2", LATER_S + 100)
    assert control.is_revoked(1, "player-2", "sid-1", NOW_S)
    clock.now += 1_000_000
    control.revoke_session(1, "sid-3", LATER_S + 100)
    assert not control.is_revoked(1, "player-1", "sid-1", NOW_S)
    assert control.is_revoked(1, "player-1", "sid-2", NOW_S)
