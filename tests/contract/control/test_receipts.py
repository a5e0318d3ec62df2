import pytest

from questlog.control.database import ControlDatabase
from questlog.control.errors import NotAllowed, NotFound
from questlog.model.receipt import ReceiptSettings
from tests.support.stores import Google


def test_what_is_given_is_changed_and_an_empty_text_removes(control: ControlDatabase) -> None:
    control.create_game("Tetris")
    licence_key = Google().licence_key
    assert control.find_receipt_settings("Tetris") == ReceiptSettings()
    control.change_receipt_settings("Tetris", google_licence_key=licence_key)
    assert control.change_receipt_settings("1", apple_bundle_id="com.tetris") == ReceiptSettings(
        licence_key, "com.tetris"
    )
    assert control.change_receipt_settings("1", google_licence_key="") == ReceiptSettings(None, "com.tetris")
    assert control.find_receipt_settings("Tetris") == ReceiptSettings(None, "com.tetris")


def test_all_games_with_settings_are_told_by_number(control: ControlDatabase, other: ControlDatabase) -> None:
    control.create_game("Tetris")
    control.create_game("Pong")
    version = other.version()
    control.change_receipt_settings("Pong", apple_bundle_id="com.pong")
    assert other.version() > version
    assert other.receipt_settings() == {2: ReceiptSettings(None, "com.pong")}


@pytest.mark.parametrize("licence_key", ["no base64!", "bm8ga2V5", "é", "a\n", "A" * 5000])
def test_a_licence_key_that_is_none_is_refused(control: ControlDatabase, licence_key: str) -> None:
    control.create_game("Tetris")
    with pytest.raises(NotAllowed, match="licence key"):
        control.change_receipt_settings("Tetris", google_licence_key=licence_key)
    assert control.receipt_settings() == {}


@pytest.mark.parametrize("bundle_id", ["a" * 256, "com.tétris", "a\nb"])
def test_a_bundle_id_that_is_none_is_refused(control: ControlDatabase, bundle_id: str) -> None:
    control.create_game("Tetris")
    with pytest.raises(NotAllowed, match="bundle id"):
        control.change_receipt_settings("Tetris", apple_bundle_id=bundle_id)


def test_a_game_that_is_not_there_has_none(control: ControlDatabase) -> None:
    with pytest.raises(NotFound):
        control.find_receipt_settings("Tetris")
    with pytest.raises(NotFound):
        control.change_receipt_settings("Tetris", apple_bundle_id="com.tetris")
