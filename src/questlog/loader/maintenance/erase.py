"""The task that erases players: in groups, as large as fit into its budget."""

from questlog.loader.maintenance.task import Turn
from questlog.store.contract import ChangeCancelled, Loading, StoreFailed

_BUDGET_S = 0.5
_US = 1_000_000
_FIRST_GROUP = 256
_LARGEST_GROUP = 4096
_FIRST_RETRY_S = 5.0
_LONGEST_RETRY_S = 600.0


class ErasePlayers:
    """Carries out the erasures that batches brought.

    A group costs little more than one player: each statement reads columns of all events. So groups grow while they fit
    into the budget, and shrink only where their size is what takes long. Where one fails its halves are tried, down to
    the player whose erasure fails: that one is tried again later, and the others do not wait for it.
    """

    name = "erase players"
    unit = "players"
    period_s = None
    budget_s = _BUDGET_S

    def __init__(self, store: Loading) -> None:
        self._store = store
        self._group = _FIRST_GROUP
        self._retry_s = _FIRST_RETRY_S
        self._retry_us = 0

    def has_work(self, now_us: int) -> bool:
        """Whether players wait to be erased, or it is time to try one again that could not be."""
        left = self._store.erasures_left
        is_far = self._retry_us - now_us > _LONGEST_RETRY_S * _US  # the clock was set back
        return left.waiting > 0 or (left.failed > 0 and (now_us >= self._retry_us or is_far))

    def run(self, turn: Turn) -> None:
        """Erase groups of players until the budget is used."""
        done = 0
        while not turn.is_over:
            began_us, size = turn.took_us, self._group
            try:
                piece = turn.store.erase(size, turn.cancellation)
            except ChangeCancelled:
                raise
            except StoreFailed as error:
                self._put_off(turn, size)
                turn.fail(error)
                return
            took_us = turn.took_us - began_us
            self._retry_s = _FIRST_RETRY_S
            self._fit(piece.done, took_us)
            done += piece.done
            turn.note(done, piece.left)
            if not piece.left or turn.took_us + took_us > _BUDGET_S * _US:
                return

    def _fit(self, done: int, took_us: int) -> None:
        """Let the next group take about the budget; what does not depend on its size makes a small one no quicker."""
        if took_us > 2 * _BUDGET_S * _US and self._group > _FIRST_GROUP:
            self._group //= 2
        elif done == self._group and (took_us < _BUDGET_S * _US or self._group < _FIRST_GROUP):
            self._group = min(2 * self._group, _LARGEST_GROUP)

    def _put_off(self, turn: Turn, size: int) -> None:
        if size > 1:
            self._group = size // 2
            return
        self._retry_us = turn.now_us + turn.took_us + int(self._retry_s * _US)
        self._retry_s = min(2 * self._retry_s, _LONGEST_RETRY_S)
