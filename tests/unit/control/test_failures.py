import sqlite3

import psycopg
import pytest

from questlog.control.errors import Collision, ControlError, ControlUnavailable, NotAllowed
from questlog.control.failures import in_our_words

CONNECTING = {
    'connection to server at "db" (10.0.0.1), port 5432 failed: Connection refused': "does not answer",
    "connection timeout expired": "does not answer",
    'connection failed: FATAL:  password authentication failed for user "q"': "refuses the user",
    "connection failed: fe_sendauth: no password supplied": "refuses the user",
    'connection failed: FATAL:  no pg_hba.conf entry for host "10.0.0.1"': "refuses the user",
    'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "q", database "q", no encryption': "refuses the user",
    'connection failed: FATAL:  database "q" does not exist': "no database of this name",
    "connection failed: FATAL:  sorry, too many clients already": "raise its max_connections",
    "connection failed: FATAL:  remaining connection slots are reserved": "raise its max_connections",
    "connection failed: FATAL:  the database system is starting up": "starting or stopping",
    'connection failed: root certificate file "/x.pem" does not exist': "the TLS connection failed",
    "connection failed: server does not support SSL, but SSL was required": "the TLS connection failed",
    "failed to resolve host 'nowhere': [Errno -2] Name or service not known": "the host name is not known",
    'invalid connection option "colour"': "an option that PostgreSQL's client does not know",
}
STATES: dict[str, tuple[type[ControlError], str]] = {
    "40P01": (Collision, "kept colliding"),
    "40001": (Collision, "kept colliding"),
    "25006": (ControlUnavailable, "it is a standby"),
    "42P01": (ControlUnavailable, "its tables are not those"),
    "42501": (ControlUnavailable, "the user may not do this"),
    "53100": (ControlUnavailable, "disk is full"),
    "53300": (ControlUnavailable, "raise its max_connections"),
    "57P01": (ControlUnavailable, "starting or stopping"),
    "XX000": (ControlUnavailable, "its log says more"),
    "F0000": (ControlUnavailable, "it refused a statement"),
    "22021": (NotAllowed, "cannot be stored"),
    "54000": (NotAllowed, "cannot be stored"),
}


@pytest.mark.parametrize("text", CONNECTING)
def test_a_connection_that_cannot_be_made_is_told_in_our_words(text: str) -> None:
    told = in_our_words(psycopg.OperationalError(text), "PostgreSQL, q at db:5432")
    assert type(told) is ControlUnavailable
    assert str(told).startswith("control database (PostgreSQL, q at db:5432): ")
    assert CONNECTING[text] in str(told)


@pytest.mark.parametrize("state", STATES)
def test_what_the_server_refuses_is_told_in_our_words(state: str) -> None:
    class Refusal(psycopg.Error):
        sqlstate = state

    kind, said = STATES[state]
    told = in_our_words(Refusal("raw text of the server"), "PostgreSQL, q at db:5432")
    assert type(told) is kind
    assert said in str(told)
    assert "raw" not in str(told)


def test_a_nul_is_no_outage() -> None:
    told = in_our_words(psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"), "PostgreSQL")
    assert type(told) is NotAllowed


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (sqlite3.SQLITE_BUSY, "it is locked by another process for too long"),
        (sqlite3.SQLITE_IOERR_FSYNC, "the disk reports an error"),
        (sqlite3.SQLITE_FULL, "the disk is full"),
        (None, "it refused a statement"),
    ],
)
def test_what_sqlite_refuses_is_told_in_our_words(code: int | None, said: str) -> None:
    error = sqlite3.OperationalError("raw text of the library")
    if code is not None:
        error.sqlite_errorcode = code
    assert str(in_our_words(error, "SQLite, /x")) == f"control database (SQLite, /x): {said}"
