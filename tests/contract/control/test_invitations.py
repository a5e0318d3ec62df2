"""Links for new users and for new passwords."""

import threading
from collections.abc import Iterator

import pytest

from questlog.control.actor import SERVER, Actor, act_as
from questlog.control.audit_log import AuditFilter
from questlog.control.database import ControlDatabase
from questlog.control.errors import AlreadyExists, ControlError, NotAllowed, NotFound
from questlog.control.grants import Grant, NamedGrant, Role
from questlog.control.login_sessions import LoginTimes, Origin, Subject
from tests.contract.control.conftest import SteppingClock

PASSWORD = "correct horse"
DAY_US = 86_400_000_000


@pytest.fixture(autouse=True)
def _ends_with_the_test() -> Iterator[None]:
    yield
    act_as(SERVER)


def test_an_invitation_makes_a_user_once(control: ControlDatabase, other: ControlDatabase) -> None:
    game = control.create_game("Sky Raiders")
    act_as(Actor("ann@example.com"))
    link = control.invite("Bob@Example.com", Role.ANALYST, ["Sky Raiders"])
    invitation = other.find_invitation(link.secret)
    assert invitation is not None
    assert (invitation.email, invitation.grants) == ("bob@example.com", [NamedGrant(Role.ANALYST, "Sky Raiders")])
    assert (invitation.created_by, invitation.is_for_password) == ("ann@example.com", False)
    assert other.accept_invitation(link.secret, PASSWORD, "somebody@else.com") == "bob@example.com"
    user = control.check_password("bob@example.com", PASSWORD)
    assert user is not None
    assert user.grants == (Grant(Role.ANALYST, game.game_id),)
    assert control.find_invitation(link.secret) is None
    assert control.list_invitations() == []
    with pytest.raises(NotFound, match="not valid"):
        control.accept_invitation(link.secret, PASSWORD)
    newest = control.list_audit(AuditFilter(limit=1))[0]
    assert (newest.action, newest.who, newest.subject) == ("invitation.accept", "bob@example.com", "bob@example.com")


def test_an_invitation_ends(control: ControlDatabase, clock: SteppingClock) -> None:
    link = control.invite("bob@example.com", Role.VIEWER, lifetime_s=3_600)
    clock.now += 3_600_000_000
    assert control.find_invitation(link.secret) is None
    with pytest.raises(NotFound):
        control.accept_invitation(link.secret, PASSWORD)
    assert [each.email for each in control.list_invitations()] == ["bob@example.com"]
    clock.now += 31 * DAY_US
    control.invite("cleo@example.com", Role.VIEWER)
    assert [each.email for each in control.list_invitations()] == ["cleo@example.com"]


def test_a_newer_invitation_replaces_the_one_before(control: ControlDatabase) -> None:
    old = control.invite("bob@example.com", Role.OWNER)
    new = control.invite("bob@example.com", Role.VIEWER)
    assert control.find_invitation(old.secret) is None
    control.accept_invitation(new.secret, PASSWORD)
    assert [user.grants for user in control.list_users()] == [[NamedGrant(Role.VIEWER)]]


def test_an_invitation_can_be_withdrawn(control: ControlDatabase) -> None:
    link = control.invite("bob@example.com", Role.VIEWER)
    control.withdraw_invitation(link.invitation_id)
    assert control.find_invitation(link.secret) is None
    with pytest.raises(NotFound):
        control.withdraw_invitation(link.invitation_id)


def test_who_is_a_user_is_not_invited(control: ControlDatabase) -> None:
    control.create_user("bob@example.com", PASSWORD)
    with pytest.raises(AlreadyExists):
        control.invite("BOB@example.com", Role.VIEWER)


def test_who_became_a_user_in_another_way_stays_as_is(control: ControlDatabase) -> None:
    link = control.invite("bob@example.com", Role.OWNER)
    control.create_user("bob@example.com", PASSWORD, Role.VIEWER)
    with pytest.raises(AlreadyExists):
        control.accept_invitation(link.secret, "another one")
    assert control.check_password("bob@example.com", PASSWORD) is not None
    assert [user.grants for user in control.list_users()] == [[NamedGrant(Role.VIEWER)]]


def test_an_invitation_to_a_game_that_is_gone_makes_no_user(control: ControlDatabase) -> None:
    control.create_game("Sky Raiders")
    link = control.invite("bob@example.com", Role.ANALYST, ["Sky Raiders"])
    control.delete_game("Sky Raiders", "Sky Raiders")
    with pytest.raises(NotAllowed, match="deleted"):
        control.accept_invitation(link.secret, PASSWORD)
    assert control.list_users() == []


def test_a_link_that_many_use_at_once_makes_one_user(control: ControlDatabase) -> None:
    link = control.invite_first_owner()
    assert link is not None
    outcomes: list[str] = []

    def accept(email: str) -> None:
        try:
            outcomes.append(control.accept_invitation(link.secret, PASSWORD, email))
        except ControlError as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=accept, args=[f"user{number}@example.com"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes)[:3] == ["NotFound"] * 3
    assert len(control.list_users()) == 1


def test_the_first_owner_says_the_address_and_there_is_one(control: ControlDatabase) -> None:
    before, link = control.invite_first_owner(), control.invite_first_owner()
    assert before is not None
    assert link is not None
    assert control.find_invitation(before.secret) is None
    with pytest.raises(NotAllowed, match="not an e-mail address"):
        control.accept_invitation(link.secret, PASSWORD)
    assert control.accept_invitation(link.secret, PASSWORD, "Ann@example.com") == "ann@example.com"
    assert [user.grants for user in control.list_users()] == [[NamedGrant(Role.OWNER)]]
    assert control.invite_first_owner() is None


