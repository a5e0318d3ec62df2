import re

import msgspec
import pytest
from sqlalchemy import update

from questlog.control.database import ControlDatabase
from questlog.control.errors import AlreadyExists, NotAllowed, NotFound
from questlog.control.sandbox import SANDBOX_GAME_KEY, SANDBOX_SECRET_KEY
from questlog.control.tables import games

KEY, SECRET = "a1" * 16, "b2" * 20


def test_a_new_game_has_a_pair_of_keys_of_gameanalytics_form(control: ControlDatabase) -> None:
    game = control.create_game("Tetris")
    assert re.fullmatch("[a-z0-9]{32}", game.game_key)
    assert re.fullmatch("[a-z0-9]{40}", game.secret_key)
    assert game.is_enabled
    assert not game.is_strict
    assert control.create_game("Pong").game_key != game.game_key


def test_a_game_can_bring_its_keys(control: ControlDatabase) -> None:
    game = control.create_game("Tetris", KEY, SECRET)
    assert (game.game_key, game.secret_key) == (KEY, SECRET)


@pytest.mark.parametrize("name", ["", " a", "a ", "a\nb", "a/b", "x" * 101, "\x00", KEY])
def test_names_that_cannot_be_shown_or_addressed_are_refused(control: ControlDatabase, name: str) -> None:
    with pytest.raises(NotAllowed, match="the name of a game"):
        control.create_game(name)


@pytest.mark.parametrize(
    ("key", "secret"), [("short", SECRET), (KEY, "short"), ("é" * 32, SECRET), (KEY, SECRET + "x")]
)
def test_keys_of_another_form_are_refused(control: ControlDatabase, key: str, secret: str) -> None:
    with pytest.raises(NotAllowed, match="letters and digits"):
        control.create_game("Tetris", key, secret)


def test_a_taken_name_or_key_is_refused_by_name(control: ControlDatabase) -> None:
    control.create_game("Tetris", KEY, SECRET)
    with pytest.raises(AlreadyExists, match="there is a game 'Tetris' already"):
        control.create_game("Tetris")
    with pytest.raises(AlreadyExists, match="the game 'Tetris' has this game key already"):
        control.create_game("Pong", KEY, SECRET)


def test_a_game_is_found_by_number_then_key_then_name(control: ControlDatabase) -> None:
    first = control.create_game("Tetris", KEY, SECRET)
    assert control.find_game("Tetris") == control.find_game(KEY) == control.find_game("1") == first
    with pytest.raises(NotAllowed, match="is not a number"):
        control.create_game("1")
    with pytest.raises(NotAllowed, match="is not a number"):
        control.rename_game("Tetris", "2")
    # Names of an earlier version take no other game's place.
    second = control.create_game("Second")
    for name in ("1", KEY):
        with control._connections.write() as connection:
            connection.execute(update(games).where(games.c.game_id == second.game_id).values(name=name))
        assert control.find_game(name) == first
        assert control.find_game(second.game_key).game_id == second.game_id


@pytest.mark.parametrize("reference", ["Pong", "99", "", "9" * 400, "²", "' OR 1=1 --"])
def test_an_unknown_game_is_not_found(control: ControlDatabase, reference: str) -> None:
    control.create_game("Tetris")
    with pytest.raises(NotFound, match="there is no game"):
        control.find_game(reference)


def test_disabling_enabling_and_strictness_are_kept(control: ControlDatabase, other: ControlDatabase) -> None:
    control.create_game("Tetris")
    assert not control.disable_game("Tetris").is_enabled
    assert not other.find_game("Tetris").is_enabled
    assert control.enable_game("Tetris").is_enabled
    assert control.set_strict("Tetris", True).is_strict
    assert other.find_game("Tetris").is_strict
    assert not control.set_strict("Tetris", False).is_strict


def test_the_days_of_a_game_are_utc_days_or_those_of_its_zone(control: ControlDatabase, other: ControlDatabase) -> None:
    assert control.create_game("Tetris").time_zone == "UTC"
    assert control.create_game("Pong", time_zone="Pacific/Apia").time_zone == "Pacific/Apia"
    assert control.set_time_zone("Tetris", "America/St_Johns").time_zone == "America/St_Johns"
    assert [game.time_zone for game in other.list_games()] == ["America/St_Johns", "Pacific/Apia"]
    assert other.snapshot().games_by_id[2].time_zone == "Pacific/Apia"


@pytest.mark.parametrize(
    ("zone", "nearest"),
    [
        ("Europe/Pari", "Europe/Paris"),
        ("new york", "America/New_York"),
        ("utc", "UTC"),
        ("Etc/GMT+99", "Etc/GMT+9"),
    ],
)
def test_a_zone_that_there_is_not_is_refused_with_the_nearest(
    control: ControlDatabase, zone: str, nearest: str
) -> None:
    control.create_game("Tetris")
    with pytest.raises(
        NotAllowed, match=f"there is no time zone {zone!r}; did you mean {nearest!r}?".replace("+", "[+]")
    ):
        control.set_time_zone("Tetris", zone)


