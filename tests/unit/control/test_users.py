import re
from pathlib import Path

import pytest

from questlog.control.database import ControlDatabase
from questlog.control.errors import AlreadyExists, NotAllowed
from questlog.control.grants import Grant, NamedGrant, Role
from questlog.control.users import User

PASSWORD = "correct horse"


def test_the_right_password_gives_the_user(control: ControlDatabase) -> None:
    made = control.create_user("Ann@Example.com", PASSWORD, Role.VIEWER)
    assert (made.email, made.grants, made.last_login_at) == ("ann@example.com", [NamedGrant(Role.VIEWER)], None)
    user = control.check_password("ANN@example.com", PASSWORD)
    assert user is not None
    assert user == User(1, "ann@example.com", (Grant(Role.VIEWER),), user.password_hash)
    assert control.check_password("ann@example.com", PASSWORD + "x") is None
    assert control.check_password("bob@example.com", PASSWORD) is None
    (listed,) = control.list_users()
    assert listed.last_login_at == listed.created_at


def test_an_address_is_taken_in_any_case(control: ControlDatabase) -> None:
    control.create_user("ann@example.com", PASSWORD)
    with pytest.raises(AlreadyExists, match=r"ann@example\.com"):
        control.create_user("ANN@example.com", PASSWORD)


def test_the_password_is_not_stored(control: ControlDatabase, path: Path) -> None:
    control.create_user("ann@example.com", PASSWORD)
    assert PASSWORD.encode() not in b"".join(file.read_bytes() for file in path.parent.iterdir())


def test_equal_passwords_have_different_hashes(control: ControlDatabase, path: Path) -> None:
    control.create_user("ann@example.com", PASSWORD)
    control.create_user("bob@example.com", PASSWORD)
    stored = b"".join(file.read_bytes() for file in path.parent.iterdir())
    hashes = set(re.findall(rb"\$argon2id\$v=19\$m=47104,t=2,p=1\$[^$]+", stored))
    assert len(hashes) == 2


@pytest.mark.parametrize("email", ["", "ann", "@", "a b@c", "a@b\n", "a@b@c", "x" * 251 + "@b.c"])
def test_what_is_no_address_is_refused(control: ControlDatabase, email: str) -> None:
    with pytest.raises(NotAllowed, match="not an e-mail address"):
        control.create_user(email, PASSWORD)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 1025])
def test_passwords_have_a_length(control: ControlDatabase, password: str) -> None:
    with pytest.raises(NotAllowed, match="8 to 1024"):
        control.create_user("ann@example.com", password)
