import hashlib
import sqlite3
from pathlib import Path

import pytest

from questlog.control import connections
from questlog.control.database import ControlDatabase
from questlog.control.errors import AlreadyExists, NotAllowed, NotFound
from tests.unit.control.conftest import SteppingClock


def test_a_token_is_known_until_it_is_revoked(control: ControlDatabase, other: ControlDatabase) -> None:
    made = control.create_token("ci")
    assert made.name == "ci"
    assert control.check_token(made.token) == other.check_token(made.token) == "ci"
    control.revoke_token("ci")
    assert other.check_token(made.token) is None
    with pytest.raises(NotFound):
        control.revoke_token("ci")


@pytest.mark.parametrize("text", ["", "x", "ql_" + "A" * 43, "\ud800", "é", "a" * 100_000])
def test_any_other_text_is_no_token(control: ControlDatabase, text: str) -> None:
    control.create_token("ci")
    assert control.check_token(text) is None


def test_the_token_itself_is_not_stored(control: ControlDatabase, path: Path) -> None:
    token = control.create_token("ci").token
    stored = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert hashlib.sha256(token.encode()).hexdigest().encode() in stored
    assert token.encode() not in stored
    assert token.removeprefix("ql_").encode() not in stored


def test_a_name_is_free_again_once_revoked(control: ControlDatabase) -> None:
    control.create_token("ci")
    with pytest.raises(AlreadyExists):
        control.create_token("ci")
    control.revoke_token("ci")
    assert control.check_token(control.create_token("ci").token) == "ci"


def test_a_name_is_a_part_of_an_address(control: ControlDatabase) -> None:
    with pytest.raises(NotAllowed, match="`/`"):
        control.create_token("ci/main")


def test_a_token_is_good_where_its_use_cannot_be_noted(
    control: ControlDatabase, path: Path, clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = control.create_token("ci").token
    monkeypatch.setattr(connections, "_BUSY_TIMEOUT_S", 0.05)
    with ControlDatabase(path, clock) as impatient:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        assert impatient.check_token(token) == "ci"
        holder.close()
        assert control.list_tokens()[0].last_used_at is None


def test_the_last_use_is_noted_at_most_once_a_minute(control: ControlDatabase, clock: SteppingClock) -> None:
    token = control.create_token("ci").token
    first = clock.now
    assert control.list_tokens()[0].last_used_at is None
    control.check_token(token)
    clock.now += 59_000_000
    control.check_token(token)
    assert control.list_tokens()[0].last_used_at == first
    clock.now += 1_000_000
    control.check_token(token)
    assert control.list_tokens()[0].last_used_at == clock.now
