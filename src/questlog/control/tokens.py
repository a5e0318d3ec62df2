"""Tokens for the console's HTTP API. Only their hashes are stored."""

import hashlib
import hmac
import secrets
from contextlib import suppress

import msgspec
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from questlog.control.connections import insert
from questlog.control.errors import AlreadyExists, ControlUnavailable, NotFound
from questlog.control.names import checked_name
from questlog.control.part import Part
from questlog.control.tables import tokens

_PREFIX = "ql_"
_USE_NOTED_EVERY_US = 60_000_000


class NewToken(msgspec.Struct, frozen=True):
    """A token as it is shown, once."""

    name: str
    token: str


class ListedToken(msgspec.Struct, frozen=True):
    """A token without the token. Times are UTC microseconds; `last_used_at` is right to about a minute."""

    name: str
    created_at: int
    last_used_at: int | None
    revoked_at: int | None


class Tokens(Part):
    """Console API tokens. Names are unique among those that are not revoked."""

    def create_token(self, name: str) -> NewToken:
        """Add a token of 256 random bits. Raises `NotAllowed`, `AlreadyExists`."""
        checked_name("token", name)
        token = _PREFIX + secrets.token_urlsafe(32)
        row = {"name": name, "token_hash": _hash(token), "created_at": self._clock.now_us()}
        with self._connections.write() as connection:
            try:
                connection.execute(insert(connection, tokens).values(row))
            except IntegrityError as error:
                raise AlreadyExists(f"there is a token {name!r} already") from error
        return NewToken(name, token)

    def check_token(self, token: str) -> str | None:
        """The name of a token that may be used; None for any other text."""
        token_hash = _hash(token)
        query = select(tokens).where(tokens.c.token_hash == token_hash, tokens.c.revoked_at.is_(None))
        with self._connections.read() as connection:
            row = connection.execute(query).first()
        if row is None or not hmac.compare_digest(row.token_hash, token_hash):
            return None
        self._note_use(row.token_id, row.last_used_at)
        name: str = row.name
        return name

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
        return [ListedToken(row.name, row.created_at, row.last_used_at, row.revoked_at) for row in rows]

    def revoke_token(self, name: str) -> None:
        """Refuse it from now on. Raises `NotFound`."""
        is_it = (tokens.c.name == name, tokens.c.revoked_at.is_(None))
        with self._connections.write() as connection:
            revoke = update(tokens).where(*is_it).values(revoked_at=self._clock.now_us())
            if connection.execute(revoke).rowcount == 0:
                raise NotFound(f"there is no token {name!r}")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
