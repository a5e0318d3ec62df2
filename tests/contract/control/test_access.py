"""Roles per game, log-ins, throttles and the audit log, as every process of an installation sees them."""

import hashlib
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from questlog.control import passwords
from questlog.control.actor import SERVER, Actor, act_as
from questlog.control.attempts import Source
from questlog.control.audit_log import Action, AuditFilter
from questlog.control.database import ControlDatabase
from questlog.control.errors import ControlUnavailable, NotAllowed, NotFound
from questlog.control.grants import Grant, NamedGrant, Role
from questlog.control.login_sessions import LoginTimes, Origin, Subject
from questlog.control.tables import users
from tests.contract.control.conftest import SteppingClock

PASSWORD = "correct horse"


def rows(control: ControlDatabase, query: str) -> list[tuple[object, ...]]:
    with control._connections.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def execute(control: ControlDatabase, statement: str) -> None:
    with control._connections.write() as connection:
        connection.exec_driver_sql(statement)


TIMES = LoginTimes(idle_s=3_600, lifetime_s=86_400)
MINUTE_US = 60_000_000


def test_roles_are_for_one_game_or_for_all(control: ControlDatabase) -> None:
    game = control.create_game("Sky Raiders")
    control.create_user("ann@example.com", PASSWORD, Role.ANALYST, [game.game_key])
    control.set_role("ANN@example.com", Role.VIEWER)
    user = control.check_password("ann@example.com", PASSWORD)
    assert user is not None
    assert set(user.grants) == {Grant(Role.ANALYST, game.game_id), Grant(Role.VIEWER)}
    listed = control.set_role("ann@example.com", None, ["Sky Raiders"])
    assert listed.grants == [NamedGrant(Role.VIEWER)]
    with pytest.raises(NotFound):
        control.set_role("ann@example.com", Role.OWNER, ["no such game"])


def test_a_token_has_a_role_games_and_an_end(control: ControlDatabase, clock: SteppingClock) -> None:
    game = control.create_game("Sky Raiders")
    token = control.create_token("ci", Role.VIEWER, ["Sky Raiders"], expires_at=clock.now + MINUTE_US).token
    known = control.find_token(token)
    assert known is not None
    assert known.grants == (Grant(Role.VIEWER, game.game_id),)
    assert control.check_token(token) is None  # not for all games
    clock.now += MINUTE_US
    assert control.find_token(token) is None
    with pytest.raises(NotAllowed, match="expire"):
        control.create_token("late", expires_at=clock.now)


def test_a_game_that_goes_takes_its_grants_along(control: ControlDatabase) -> None:
    control.create_game("Sky Raiders")
    token = control.create_token("ci", Role.OWNER, ["Sky Raiders"]).token
    control.delete_game("Sky Raiders", "Sky Raiders")
    known = control.find_token(token)
    assert known is not None
    assert known.grants == ()


@pytest.mark.parametrize("change", ["password", "role", "removal"])
def test_changing_a_user_ends_the_log_ins(control: ControlDatabase, other: ControlDatabase, change: str) -> None:
    control.create_user("ann@example.com", PASSWORD)
    user = control.check_password("ann@example.com", PASSWORD)
    assert user is not None
    cookie = control.open_login(Subject(user_id=user.user_id), Origin("10.0.0.1", "Firefox"), TIMES)
    assert other.find_login(cookie, TIMES) is not None
    changes: dict[str, Callable[[], object]] = {
        "password": lambda: control.set_password("ann@example.com", "another one"),
        "role": lambda: control.set_role("ann@example.com", Role.ADMIN),
        "removal": lambda: control.remove_user("ann@example.com"),
    }
    changes[change]()
    assert other.find_login(cookie, TIMES) is None
    assert other.list_logins() == []


def test_a_log_in_holds_for_all_processes_until_its_idle_or_absolute_end(
    control: ControlDatabase, other: ControlDatabase, clock: SteppingClock
) -> None:
    cookie = control.open_login(Subject(), Origin("10.0.0.1", "Firefox\r\n"), TIMES)
    for _ in range(30):
        clock.now += 45 * MINUTE_US
        assert other.find_login(cookie, TIMES) is not None
    clock.now += 60 * MINUTE_US
    assert other.find_login(cookie, TIMES) is None
    cookie = control.open_login(Subject(), Origin(), TIMES)
    for _ in range(24):
        clock.now += 59 * MINUTE_US
        assert other.find_login(cookie, TIMES) is not None
    clock.now += 24 * MINUTE_US
    assert other.find_login(cookie, TIMES) is None


