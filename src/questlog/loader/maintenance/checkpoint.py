"""The task that writes the engine's log into the tables."""

from questlog.loader.maintenance.task import Turn
from questlog.store.contract import Loading


class Checkpoint:
    """Writes the engine's log into the tables once it is long; questions are waited for (`store/duckdb`)."""

    name = "checkpoint"
    unit = "runs"
    period_s = None
    budget_s = 2.0

    def __init__(self, store: Loading) -> None:
        self._store = store

    def has_work(self, now_us: int) -> bool:  # noqa: ARG002 - the protocol's
        """Whether the log is long."""
        return self._store.is_checkpoint_due

    def run(self, turn: Turn) -> None:
        """Write it."""
        turn.store.checkpoint()
        turn.note(1, 0)
