import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from questlog.console.accounts import Accounts, LoggedIn, NotAuthenticated, TooManyAttempts
from questlog.console.own_logins import end_other_logins, end_own_login, own_logins
from questlog.control.attempts import Source
from questlog.control.audit_log import AuditFilter
from questlog.control.errors import NotAllowed, NotFound
from questlog.control.login_sessions import Origin
from tests.support.console import FakeConsole

PASSWORD = "correct horse"
HERE = Origin("10.0.0.1", "Firefox")


@pytest.fixture
def console(tmp_path: Path) -> Iterator[FakeConsole]:
    fake = FakeConsole(tmp_path)
    fake.control.create_user("ann@example.com", PASSWORD)
    yield fake
    fake.close()


async def attempt(accounts: Accounts, password: str, origin: Origin = HERE, email: str = "ann@example.com") -> str:
    """What came of it."""
    try:
        await accounts.log_in_with_password(email, password, origin)
    except NotAuthenticated:
        return "wrong"
    except TooManyAttempts:
        return "wait"
    return "in"


def test_sixty_log_ins_at_once_get_no_further_than_ten(console: FakeConsole) -> None:
    checked = 0
    check = console.control.check_password

    def counting(email: str, password: str) -> None:
        nonlocal checked
        checked += 1

    console.control.check_password = counting  # type: ignore[method-assign]

    async def all_at_once() -> list[str]:
        return await asyncio.gather(*(attempt(console.accounts, f"wrong {number}") for number in range(60)))

    ended = asyncio.run(all_at_once())
    assert (ended.count("wrong"), ended.count("wait")) == (10, 50)
    assert checked == 10
    console.control.check_password = check  # type: ignore[method-assign]


@pytest.mark.parametrize("change", ["password", "removal"])
def test_no_log_in_is_left_of_a_password_that_is_changed_at_that_moment(console: FakeConsole, change: str) -> None:
    """The change ends all log-ins; one that was about to begin must not come after it."""
    take_back = console.control.take_back

    def change_it(sources: Sequence[Source]) -> None:
        take_back(sources)
        if change == "password":
            console.control.set_password("ann@example.com", "another horse")
        else:
            console.control.remove_user("ann@example.com")

    console.control.take_back = change_it  # type: ignore[method-assign]
    assert asyncio.run(attempt(console.accounts, PASSWORD)) == "wrong"
    assert console.control.list_logins() == []


def test_right_passwords_are_not_counted(console: FakeConsole) -> None:
    async def many() -> list[str]:
        return [await attempt(console.accounts, PASSWORD) for _ in range(12)]

    assert asyncio.run(many()) == ["in"] * 12


def test_strangers_lock_nobody_out_for_ever_and_slow_down_but_themselves(console: FakeConsole) -> None:
    async def attacked() -> None:
        assert await attempt(console.accounts, PASSWORD, Origin("192.0.2.1")) == "in"
        for number in range(60):
            await attempt(console.accounts, "wrong", Origin(f"198.51.100.{number}"))
        assert max(console.slept_s) == 4.0
        console.slept_s.clear()
        assert await attempt(console.accounts, PASSWORD, Origin("192.0.2.1")) == "in"
        assert console.slept_s == []
        assert await attempt(console.accounts, PASSWORD, Origin("192.0.2.2")) == "in"
        assert console.slept_s == [4.0]

    console.control.check_password = _quick(console)  # type: ignore[method-assign]
    asyncio.run(attacked())


def _quick(console: FakeConsole):  # type: ignore[no-untyped-def]
    """Hashing sixty passwords takes seconds."""
    user = console.control.check_password("ann@example.com", PASSWORD)
    return lambda _, password: user if password == PASSWORD else None


def test_addresses_of_one_ipv6_network_count_as_one(console: FakeConsole) -> None:
    async def spread() -> list[str]:
        return [
            await attempt(console.accounts, "wrong", Origin(f"2001:db8::{number:x}"), "bob@example.com")
            for number in range(11)
        ]

    console.control.check_password = _quick(console)  # type: ignore[method-assign]
    assert asyncio.run(spread()) == ["wrong"] * 10 + ["wait"]


def test_log_ins_and_failed_log_ins_are_in_the_audit_log(console: FakeConsole) -> None:
    async def both() -> None:
        await attempt(console.accounts, "wrong")
        cookie = await console.accounts.log_in_with_password("ANN@example.com", PASSWORD, HERE)
        console.accounts.log_out(cookie, "10.0.0.1")

    asyncio.run(both())
    entries = console.control.list_audit(AuditFilter(limit=3))
    assert [(entry.action, entry.who, entry.subject, entry.address) for entry in reversed(entries)] == [
        ("log_in.failed", "unknown", "ann@example.com", "10.0.0.1"),
        ("log_in", "ann@example.com", "Firefox", "10.0.0.1"),
        ("log_out", "ann@example.com", None, "10.0.0.1"),
    ]


def test_a_log_in_ends_with_its_token(console: FakeConsole) -> None:
    async def log_in() -> str:
        return await console.accounts.log_in_with_token(console.token, HERE)

    cookie = asyncio.run(log_in())
    found = console.accounts.find(cookie)
    assert found is not None
    assert found.caller.who == "token tests"
    console.control.revoke_token("tests")
    assert console.accounts.find(cookie) is None


