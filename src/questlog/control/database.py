"""The control database as the rest of the program sees it."""

from pathlib import Path
from types import TracebackType
from typing import Self

from questlog.control.attempts import Attempts
from questlog.control.audit_log import AuditLog
from questlog.control.computed import ComputedProperties
from questlog.control.connections import Connections
from questlog.control.definitions import Definitions
from questlog.control.deleted_games import DeletedGames
from questlog.control.identities import Identities
from questlog.control.installation import Installation
from questlog.control.invitations import Invitations
from questlog.control.login_sessions import LoginSessions
from questlog.control.migrate import migrate
from questlog.control.player_erasures import PlayerErasures
from questlog.control.preferences import Preferences
from questlog.control.receipts import Receipts
from questlog.control.revocations import Revocations
from questlog.control.sandbox import Sandboxes
from questlog.control.snapshot import Snapshots
from questlog.control.sql_history import SqlHistory
from questlog.control.tokens import Tokens
from questlog.control.users import Users
from questlog.model.clock import Clock


class ControlDatabase(
    Sandboxes,
    Tokens,
    Users,
    Invitations,
    LoginSessions,
    Attempts,
    AuditLog,
    Snapshots,
    Identities,
    ComputedProperties,
    Revocations,
    Installation,
    Receipts,
    Definitions,
    DeletedGames,
    PlayerErasures,
    Preferences,
    SqlHistory,
):
    """All parts over one database, which is created or upgraded when needed.

    `database` is a SQLAlchemy URL (SQLite or PostgreSQL) or the path of a SQLite file. Any number of threads may use it
    and any number of processes may have it open; a process opens it after it was forked.

    Everything blocks: an event loop calls it in a thread, except `is_revoked`, `version` and `snapshot`, which with
    SQLite take some 30 µs; with PostgreSQL an event loop has a `WatchedControl`. Every change is durable when its
    method returns. Methods raise `ControlError`, above all `ControlUnavailable`.
    """

    def __init__(self, database: str | Path, clock: Clock) -> None:
        connections = Connections(database)
        try:
            migrate(connections)
        except BaseException:
            connections.close()
            raise
        super().__init__(connections, clock)

    def describe(self) -> str:
        """What database it is and of which version, without user and password; asks it. Raises `ControlUnavailable`."""
        return self._connections.describe()

    def close(self) -> None:
        """Let go of all connections; idempotent."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
