"""Saving definitions from values of their types, as pages do."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from questlog.console.definition_checks import check_definition, unused
from questlog.console.definition_kinds import of_kind
from questlog.control.database import ControlDatabase
from questlog.control.definitions import SavedDefinition
from questlog.control.errors import NotFound

_Read = TypeVar("_Read", bound=msgspec.Struct)


def list_saved(control: ControlDatabase, game_id: int, kind: str, wanted: type[_Read]) -> Sequence[tuple[str, _Read]]:
    """Those of one kind by name; one that cannot be read is passed over. Raises `ControlError`."""
    return list(of_kind(control.definitions_of(game_id), kind, wanted).items())


def find_saved(control: ControlDatabase, game_id: int, kind: str, name: str, wanted: type[_Read]) -> _Read:
    """One of them. Raises `NotFound`, also for one that this version cannot read; `ControlError`."""
    saved = control.find_definition(str(game_id), kind, name)
    found = of_kind([saved], kind, wanted)
    if name not in found:
        raise NotFound(f"the {kind} {name!r} was saved by another version and cannot be read")
    return found[name]


def save(
    control: ControlDatabase,
    game_id: int,
    kind: str,
    name: str,
    definition: msgspec.Struct,
    owner: str,
    *,
    is_new: bool = False,
) -> None:
    """Save a definition, with `is_new` only under a name that is free.

    Raises `InvalidQuery`, `NameNotAllowed`, `AlreadyExists`, `NotAllowed`, `ControlError`.
    """

    def check(others: Sequence[SavedDefinition]) -> None:
        check_definition(name, definition, others)

    put = control.create_definition if is_new else control.put_definition
    put(str(game_id), kind, name, msgspec.to_builtins(definition), owner, check)


def forget(control: ControlDatabase, game_id: int, kind: str, name: str) -> None:
    """Delete a definition. Raises `InUse` for one that others are made of, `NotFound`, `ControlError`."""
    control.delete_definition(str(game_id), kind, name, unused(kind, name))
