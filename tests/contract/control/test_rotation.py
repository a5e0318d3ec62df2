"""Replaced keys that are accepted for a while."""

import pytest

from questlog.control.database import ControlDatabase
from questlog.control.errors import NotAllowed, NotFound
from tests.contract.control.conftest import SteppingClock

HOUR_S = 3_600


def test_an_old_secret_is_accepted_until_its_end(control: ControlDatabase, clock: SteppingClock) -> None:
    old = control.create_game("Sky Raiders")
    new = control.rotate_secret("Sky Raiders", keep_old_s=HOUR_S)
    assert new.secret_key != old.secret_key
    assert new.old_secret_key_at(clock.now) == old.secret_key
    assert control.snapshot().games_by_key[old.game_key] == new
    clock.now += HOUR_S * 1_000_000
    assert new.old_secret_key_at(clock.now) is None
    with pytest.raises(NotFound):
        control.end_old_secret("Sky Raiders")


def test_without_a_time_the_old_secret_ends_at_once(control: ControlDatabase, clock: SteppingClock) -> None:
    control.create_game("Sky Raiders")
    control.rotate_secret("Sky Raiders", keep_old_s=HOUR_S)
    assert control.rotate_secret("Sky Raiders").old_secret_key_at(clock.now) is None


def test_an_old_secret_can_be_ended_before_its_time(control: ControlDatabase, clock: SteppingClock) -> None:
    control.create_game("Sky Raiders")
    control.rotate_secret("Sky Raiders", keep_old_s=HOUR_S)
    version = control.version()
    assert control.end_old_secret("Sky Raiders").old_secret_key_at(clock.now) is None
    assert control.version() > version


def test_an_old_api_key_is_accepted_until_its_end(control: ControlDatabase, clock: SteppingClock) -> None:
    control.create_game("Sky Raiders")
    old = control.create_api_key("Sky Raiders", "server")
    new = control.rotate_api_key("Sky Raiders", "server", keep_old_s=HOUR_S)
    ends_at = clock.now + HOUR_S * 1_000_000
    snapshot = control.snapshot()
    found = snapshot.api_key(old.key)
    assert found is not None
    assert found.ends_at == ends_at
    assert snapshot.api_key(new.key) == new
    assert snapshot.api_key_named("server") == new
    assert control.live_api_key("Sky Raiders", "server") == new
    clock.now = ends_at
    assert control.snapshot().api_key(old.key) is None
    assert control.snapshot().api_key(new.key) == new


def test_revoking_a_name_ends_its_replaced_keys_too(control: ControlDatabase, clock: SteppingClock) -> None:
    control.create_game("Sky Raiders")
    old = control.create_api_key("Sky Raiders", "server")
    control.rotate_api_key("Sky Raiders", "server", keep_old_s=HOUR_S)
    control.revoke_api_key("Sky Raiders", "server")
    assert control.snapshot().api_key(old.key) is None
    assert {key.revoked_at for key in control.list_api_keys("Sky Raiders")} == {clock.now}
    with pytest.raises(NotFound):
        control.rotate_api_key("Sky Raiders", "server")


@pytest.mark.parametrize("keep_old_s", [-1, 181 * 86_400])
def test_an_old_key_has_an_end(control: ControlDatabase, keep_old_s: int) -> None:
    control.create_game("Sky Raiders")
    control.create_api_key("Sky Raiders", "server")
    with pytest.raises(NotAllowed, match="an old key is kept"):
        control.rotate_secret("Sky Raiders", keep_old_s)
    with pytest.raises(NotAllowed, match="an old key is kept"):
        control.rotate_api_key("Sky Raiders", "server", keep_old_s)
