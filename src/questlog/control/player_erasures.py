"""Players that people asked to erase: until the time that was set, it can be undone."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, select

from questlog.control.actor import acting
from questlog.control.audit_log import Action
from questlog.control.connections import insert
from questlog.control.errors import AlreadyExists, NotFound
from questlog.control.games import game_row, locked_game_row
from questlog.control.part import Part
from questlog.control.tables import player_erasures

_MOST_AT_ONCE = 256


class RequestedErasure(msgspec.Struct, frozen=True):
    """A player that will be erased at `due_at` unless someone undoes it. Times are UTC microseconds."""

    game_id: int
    player_id: str
    requested_by: str
    requested_at: int
    due_at: int


class PlayerErasures(Part):
    """Requests to erase a player. A request is deleted when it is carried out: only the audit log then knows of it."""

    def request_erasure(self, game_reference: str, player_id: str, due_at: int) -> RequestedErasure:
        """Have a player erased at `due_at`. Raises `NotFound`, and `AlreadyExists` where that is requested."""
        with self._connections.write() as connection:
            game = locked_game_row(connection, game_reference)
            if connection.execute(select(player_erasures).where(*_is(game.game_id, player_id))).first() is not None:
                raise AlreadyExists(f"the erasure of the player {player_id[:100]!r} is requested already")
            made = RequestedErasure(game.game_id, player_id, acting().who, self._clock.now_us(), due_at)
            connection.execute(insert(connection, player_erasures).values(msgspec.structs.asdict(made)))
            self._record_erasure(connection, Action.PLAYER_ERASE, game, player_id, after={"due_at": due_at})
        return made

    def undo_erasure(self, game_reference: str, player_id: str) -> None:
        """Forget a request. Raises `NotFound` where there is none, or it is carried out."""
        with self._connections.write() as connection:
            game = locked_game_row(connection, game_reference)
            gone = connection.execute(delete(player_erasures).where(*_is(game.game_id, player_id)))
            if not gone.rowcount:
                raise NotFound(f"no erasure of the player {player_id[:100]!r} waits")
            self._record_erasure(connection, Action.PLAYER_ERASE_UNDO, game, player_id)

    def list_erasures(self, game_reference: str) -> Sequence[RequestedErasure]:
        """Those of a game that wait, the first due first. Raises `NotFound` for a game that is not there."""
        with self._connections.read() as connection:
            game_id = game_row(connection, game_reference).game_id
            return _listed(connection, player_erasures.c.game_id == game_id)

    def due_erasures(self) -> Sequence[RequestedErasure]:
        """Those of all games whose time has come, the first due first; some of them, where there are many."""
        with self._connections.read() as connection:
            return _listed(connection, player_erasures.c.due_at <= self._clock.now_us(), _MOST_AT_ONCE)

    def end_erasure(self, game_id: int, player_id: str) -> None:
        """Forget a request that is carried out."""
        ended = delete(player_erasures).where(*_is(game_id, player_id))
        with self._connections.write() as connection:
            connection.execute(ended)

    def _record_erasure(
        self,
        connection: Connection,
        action: Action,
        game: Row[Any],
        player_id: str,
        after: dict[str, object] | None = None,
    ) -> None:
        self._record(connection, action, game=(game.game_id, game.name), subject=f"player/{player_id}", after=after)


def _listed(
    connection: Connection, condition: ColumnElement[bool], most: int | None = None
) -> Sequence[RequestedErasure]:
    query = select(player_erasures).where(condition).limit(most)
    query = query.order_by(player_erasures.c.due_at, player_erasures.c.player_id)
    names = RequestedErasure.__struct_fields__
    return [RequestedErasure(**{name: getattr(row, name) for name in names}) for row in connection.execute(query)]


def _is(game_id: int, player_id: str) -> tuple[ColumnElement[bool], ...]:
    return (player_erasures.c.game_id == game_id, player_erasures.c.player_id == player_id)
