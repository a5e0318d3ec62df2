"""Valuing stored purchases again, in the loader's thread: it is the only one that writes to the store."""

import datetime
import enum
import threading
from collections.abc import Sequence

import msgspec

from questlog.loader.maintenance.task import Turn
from questlog.loader.money import Converter
from questlog.store.contract import Cancellation, ChangeCancelled
from questlog.store.repricing import PriceChange, Repricing

_DAY_US = 86_400_000_000
_EPOCH = datetime.date(1970, 1, 1)


class RepriceState(enum.StrEnum):
    """How far it is."""

    NONE = "none"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class RepriceQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which purchases and ad revenues: of these currencies, and of events from a day to another, both included.

    Days are of UTC.
    """

    currencies: tuple[str, ...] = ()
    first_day: datetime.date | None = None
    last_day: datetime.date | None = None
    is_dry_run: bool = False


class RepriceStatus(msgspec.Struct, frozen=True):
    """The last one asked for. `share_done` is 0 to 1; `message` says why it failed; `changes` are there at the end.

    `rates` says for each currency of the changes where its newest rate is from: `own`, `ecb`, `wide` (approximate), or
    null without one.
    """

    state: RepriceState = RepriceState.NONE
    is_dry_run: bool = False
    share_done: float = 0.0
    message: str = ""
    changes: Sequence[PriceChange] = ()
    rates: dict[str, str | None] = {}


class Reprice:
    """A reprice that any thread asks for and the loader's thread carries out between two batches."""

    name = "reprice"
    unit = "percent"
    period_s = None
    budget_s = None

    def __init__(self, converter: Converter) -> None:
        self._converter = converter
        self._lock = threading.Lock()
        self._wanted: RepriceQuestion | None = None
        self._cancellation: Cancellation | None = None
        self._status = RepriceStatus()

    @property
    def status(self) -> RepriceStatus:
        """How far it is; from any thread."""
        return self._status

    def request(self, question: RepriceQuestion) -> bool:
        """Ask for one. False, and nothing is asked for, while another waits or runs."""
        with self._lock:
            if self._status.state in (RepriceState.WAITING, RepriceState.RUNNING):
                return False
            self._status = RepriceStatus(RepriceState.WAITING, question.is_dry_run)
            self._wanted = question
            return True

    def cancel(self) -> bool:
        """End it within seconds, with nothing changed. Returns whether one waited or ran; from any thread."""
        with self._lock:
            wanted, self._wanted = self._wanted, None
            if wanted is not None:
                self._status = RepriceStatus(RepriceState.CANCELLED, wanted.is_dry_run)
                return True
            cancellation = self._cancellation
        if cancellation is None:
            return False
        cancellation.cancel("it was cancelled")
        return True

    def has_work(self, now_us: int) -> bool:  # noqa: ARG002 - the protocol's
        """Whether one waits to be carried out."""
        return self._wanted is not None

    def run(self, turn: Turn) -> None:
        """Carry it out. Events wait in the journal meanwhile. A failure shows in `status`."""
        with self._lock:
            question, self._wanted = self._wanted, None
            if question is None:
                return
            self._cancellation = turn.cancellation
            self._status = RepriceStatus(RepriceState.RUNNING, question.is_dry_run)

        def progress(share_done: float) -> None:
            self._status = RepriceStatus(RepriceState.RUNNING, question.is_dry_run, share_done)
            turn.note(round(100 * share_done), round(100 * (1 - share_done)))

        try:
            changes = turn.store.reprice(_repricing(question), self._converter, progress, turn.cancellation)
        except ChangeCancelled:
            self._end(RepriceStatus(RepriceState.CANCELLED, question.is_dry_run))
            raise
        except Exception as error:
            self._end(RepriceStatus(RepriceState.FAILED, question.is_dry_run, message=str(error)))
            raise
        rates = self._sources(changes)
        self._end(RepriceStatus(RepriceState.DONE, question.is_dry_run, 1.0, changes=changes, rates=rates))

    def _end(self, status: RepriceStatus) -> None:
        with self._lock:
            self._cancellation = None
            self._status = status

    def _sources(self, changes: Sequence[PriceChange]) -> dict[str, str | None]:
        quotes = {change.currency: self._converter.rates.quote(change.currency, _LAST_DAY) for change in changes}
        return {currency: None if quote is None else quote.source.value for currency, quote in quotes.items()}


_LAST_DAY = (datetime.date.max - _EPOCH).days


def _repricing(question: RepriceQuestion) -> Repricing:
    first, last = question.first_day, question.last_day
    return Repricing(
        currencies=frozenset(currency.upper() for currency in question.currencies),
        first_us=None if first is None else (first - _EPOCH).days * _DAY_US,
        end_us=None if last is None else ((last - _EPOCH).days + 1) * _DAY_US,
        is_dry_run=question.is_dry_run,
    )
