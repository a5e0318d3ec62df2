import pytest

from questlog.web.login_sessions import LoginSessions
from tests.support.console import FakeConsole

_HOUR_US = 3_600_000_000


@pytest.fixture
def logins(console: FakeConsole) -> LoginSessions:
    return LoginSessions(console.control, console.clock)


def logged_in(console: FakeConsole, logins: LoginSessions) -> str:
    cookie = logins.log_in_with_token(console.token)
    assert cookie is not None
    return cookie


def test_a_log_in_is_found_by_its_cookie(console: FakeConsole, logins: LoginSessions) -> None:
    session = logins.find(logged_in(console, logins))
    assert session is not None
    assert session.name == "token tests"


@pytest.mark.parametrize("cookie", ["", "x", "\x00"])
def test_an_unknown_cookie_is_no_log_in(logins: LoginSessions, cookie: str) -> None:
    assert logins.find(cookie) is None


def test_a_wrong_token_or_password_logs_nobody_in(console: FakeConsole, logins: LoginSessions) -> None:
    console.control.create_user("me@example.com", "password1")
    assert logins.log_in_with_token("ql_wrong") is None
    assert logins.log_in_with_password("me@example.com", "password2") is None
    assert logins.log_in_with_password("you@example.com", "password1") is None


def test_a_log_in_ends_within_a_second_after_its_token_is_revoked(console: FakeConsole, logins: LoginSessions) -> None:
    cookie = logged_in(console, logins)
    console.control.revoke_token("tests")
    console.clock.us += 1_000_000
    assert logins.find(cookie) is None


def test_a_users_log_in_stays_while_there_is_the_user(console: FakeConsole, logins: LoginSessions) -> None:
    console.control.create_user("me@example.com", "password1")
    cookie = logins.log_in_with_password("ME@example.com", "password1")
    assert cookie is not None
    console.clock.us += 2_000_000
    session = logins.find(cookie)
    assert session is not None
    assert session.name == "me@example.com"


def test_a_log_in_ends_after_twelve_hours(console: FakeConsole, logins: LoginSessions) -> None:
    cookie = logged_in(console, logins)
    console.clock.us += 12 * _HOUR_US - 1
    assert logins.find(cookie) is not None
    console.clock.us += 1_000_000
    assert logins.find(cookie) is None


def test_a_log_in_ends_when_it_is_ended(console: FakeConsole, logins: LoginSessions) -> None:
    cookie = logged_in(console, logins)
    logins.log_out(cookie)
    assert logins.find(cookie) is None


def test_the_oldest_of_too_many_log_ins_goes(console: FakeConsole, logins: LoginSessions) -> None:
    first = logged_in(console, logins)
    second = logged_in(console, logins)
    for _ in range(999):
        logged_in(console, logins)
    assert logins.find(first) is None
    assert logins.find(second) is not None


def test_a_form_belongs_to_one_cookie(logins: LoginSessions, console: FakeConsole) -> None:
    token = logins.form_token("a")
    assert logins.is_own_form("a", token)
    assert not logins.is_own_form("b", token)
    assert not logins.is_own_form("a", "")
    assert not logins.is_own_form("", logins.form_token(""))
    assert not logins.is_own_form("a", "ü")
    assert not LoginSessions(console.control, console.clock).is_own_form("a", token)
