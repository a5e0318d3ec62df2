"""Users: who logs in to the dashboard."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.exc import IntegrityError

from questlog.control import passwords
from questlog.control.audit_log import Action
from questlog.control.connections import insert
from questlog.control.errors import AlreadyExists, NotAllowed, NotFound
from questlog.control.grants import (
    ALL_GAMES_OWNER,
    Grant,
    NamedGrant,
    Role,
    game_ids,
    grants_of,
    named_grants_of,
    set_grant,
)
from questlog.control.login_sessions import end_logins_of_user
from questlog.control.part import Part
from questlog.control.preferences import forget_preferences
from questlog.control.sql_history import forget_statements
from questlog.control.tables import grants, invitations, users

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
MAX_EMAIL = 254
MIN_PASSWORD = 8
MAX_PASSWORD = 1024
"""Characters."""


class User(msgspec.Struct, frozen=True):
    """Someone who may log in, and what they may do."""

    user_id: int
    email: str
    grants: tuple[Grant, ...]
    password_hash: str


class ListedUser(msgspec.Struct, frozen=True):
    """A user as shown. Times are UTC microseconds; `last_login_at` is None before the first log-in."""

    email: str
    grants: Sequence[NamedGrant]
    created_at: int
    last_login_at: int | None


class Users(Part):
    """The users of the dashboard. Every change of a user ends the log-ins of that user."""

    def create_user(self, email: str, password: str, role: Role = Role.VIEWER, games: Sequence[str] = ()) -> ListedUser:
        """Add a user with a role for these games, or for all games; e-mail addresses are compared in lower case.

        Raises `NotAllowed`, `AlreadyExists`, and `NotFound` for a game.
        """
        address = checked_email(email)
        password_hash = hashed_password(password)
        with self._connections.write() as connection:
            numbers = game_ids(connection, games)
            user_id = insert_user(connection, address, password_hash, self._clock.now_us())
            for number in numbers:
                set_grant(connection, grants.c.user_id, user_id, role, number)
            made = _listed(connection, _row(connection, address))
            self._record(connection, Action.USER_CREATE, subject=address, after={"grants": _told(made)})
        return made

    def check_password(self, email: str, password: str) -> User | None:
        """The user, if the password is right. Takes as long for an unknown user as for a known one.

        A hash of an earlier version is replaced.
        """
        query = select(users).where(users.c.email == email.lower())
        with self._connections.read() as connection:
            row = connection.execute(query).first()
        password = password[:MAX_PASSWORD]
        if not passwords.is_right(password, row.password_hash if row is not None else None) or row is None:
            return None
        changes: dict[str, object] = {"last_login_at": self._clock.now_us()}
        if passwords.is_outdated(row.password_hash):
            changes["password_hash"] = passwords.hashed(password)
        with self._connections.write() as connection:
            is_it = (users.c.user_id == row.user_id, users.c.password_hash == row.password_hash)
            if connection.execute(update(users).where(*is_it).values(changes)).rowcount == 0:
                return None  # removed, or given another password meanwhile
            its_grants = grants_of(connection, grants.c.user_id, row.user_id)
        return User(row.user_id, row.email, its_grants, str(changes.get("password_hash", row.password_hash)))

    def has_users(self) -> bool:
        """Whether there is any user."""
        with self._connections.read() as connection:
            return connection.execute(select(users.c.user_id).limit(1)).first() is not None

    def list_users(self) -> list[ListedUser]:
        """All users, the oldest first."""
        with self._connections.read() as connection:
            rows = connection.execute(select(users).order_by(users.c.user_id)).all()
            return [_listed(connection, row) for row in rows]

    def remove_user(self, email: str, *, is_owner_needed: bool = False) -> None:
        """Remove a user and end the log-ins. Raises `NotFound`.

        With `is_owner_needed` it raises `NotAllowed` where no owner of all games would remain.
        """
        with self._connections.write() as connection:
            row = _row(connection, email)
            before = {"grants": _told(_listed(connection, row))}
            if is_owner_needed:
                _check_other_owner(connection, row)
            end_logins_of_user(connection, row.user_id)
            connection.execute(delete(users).where(users.c.user_id == row.user_id))
            forget_preferences(connection, row.email)
            forget_statements(connection, row.email)
            self._record(connection, Action.USER_REMOVE, subject=row.email, before=before)

    def set_password(self, email: str, password: str, keep_login_id: int | None = None) -> None:
        """Give a user another password and end the log-ins, except one. Raises `NotFound`, `NotAllowed`."""
        password_hash = hashed_password(password)
        with self._connections.write() as connection:
            row = _row(connection, email)
            set_password_hash(connection, row.user_id, password_hash, keep_login_id)
            self._record(connection, Action.PASSWORD_SET, subject=row.email)

    def set_role(
        self, email: str, role: Role | None, games: Sequence[str] = (), *, is_owner_needed: bool = False
    ) -> ListedUser:
        """Set the role for these games, or the one for all games; None takes it away. Ends the log-ins.

        Raises `NotFound`. With `is_owner_needed` it raises `NotAllowed` where no owner of all games would remain.
        """
        with self._connections.write() as connection:
            row = _row(connection, email)
            before = _listed(connection, row)
            if is_owner_needed and not games and role is not Role.OWNER:
                _check_other_owner(connection, row)
            for number in game_ids(connection, games):
                set_grant(connection, grants.c.user_id, row.user_id, role, number)
            after = _listed(connection, row)
            end_logins_of_user(connection, row.user_id)
            self._record(
                connection,
                Action.ROLE_SET,
                subject=row.email,
                before={"grants": _told(before)},
                after={"grants": _told(after)},
            )
        return after


def checked_email(email: str) -> str:
    """The address in lower case. Raises `NotAllowed`."""
    if len(email) > MAX_EMAIL or not _EMAIL.fullmatch(email) or not email.isprintable():
        raise NotAllowed(f"not an e-mail address: {email[:MAX_EMAIL]!r}")
    return email.lower()


def hashed_password(password: str) -> str:
    """The hash to store. Raises `NotAllowed` for a password that is too short or too long."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise NotAllowed(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return passwords.hashed(password)


