"""The tasks that delete what is not to be kept any longer, every ten minutes."""

from collections.abc import Callable, Mapping

import structlog

from questlog.journal.contract import JournalReader
from questlog.loader.maintenance.task import Turn
from questlog.model.record import Position

_PERIOD_S = 600.0

_log = structlog.get_logger(__name__)


class ExpireRows:
    """Has the store delete rows of one kind, each time that it is due."""

    unit = "runs"
    period_s = _PERIOD_S
    budget_s = None

    def __init__(self, name: str, delete: Callable[[Turn], None]) -> None:
        self.name = name
        self._delete = delete

    def has_work(self, now_us: int) -> bool:  # noqa: ARG002 - the protocol's
        """Whenever it is time."""
        return True

    def run(self, turn: Turn) -> None:
        """Delete."""
        self._delete(turn)
        turn.note(1, 0)


class ExpireSegments:
    """Deletes segments of the journal that are loaded and older than `journal.keep_s`."""

    name = "expire journal segments"
    unit = "segments"
    period_s = _PERIOD_S
    budget_s = None

    def __init__(
        self, reader: JournalReader, positions: Callable[[], Mapping[int, Position] | None], keep_s: float
    ) -> None:
        """`positions`: to where the journal is stored, None while that is not known."""
        self._reader = reader
        self._positions = positions
        self._keep_s = keep_s

    def has_work(self, now_us: int) -> bool:  # noqa: ARG002 - the protocol's
        """Whenever it is time and known what is stored."""
        return self._positions() is not None

    def run(self, turn: Turn) -> None:
        """Delete."""
        segments = self._reader.expire(self._positions() or {}, self._keep_s, turn.now_us)
        turn.note(segments, 0)
        if segments:
            _log.info("journal segments deleted", segments=segments)
