"""Log-ins of browsers, by the random text in their cookie. They hold over restarts and for all processes."""

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from questlog.control.audit_log import Action
from questlog.control.connections import insert
from questlog.control.errors import ControlUnavailable, NotFound
from questlog.control.grants import Grant, Role, grants_of
from questlog.control.part import Part
from questlog.control.tables import grants, login_sessions, tokens, users

LOCAL_NAME = "command line of this machine"
"""How the token of a server's own machine is called."""

_USE_NOTED_EVERY_US = 60_000_000
_MOST_OF_ONE = 50
_MAX_USER_AGENT = 300


class LoginTimes(msgspec.Struct, frozen=True):
    """When a log-in ends: after so long without a request, and so long after it began."""

    idle_s: int = 43_200
    lifetime_s: int = 604_800


class Subject(msgspec.Struct, frozen=True):
    """Who logs in: a user, a token, or, with neither, the command line's token of a server's own machine.

    A user who logs in with a password does so only as long as it is the one that was checked: `password_hash` is its
    hash.
    """

    user_id: int | None = None
    token_id: int | None = None
    password_hash: str | None = None


class Origin(msgspec.Struct, frozen=True):
    """Where a log-in comes from."""

    address: str = ""
    user_agent: str = ""


class LoginSession(msgspec.Struct, frozen=True):
    """A log-in that is good now, and what it may do.

    `user` is the user's e-mail address, `token_id` the token's number; neither for the token of a server's own machine.
    `proven_at` is when the password, or the token, was last given with it (UTC microseconds).
    """

    login_id: int
    name: str
    grants: tuple[Grant, ...]
    user: str | None = None
    token_id: int | None = None
    proven_at: int = 0


class ListedLogin(msgspec.Struct, frozen=True):
    """A log-in as shown. Times are UTC microseconds; `seen_at` is right to about a minute."""

    login_id: int
    who: str
    address: str
    user_agent: str
    created_at: int
    seen_at: int
    ends_at: int