def test_the_link_of_the_first_owner_is_void_where_there_is_a_user(control: ControlDatabase) -> None:
    link = control.invite_first_owner()
    assert link is not None
    control.create_user("ann@example.com", PASSWORD)
    with pytest.raises(NotFound):
        control.accept_invitation(link.secret, PASSWORD, "eve@example.com")


def test_a_password_link_sets_another_password_once_and_ends_the_log_ins(control: ControlDatabase) -> None:
    control.create_user("ann@example.com", PASSWORD, Role.OWNER)
    cookie = control.open_login(Subject(user_id=1), Origin(), LoginTimes())
    link = control.make_password_link("ANN@example.com")
    invitation = control.find_invitation(link.secret)
    assert invitation is not None
    assert invitation.is_for_password
    assert control.accept_invitation(link.secret, "another one") == "ann@example.com"
    assert control.check_password("ann@example.com", PASSWORD) is None
    user = control.check_password("ann@example.com", "another one")
    assert user is not None
    assert user.grants == (Grant(Role.OWNER),)
    assert control.find_login(cookie, LoginTimes()) is None
    with pytest.raises(NotFound):
        control.accept_invitation(link.secret, "a third one")
    with pytest.raises(NotFound):
        control.make_password_link("bob@example.com")


def test_another_password_makes_the_links_void(control: ControlDatabase) -> None:
    control.create_user("ann@example.com", PASSWORD)
    link = control.make_password_link("ann@example.com")
    control.set_password("ann@example.com", "another one")
    assert control.find_invitation(link.secret) is None
    link = control.make_password_link("ann@example.com")
    control.remove_user("ann@example.com")
    assert control.find_invitation(link.secret) is None


def test_the_secret_of_a_link_is_not_stored(control: ControlDatabase) -> None:
    link = control.invite("bob@example.com", Role.VIEWER)
    with control._connections.read() as connection:
        for table in ("invitations", "audit_log"):
            assert link.secret not in str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())  # noqa: S608


@pytest.mark.parametrize("lifetime_s", [0, -1, 91 * 86_400])
def test_a_link_has_an_end(control: ControlDatabase, lifetime_s: int) -> None:
    with pytest.raises(NotAllowed, match="valid for"):
        control.invite("bob@example.com", Role.VIEWER, lifetime_s=lifetime_s)


def test_the_only_owner_stays_where_one_is_needed(control: ControlDatabase) -> None:
    control.create_game("Sky Raiders")
    control.create_user("ann@example.com", PASSWORD, Role.OWNER)
    control.create_user("bob@example.com", PASSWORD, Role.OWNER, ["Sky Raiders"])
    with pytest.raises(NotAllowed, match="only owner"):
        control.remove_user("ann@example.com", is_owner_needed=True)
    with pytest.raises(NotAllowed, match="only owner"):
        control.set_role("ann@example.com", Role.ADMIN, is_owner_needed=True)
    control.remove_user("bob@example.com", is_owner_needed=True)
    control.create_user("cleo@example.com", PASSWORD, Role.OWNER)
    control.set_role("ann@example.com", None, is_owner_needed=True)
    with pytest.raises(NotAllowed, match="only owner"):
        control.remove_user("cleo@example.com", is_owner_needed=True)
    control.remove_user("cleo@example.com")


def test_owners_who_remove_each_other_at_once_leave_one(control: ControlDatabase, other: ControlDatabase) -> None:
    for name in ("ann", "bob"):
        control.create_user(f"{name}@example.com", PASSWORD, Role.OWNER)
    refused: list[str] = []

    def remove(database: ControlDatabase, name: str) -> None:
        try:
            database.remove_user(f"{name}@example.com", is_owner_needed=True)
        except ControlError:
            refused.append(name)

    threads = [
        threading.Thread(target=remove, args=[database, name]) for database, name in ((control, "ann"), (other, "bob"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [user.email for user in control.list_users()] == [f"{name}@example.com" for name in refused]
    assert len(refused) == 1


def test_a_password_of_ones_own_keeps_the_log_in_that_changes_it(control: ControlDatabase) -> None:
    control.create_user("ann@example.com", PASSWORD)
    mine, others = (control.open_login(Subject(user_id=1), Origin(), LoginTimes()) for _ in range(2))
    session = control.find_login(mine, LoginTimes())
    assert session is not None
    control.set_password("ann@example.com", "another one", keep_login_id=session.login_id)
    assert control.find_login(mine, LoginTimes()) is not None
    assert control.find_login(others, LoginTimes()) is None


def test_a_log_in_knows_when_the_password_was_last_given(control: ControlDatabase, clock: SteppingClock) -> None:
    cookie = control.open_login(Subject(), Origin(), LoginTimes())
    opened_at = clock.now
    clock.now += 60_000_000
    session = control.find_login(cookie, LoginTimes())
    assert session is not None
    assert session.proven_at == opened_at
    control.note_proof(session.login_id)
    session = control.find_login(cookie, LoginTimes())
    assert session is not None
    assert session.proven_at == clock.now
    with pytest.raises(NotFound):
        control.note_proof(99)