def test_log_ins_are_listed_and_ended(control: ControlDatabase) -> None:
    control.create_user("ann@example.com", PASSWORD)
    user = control.check_password("ann@example.com", PASSWORD)
    assert user is not None
    cookies = [
        control.open_login(Subject(user_id=user.user_id), Origin(f"10.0.0.{number}", "x"), TIMES) for number in (1, 2)
    ]
    first, second = control.list_logins("Ann@Example.com")
    assert (first.who, first.address) == ("ann@example.com", "10.0.0.1")
    control.end_login(first.login_id)
    assert control.find_login(cookies[0], TIMES) is None
    assert control.end_logins_of("ann@example.com") == 1
    assert control.find_login(cookies[1], TIMES) is None
    with pytest.raises(NotFound):
        control.end_login(second.login_id)
    with pytest.raises(NotFound):
        control.end_logins_of("bob@example.com")


def test_the_oldest_of_too_many_log_ins_go(control: ControlDatabase) -> None:
    cookies = [control.open_login(Subject(), Origin(), TIMES) for _ in range(51)]
    assert control.find_login(cookies[0], TIMES) is None
    assert control.find_login(cookies[1], TIMES) is not None


def test_a_cookie_is_not_stored(control: ControlDatabase) -> None:
    cookie = control.open_login(Subject(), Origin(), TIMES)
    assert cookie not in str(rows(control, "SELECT * FROM login_sessions"))


def test_attempts_are_counted_for_all_processes(
    control: ControlDatabase, other: ControlDatabase, clock: SteppingClock
) -> None:
    source = Source("address 10.0.0.1", allowed=2, window_s=60)
    assert control.begin_attempt([source]) == 0
    clock.now += 10_500_000
    assert other.begin_attempt([source]) == 0
    assert control.begin_attempt([source]) == 50
    assert other.begin_attempt([Source("address 10.0.0.2", 2)]) == 0
    clock.now += 50_000_000
    assert other.begin_attempt([source]) == 0


def test_an_attempt_that_is_refused_at_one_source_counts_at_none(control: ControlDatabase) -> None:
    full, empty = Source("a", 1), Source("b", 10)
    control.begin_attempt([full])
    assert control.begin_attempt([empty, full]) > 0
    assert control.failures_at(empty) == 0


def test_a_success_is_given_back(control: ControlDatabase) -> None:
    source = Source("a", 1)
    for _ in range(3):
        assert control.begin_attempt([source]) == 0
        control.take_back([source])
    assert control.failures_at(source) == 0


def test_attempts_at_once_get_no_further_than_one_after_another(control: ControlDatabase) -> None:
    source = Source("a", 10)
    waits: list[int] = []
    threads = [threading.Thread(target=lambda: waits.append(control.begin_attempt([source]))) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waits.count(0) == 10


def test_old_attempts_are_forgotten(control: ControlDatabase, clock: SteppingClock) -> None:
    for number in range(5):
        control.begin_attempt([Source(str(number), 1)])
    clock.now += MINUTE_US
    control.begin_attempt([Source("new", 1)])
    assert rows(control, "SELECT count(*) FROM attempts") == [(1,)]


def test_a_clock_that_was_set_back_locks_nobody_out(control: ControlDatabase, clock: SteppingClock) -> None:
    source = Source("a", 1)
    control.begin_attempt([source])
    clock.now -= 3_600_000_000
    assert control.begin_attempt([source]) == 0


def test_a_hash_of_an_earlier_version_is_replaced_at_the_log_in(control: ControlDatabase) -> None:
    control.create_user("ann@example.com", PASSWORD)
    old = scrypt_hash(PASSWORD)
    with control._connections.write() as connection:
        connection.execute(update(users).values(password_hash=old))
    assert control.check_password("ann@example.com", "wrong one") is None
    assert rows(control, "SELECT password_hash FROM users") == [(old,)]
    assert control.check_password("ann@example.com", PASSWORD) is not None
    [(new,)] = rows(control, "SELECT password_hash FROM users")
    assert str(new).startswith("$argon2id$")
    assert control.check_password("ann@example.com", PASSWORD) is not None


def scrypt_hash(password: str) -> str:
    salt = bytes(range(16))
    digest = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1, maxmem=2**26)
    return f"scrypt-16384-8-1${salt.hex()}${digest.hex()}"


