"""Computing the rollups again, in the loader's thread: it is the only one that writes to the store."""

import enum
import threading
from collections.abc import Callable

import msgspec

from questlog.loader.maintenance.task import Turn
from questlog.store.contract import Cancellation, ChangeCancelled, Progress


class RebuildState(enum.StrEnum):
    """How far a rebuild is."""

    NONE = "none"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RebuildStatus(msgspec.Struct, frozen=True):
    """The last rebuild asked for. `share_done` (0 to 1) is of `table`; `message` says why it failed."""

    state: RebuildState = RebuildState.NONE
    table: str = ""
    share_done: float = 0.0
    message: str = ""


class Rebuild:
    """A rebuild that any thread asks for and the loader's thread carries out between two batches."""

    name = "rebuild"
    unit = "percent of a table"
    period_s = None
    budget_s = None

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_wanted = False
        self._cancellation: Cancellation | None = None
        self._status = RebuildStatus()

    @property
    def status(self) -> RebuildStatus:
        """How far it is; from any thread."""
        return self._status

    def request(self) -> None:
        """Ask for one; asking again before it has begun changes nothing."""
        with self._lock:
            if not self._is_wanted:
                self._status = RebuildStatus(RebuildState.WAITING)
                self._is_wanted = True

    def cancel(self) -> bool:
        """End it within seconds, with nothing changed. Returns whether one waited or ran; from any thread."""
        with self._lock:
            if self._is_wanted:
                self._is_wanted = False
                self._status = RebuildStatus(RebuildState.CANCELLED)
                return True
            cancellation = self._cancellation
        if cancellation is None:
            return False
        cancellation.cancel("it was cancelled")
        return True

    def has_work(self, now_us: int) -> bool:  # noqa: ARG002 - the protocol's
        """Whether one waits to be carried out."""
        return self._is_wanted

    def run(self, turn: Turn) -> None:
        """Carry it out. Events wait in the journal meanwhile. A failure shows in `status`."""
        with self._lock:
            if not self._is_wanted:
                return
            self._is_wanted = False
            self._cancellation = turn.cancellation
            self._status = RebuildStatus(RebuildState.RUNNING)
        self._show(turn, turn.store.rebuild)

    def carry_out(self, turn: Turn, work: Callable[[Progress, Cancellation], None]) -> None:
        """Show in `status` how far the work is. Raises the `StoreFailed` that it raises."""
        with self._lock:
            self._cancellation = turn.cancellation
            self._status = RebuildStatus(RebuildState.RUNNING)
        self._show(turn, work)

    def _show(self, turn: Turn, work: Callable[[Progress, Cancellation], None]) -> None:
        def progress(table: str, share_done: float) -> None:
            self._status = RebuildStatus(RebuildState.RUNNING, table, share_done)
            turn.note(round(100 * share_done), round(100 * (1 - share_done)))

        try:
            work(progress, turn.cancellation)
        except ChangeCancelled:
            self._end(RebuildStatus(RebuildState.CANCELLED))
            raise
        except Exception as error:
            self._end(RebuildStatus(RebuildState.FAILED, message=str(error)))
            raise
        self._end(RebuildStatus(RebuildState.DONE, share_done=1.0))

    def _end(self, status: RebuildStatus) -> None:
        with self._lock:
            self._cancellation = None
            # Another may have been asked for meanwhile: it waits.
            self._status = RebuildStatus(RebuildState.WAITING) if self._is_wanted else status
