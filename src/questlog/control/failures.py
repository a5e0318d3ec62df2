"""Failures of the two databases in our own words. The drivers' texts name libraries, statements and addresses."""

import sqlite3
from collections.abc import Mapping

from questlog.control.errors import Collision, ControlError, ControlUnavailable, NotAllowed

_FAILED = "it refused a statement"

_SQLITE: Mapping[int, str] = {
    sqlite3.SQLITE_BUSY: "it is locked by another process for too long",
    sqlite3.SQLITE_LOCKED: "it is locked by another process for too long",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the file or its directory cannot be written",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_PERM: "the file cannot be opened",
    sqlite3.SQLITE_NOTADB: "the file is not a database",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore it from a backup",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_ERROR: "its tables are not those of this version of Questlog",
}

_STOPPING = "the server is starting or stopping"
_TOO_MANY = "the server has no connection left: raise its max_connections"
_REFUSED_USER = "the server refuses the user, the password or this machine's address; see its pg_hba.conf"
_NO_DATABASE = "the server has no database of this name"
_STANDBY = "the server only takes reads: it is a standby"
_NO_TLS = "the TLS connection failed; see sslmode and sslrootcert"
_NO_HOST = "the host name is not known"
_UNSTORABLE = "a text is too long, or has a character that cannot be stored"

# By SQLSTATE, or by its class: the first two characters.
_POSTGRESQL: Mapping[str, str] = {
    "08": "the server does not answer",
    "0A000": _STANDBY,
    "25006": _STANDBY,
    "28": _REFUSED_USER,
    "3D": _NO_DATABASE,
    "42": "its tables are not those of this version of Questlog",
    "42501": "the user may not do this; make it the owner of the database",
    "53100": "the server's disk is full",
    "53200": "the server has no memory left",
    "53300": _TOO_MANY,
    "55P03": "another connection holds a lock for too long",
    "57": _STOPPING,
    "57014": "a statement took too long",
    "58": "the server reports a fault; its log says more",
    "XX": "the server reports a fault; its log says more",
}
_COLLISIONS = {"40001", "40P01"}
_UNSTORABLE_CLASSES = {"22", "54"}

# A connection that could not be made has no SQLSTATE, only libpq's text.
_CONNECTING: Mapping[str, str] = {
    "starting up": _STOPPING,
    "shutting down": _STOPPING,
    "recovery": _STOPPING,
    "pg_hba": _REFUSED_USER,
    "authentication": _REFUSED_USER,
    "password": _REFUSED_USER,
    'role "': _REFUSED_USER,
    "certificate": _NO_TLS,
    "ssl": _NO_TLS,
    "too many": _TOO_MANY,
    "connection slots": _TOO_MANY,
    'database "': _NO_DATABASE,
    "resolve": _NO_HOST,
    "translate host": _NO_HOST,
}
_NULL = "NUL"


def in_our_words(error: BaseException | None, place: str) -> ControlError:
    """What a driver's error means. `place` names the database."""
    if isinstance(error, OSError):
        return ControlUnavailable(f"control database ({place}): {error.strerror}")
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest tells kinds of one error apart
        return ControlUnavailable(f"control database ({place}): {_SQLITE.get(code, _FAILED)}")
    state = str(getattr(error, "sqlstate", None) or "")
    if state in _COLLISIONS:
        return Collision(f"control database ({place}): transactions kept colliding")
    if state[:2] in _UNSTORABLE_CLASSES or (not state and _NULL in str(error)):
        return NotAllowed(f"control database: {_UNSTORABLE}")
    said = _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2]) or (_FAILED if state else _of_connecting(error))
    return ControlUnavailable(f"control database ({place}): {said}")


def _of_connecting(error: BaseException | None) -> str:
    text = str(error).lower()
    if "connection option" in text:
        return "control.url has an option that PostgreSQL's client does not know"
    return next((said for part, said in _CONNECTING.items() if part in text), "the server does not answer")
