"""What both protocols' handlers work with, built once for each worker."""

from collections.abc import Callable
from typing import NamedTuple

from questlog.collector.counters import CounterBook
from questlog.collector.directory import Directory
from questlog.collector.limits import MemoryBudget
from questlog.collector.rejected_requests import RejectedRequests
from questlog.journal.contract import JournalWriter
from questlog.model.clock import Clock
from questlog.model.times import DEFAULT_EARLIEST_US

FindCountry = Callable[[str, str | None], str | None]
"""(client address, X-Forwarded-For) -> ISO 3166 alpha-2 code or None."""


class Parts(NamedTuple):
    """A worker's journal, directory, look-ups and counters; and the time before which a client's clock is wrong."""

    journal: JournalWriter
    directory: Directory
    country: FindCountry
    clock: Clock
    counters: CounterBook
    rejected_requests: RejectedRequests
    waiting: MemoryBudget
    max_inflated_bytes: int
    earliest_us: int = DEFAULT_EARLIEST_US
