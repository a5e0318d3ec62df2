import pytest

from questlog.control.database import ControlDatabase
from questlog.control.errors import NotAllowed


def test_the_signing_key_is_made_once(control: ControlDatabase, other: ControlDatabase) -> None:
    key = control.signing_key()
    assert len(key) == 64
    assert control.signing_key() == other.signing_key() == key


def test_a_marker_is_what_was_last_set(control: ControlDatabase, other: ControlDatabase) -> None:
    assert control.marker("loaded") is None
    control.set_marker("loaded", 5)
    control.set_marker("loaded", 2**62)
    assert other.marker("loaded") == 2**62


def test_the_version_cannot_be_set_by_hand(control: ControlDatabase) -> None:
    with pytest.raises(NotAllowed):
        control.set_marker("version", 1)
