"""Satori API keys."""

import uuid

import msgspec
from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError

from questlog.control.audit_log import Action
from questlog.control.connections import insert
from questlog.control.errors import AlreadyExists, NotAllowed, NotFound
from questlog.control.games import IS_THERE, MOST_KEEP_OLD_S, game_row
from questlog.control.names import checked_name
from questlog.control.part import Part
from questlog.control.tables import api_keys, games
from questlog.model.game import ApiKey


class ListedApiKey(msgspec.Struct, frozen=True):
    """A key without the key: only its first characters. Times are UTC microseconds.

    `revoked_at` is in the future for a key that was replaced and is still accepted.
    """

    game: str
    name: str
    key_start: str
    created_at: int
    revoked_at: int | None


class ApiKeys(Part):
    """Keys that authenticate a source of Satori events and name it.

    Names are unique within a game, among keys that are not revoked.
    """

    def create_api_key(self, game_reference: str, name: str, key: str | None = None) -> ApiKey:
        """Add a key, a new UUID or the one given. Raises `NotFound`, `NotAllowed`, `AlreadyExists`."""
        checked_name("API key", name)
        value = str(uuid.uuid4()) if key is None else _checked_uuid(key)
        with self._connections.write() as connection:
            game = game_row(connection, game_reference)
            row = {"game_id": game.game_id, "name": name, "key": value, "created_at": self._clock.now_us()}
            try:
                connection.execute(insert(connection, api_keys).values(row))
            except IntegrityError as error:
                raise AlreadyExists(f"the game {game.name!r} has an API key {name!r} already") from error
            self._mark_changed(connection)
            self._record(connection, Action.API_KEY_CREATE, game=(game.game_id, game.name), subject=name)
        return ApiKey(game_id=game.game_id, name=name, key=value)

    def list_api_keys(self, game_reference: str | None = None) -> list[ListedApiKey]:
        """The keys of a game, or of all, the oldest first. Raises `NotFound`."""
        query = select(api_keys, games.c.name.label("game")).join(games).where(IS_THERE).order_by(api_keys.c.api_key_id)
        with self._connections.read() as connection:
            if game_reference is not None:
                query = query.where(api_keys.c.game_id == game_row(connection, game_reference).game_id)
            rows = connection.execute(query).all()
        return [ListedApiKey(row.game, row.name, row.key[:8], row.created_at, row.revoked_at) for row in rows]

    def live_api_key(self, game_reference: str, name: str) -> ApiKey | None:
        """The key of this name, if there is one that is not revoked. Raises `NotFound` for the game."""
        with self._connections.read() as connection:
            game = game_row(connection, game_reference)
            is_it = (api_keys.c.game_id == game.game_id, api_keys.c.name == name, api_keys.c.revoked_at.is_(None))
            key: str | None = connection.execute(select(api_keys.c.key).where(*is_it)).scalar()
        return None if key is None else ApiKey(game_id=game.game_id, name=name, key=key)

    def games_with_api_key(self, name: str) -> list[str]:
        """The names of the games that have a live key of this name."""
        is_live = (api_keys.c.name == name, api_keys.c.revoked_at.is_(None), IS_THERE)
        query = select(games.c.name).join(api_keys).where(*is_live)
        with self._connections.read() as connection:
            return list(connection.execute(query.order_by(games.c.game_id)).scalars())

    def rotate_api_key(self, game_reference: str, name: str, keep_old_s: int = 0) -> ApiKey:
        """Replace a key by a new one of the same name. The old one is refused after `keep_old_s` seconds.

        Session tokens made with it stay valid. Raises `NotFound`, and `NotAllowed` for more seconds than
        `MOST_KEEP_OLD_S`.
        """
        if not 0 <= keep_old_s <= MOST_KEEP_OLD_S:
            raise NotAllowed(f"an old key is kept for 0 to {MOST_KEEP_OLD_S} seconds")
        value, now_us = str(uuid.uuid4()), self._clock.now_us()
        ends_at = now_us + keep_old_s * 1_000_000
        with self._connections.write() as connection:
            game = game_row(connection, game_reference)
            is_it = (api_keys.c.game_id == game.game_id, api_keys.c.name == name, api_keys.c.revoked_at.is_(None))
            if connection.execute(update(api_keys).where(*is_it).values(revoked_at=ends_at)).rowcount == 0:
                raise NotFound(f"the game {game.name!r} has no API key {name!r}")
            row = {"game_id": game.game_id, "name": name, "key": value, "created_at": now_us}
            connection.execute(insert(connection, api_keys).values(row))
            self._mark_changed(connection)
            after = {"old_key_until": ends_at} if keep_old_s else None
            self._record(connection, Action.API_KEY_ROTATE, game=(game.game_id, game.name), subject=name, after=after)
        return ApiKey(game_id=game.game_id, name=name, key=value)

    def revoke_api_key(self, game_reference: str, name: str) -> None:
        """Refuse the keys of this name, also replaced ones, and session tokens made with them, from now on.

        Raises `NotFound`.
        """
        now_us = self._clock.now_us()
        with self._connections.write() as connection:
            game = game_row(connection, game_reference)
            is_live = or_(api_keys.c.revoked_at.is_(None), api_keys.c.revoked_at > now_us)
            is_it = (api_keys.c.game_id == game.game_id, api_keys.c.name == name, is_live)
            revoke = update(api_keys).where(*is_it).values(revoked_at=now_us)
            if connection.execute(revoke).rowcount == 0:
                raise NotFound(f"the game {game.name!r} has no API key {name!r}")
            self._mark_changed(connection)
            self._record(connection, Action.API_KEY_REVOKE, game=(game.game_id, game.name), subject=name)


def _checked_uuid(key: str) -> str:
    try:
        return str(uuid.UUID(key))
    except ValueError as error:
        # Nakama sends a key that is no UUID as a bearer token (satori.md §2).
        raise NotAllowed("an API key is a UUID") from error
