"""Records reads and exports for the audit log, and keeps the log within its days."""

import threading
from collections import OrderedDict

import structlog

from questlog.control.actor import Actor, acting
from questlog.control.database import ControlDatabase
from questlog.control.errors import ControlUnavailable
from questlog.model.clock import Clock

_log = structlog.get_logger(__name__)

_SAME_FOR_US = 60_000_000
_EXPIRED_EVERY_US = 3_600_000_000
_MOST_REMEMBERED = 10_000


class AuditTrail:
    """What people read, export and start. Changes of the control database record themselves. Safe in any thread.

    The same read by the same caller within a minute, as of a page that brings itself up to date, is one entry.
    """

    def __init__(self, control: ControlDatabase, clock: Clock, keep_days: int) -> None:
        self._control = control
        self._clock = clock
        self._keep_days = keep_days
        self._lock = threading.Lock()
        self._recorded: OrderedDict[tuple[object, ...], int] = OrderedDict()
        self._expired_at = -_EXPIRED_EVERY_US

    def record(
        self,
        action: str,
        *,
        actor: Actor | None = None,
        game: tuple[int, str] | None = None,
        subject: str | None = None,
        is_repeated: bool = False,
    ) -> None:
        """Add an entry; `is_repeated` where the same one counts once a minute. Blocks.

        Where the control database takes no writes, as on a full disk, the entry goes to the server's own log.
        """
        actor = actor or acting()
        if is_repeated and self._was_recorded((actor, action, game, subject)):
            return
        game_id, name = game or (None, None)
        try:
            self._control.record(action, actor=actor, game_id=game_id, game=name, subject=subject)
            self._expire()
        except ControlUnavailable as error:
            _log.warning(
                "an entry of the audit log cannot be stored",
                who=actor.who,
                address=actor.address,
                action=str(action),
                game=name,
                subject=subject,
                error=str(error),
            )

    def _was_recorded(self, entry: tuple[object, ...]) -> bool:
        now_us = self._clock.now_us()
        with self._lock:
            if 0 <= now_us - self._recorded.get(entry, -_SAME_FOR_US) < _SAME_FOR_US:
                return True
            self._recorded[entry] = now_us
            self._recorded.move_to_end(entry)
            if len(self._recorded) > _MOST_REMEMBERED:
                self._recorded.popitem(last=False)
            return False

    def _expire(self) -> None:
        now_us = self._clock.now_us()
        with self._lock:
            if 0 <= now_us - self._expired_at < _EXPIRED_EVERY_US:
                return
            self._expired_at = now_us
        self._control.expire_audit(self._keep_days)
