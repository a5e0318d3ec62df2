"""Links for one person and one use: to become a user, or to set another password. Only their hashes are stored."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, select, update

from questlog.control.actor import Actor, acting
from questlog.control.audit_log import Action
from questlog.control.connections import insert
from questlog.control.errors import AlreadyExists, NotAllowed, NotFound
from questlog.control.grants import NamedGrant, Role, game_ids, named_grants_of, set_grant
from questlog.control.part import Part
from questlog.control.tables import grants, invitations, users
from questlog.control.users import checked_email, hashed_password, insert_user, set_password_hash

INVITATION_S = 7 * 86_400
PASSWORD_LINK_S = 86_400
"""How long a link is valid, unless something else is said."""

MOST_S = 90 * 86_400
_KEPT_US = 30 * 86_400_000_000
_GONE = "this link is not valid (any more): it was used, withdrawn, or is too old"


class NewLink(msgspec.Struct, frozen=True):
    """A link as it is shown, once: `secret` is the secret part of its address. `expires_at` is UTC microseconds."""

    invitation_id: int
    secret: str
    expires_at: int

    @property
    def path(self) -> str:
        """Its address, below that of the console."""
        return f"/join/{self.secret}"


class ListedInvitation(msgspec.Struct, frozen=True):
    """An invitation without its secret. Times are UTC microseconds.

    `email` is None for the first user, who says it. A link with `is_for_password` lets a user set another password.
    """

    invitation_id: int
    email: str | None
    grants: Sequence[NamedGrant]
    is_for_password: bool
    created_by: str
    created_at: int
    expires_at: int


class Invitations(Part):
    """The links that nobody has used yet."""

    def invite(self, email: str, role: Role, games: Sequence[str] = (), lifetime_s: int = INVITATION_S) -> NewLink:
        """A link for this address to become a user with the role for these games, or for all games.

        An earlier link for the address is valid no more. Raises `NotAllowed`, `AlreadyExists` where there is such a
        user, and `NotFound` for a game.
        """
        address = checked_email(email)
        with self._connections.write() as connection:
            if connection.execute(select(users.c.user_id).where(users.c.email == address)).first() is not None:
                raise AlreadyExists(f"there is a user {address} already")
            connection.execute(delete(invitations).where(invitations.c.email == address))
            link = self._insert_link(connection, {"email": address}, lifetime_s)
            for number in game_ids(connection, games):
                set_grant(connection, grants.c.invitation_id, link.invitation_id, role, number)
            named = named_grants_of(connection, grants.c.invitation_id, link.invitation_id)
            after = {"grants": [msgspec.structs.asdict(grant) for grant in named], "expires_at": link.expires_at}
            self._record(connection, Action.INVITATION_CREATE, subject=address, after=after)
        return link

    def invite_first_owner(self, lifetime_s: int = INVITATION_S) -> NewLink | None:
        """A link for the first user, who owns all games; None where there is a user. An earlier one is void."""
        with self._connections.write() as connection:
            if _has_users(connection):
                return None
            connection.execute(delete(invitations).where(invitations.c.email.is_(None)))
            link = self._insert_link(connection, {}, lifetime_s)
            set_grant(connection, grants.c.invitation_id, link.invitation_id, Role.OWNER, None)
            self._record(connection, Action.INVITATION_CREATE, after={"expires_at": link.expires_at})
        return link

    def make_password_link(self, email: str, lifetime_s: int = PASSWORD_LINK_S) -> NewLink:
        """A link with which a user sets another password. An earlier one is valid no more. Raises `NotFound`."""
        with self._connections.write() as connection:
            row = connection.execute(select(users).where(users.c.email == email.lower())).first()
            if row is None:
                raise NotFound(f"there is no user {email!r}")
            connection.execute(delete(invitations).where(invitations.c.user_id == row.user_id))
            link = self._insert_link(connection, {"email": row.email, "user_id": row.user_id}, lifetime_s)
            self._record(connection, Action.PASSWORD_LINK, subject=row.email, after={"expires_at": link.expires_at})
        return link

    def _insert_link(self, connection: Connection, owner: dict[str, object], lifetime_s: int) -> NewLink:
        if not 0 < lifetime_s <= MOST_S:
            raise NotAllowed(f"a link is valid for 1 to {MOST_S} seconds")
        secret, now_us = secrets.token_urlsafe(24), self._clock.now_us()
        row = {
            **owner,
            "link_hash": _hash(secret),
            "created_by": acting().who,
            "created_at": now_us,
            "expires_at": now_us + lifetime_s * 1_000_000,
        }
        connection.execute(delete(invitations).where(invitations.c.expires_at < now_us - _KEPT_US))
        add = insert(connection, invitations).values(row).returning(invitations.c.invitation_id)
        return NewLink(connection.execute(add).scalar_one(), secret, now_us + lifetime_s * 1_000_000)

    def find_invitation(self, secret: str) -> ListedInvitation | None:
        """The invitation with this link, as long as it is valid."""
        with self._connections.read() as connection:
            row = self._valid_row(connection, secret)
            return None if row is None else _listed(connection, row)

    def list_invitations(self) -> Sequence[ListedInvitation]:
        """Those that nobody has used, the oldest first; those that are too old for 30 days more."""
        query = select(invitations).order_by(invitations.c.invitation_id)
        with self._connections.read() as connection:
            return [_listed(connection, row) for row in connection.execute(query).all()]

    def accept_invitation(self, secret: str, password: str, email: str = "") -> str:
        """Use a link: become a user, or set another password. Returns the e-mail address.

        `email` counts only where the invitation has none. Raises `NotFound` for a link that is not valid, `NotAllowed`
        for a password or an address that breaks a rule, `AlreadyExists` where the user was made in another way.
        """
        password_hash = hashed_password(password)
        with self._connections.write() as connection:
            row = self._valid_row(connection, secret, is_locked=True)
            if row is None:
                raise NotFound(_GONE)
            if row.user_id is not None:
                set_password_hash(connection, row.user_id, password_hash)
                self._record(connection, Action.PASSWORD_SET, actor=_as(row.email), subject=row.email)
                return str(row.email)
            if row.email is None and _has_users(connection):
                raise NotFound(_GONE)
            address = row.email or checked_email(email)
            self._make_user(connection, row, address, password_hash)
        return address

    def _make_user(self, connection: Connection, row: Row[Any], address: str, password_hash: str) -> None:
        is_its = grants.c.invitation_id == row.invitation_id
        if connection.execute(select(grants.c.grant_id).where(is_its)).first() is None:
            raise NotAllowed("the game of this invitation was deleted; ask for another invitation")
        user_id = insert_user(connection, address, password_hash, self._clock.now_us())
        connection.execute(update(grants).where(is_its).values(user_id=user_id, invitation_id=None))
        connection.execute(delete(invitations).where(invitations.c.invitation_id == row.invitation_id))
        named = named_grants_of(connection, grants.c.user_id, user_id)
        after = {"grants": [msgspec.structs.asdict(grant) for grant in named], "invited_by": row.created_by}
        self._record(connection, Action.INVITATION_ACCEPT, actor=_as(address), subject=address, after=after)

    def withdraw_invitation(self, invitation_id: int) -> None:
        """The link is valid no more. Raises `NotFound`."""
        with self._connections.write() as connection:
            gone = (
                delete(invitations).where(invitations.c.invitation_id == invitation_id).returning(invitations.c.email)
            )
            row = connection.execute(gone).first()
            if row is None:
                raise NotFound(f"there is no invitation {invitation_id}")
            self._record(connection, Action.INVITATION_WITHDRAW, subject=row.email)

    def _valid_row(self, connection: Connection, secret: str, *, is_locked: bool = False) -> Row[Any] | None:
        is_valid = (invitations.c.link_hash == _hash(secret), invitations.c.expires_at > self._clock.now_us())
        query = select(invitations).where(*is_valid)
        return connection.execute(query.with_for_update() if is_locked else query).first()


def _as(address: str) -> Actor:
    """Who uses a link is the user of it, seen from where the request comes from."""
    return Actor(address, acting().address)


def _has_users(connection: Connection) -> bool:
    return connection.execute(select(users.c.user_id).limit(1)).first() is not None


def _listed(connection: Connection, row: Row[Any]) -> ListedInvitation:
    return ListedInvitation(
        row.invitation_id,
        row.email,
        named_grants_of(connection, grants.c.invitation_id, row.invitation_id),
        row.user_id is not None,
        row.created_by,
        row.created_at,
        row.expires_at,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