class LoginSessions(Part):
    """The log-ins. Only hashes of cookies are stored."""

    def open_login(self, subject: Subject, origin: Origin, times: LoginTimes) -> str:
        """A new log-in's cookie. Of one user or token the 50 newest log-ins are kept.

        Raises `NotFound` where the user was removed or given another password meanwhile, `ControlUnavailable`.
        """
        cookie = secrets.token_urlsafe(32)
        now_us = self._clock.now_us()
        row = {
            "cookie_hash": _hash(cookie),
            "user_id": subject.user_id,
            "token_id": subject.token_id,
            "created_at": now_us,
            "seen_at": now_us,
            "idle_until": now_us + times.idle_s * 1_000_000,
            "expires_at": now_us + times.lifetime_s * 1_000_000,
            "address": origin.address,
            "user_agent": "".join(each for each in origin.user_agent if each.isprintable())[:_MAX_USER_AGENT],
            "proven_at": now_us,
        }
        mine = [
            column.is_(None) if value is None else column == value
            for column, value in (
                (login_sessions.c.user_id, subject.user_id),
                (login_sessions.c.token_id, subject.token_id),
            )
        ]
        kept = (
            select(login_sessions.c.login_id)
            .where(*mine)
            .order_by(login_sessions.c.login_id.desc())
            .limit(_MOST_OF_ONE)
        )
        with self._connections.write() as connection:
            if subject.password_hash is not None:
                # The lock: who changes the password meanwhile ends the log-ins after this one is there.
                is_it = (users.c.user_id == subject.user_id, users.c.password_hash == subject.password_hash)
                if connection.execute(select(users.c.user_id).where(*is_it).with_for_update()).first() is None:
                    raise NotFound("the user was removed or given another password")
            connection.execute(insert(connection, login_sessions).values(row))
            connection.execute(delete(login_sessions).where(*mine, login_sessions.c.login_id.not_in(kept)))
            connection.execute(delete(login_sessions).where(self._is_over()))
        return cookie

    def find_login(self, cookie: str, times: LoginTimes) -> LoginSession | None:
        """The log-in that is still good, and its grants as they are now; its idle time begins anew."""
        found = (
            select(
                login_sessions,
                users.c.email,
                tokens.c.name.label("token_name"),
                tokens.c.revoked_at,
                tokens.c.expires_at.label("token_expires_at"),
            )
            .select_from(login_sessions.outerjoin(users).outerjoin(tokens))
            .where(login_sessions.c.cookie_hash == _hash(cookie), ~self._is_over())
        )
        with self._connections.read() as connection:
            row = connection.execute(found).first()
            if row is None:
                return None
            now_us = self._clock.now_us()
            if row.token_id is not None and (
                row.revoked_at is not None or (row.token_expires_at is not None and row.token_expires_at <= now_us)
            ):
                return None
            name: str = LOCAL_NAME
            its_grants: tuple[Grant, ...] = (Grant(Role.OWNER),)
            if row.user_id is not None:
                name, its_grants = row.email, grants_of(connection, grants.c.user_id, row.user_id)
            elif row.token_id is not None:
                name = f"token {row.token_name}"
                its_grants = grants_of(connection, grants.c.token_id, row.token_id)
            session = LoginSession(row.login_id, name, its_grants, row.email, row.token_id, row.proven_at)
        if now_us - row.seen_at >= _USE_NOTED_EVERY_US:
            self._note_login_use(row.login_id, now_us, times)
        return session

    def _note_login_use(self, login_id: int, now_us: int, times: LoginTimes) -> None:
        """Where the database takes no writes, as on a full disk, the log-in is used without."""
        values = {"seen_at": now_us, "idle_until": now_us + times.idle_s * 1_000_000}
        with suppress(ControlUnavailable), self._connections.write() as connection:
            connection.execute(update(login_sessions).where(login_sessions.c.login_id == login_id).values(values))

    def note_proof(self, login_id: int) -> None:
        """The password, or the token, was given again with this log-in. Raises `NotFound`."""
        values = {"proven_at": self._clock.now_us()}
        with self._connections.write() as connection:
            is_it = login_sessions.c.login_id == login_id
            if connection.execute(update(login_sessions).where(is_it).values(values)).rowcount == 0:
                raise NotFound(f"there is no log-in {login_id}")

    def has_logged_in_from(self, email: str, address: str) -> bool:
        """Whether this user has a log-in from this address."""
        query = (
            select(login_sessions.c.login_id)
            .join(users)
            .where(users.c.email == email.lower(), login_sessions.c.address == address)
            .limit(1)
        )
        with self._connections.read() as connection:
            return connection.execute(query).first() is not None

    def list_logins(self, email: str | None = None) -> Sequence[ListedLogin]:
        """The log-ins that are good now, or those of one user, the oldest first."""
        query = (
            select(login_sessions, users.c.email, tokens.c.name.label("token_name"))
            .select_from(login_sessions.outerjoin(users).outerjoin(tokens))
            .where(~self._is_over())
            .order_by(login_sessions.c.login_id)
        )
        if email is not None:
            query = query.where(users.c.email == email.lower())
        with self._connections.read() as connection:
            rows = connection.execute(query).all()
        return [
            ListedLogin(
                row.login_id,
                row.email or (f"token {row.token_name}" if row.token_name else LOCAL_NAME),
                row.address,
                row.user_agent,
                row.created_at,
                row.seen_at,
                min(row.idle_until, row.expires_at),
            )
            for row in rows
        ]

    def close_login(self, cookie: str) -> None:
        """End the log-in with this cookie; of an unknown one, nothing."""
        with self._connections.write() as connection:
            connection.execute(delete(login_sessions).where(login_sessions.c.cookie_hash == _hash(cookie)))

    def end_login(self, login_id: int) -> None:
        """End a log-in by its number. Raises `NotFound`."""
        who = {login.login_id: login.who for login in self.list_logins()}.get(login_id)
        with self._connections.write() as connection:
            ended = connection.execute(delete(login_sessions).where(login_sessions.c.login_id == login_id))
            if ended.rowcount == 0:
                raise NotFound(f"there is no log-in {login_id}")
            self._record(connection, Action.LOG_IN_END, subject=who, before={"login_id": login_id})

    def end_logins_of(self, email: str, keep_login_id: int | None = None) -> int:
        """End all log-ins of a user but this one. Returns how many. Raises `NotFound` for an unknown user."""
        with self._connections.write() as connection:
            user_id = connection.execute(select(users.c.user_id).where(users.c.email == email.lower())).scalar()
            if user_id is None:
                raise NotFound(f"there is no user {email!r}")
            ended = end_logins_of_user(connection, user_id, keep_login_id)
            self._record(connection, Action.LOG_IN_END, subject=email.lower(), before={"log_ins": ended})
        return ended

    def _is_over(self) -> ColumnElement[bool]:
        now_us = self._clock.now_us()
        return or_(login_sessions.c.idle_until <= now_us, login_sessions.c.expires_at <= now_us)


def end_logins_of_user(connection: Connection, user_id: int, keep_login_id: int | None = None) -> int:
    """End all log-ins of a user but this one, in a transaction of others. Returns how many."""
    ended = delete(login_sessions).where(login_sessions.c.user_id == user_id)
    if keep_login_id is not None:
        ended = ended.where(login_sessions.c.login_id != keep_login_id)
    return connection.execute(ended).rowcount


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()
