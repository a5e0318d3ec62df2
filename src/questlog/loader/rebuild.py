"""Computing the rollups again, in the loader's thread: it is the only one that writes to the store."""

import contextlib
import enum
import threading
from collections.abc import Callable

import msgspec

from questlog.store.contract import Loading, Progress, StoreFailed


class RebuildState(enum.StrEnum):
    """How far a rebuild is."""

    NONE = "none"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class RebuildStatus(msgspec.Struct, frozen=True):
    """The last rebuild asked for. `share_done` (0 to 1) is of `table`; `message` says why it failed."""

    state: RebuildState = RebuildState.NONE
    table: str = ""
    share_done: float = 0.0
    message: str = ""


class Rebuild:
    """A rebuild that any thread asks for and the loader's thread carries out between two batches."""

    def __init__(self) -> None:
        self._is_wanted = threading.Event()
        self._status = RebuildStatus()

    @property
    def status(self) -> RebuildStatus:
        """How far it is; from any thread."""
        return self._status

    @property
    def is_requested(self) -> bool:
        """Whether one waits to be carried out."""
        return self._is_wanted.is_set()

    def request(self) -> None:
        """Ask for one; asking again before it has begun changes nothing."""
        if not self._is_wanted.is_set():
            self._status = RebuildStatus(RebuildState.WAITING)
            self._is_wanted.set()

    def run_if_requested(self, store: Loading) -> None:
        """Carry it out. Events wait in the journal meanwhile. A failure shows in `status`."""
        if self._is_wanted.is_set():
            self._is_wanted.clear()
            with contextlib.suppress(StoreFailed):
                self.carry_out(store.rebuild)

    def carry_out(self, work: Callable[[Progress], None]) -> None:
        """Show in `status` how far the work is. Raises the `StoreFailed` that it raises."""
        self._status = RebuildStatus(RebuildState.RUNNING)
        try:
            work(self._progress)
        except StoreFailed as error:
            self._status = RebuildStatus(RebuildState.FAILED, message=str(error))
            raise
        self._status = RebuildStatus(RebuildState.DONE, share_done=1.0)

    def _progress(self, table: str, share_done: float) -> None:
        self._status = RebuildStatus(RebuildState.RUNNING, table, share_done)
