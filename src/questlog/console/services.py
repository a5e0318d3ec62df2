"""What the console port needs of the rest of the program, as narrowly as it can be said."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from questlog.analytics.question.answer import Answer
from questlog.analytics.runner import DataState
from questlog.collector.counters import CollectorCounters
from questlog.console.accounts import Accounts
from questlog.console.audit import AuditTrail
from questlog.console.demo import DemoMaker, NoDemo
from questlog.console.live import LiveFeed
from questlog.control.database import ControlDatabase
from questlog.loader.counters import LoaderCounters
from questlog.loader.maintenance.task import MaintenanceStatus
from questlog.loader.rebuild import Rebuild
from questlog.loader.replay import ReplayQuestion, ReplayStatus
from questlog.loader.reprice import RepriceQuestion, RepriceStatus
from questlog.model.clock import Clock
from questlog.model.finding import Finding
from questlog.model.record import Position
from questlog.model.vitals import Vitals
from questlog.rates.status import RatesStatus
from questlog.store.contract import Cancellation, Reading


class Analytics(Protocol):
    """Answers questions about games. Called from any thread."""

    def ask(self, game_id: int, question: msgspec.Struct, cancellation: Cancellation | None = None) -> Answer:
        """The answer. Raises `InvalidQuery`, `QueryAborted`."""
        ...

    def state(self, game_id: int) -> DataState:
        """Which data there are, and the zone of the game's days. Raises `QueryAborted`."""
        ...


class Repricing(Protocol):
    """Has the loader's thread value stored purchases again. Called from any thread."""

    @property
    def status(self) -> RepriceStatus:
        """How far the last one is, and what it changed."""
        ...

    def request(self, question: RepriceQuestion) -> bool:
        """Value again with the rates there are now; False while another waits or runs. Raises `RatesUnreadable`."""
        ...

    def cancel(self) -> bool:
        """End the one that waits or runs, with nothing changed; False where there is none."""
        ...


class Replaying(Protocol):
    """Has the loader's thread decode rejected events again. Called from any thread."""

    @property
    def status(self) -> ReplayStatus:
        """How far the last one is, and what came of it."""
        ...

    def request(self, question: ReplayQuestion) -> bool:
        """Replay rejected events; False while another replay waits or runs."""
        ...

    def cancel(self) -> bool:
        """End the one that waits or runs; what was stored stays. False where there is none."""
        ...


class Progress(Protocol):
    """How receiving and loading go. Called from any thread, answers at once."""

    def reasons_not_ready(self) -> Sequence[str]:
        """What is wrong, one line each, safe to show to strangers; empty when all is well."""
        ...

    def loader_counters(self) -> LoaderCounters:
        """What the loader of this process has done."""
        ...

    def collector_counters(self) -> Sequence[CollectorCounters]:
        """What the collectors of this machine have done; empty when they run elsewhere."""
        ...

    def rates_status(self) -> Sequence[RatesStatus]:
        """How old the tables of exchange rates are, and whether fetching new ones goes well."""
        ...

    def maintenance(self) -> Sequence[MaintenanceStatus]:
        """How each task of maintenance goes."""
        ...

    def vitals(self) -> Vitals:
        """Which program runs, and how much room it takes and has. Raises `OSError`."""
        ...

    def findings(self) -> Sequence[Finding]:
        """What the checks of the installation find, in the order in which one thing depends on the other. Blocks."""
        ...


class Limits(msgspec.Struct, frozen=True):
    """What one request may cost; `console.*` and `analytics.timeout_s` of the settings."""

    sql_timeout_s: float = 30.0
    sql_max_rows: int = 100_000
    question_timeout_s: float = 30.0
    max_body_bytes: int = 1_048_576


class ConsoleServices(msgspec.Struct, frozen=True):
    """Everything that the console port is built from.

    `monotonic_s` tells seconds that no change of the clock touches; `collector_port` is where games send to.
    `live` is told of what is loaded. `program` tells this program from those that may answer otherwise.
    `keep_days` is the setting `event.keep_days`: 0 = events are kept for ever. `raw_event` finds what was sent of an
    event by its place in the journal, while that is kept.
    """

    control: ControlDatabase
    accounts: Accounts
    audit: AuditTrail
    tables: Reading
    analytics: Analytics
    rebuild: Rebuild
    reprice: Repricing
    replay: Replaying
    progress: Progress
    clock: Clock
    monotonic_s: Callable[[], float]
    live: LiveFeed = msgspec.field(default_factory=LiveFeed)
    demo: DemoMaker = msgspec.field(default_factory=NoDemo)
    limits: Limits = Limits()
    collector_port: int = 7450
    program: str = ""
    keep_days: int = 0
    raw_event: Callable[[Position, int], str | None] = lambda _start, _index: None
