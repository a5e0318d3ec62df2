"""The audit log: who changed, exported or read what, and who logged in. Entries are added and never changed."""

import enum
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import delete, func, select

from questlog.control.actor import Actor
from questlog.control.part import Part
from questlog.control.tables import audit_log

_DAY_US = 86_400_000_000
_MOST_DELETED = 10_000


class Action(enum.StrEnum):
    """What an entry is about."""

    LOG_IN = "log_in"
    LOG_IN_FAILED = "log_in.failed"
    LOG_OUT = "log_out"
    LOG_IN_END = "log_in.end"
    LOG_IN_PROOF = "log_in.proof"  # the password was given again
    GAME_CREATE = "game.create"
    GAME_UPDATE = "game.update"
    GAME_DELETE = "game.delete"
    SECRET_ROTATE = "game.rotate_secret"  # noqa: S105 - a name of an action
    SECRET_SHOW = "game.show_secret"  # noqa: S105
    OLD_SECRET_END = "game.end_old_secret"  # noqa: S105
    API_KEY_CREATE = "api_key.create"
    API_KEY_REVOKE = "api_key.revoke"
    API_KEY_ROTATE = "api_key.rotate"
    API_KEY_SHOW = "api_key.show"
    RECEIPTS_UPDATE = "receipts.update"
    DEFINITION_CREATE = "definition.create"
    DEFINITION_UPDATE = "definition.update"
    DEFINITION_DELETE = "definition.delete"
    TOKEN_CREATE = "token.create"  # noqa: S105
    TOKEN_REVOKE = "token.revoke"  # noqa: S105
    USER_CREATE = "user.create"
    USER_REMOVE = "user.remove"
    PASSWORD_SET = "user.set_password"  # noqa: S105
    ROLE_SET = "user.set_role"
    PLAYER_ERASE = "player.erase"
    PLAYER_ERASE_UNDO = "player.erase.undo"
    PASSWORD_LINK = "user.password_link"  # noqa: S105
    INVITATION_CREATE = "invitation.create"
    INVITATION_ACCEPT = "invitation.accept"
    INVITATION_WITHDRAW = "invitation.withdraw"
    REBUILD = "rebuild.start"
    REBUILD_CANCEL = "rebuild.cancel"
    REPRICE = "reprice.start"
    REPRICE_CANCEL = "reprice.cancel"
    REPLAY = "replay.start"
    REPLAY_CANCEL = "replay.cancel"
    READ = "read"  # personal data: events, players
    SQL = "sql"
    EXPORT = "export"  # an answer as CSV, Parquet or Arrow


class AuditEntry(msgspec.Struct, frozen=True):
    """One entry. `at` is UTC microseconds; `game` is the name at that time; `address` is None for this machine.

    `before` and `after` are what changed, without secrets.
    """

    entry_id: int
    at: int
    who: str
    action: str
    game_id: int | None
    game: str | None
    subject: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    address: str | None


class AuditFilter(msgspec.Struct, frozen=True):
    """Which entries; None does not restrict. Times are UTC microseconds, `until` is exclusive.

    `before` is the number of an entry: only those that are older.
    """

    game_ids: Collection[int] | None = None
    who: str | None = None
    since: int | None = None
    until: int | None = None
    before: int | None = None
    limit: int = 100


class AuditLog(Part):
    """The entries. Changes are recorded in the transaction that makes them; `record` adds everything else."""

    def record(
        self,
        action: str,
        *,
        actor: Actor | None = None,
        game_id: int | None = None,
        game: str | None = None,
        subject: str | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an entry; `actor` is who acts in this task unless one is given. Raises `ControlUnavailable`."""
        with self._connections.write() as connection:
            self._record(
                connection,
                action,
                actor=actor,
                game=None if game_id is None else (game_id, game),
                subject=subject,
                before=before,
                after=after,
            )

    def list_audit(self, which: AuditFilter) -> Sequence[AuditEntry]:
        """The newest entries first, at most `which.limit`."""
        query = select(audit_log).order_by(audit_log.c.entry_id.desc()).limit(which.limit)
        if which.game_ids is not None:
            query = query.where(audit_log.c.game_id.in_(which.game_ids))
        if which.who is not None:
            query = query.where(audit_log.c.who == which.who)
        if which.since is not None:
            query = query.where(audit_log.c.at >= which.since)
        if which.until is not None:
            query = query.where(audit_log.c.at < which.until)
        if which.before is not None:
            query = query.where(audit_log.c.entry_id < which.before)
        with self._connections.read() as connection:
            rows = connection.execute(query).all()
        return [AuditEntry(**{name: getattr(row, name) for name in AuditEntry.__struct_fields__}) for row in rows]

    def expire_audit(self, keep_days: int) -> int:
        """Delete entries older than this, at most 10 000 at once. Returns how many were deleted."""
        oldest = self._clock.now_us() - keep_days * _DAY_US
        old = select(audit_log.c.entry_id).where(audit_log.c.at < oldest).order_by(audit_log.c.at).limit(_MOST_DELETED)
        with self._connections.read() as connection:
            if connection.execute(select(func.count()).select_from(old.subquery())).scalar_one() == 0:
                return 0
        with self._connections.write() as connection:
            return connection.execute(delete(audit_log).where(audit_log.c.entry_id.in_(old))).rowcount
