"""What one collector process works with, built once when it starts."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from questlog.collector.control_thread import ControlThread
from questlog.collector.counters import CounterBook
from questlog.collector.directory import Directory
from questlog.collector.limits import MemoryBudget
from questlog.collector.recent_identities import RecentIdentities
from questlog.collector.rejected_requests import RejectedRequests
from questlog.collector.satori_callers import Callers, TokenSettings
from questlog.journal.contract import JournalWriter
from questlog.model.clock import Clock
from questlog.model.exchange import Request
from questlog.model.times import DEFAULT_EARLIEST_US

FindCountry = Callable[[str, str | None], str | None]
"""(client address, X-Forwarded-For) -> ISO 3166 alpha-2 code or None."""

CheckToken = Callable[[str], str | None]
"""The name of a token of the HTTP API that may be used; None for any other text."""


class Worker(NamedTuple):
    """The journal, the games and keys, look-ups, counters and limits of one collector process.

    `earliest_us` is the time before which a client's clock is wrong. `waiting` bounds the bodies of the requests that
    wait for the control database.
    """

    journal: JournalWriter
    directory: Directory
    callers: Callers
    control: ControlThread
    tokens: TokenSettings
    recent_identities: RecentIdentities
    find_country: FindCountry
    check_token: CheckToken
    clock: Clock
    counters: CounterBook
    counters_directory: Path
    rejected_requests: RejectedRequests
    waiting: MemoryBudget
    max_inflated_bytes: int
    earliest_us: int = DEFAULT_EARLIEST_US

    def country(self, request: Request) -> str | None:
        """ISO 3166 alpha-2 code of the sender's country; None where it is unknown."""
        return self.find_country(request.client_address, request.headers.get("x-forwarded-for"))