def test_no_more_passwords_are_hashed_at_once_than_memory_is_meant_for(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most, lock = 0, 0, threading.Lock()

    class Hasher:
        def hash(self, _: bytes) -> str:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            threading.Event().wait(0.01)
            with lock:
                running -= 1
            return "hash"

    monkeypatch.setattr(passwords, "_hasher", Hasher())
    threads = [threading.Thread(target=passwords.hashed, args=["password"]) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def entries(control: ControlDatabase, **which: object) -> list[tuple[str, str, str | None, str | None]]:
    listed = control.list_audit(AuditFilter(**which))  # type: ignore[arg-type]
    return [(entry.action, entry.who, entry.game, entry.subject) for entry in listed]


@pytest.fixture(autouse=True)
def _ends_with_the_test() -> Iterator[None]:
    yield
    act_as(SERVER)


def test_every_change_is_in_the_audit_log(control: ControlDatabase) -> None:
    act_as(Actor("ann@example.com", "10.0.0.1"))
    game = control.create_game("Sky Raiders")
    control.set_strict("Sky Raiders", is_strict=True)
    control.rotate_secret("Sky Raiders")
    control.declare_event_names("Sky Raiders", ["jump"])
    control.create_api_key("Sky Raiders", "server")
    control.revoke_api_key("Sky Raiders", "server")
    control.change_receipt_settings("Sky Raiders", apple_bundle_id="com.example")
    control.put_definition("Sky Raiders", "query", "mine", {"a": 1}, "ann")
    control.put_definition("Sky Raiders", "query", "mine", {"a": 2}, "ann")
    control.delete_definition("Sky Raiders", "query", "mine")
    control.create_token("ci")
    control.revoke_token("ci")
    control.create_user("bob@example.com", PASSWORD)
    control.set_password("bob@example.com", "another one")
    control.set_role("bob@example.com", Role.ADMIN)
    control.remove_user("bob@example.com")
    assert [(action, subject) for action, _, _, subject in reversed(entries(control))] == [
        ("game.create", None),
        ("game.update", None),
        ("game.rotate_secret", None),
        ("game.update", None),
        ("api_key.create", "server"),
        ("api_key.revoke", "server"),
        ("receipts.update", None),
        ("definition.create", "query/mine"),
        ("definition.update", "query/mine"),
        ("definition.delete", "query/mine"),
        ("token.create", "ci"),
        ("token.revoke", "ci"),
        ("user.create", "bob@example.com"),
        ("user.set_password", "bob@example.com"),
        ("user.set_role", "bob@example.com"),
        ("user.remove", "bob@example.com"),
    ]
    listed = control.list_audit(AuditFilter(game_ids=[game.game_id]))
    strict = listed[-2]
    assert (strict.before, strict.after, strict.address) == ({"is_strict": False}, {"is_strict": True}, "10.0.0.1")
    assert {entry.who for entry in listed} == {"ann@example.com"}


def test_no_secret_is_in_the_audit_log(control: ControlDatabase) -> None:
    game = control.create_game("Sky Raiders")
    rotated = control.rotate_secret("Sky Raiders")
    key = control.create_api_key("Sky Raiders", "server").key
    token = control.create_token("ci").token
    control.create_user("bob@example.com", PASSWORD)
    control.set_password("bob@example.com", "another one")
    told = str(rows(control, "SELECT * FROM audit_log"))
    for secret in (game.secret_key, rotated.secret_key, key, token, PASSWORD, "another one", "argon2"):
        assert secret not in told


def test_a_change_that_fails_is_not_in_the_audit_log(control: ControlDatabase) -> None:
    control.create_game("Sky Raiders")
    with pytest.raises(NotFound):
        control.revoke_api_key("Sky Raiders", "server")
    assert [action for action, *_ in entries(control)] == ["game.create"]


def test_entries_are_found_by_game_person_and_time(control: ControlDatabase, clock: SteppingClock) -> None:
    for number, who in enumerate(("ann", "bob", "ann")):
        act_as(Actor(who))
        control.create_game(f"Game {number}")
        clock.now += MINUTE_US
    assert [game for _, _, game, _ in entries(control, who="ann")] == ["Game 2", "Game 0"]
    assert [game for _, _, game, _ in entries(control, game_ids=[2])] == ["Game 1"]
    assert [game for _, _, game, _ in entries(control, since=clock.now - MINUTE_US)] == ["Game 2"]
    assert [game for _, _, game, _ in entries(control, until=clock.now - 2 * MINUTE_US)] == ["Game 0"]
    assert [game for _, _, game, _ in entries(control, limit=1)] == ["Game 2"]
    assert [game for _, _, game, _ in entries(control, before=2)] == ["Game 0"]


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET who = 'nobody'", "DELETE FROM audit_log"])
def test_the_database_itself_refuses_to_change_the_audit_log(control: ControlDatabase, statement: str) -> None:
    control.record(Action.SQL, subject="SELECT 1")
    with pytest.raises((IntegrityError, ControlUnavailable)):
        execute(control, statement)
    assert len(entries(control)) == 1


def test_the_audit_log_is_bounded_by_days(control: ControlDatabase, clock: SteppingClock) -> None:
    control.record(Action.SQL, subject="old")
    clock.now += 31 * 86_400_000_000
    control.record(Action.SQL, subject="new")
    assert control.expire_audit(31) == 0
    assert control.expire_audit(30) == 1
    assert [subject for *_, subject in entries(control)] == ["new"]


def test_any_text_can_be_a_subject(control: ControlDatabase) -> None:
    control.record(Action.SQL, actor=Actor("x" * 1000), subject="a\x00b\ud800" + "y" * 10_000)
    (entry,) = control.list_audit(AuditFilter())
    assert len(entry.who) == 300
    assert entry.subject is not None
    assert entry.subject.startswith("a\ufffdb?y")
    assert len(entry.subject) == 4_000
