import threading
from collections.abc import Sequence

import pytest

from questlog.control.database import ControlDatabase
from questlog.control.definitions import MAX_DEFINITION_BYTES, SavedDefinition
from questlog.control.errors import AlreadyExists, NotAllowed, NotFound
from tests.unit.control.conftest import SteppingClock

WHALES = {"rule": {"type": "who", "filter": {"type": "condition", "dimension": "payer", "values": ["yes"]}}}


@pytest.fixture(autouse=True)
def _games(control: ControlDatabase) -> None:
    control.create_game("Tetris")
    control.create_game("Pong")


def test_what_is_saved_is_found_as_it_was(
    control: ControlDatabase, other: ControlDatabase, clock: SteppingClock
) -> None:
    saved = control.create_definition("Tetris", "segment", "Whales", WHALES, "ada")
    assert saved == SavedDefinition("segment", "Whales", "ada", WHALES, clock.now, clock.now)
    assert other.find_definition("1", "segment", "Whales") == saved
    assert list(other.list_definitions("Tetris")) == [saved]
    assert list(other.definitions_of(1)) == [saved]


def test_a_name_is_free_in_another_kind_and_in_another_game(control: ControlDatabase) -> None:
    control.create_definition("Tetris", "segment", "Whales", WHALES, "ada")
    control.create_definition("Tetris", "query", "Whales", {}, "ada")
    control.create_definition("Pong", "segment", "Whales", {}, "ada")
    with pytest.raises(AlreadyExists, match="the game 'Tetris' has a segment 'Whales' already"):
        control.create_definition("Tetris", "segment", "Whales", {}, "bob")
    assert [saved.kind for saved in control.list_definitions("Tetris")] == ["query", "segment"]
    assert [saved.kind for saved in control.list_definitions("Tetris", "segment")] == ["segment"]


def test_what_is_put_takes_the_place_of_what_was_there_and_its_owner_stays(
    control: ControlDatabase, clock: SteppingClock
) -> None:
    began = clock.now
    control.put_definition("Tetris", "segment", "Whales", {}, "ada")
    clock.now += 5
    changed = control.put_definition("Tetris", "segment", "Whales", WHALES, "bob")
    assert changed == SavedDefinition("segment", "Whales", "ada", WHALES, began, began + 5)
    assert control.find_definition("Tetris", "segment", "Whales") == changed


def test_what_is_deleted_is_gone(control: ControlDatabase) -> None:
    control.put_definition("Tetris", "segment", "Whales", {}, "ada")
    control.delete_definition("Tetris", "segment", "Whales")
    with pytest.raises(NotFound, match="the game 'Tetris' has no segment 'Whales'"):
        control.find_definition("Tetris", "segment", "Whales")
    with pytest.raises(NotFound):
        control.delete_definition("Tetris", "segment", "Whales")


class Refused(Exception):
    """What a check raises."""


def test_a_check_sees_the_others_and_may_refuse_every_change(control: ControlDatabase) -> None:
    saved = control.put_definition("Tetris", "segment", "Whales", {}, "ada")
    other = control.put_definition("Tetris", "query", "Whales", {}, "ada")
    control.put_definition("Pong", "segment", "Whales", {}, "ada")
    seen: list[Sequence[SavedDefinition]] = []

    def refuse(others: Sequence[SavedDefinition]) -> None:
        seen.append(others)
        raise Refused

    with pytest.raises(Refused):
        control.create_definition("Tetris", "segment", "Minnows", {}, "bob", refuse)
    with pytest.raises(Refused):
        control.put_definition("Tetris", "segment", "Whales", WHALES, "bob", refuse)
    with pytest.raises(Refused):
        control.delete_definition("Tetris", "segment", "Whales", refuse)
    assert seen == [[other, saved], [other], [other]]
    assert control.list_definitions("Tetris") == [other, saved]


def test_nobody_changes_the_others_during_a_check(control: ControlDatabase) -> None:
    seen: list[str] = []

    def note(others: Sequence[SavedDefinition]) -> None:
        seen.extend(each.name for each in others)

    second = threading.Thread(target=control.put_definition, args=("Tetris", "segment", "B", {}, "bob", note))

    def meanwhile(_others: Sequence[SavedDefinition]) -> None:
        second.start()
        second.join(0.2)

    control.put_definition("Tetris", "segment", "A", {}, "ada", meanwhile)
    second.join()
    assert seen == ["A"]


def test_every_change_is_seen_in_the_version(control: ControlDatabase, other: ControlDatabase) -> None:
    versions = [other.version()]
    control.create_definition("Tetris", "segment", "Whales", {}, "ada")
    versions.append(other.version())
    control.put_definition("Tetris", "segment", "Whales", WHALES, "ada")
    versions.append(other.version())
    control.delete_definition("Tetris", "segment", "Whales")
    versions.append(other.version())
    assert sorted(set(versions)) == versions


@pytest.mark.parametrize("name", ["", " a", "a/b", "a\nb", "x" * 101])
def test_names_that_are_no_part_of_an_address_are_refused(control: ControlDatabase, name: str) -> None:
    with pytest.raises(NotAllowed, match="the name of a segment"):
        control.put_definition("Tetris", "segment", name, {}, "ada")


def test_a_definition_above_the_limit_is_refused(control: ControlDatabase) -> None:
    with pytest.raises(NotAllowed, match="bytes of JSON"):
        control.put_definition("Tetris", "segment", "long", {"a": "x" * MAX_DEFINITION_BYTES}, "ada")


def test_there_are_only_so_many_of_a_kind(control: ControlDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("questlog.control.definitions.MAX_DEFINITIONS", 1)
    control.put_definition("Tetris", "segment", "one", {}, "ada")
    control.put_definition("Tetris", "segment", "one", WHALES, "ada")
    control.put_definition("Tetris", "query", "one", {}, "ada")
    with pytest.raises(NotAllowed, match="at most 1 definitions of the kind segment"):
        control.put_definition("Tetris", "segment", "two", {}, "ada")


def test_a_game_that_is_not_there_has_none(control: ControlDatabase) -> None:
    with pytest.raises(NotFound, match="there is no game"):
        control.list_definitions("Chess")
    with pytest.raises(NotFound, match="there is no game"):
        control.put_definition("Chess", "segment", "Whales", {}, "ada")
    assert list(control.definitions_of(99)) == []
