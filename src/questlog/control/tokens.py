"""Tokens for the console's HTTP API. Only their hashes are stored."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from questlog.control.audit_log import Action
from questlog.control.connections import insert
from questlog.control.errors import AlreadyExists, ControlUnavailable, NotAllowed, NotFound
from questlog.control.grants import Grant, NamedGrant, Role, game_ids, grants_of, named_grants_of, set_grant
from questlog.control.names import checked_name
from questlog.control.part import Part
from questlog.control.tables import grants, login_sessions, tokens

_PREFIX = "ql_"
_USE_NOTED_EVERY_US = 60_000_000


class NewToken(msgspec.Struct, frozen=True):
    """A token as it is shown, once."""

    name: str
    token: str


class KnownToken(msgspec.Struct, frozen=True):
    """A token that may be used, and what for. `expires_at` is UTC microseconds."""

    token_id: int
    name: str
    grants: tuple[Grant, ...]
    expires_at: int | None = None


class ListedToken(msgspec.Struct, frozen=True):
    """A token without the token. Times are UTC microseconds; `last_used_at` is right to about a minute."""

    name: str
    grants: Sequence[NamedGrant]
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None


class Tokens(Part):
    """Console API tokens. Names are unique among those that are not revoked."""

    def create_token(
        self, name: str, role: Role = Role.ADMIN, games: Sequence[str] = (), expires_at: int | None = None
    ) -> NewToken:
        """Add a token of 256 random bits with a role for these games, or for all games.

        Raises `NotAllowed`, `AlreadyExists`, and `NotFound` for a game.
        """
        checked_name("token", name)
        now_us = self._clock.now_us()
        if expires_at is not None and expires_at <= now_us:
            raise NotAllowed("a token cannot expire before it is made")
        token = _PREFIX + secrets.token_urlsafe(32)
        row = {"name": name, "token_hash": _hash(token), "created_at": now_us, "expires_at": expires_at}
        with self._connections.write() as connection:
            numbers = game_ids(connection, games)
            try:
                token_id = connection.execute(
                    insert(connection, tokens).values(row).returning(tokens.c.token_id)
                ).scalar_one()
            except IntegrityError as error:
                raise AlreadyExists(f"there is a token {name!r} already") from error
            for number in numbers:
                set_grant(connection, grants.c.token_id, token_id, role, number)
            named = [msgspec.structs.asdict(each) for each in named_grants_of(connection, grants.c.token_id, token_id)]
            after = {"grants": named, "expires_at": expires_at}
            self._record(connection, Action.TOKEN_CREATE, subject=name, after=after)
        return NewToken(name, token)

    def check_token(self, token: str) -> str | None:
        """The name of a token with a role for all games; None for any other text."""
        known = self.find_token(token)
        if known is None or not any(grant.game_id is None for grant in known.grants):
            return None
        return known.name

    def find_token(self, token: str) -> KnownToken | None:
        """A token that may be used: neither revoked nor expired; None for any other text."""
        token_hash = _hash(token)
        with self._connections.read() as connection:
            row = connection.execute(select(tokens).where(tokens.c.token_hash == token_hash, *self._is_live())).first()
            if row is None or not hmac.compare_digest(row.token_hash, token_hash):
                return None
            known = KnownToken(
                row.token_id, row.name, grants_of(connection, grants.c.token_id, row.token_id), row.expires_at
            )
        self._note_use(row.token_id, row.last_used_at)
        return known

    def _is_live(self) -> list[ColumnElement[bool]]:
        now_us = self._clock.now_us()
        return [tokens.c.revoked_at.is_(None), or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now_us)]

    def _note_use(self, token_id: int, last_used_at: int | None) -> None:
        """Where the database takes no writes, as on a full disk, the token is used without."""
        now = self._clock.now_us()
        if last_used_at is not None and now - last_used_at < _USE_NOTED_EVERY_US:
            return
        with suppress(ControlUnavailable), self._connections.write() as connection:
            connection.execute(update(tokens).where(tokens.c.token_id == token_id).values(last_used_at=now))

    def list_tokens(self) -> list[ListedToken]:
        """All tokens, the oldest first."""
        with self._connections.read() as connection:
            rows = connection.execute(select(tokens).order_by(tokens.c.token_id)).all()
            return [
                ListedToken(
                    row.name,
                    named_grants_of(connection, grants.c.token_id, row.token_id),
                    row.created_at,
                    row.expires_at,
                    row.last_used_at,
                    row.revoked_at,
                )
                for row in rows
            ]

    def revoke_token(self, name: str) -> None:
        """Refuse it from now on, and end the log-ins with it. Raises `NotFound`."""
        is_it = (tokens.c.name == name, tokens.c.revoked_at.is_(None))
        with self._connections.write() as connection:
            revoke = update(tokens).where(*is_it).values(revoked_at=self._clock.now_us()).returning(tokens.c.token_id)
            token_id = connection.execute(revoke).scalar()
            if token_id is None:
                raise NotFound(f"there is no token {name!r}")
            connection.execute(delete(login_sessions).where(login_sessions.c.token_id == token_id))
            self._record(connection, Action.TOKEN_REVOKE, subject=name)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
