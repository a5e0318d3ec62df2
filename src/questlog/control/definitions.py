"""What a game's people save to use again: queries, funnels, segments, metrics of their own.

What a definition may say is for those who save it to check: here it is JSON.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, func, select, update

from questlog.control.audit_log import Action
from questlog.control.connections import insert
from questlog.control.errors import AlreadyExists, NotAllowed, NotFound
from questlog.control.games import game_row, locked_game_row
from questlog.control.names import checked_name
from questlog.control.part import Part
from questlog.control.tables import definitions

MAX_DEFINITION_BYTES = 65_536
MAX_DEFINITIONS = 1_000
"""Of one kind in one game."""


class SavedDefinition(msgspec.Struct, frozen=True):
    """A definition under its name. `owner` is who saved it first: a token or a user. Times are UTC microseconds."""

    kind: str
    name: str
    owner: str
    definition: Mapping[str, Any]
    created_at: int
    updated_at: int


Check = Callable[[Sequence[SavedDefinition]], None]
"""Is given a game's other definitions, which nobody changes meanwhile. What it raises refuses the change."""


def accept(_others: Sequence[SavedDefinition]) -> None:
    """The check that refuses nothing."""


class Definitions(Part):
    """Saved definitions; a name is unique within a game and a kind.

    A `check` is called inside of the transaction: it may ask nothing of the control database.
    """

    def list_definitions(self, game_reference: str, kind: str | None = None) -> Sequence[SavedDefinition]:
        """Those of a game, or of one kind, by kind and name. Raises `NotFound` for a game that is not there."""
        with self._connections.read() as connection:
            game_id = game_row(connection, game_reference).game_id
            return _saved(connection, game_id, kind)

    def definitions_of(self, game_id: int) -> Sequence[SavedDefinition]:
        """All of a game, by kind and name; none for a game that is not there."""
        with self._connections.read() as connection:
            return _saved(connection, game_id, None)

    def find_definition(self, game_reference: str, kind: str, name: str) -> SavedDefinition:
        """One of them. Raises `NotFound`."""
        with self._connections.read() as connection:
            return _found(connection, game_row(connection, game_reference), kind, name)

    def create_definition(
        self,
        game_reference: str,
        kind: str,
        name: str,
        definition: Mapping[str, Any],
        owner: str,
        check: Check = accept,
    ) -> SavedDefinition:
        """Save one under a new name. Raises `NotFound`, `NotAllowed`, `AlreadyExists`."""
        saved = self._checked(kind, name, definition, owner)
        with self._connections.write() as connection:
            game = locked_game_row(connection, game_reference)
            check(_others(connection, game.game_id, kind, name))
            if connection.execute(select(definitions).where(*_is(game.game_id, kind, name))).first() is not None:
                raise AlreadyExists(f"the game {game.name!r} has a {kind} {name!r} already")
            self._add(connection, game.game_id, saved)
            self._record_of(connection, Action.DEFINITION_CREATE, game, saved, after=saved.definition)
        return saved

    def put_definition(
        self,
        game_reference: str,
        kind: str,
        name: str,
        definition: Mapping[str, Any],
        owner: str,
        check: Check = accept,
    ) -> SavedDefinition:
        """Save one under this name, in place of what is there; its owner stays. Raises `NotFound`, `NotAllowed`."""
        saved = self._checked(kind, name, definition, owner)
        with self._connections.write() as connection:
            game = locked_game_row(connection, game_reference)
            check(_others(connection, game.game_id, kind, name))
            is_it = _is(game.game_id, kind, name)
            before = connection.execute(select(definitions.c.definition).where(*is_it)).scalar()
            if before is None:
                self._add(connection, game.game_id, saved)
            else:
                values = {"definition": saved.definition, "updated_at": saved.updated_at}
                connection.execute(update(definitions).where(*is_it).values(values))
            self._mark_changed(connection)
            action = Action.DEFINITION_CREATE if before is None else Action.DEFINITION_UPDATE
            self._record_of(connection, action, game, saved, before=before, after=saved.definition)
            return _found(connection, game, kind, name)

    def delete_definition(self, game_reference: str, kind: str, name: str, check: Check = accept) -> None:
        """Forget one. Raises `NotFound`."""
        with self._connections.write() as connection:
            game = locked_game_row(connection, game_reference)
            gone = _found(connection, game, kind, name)
            check(_others(connection, game.game_id, kind, name))
            connection.execute(delete(definitions).where(*_is(game.game_id, kind, name)))
            self._mark_changed(connection)
            self._record_of(connection, Action.DEFINITION_DELETE, game, gone, before=gone.definition)

    def _record_of(
        self,
        connection: Connection,
        action: Action,
        game: Row[Any],
        saved: SavedDefinition,
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        subject = f"{saved.kind}/{saved.name}"
        named = (game.game_id, game.name)
        self._record(connection, action, game=named, subject=subject, before=before, after=after)

    def _checked(self, kind: str, name: str, definition: Mapping[str, Any], owner: str) -> SavedDefinition:
        checked_name(kind, name)
        size = len(msgspec.json.encode(definition))
        if size > MAX_DEFINITION_BYTES:
            raise NotAllowed(f"a {kind} has at most {MAX_DEFINITION_BYTES} bytes of JSON, not {size}")
        now = self._clock.now_us()
        return SavedDefinition(kind, name, owner, definition, created_at=now, updated_at=now)

    def _add(self, connection: Connection, game_id: int, saved: SavedDefinition) -> None:
        is_alike = (definitions.c.game_id == game_id, definitions.c.kind == saved.kind)
        count = connection.execute(select(func.count()).select_from(definitions).where(*is_alike)).scalar_one()
        if count >= MAX_DEFINITIONS:
            raise NotAllowed(f"a game has at most {MAX_DEFINITIONS} definitions of the kind {saved.kind}")
        values = {"game_id": game_id, **msgspec.structs.asdict(saved)}
        connection.execute(insert(connection, definitions).values(values))
        self._mark_changed(connection)


def _saved(connection: Connection, game_id: int, kind: str | None) -> Sequence[SavedDefinition]:
    query = select(definitions).where(definitions.c.game_id == game_id)
    if kind is not None:
        query = query.where(definitions.c.kind == kind)
    rows = connection.execute(query.order_by(definitions.c.kind, definitions.c.name)).all()
    return [_definition_of(row) for row in rows]


def _others(connection: Connection, game_id: int, kind: str, name: str) -> Sequence[SavedDefinition]:
    return [each for each in _saved(connection, game_id, None) if (each.kind, each.name) != (kind, name)]


def _found(connection: Connection, game: Row[Any], kind: str, name: str) -> SavedDefinition:
    row = connection.execute(select(definitions).where(*_is(game.game_id, kind, name))).first()
    if row is None:
        raise NotFound(f"the game {game.name!r} has no {kind} {name!r}")
    return _definition_of(row)


def _definition_of(row: Row[Any]) -> SavedDefinition:
    return SavedDefinition(**{name: getattr(row, name) for name in SavedDefinition.__struct_fields__})


def _is(game_id: int, kind: str, name: str) -> tuple[ColumnElement[bool], ...]:
    return (definitions.c.game_id == game_id, definitions.c.kind == kind, definitions.c.name == name)