@pytest.mark.parametrize("zone", ["", "../../etc/passwd", "localtime", "Factory", "a\0", "posix/UTC", "z" * 100_000])
def test_no_other_text_is_a_zone(control: ControlDatabase, zone: str) -> None:
    with pytest.raises(NotAllowed, match="there is no time zone"):
        control.create_game("Tetris", time_zone=zone)


def test_leniency_is_kept(control: ControlDatabase, other: ControlDatabase) -> None:
    assert not control.create_game("Tetris").is_lenient
    assert control.set_lenient("Tetris", True).is_lenient
    assert other.snapshot().games_by_id[1].is_lenient
    assert not control.set_lenient("Tetris", False).is_lenient


def test_a_rotated_secret_is_new_and_the_game_key_stays(control: ControlDatabase) -> None:
    before = control.create_game("Tetris")
    after = control.rotate_secret("Tetris")
    assert after.game_key == before.game_key
    assert after.secret_key != before.secret_key
    assert control.find_game("Tetris") == after


def test_a_game_gets_another_name_and_keeps_the_rest(control: ControlDatabase, other: ControlDatabase) -> None:
    before = control.create_game("Tetris", KEY, SECRET)
    version = other.version()
    after = control.rename_game("Tetris", "Blocks")
    assert after == msgspec.structs.replace(before, name="Blocks")
    assert other.version() > version
    with pytest.raises(NotFound):
        other.find_game("Tetris")
    assert control.create_game("Tetris").game_id == 2


def test_a_name_that_is_taken_or_cannot_be_one_is_refused_to_a_rename(control: ControlDatabase) -> None:
    control.create_game("Tetris")
    control.create_game("Pong")
    with pytest.raises(AlreadyExists, match="there is a game 'Pong' already"):
        control.rename_game("Tetris", "Pong")
    with pytest.raises(NotAllowed):
        control.rename_game("Tetris", "a/b")
    assert control.rename_game("Tetris", "Tetris").name == "Tetris"


def test_events_are_kept_as_the_settings_say_until_a_game_says_otherwise(
    control: ControlDatabase, other: ControlDatabase
) -> None:
    assert control.create_game("Tetris").keep_days is None
    assert control.set_keep_days("Tetris", 90).keep_days == 90
    assert [game.keep_days for game in other.list_games()] == [90]
    assert control.set_keep_days("Tetris", 0).keep_days == 0
    assert control.set_keep_days("Tetris", None).keep_days is None


@pytest.mark.parametrize("days", [-1, 36_501, 2**40])
def test_days_out_of_bounds_are_refused(control: ControlDatabase, days: int) -> None:
    control.create_game("Tetris")
    with pytest.raises(NotAllowed, match="events are kept for 1 to 36500 days, or for ever"):
        control.set_keep_days("Tetris", days)


def test_event_names_are_declared_once_and_forgotten(control: ControlDatabase) -> None:
    control.create_game("Tetris")
    control.declare_event_names("Tetris", ["a", "b"])
    assert control.declare_event_names("Tetris", ["b", "c"]).event_names == {"a", "b", "c"}
    assert control.forget_event_names("Tetris", ["a", "never"]).event_names == {"b", "c"}


@pytest.mark.parametrize("name", ["", "_reserved", "x" * 257])
def test_event_names_that_no_client_may_send_cannot_be_declared(control: ControlDatabase, name: str) -> None:
    control.create_game("Tetris")
    with pytest.raises(NotAllowed):
        control.declare_event_names("Tetris", ["fine", name])
    assert control.find_game("Tetris").event_names == frozenset()


def test_the_list_shows_no_secret(control: ControlDatabase) -> None:
    game = control.create_game("Tetris")
    assert game.secret_key not in repr(control.list_games())
    assert [listed.name for listed in control.list_games()] == ["Tetris"]


def test_the_sandbox_is_made_once(control: ControlDatabase, other: ControlDatabase) -> None:
    sandbox = control.ensure_sandbox()
    assert (sandbox.game.game_key, sandbox.game.secret_key) == (SANDBOX_GAME_KEY, SANDBOX_SECRET_KEY)
    assert other.ensure_sandbox() == sandbox
    assert len(control.list_games()) == len(control.list_api_keys()) == 1


def test_the_sandbox_finds_a_name_when_its_own_is_taken(control: ControlDatabase) -> None:
    control.create_game("sandbox")
    assert control.ensure_sandbox().game.name == "sandbox 5c6bcb54"


@pytest.mark.parametrize("reference", ["nul\0", "\ud800", "x" * 4_000])
def test_what_cannot_be_a_name_is_of_no_game(control: ControlDatabase, reference: str) -> None:
    with pytest.raises(NotFound):
        control.find_game(reference)


@pytest.mark.parametrize("name", ["nul\0", "\ud800"])
def test_an_event_name_is_printable(control: ControlDatabase, name: str) -> None:
    control.create_game("Tetris")
    with pytest.raises(NotAllowed):
        control.declare_event_names("Tetris", [name])
