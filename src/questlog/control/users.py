"""Users: who logs in to the dashboard."""

import enum
import hashlib
import hmac
import re
import secrets

import msgspec
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from questlog.control.connections import insert
from questlog.control.errors import AlreadyExists, NotAllowed
from questlog.control.part import Part
from questlog.control.tables import users

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_MAX_EMAIL = 254
_MIN_PASSWORD = 8
_MAX_PASSWORD = 1024
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**14, 8, 1  # 16 MB and about 50 ms
_SCRYPT_MEMORY_BYTES = 64 * 1024 * 1024


class Role(enum.StrEnum):
    """What a user may do."""

    ADMIN = "admin"  # everything
    VIEWER = "viewer"  # look


class User(msgspec.Struct, frozen=True):
    """Someone who may log in."""

    email: str
    role: Role


class Users(Part):
    """The users of the dashboard."""

    def create_user(self, email: str, password: str, role: Role = Role.ADMIN) -> User:
        """Add a user; e-mail addresses are compared in lower case. Raises `NotAllowed`, `AlreadyExists`."""
        address = _checked_email(email)
        if not _MIN_PASSWORD <= len(password) <= _MAX_PASSWORD:
            raise NotAllowed(f"a password has {_MIN_PASSWORD} to {_MAX_PASSWORD} characters")
        row = {
            "email": address,
            "password_hash": _hash(password, secrets.token_bytes(16)),
            "role": str(role),
            "created_at": self._clock.now_us(),
        }
        with self._connections.write() as connection:
            try:
                connection.execute(insert(connection, users).values(row))
            except IntegrityError as error:
                raise AlreadyExists(f"there is a user {address} already") from error
        return User(address, role)

    def check_password(self, email: str, password: str) -> User | None:
        """The user, if the password is right. Takes as long for an unknown user as for a known one."""
        query = select(users).where(users.c.email == email.lower())
        with self._connections.read() as connection:
            row = connection.execute(query).first()
        stored = row.password_hash if row is not None else _UNKNOWN_USER
        salt = bytes.fromhex(stored.split("$")[1])
        is_right = hmac.compare_digest(_hash(password[:_MAX_PASSWORD], salt), stored)
        return User(row.email, Role(row.role)) if row is not None and is_right else None

    def list_users(self) -> list[User]:
        """All users, the oldest first."""
        with self._connections.read() as connection:
            rows = connection.execute(select(users).order_by(users.c.user_id)).all()
        return [User(row.email, Role(row.role)) for row in rows]


def _checked_email(email: str) -> str:
    if len(email) > _MAX_EMAIL or not _EMAIL.fullmatch(email) or not email.isprintable():
        raise NotAllowed(f"not an e-mail address: {email[:_MAX_EMAIL]!r}")
    return email.lower()


def _hash(password: str, salt: bytes) -> str:
    digest = hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=_SCRYPT_N,
        r=_SCRYPT_R,
        p=_SCRYPT_P,
        maxmem=_SCRYPT_MEMORY_BYTES,
    )
    return f"scrypt-{_SCRYPT_N}-{_SCRYPT_R}-{_SCRYPT_P}${salt.hex()}${digest.hex()}"


_UNKNOWN_USER = f"none${bytes(16).hex()}$"
