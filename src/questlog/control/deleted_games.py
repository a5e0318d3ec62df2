"""Games that are deleted: their keys at once, their events by the server, their identities after those."""

import msgspec
from sqlalchemy import Connection, delete, func, select, update

from questlog.control.audit_log import Action
from questlog.control.errors import NotAllowed
from questlog.control.games import game_row
from questlog.control.part import Part
from questlog.control.tables import (
    api_keys,
    definitions,
    event_definitions,
    games,
    grants,
    identities,
    player_erasures,
    receipt_settings,
)

_IDENTITIES_AT_ONCE = 1_000
_AT_ONCE = (api_keys, event_definitions, receipt_settings, definitions, grants, player_erasures)


class DeletedGame(msgspec.Struct, frozen=True):
    """A game that was deleted. `deleted_at` is UTC microseconds."""

    game_id: int
    deleted_at: int


class GameContents(msgspec.Struct, frozen=True):
    """How much of a game the control database holds."""

    api_keys: int
    definitions: int
    identities: int


class DeletedGames(Part):
    """Deletes games. A game's name and game key are free at once; its number is never used again.

    A row stays for each: a collector that cannot reach the control database may send events of the game for some time,
    and only with the row the server knows that they are not to be kept.
    """

    def game_contents(self, reference: str) -> GameContents:
        """What goes with the game, besides its events. Raises `NotFound`."""
        with self._connections.read() as connection:
            game_id = game_row(connection, reference).game_id
            counted = (
                connection.execute(
                    select(func.count()).select_from(table).where(table.c.game_id == game_id)
                ).scalar_one()
                for table in (api_keys, definitions, identities)
            )
            return GameContents(*counted)

    def delete_game(self, reference: str, name: str) -> DeletedGame:
        """Delete it: its keys stop working, its definitions are gone. Events and identities follow.

        `name` is the game's name, given again. Raises `NotFound`, and `NotAllowed` for another name.
        """
        now = self._clock.now_us()
        with self._connections.write() as connection:
            game = game_row(connection, reference)
            if game.name != name:
                raise NotAllowed(f"{name!r} is not the name of the game, which is {game.name!r}: nothing was deleted")
            # No game can be given this name, nor this key: both are free again.
            gone = f"/deleted/{game.game_id}"
            values = {
                "name": gone,
                "game_key": gone,
                "secret_key": "",
                "old_secret_key": None,
                "is_enabled": False,
                "deleted_at": now,
            }
            connection.execute(update(games).where(games.c.game_id == game.game_id).values(values))
            # After that: what others add meanwhile is in before the row of the game can be changed.
            for table in _AT_ONCE:
                connection.execute(delete(table).where(table.c.game_id == game.game_id))
            self._mark_changed(connection)
            before = {"game_key": game.game_key}
            self._record(connection, Action.GAME_DELETE, game=(game.game_id, game.name), before=before)
        return DeletedGame(game.game_id, now)

    def deleted_games(self) -> list[DeletedGame]:
        """All of them, the oldest first. Their events are not to be kept."""
        query = select(games.c.game_id, games.c.deleted_at).where(games.c.deleted_at.is_not(None))
        with self._connections.read() as connection:
            rows = connection.execute(query.order_by(games.c.deleted_at, games.c.game_id)).all()
        return [DeletedGame(row.game_id, row.deleted_at) for row in rows]

    def delete_identities_of(self, game_id: int) -> int:
        """Remove the identities of a deleted game, in parts, so that others can write meanwhile. Returns how many."""
        return sum(iter(lambda: self._connections.change(lambda connection: _delete_some(connection, game_id)), 0))


def _is_deleted(connection: Connection, game_id: int) -> bool:
    query = select(games.c.deleted_at).where(games.c.game_id == game_id)
    return connection.execute(query).scalar() is not None


def _delete_some(connection: Connection, game_id: int) -> int:
    """Some of the identities. Returns how many; 0 for a game that is not deleted."""
    if not _is_deleted(connection, game_id):
        return 0
    is_one = identities.c.game_id == game_id
    # Locked in the order in which others lock them.
    some = select(identities.c.identity_id).where(is_one).order_by(identities.c.identity_id).limit(_IDENTITIES_AT_ONCE)
    ids = list(connection.execute(some.with_for_update()).scalars())
    connection.execute(delete(identities).where(is_one, identities.c.identity_id.in_(ids)))
    return len(ids)
