"""The control database for a collector whose database is a network away: what an event loop asks comes from memory."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from questlog.control.connections import is_sqlite
from questlog.control.database import ControlDatabase
from questlog.control.errors import ControlError, ControlUnavailable
from questlog.control.revocations import RevokedIdentity, RevokedToken
from questlog.control.snapshot import ControlSnapshot
from questlog.model.clock import Clock

_PERIOD_S = 0.5
_TRUSTED_S = 60.0
_FORGET_EVERY_S = 60

_log = structlog.get_logger(__name__)


def open_for_collector(database: str | Path, clock: Clock) -> ControlDatabase:
    """The control database of a process whose event loop asks it: SQLite itself, which answers within microseconds."""
    return ControlDatabase(database, clock) if is_sqlite(database) else WatchedControl(database, clock)


class WatchedControl(ControlDatabase):
    """Answers `is_revoked`, `version` and `snapshot` from memory, at most half a second and one read behind.

    What this process revokes counts at once. While the database does not answer, what is known holds for a minute;
    after that `is_revoked` raises `ControlUnavailable`. All other methods ask the database, as in `ControlDatabase`.
    """

    def __init__(
        self,
        database: str | Path,
        clock: Clock,
        monotonic_s: Callable[[], float] = time.monotonic,
        period_s: float = _PERIOD_S,
    ) -> None:
        super().__init__(database, clock)
        self._monotonic_s = monotonic_s
        self._period_s = period_s
        self._revoked = RevokedTokens()
        self._change_no = -1
        self._failure: str | None = None
        self._closing = threading.Event()
        try:
            self._seen = super().snapshot()
            self._look_for_revocations()
        except BaseException:
            super().close()
            raise
        self._answered_s = monotonic_s()
        self._thread = threading.Thread(target=self._watch, name="control-watch", daemon=True)
        self._thread.start()

    def is_revoked(self, game_id: int, identity_id: str, token_id: str, issued_at_s: int) -> bool:
        """Whether the token is refused, as of the last look."""
        if self._monotonic_s() - self._answered_s > _TRUSTED_S:
            raise ControlUnavailable(f"control database: it has not answered for {_TRUSTED_S:.0f} s")
        return self._revoked.has(game_id, identity_id, token_id, issued_at_s)

    def version(self) -> int:
        """The version of what `snapshot` returns."""
        return self._seen.version

    def snapshot(self) -> ControlSnapshot:
        """The state as of the last look."""
        return self._seen

    def revoke_session(self, game_id: int, token_id: str, expires_at_s: int) -> None:
        """As of `Revocations`; counts in this process at once."""
        super().revoke_session(game_id, token_id, expires_at_s)
        self._revoked.add_token(RevokedToken(game_id, token_id, expires_at_s))

    def revoke_all(self, game_id: int, identity_id: str, issued_through_s: int, expires_at_s: int) -> None:
        """As of `Revocations`; counts in this process at once."""
        super().revoke_all(game_id, identity_id, issued_through_s, expires_at_s)
        self._revoked.add_identity(RevokedIdentity(game_id, identity_id, issued_through_s, expires_at_s))

    def look(self) -> None:
        """Take up what has changed. Raises `ControlError`."""
        before_s = self._monotonic_s()
        if super().version() != self._seen.version:
            self._seen = super().snapshot()
        self._look_for_revocations()
        self._revoked.forget_expired(self._clock.now_us() // 1_000_000)
        self._answered_s = before_s

    def close(self) -> None:
        """End the watching and let go of all connections; idempotent."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        super().close()

    def _look_for_revocations(self) -> None:
        self._change_no = self.read_revocations(self._change_no, self._revoked)

    def _watch(self) -> None:
        while not self._closing.wait(self._period_s):
            try:
                self.look()
            except ControlError as error:
                self._tell(str(error))
            except Exception:  # noqa: BLE001 - the thread's boundary: without it no change would be seen any more
                _log.exception("looking for changes of the control database failed")
            else:
                self._tell(None)

    def _tell(self, failure: str | None) -> None:
        """Once when it begins, and once when it has ended."""
        if failure is not None and self._failure is None:
            _log.error("the control database does not answer", error=failure)
        elif failure is None and self._failure is not None:
            _log.info("the control database answers again")
        self._failure = failure


class RevokedTokens:
    """Revocations in memory, some 100 bytes each. Any thread may change them while an event loop asks.

    Texts are known by their hash: of 64 bits and another one in every process, so none can be chosen to collide.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[int, int] = {}  # -> when it expires
        self._identities: dict[int, tuple[int, int]] = {}  # -> issued through, when the last of them expires
        self._forget_at_s = 0

    def __len__(self) -> int:
        return len(self._tokens) + len(self._identities)

    def has(self, game_id: int, identity_id: str, token_id: str, issued_at_s: int) -> bool:
        """Whether a token is among them."""
        if hash((game_id, token_id)) in self._tokens:
            return True
        known = self._identities.get(hash((game_id, identity_id)))
        return known is not None and issued_at_s <= known[0]

    def add_token(self, revoked: RevokedToken) -> None:
        """Refuse one token."""
        with self._lock:
            self._tokens[hash((revoked.game_id, revoked.token_id))] = revoked.expires_at_s

    def add_identity(self, revoked: RevokedIdentity) -> None:
        """Refuse the tokens of an identity; an earlier revocation does not undo a later one."""
        key = hash((revoked.game_id, revoked.identity_id))
        with self._lock:
            through_s, expires_at_s = self._identities.get(key, (0, 0))
            self._identities[key] = (
                max(through_s, revoked.issued_through_s),
                max(expires_at_s, revoked.expires_at_s),
            )

    def forget_expired(self, now_s: int) -> None:
        """Forget those whose tokens have expired; once a minute."""
        if now_s < self._forget_at_s <= now_s + _FORGET_EVERY_S:
            return
        self._forget_at_s = now_s + _FORGET_EVERY_S
        with self._lock:
            self._tokens = {key: end for key, end in self._tokens.items() if end >= now_s}
            self._identities = {key: known for key, known in self._identities.items() if known[1] >= now_s}
