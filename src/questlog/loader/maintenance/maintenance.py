"""Running tasks between batches: none keeps the others, or loading, from going on."""

import threading
from collections.abc import Callable, Sequence

import msgspec
import structlog

from questlog.loader.maintenance.task import MaintenanceStatus, Task, TaskState, Turn
from questlog.model.clock import Clock
from questlog.store.contract import ChangeCancelled, Loading

_FIRST_BACKOFF_S = 5.0
_LONGEST_BACKOFF_S = 600.0

_log = structlog.get_logger(__name__)


class _Slot:
    """A task, and when it is due."""

    def __init__(self, task: Task, now_us: int) -> None:
        self.task = task
        self.wait_us = _in_us(task.period_s or 0.0)
        self.next_us = now_us + self.wait_us
        self.was_due = False
        self.status = MaintenanceStatus(
            task.name, task.unit, period_s=task.period_s, budget_s=task.budget_s, next_at=self._shown_next
        )

    def is_due(self, now_us: int) -> bool:
        # Further off than what was waited for it can only be when the clock was set back.
        self.was_due = not 0 < self.next_us - now_us <= self.wait_us and self.task.has_work(now_us)
        return self.was_due

    def wait(self, now_us: int, seconds: float) -> None:
        self.wait_us = _in_us(seconds)
        self.next_us = now_us + self.wait_us

    def change(self, **values: object) -> None:
        self.status = msgspec.structs.replace(self.status, next_at=self._shown_next, **values)

    @property
    def _shown_next(self) -> int | None:
        return self.next_us if self.wait_us else None


class Maintenance:
    """Runs what is due, in the order of the list, in the loader's thread.

    A task that fails is told of, tried again after 5 s, then after twice as long each time, up to ten minutes; nothing
    else waits for it.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        clock: Clock,
        elsewhere: Callable[[], Sequence[MaintenanceStatus]] = lambda: (),
    ) -> None:
        """`elsewhere` tells of tasks that run in threads of their own."""
        self._clock = clock
        self._elsewhere = elsewhere
        self._slots = [_Slot(task, clock.now_us()) for task in tasks]
        self._lock = threading.Lock()
        self._running: tuple[str, Turn] | None = None
        self._is_stopping = False

    def status(self) -> Sequence[MaintenanceStatus]:
        """How each task is; from any thread."""
        return [*(self._shown(slot) for slot in self._slots), *self._elsewhere()]

    @property
    def is_due(self) -> bool:
        """Whether a task should be run now."""
        now_us = self._clock.now_us()
        due = [slot for slot in self._slots if slot.is_due(now_us)]
        return bool(due) and not self._is_stopping

    def run(self, store: Loading) -> bool:
        """Run what is due, once. Returns whether all went well."""
        is_well = True
        for slot in self._slots:
            if not self._is_stopping and slot.is_due(self._clock.now_us()):
                is_well &= self._run(slot, store)
        return is_well

    def cancel(self, name: str) -> bool:
        """End the task of this name if it runs now. Returns whether it did; from any thread."""
        with self._lock:
            if self._running is None or self._running[0] != name:
                return False
            self._running[1].cancellation.cancel("it was cancelled")
            return True

    def stop(self) -> None:
        """Begin nothing any more, and end what runs within seconds; from any thread."""
        with self._lock:
            self._is_stopping = True
            if self._running is not None:
                self._running[1].cancellation.cancel("the server stops")

    def _run(self, slot: _Slot, store: Loading) -> bool:
        task = slot.task
        turn = Turn(store, self._clock, task.budget_s, lambda done, left: slot.change(done=done, left=left))
        with self._lock:
            if self._is_stopping:
                return True
            self._running = (task.name, turn)
        slot.was_due = False
        slot.change(state=TaskState.RUNNING, last_began_at=turn.now_us, done=0)
        try:
            task.run(turn)
        except ChangeCancelled:
            self._end(slot, turn)
            return True
        except Exception as error:  # noqa: BLE001 - a task's boundary: whatever fails, loading and the others go on
            self._fail(slot, turn, error)
            return False
        finally:
            with self._lock:
                self._running = None
        self._end(slot, turn)
        return turn.error is None

    def _end(self, slot: _Slot, turn: Turn) -> None:
        slot.wait(self._clock.now_us(), slot.task.period_s or 0.0)
        if turn.error is not None:
            self._tell_failure(slot, turn, turn.error)
            return
        if slot.status.failures:
            _log.info("a task of maintenance succeeds again", task=slot.task.name)
        slot.change(state=TaskState.IDLE, failures=0, error=None, **self._ended(slot, turn))

    def _fail(self, slot: _Slot, turn: Turn, error: Exception) -> None:
        backoff_s = min(_FIRST_BACKOFF_S * 2**slot.status.failures, _LONGEST_BACKOFF_S)
        slot.wait(self._clock.now_us(), backoff_s)
        self._tell_failure(slot, turn, f"{type(error).__name__}: {error}")

    def _tell_failure(self, slot: _Slot, turn: Turn, error: str) -> None:
        if error != slot.status.error:
            _log.error("a task of maintenance fails", task=slot.task.name, error=error)
        failures = slot.status.failures + 1
        slot.change(state=TaskState.FAILED, failures=failures, error=error, **self._ended(slot, turn))

    @staticmethod
    def _ended(slot: _Slot, turn: Turn) -> dict[str, object]:
        took_us = turn.took_us
        return {"last_ended_at": turn.now_us + took_us, "took_ms": took_us / 1000, "runs": slot.status.runs + 1}

    @staticmethod
    def _shown(slot: _Slot) -> MaintenanceStatus:
        status = slot.status
        is_waiting = status.state is TaskState.IDLE and slot.was_due
        return msgspec.structs.replace(status, state=TaskState.WAITING) if is_waiting else status


def _in_us(seconds: float) -> int:
    return int(seconds * 1_000_000)