def test_a_form_belongs_to_one_cookie_in_every_process(console: FakeConsole) -> None:
    accounts = console.accounts
    token = accounts.form_token("a")
    assert accounts.is_own_form("a", token)
    assert not accounts.is_own_form("b", token)
    assert not accounts.is_own_form("a", "")
    assert not accounts.is_own_form("", accounts.form_token(""))
    assert not accounts.is_own_form("a", "ü")
    assert Accounts(console.control, console.audit, console.clock).is_own_form("a", token)


async def logged_in(console: FakeConsole, password: str = PASSWORD) -> LoggedIn:
    cookie = await console.accounts.log_in_with_password("ann@example.com", password, HERE)
    login = console.accounts.find(cookie, HERE.address)
    assert login is not None
    return login


def again(console: FakeConsole, login: LoggedIn) -> LoggedIn:
    """The same log-in, as the next request finds it."""
    [listed] = [each for each in console.control.list_logins() if each.login_id == login.login_id]
    assert listed.who == login.caller.who
    with console.control._connections.read() as connection:
        query = f"SELECT proven_at FROM login_sessions WHERE login_id = {login.login_id}"  # noqa: S608 - a number
        return msgspec.structs.replace(login, proven_at=connection.exec_driver_sql(query).scalar_one())


def test_a_password_counts_for_ten_minutes_and_can_be_given_again(console: FakeConsole) -> None:
    login = asyncio.run(logged_in(console))
    assert console.accounts.is_proven(login)
    console.clock.us += 600_000_000
    assert not console.accounts.is_proven(login)
    asyncio.run(console.accounts.prove(login, PASSWORD))
    assert console.accounts.is_proven(again(console, login))
    assert [entry.action for entry in console.control.list_audit(AuditFilter(limit=1))] == ["log_in.proof"]


def test_a_clock_that_was_set_back_makes_no_proof_longer(console: FakeConsole) -> None:
    login = asyncio.run(logged_in(console))
    console.clock.us -= 1
    assert not console.accounts.is_proven(login)


def test_wrong_proofs_count_as_wrong_passwords(console: FakeConsole) -> None:
    login = asyncio.run(logged_in(console))
    console.clock.us += 600_000_000
    for _ in range(10):
        with pytest.raises(NotAuthenticated):
            asyncio.run(console.accounts.prove(login, "wrong"))
    with pytest.raises(TooManyAttempts):
        asyncio.run(console.accounts.prove(login, PASSWORD))
    assert not console.accounts.is_proven(again(console, login))


def test_the_proof_of_a_log_in_with_a_token_is_this_token(console: FakeConsole) -> None:
    other = console.control.create_token("other").token
    login = console.accounts.find(asyncio.run(console.accounts.log_in_with_token(console.token, HERE)), HERE.address)
    assert login is not None
    console.clock.us += 600_000_000
    for wrong in (other, "nonsense", PASSWORD):
        with pytest.raises(NotAuthenticated):
            asyncio.run(console.accounts.prove(login, wrong))
    asyncio.run(console.accounts.prove(login, console.token))
    assert console.accounts.is_proven(again(console, login))
    with pytest.raises(NotAllowed, match="no password"):
        asyncio.run(console.accounts.change_password(login, console.token, "another one"))


def test_a_log_in_that_was_ended_proves_nothing(console: FakeConsole) -> None:
    login = asyncio.run(logged_in(console))
    console.control.end_login(login.login_id)
    with pytest.raises(NotAuthenticated):
        asyncio.run(console.accounts.prove(login, PASSWORD))


def test_a_password_of_ones_own_is_changed_with_the_old_one(console: FakeConsole) -> None:
    login, other = asyncio.run(logged_in(console)), asyncio.run(logged_in(console))
    with pytest.raises(NotAuthenticated):
        asyncio.run(console.accounts.change_password(login, "wrong", "another one"))
    with pytest.raises(NotAllowed, match="characters"):
        asyncio.run(console.accounts.change_password(login, PASSWORD, "short"))
    asyncio.run(console.accounts.change_password(login, PASSWORD, "another one"))
    assert [each.login_id for each in console.control.list_logins()] == [login.login_id]
    assert other.login_id != login.login_id
    assert console.control.check_password("ann@example.com", "another one") is not None


def test_ones_own_log_ins_are_seen_and_ended(console: FakeConsole) -> None:
    control = console.control
    control.create_user("bob@example.com", PASSWORD)
    cookie = asyncio.run(console.accounts.log_in_with_password("bob@example.com", PASSWORD, HERE))
    of_bob = console.accounts.find(cookie)
    assert of_bob is not None
    mine = [asyncio.run(logged_in(console)) for _ in range(3)]
    assert [each.login_id for each in own_logins(control, mine[0])] == [each.login_id for each in reversed(mine)]
    with pytest.raises(NotFound):
        end_own_login(control, mine[0], of_bob.login_id)
    end_own_login(control, mine[0], mine[1].login_id)
    assert end_other_logins(control, mine[0]) == 1
    assert {each.login_id for each in control.list_logins()} == {of_bob.login_id, mine[0].login_id}
