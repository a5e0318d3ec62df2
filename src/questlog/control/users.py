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
from questlog.control.grants import Grant, NamedGrant, Role, game_ids, grants_of, named_grants_of, set_grant
from questlog.control.part import Part
from questlog.control.tables import grants, login_sessions, users

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_MAX_EMAIL = 254
_MIN_PASSWORD = 8
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
        row = {
            "email": address,
            "password_hash": _hashed(password),
            "created_at": self._clock.now_us(),
        }
        with self._connections.write() as connection:
            numbers = game_ids(connection, games)
            try:
                user_id = connection.execute(
                    insert(connection, users).values(row).returning(users.c.user_id)
                ).scalar_one()
            except IntegrityError as error:
                raise AlreadyExists(f"there is a user {address} already") from error
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

    def remove_user(self, email: str) -> None:
        """Remove a user and end the log-ins. Raises `NotFound`."""
        with self._connections.write() as connection:
            row = _row(connection, email)
            before = {"grants": _told(_listed(connection, row))}
            _end_log_ins(connection, row.user_id)
            connection.execute(delete(users).where(users.c.user_id == row.user_id))
            self._record(connection, Action.USER_REMOVE, subject=row.email, before=before)

    def set_password(self, email: str, password: str) -> None:
        """Give a user another password and end the log-ins. Raises `NotFound`, `NotAllowed`."""
        password_hash = _hashed(password)
        with self._connections.write() as connection:
            row = _row(connection, email)
            change = update(users).where(users.c.user_id == row.user_id).values(password_hash=password_hash)
            connection.execute(change)
            _end_log_ins(connection, row.user_id)
            self._record(connection, Action.PASSWORD_SET, subject=row.email)

    def set_role(self, email: str, role: Role | None, games: Sequence[str] = ()) -> ListedUser:
        """Set the role for these games, or the one for all games; None takes it away. Ends the log-ins.

        Raises `NotFound`.
        """
        with self._connections.write() as connection:
            row = _row(connection, email)
            before = _listed(connection, row)
            for number in game_ids(connection, games):
                set_grant(connection, grants.c.user_id, row.user_id, role, number)
            after = _listed(connection, row)
            _end_log_ins(connection, row.user_id)
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
    if len(email) > _MAX_EMAIL or not _EMAIL.fullmatch(email) or not email.isprintable():
        raise NotAllowed(f"not an e-mail address: {email[:_MAX_EMAIL]!r}")
    return email.lower()


def _hashed(password: str) -> str:
    if not _MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise NotAllowed(f"a password has {_MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return passwords.hashed(password)


def _row(connection: Connection, email: str) -> Row[Any]:
    row = connection.execute(select(users).where(users.c.email == email.lower())).first()
    if row is None:
        raise NotFound(f"there is no user {email!r}")
    return row


def _listed(connection: Connection, row: Row[Any]) -> ListedUser:
    named = named_grants_of(connection, grants.c.user_id, row.user_id)
    return ListedUser(row.email, named, row.created_at, row.last_login_at)


def _end_log_ins(connection: Connection, user_id: int) -> None:
    connection.execute(delete(login_sessions).where(login_sessions.c.user_id == user_id))


def _told(user: ListedUser) -> list[dict[str, object]]:
    return [msgspec.structs.asdict(grant) for grant in user.grants]
