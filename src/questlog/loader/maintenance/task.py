"""What a task of maintenance is, and what is shown of it."""

import enum
from collections.abc import Callable
from typing import Protocol

import msgspec

from questlog.model.clock import Clock
from questlog.store.contract import Cancellation, Loading


class TaskState(enum.StrEnum):
    """`idle`: nothing to do until `next_at`; `waiting`: to be run as soon as loading lets it; `failed`: to be tried
    again at `next_at`.
    """

    IDLE = "idle"
    WAITING = "waiting"
    RUNNING = "running"
    FAILED = "failed"


class MaintenanceStatus(msgspec.Struct, frozen=True):
    """One task. Times are UTC microseconds, None where there is none yet.

    `period_s` is None for what is done when there is something to do; `budget_s` is how long it may take before loading
    goes on, None for what cannot be divided. `done` and `left` are of the last run, in `unit`; `failures` in a row;
    `error` is why the last run failed.
    """

    name: str
    unit: str
    state: TaskState = TaskState.IDLE
    period_s: float | None = None
    budget_s: float | None = None
    last_began_at: int | None = None
    last_ended_at: int | None = None
    took_ms: float = 0.0
    next_at: int | None = None
    runs: int = 0
    done: int = 0
    left: int = 0
    failures: int = 0
    error: str | None = None


class Turn:
    """One run of a task: the store, when to stop, and where to say how far it is."""

    def __init__(self, store: Loading, clock: Clock, budget_s: float | None, note: Callable[[int, int], None]) -> None:
        self.store = store
        self.cancellation = Cancellation()
        self.note = note
        """Takes how much is done, and how much is left."""
        self.now_us = clock.now_us()
        self.error: str | None = None
        self._clock = clock
        self._budget_us = None if budget_s is None else int(budget_s * 1_000_000)

    def fail(self, error: Exception) -> None:
        """A part of the task failed, and the task knows by itself when to try that again."""
        self.error = f"{type(error).__name__}: {error}"

    @property
    def took_us(self) -> int:
        """How long it has taken so far."""
        return max(self._clock.now_us() - self.now_us, 0)  # the clock may have been set back

    @property
    def is_over(self) -> bool:
        """Whether the task should leave the rest for its next turn."""
        has_used_it = self._budget_us is not None and self.took_us >= self._budget_us
        return has_used_it or self.cancellation.is_cancelled


class Task(Protocol):
    """Something that is done to the store now and then. Called by the loader's thread, between two batches."""

    @property
    def name(self) -> str:
        """What it does, in a word or two."""
        ...

    @property
    def unit(self) -> str:
        """What `done` and `left` count."""
        ...

    @property
    def period_s(self) -> float | None:
        """How long after one run the next is due; None: whenever there is something to do."""
        ...

    @property
    def budget_s(self) -> float | None:
        """How long a run may take before loading goes on; None: it cannot be divided, and loading waits."""
        ...

    def has_work(self, now_us: int) -> bool:
        """Whether there is something to do, apart from the period. Cheap: asked with every batch."""
        ...

    def run(self, turn: Turn) -> None:
        """Do it, or some of it. Raises whatever goes wrong: it is then tried again, later each time."""
        ...
