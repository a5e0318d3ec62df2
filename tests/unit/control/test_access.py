"""Who could do everything before there were roles."""

from pathlib import Path

from questlog.control.database import ControlDatabase
from questlog.control.grants import NamedGrant, Role
from questlog.model.clock import SystemClock
from tests.unit.control.conftest import make_old_database


def test_everyone_who_could_do_everything_still_can_after_the_upgrade(path: Path) -> None:
    make_old_database(
        path,
        "0006",
        "INSERT INTO users VALUES (1, 'a@b.c', 'none$00$', 'admin', 5), (2, 'v@b.c', 'none$00$', 'viewer', 6)",
        "INSERT INTO tokens VALUES (1, 'ci', 'hash', 5, NULL, NULL)",
    )
    with ControlDatabase(path, SystemClock()) as control:
        admin, viewer = control.list_users()
        (token,) = control.list_tokens()
    assert admin.grants == [NamedGrant(Role.OWNER)]
    assert viewer.grants == [NamedGrant(Role.VIEWER)]
    assert token.grants == [NamedGrant(Role.OWNER)]