def _row(connection: Connection, email: str) -> Row[Any]:
    row = connection.execute(select(users).where(users.c.email == email.lower())).first()
    if row is None:
        raise NotFound(f"there is no user {email!r}")
    return row


def _listed(connection: Connection, row: Row[Any]) -> ListedUser:
    named = named_grants_of(connection, grants.c.user_id, row.user_id)
    return ListedUser(row.email, named, row.created_at, row.last_login_at)


def insert_user(connection: Connection, address: str, password_hash: str, now_us: int) -> int:
    """Add a user without a role; the number of it. Raises `AlreadyExists`."""
    row = {"email": address, "password_hash": password_hash, "created_at": now_us}
    try:
        number: int = connection.execute(insert(connection, users).values(row).returning(users.c.user_id)).scalar_one()
    except IntegrityError as error:
        raise AlreadyExists(f"there is a user {address} already") from error
    return number


def set_password_hash(
    connection: Connection, user_id: int, password_hash: str, keep_login_id: int | None = None
) -> None:
    """Replace the hash; end the log-ins except one, and the links that would set another password."""
    connection.execute(update(users).where(users.c.user_id == user_id).values(password_hash=password_hash))
    end_logins_of_user(connection, user_id, keep_login_id)
    connection.execute(delete(invitations).where(invitations.c.user_id == user_id))


def _check_other_owner(connection: Connection, row: Row[Any]) -> None:
    """Raises `NotAllowed` for the only owner of all games. Locks: two owners cannot remove each other at once."""
    owners = select(grants.c.user_id).where(grants.c.user_id.is_not(None), *ALL_GAMES_OWNER).with_for_update()
    found = set(connection.execute(owners).scalars())
    if found == {row.user_id}:
        raise NotAllowed(f"{row.email} is the only owner of all games; make another user an owner first")


def _told(user: ListedUser) -> list[dict[str, object]]:
    return [msgspec.structs.asdict(grant) for grant in user.grants]
