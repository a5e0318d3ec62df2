"""What requests are answered with, put together: for a collector's processes and for a history that is made up."""

import time
from collections.abc import Callable

from questlog.app.places import run_directory
from questlog.collector.control_thread import ControlThread
from questlog.collector.counters import CounterBook
from questlog.collector.directory import Directory
from questlog.collector.limits import MemoryBudget
from questlog.collector.recent_identities import RecentIdentities
from questlog.collector.rejected_requests import RejectedRequests
from questlog.collector.satori_callers import Callers, TokenSettings
from questlog.collector.worker import FindCountry, Worker
from questlog.config import Settings
from questlog.control.database import ControlDatabase
from questlog.journal.writer import FileJournalWriter, open_writer
from questlog.model.clock import Clock

_JOURNAL_LINGER_S = 0.002  # requests of two milliseconds share a commit: fewer syncs and thread switches for each


async def open_journal(settings: Settings, clock: Clock) -> FileJournalWriter:
    """A writer of the journal, for this event loop. Raises `OSError`, `UnknownFormat`."""
    return open_writer(
        settings.journal_dir,
        clock,
        segment_bytes=settings.journal.segment_bytes,
        max_pending_bytes=settings.collector.max_pending_bytes,
        linger_s=_JOURNAL_LINGER_S,
    )


def build_worker(
    settings: Settings,
    control: ControlDatabase,
    journal: FileJournalWriter,
    clock: Clock,
    find_country: FindCountry,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> Worker:
    """What one event loop answers requests with. `monotonic_s` is the clock of rate limits."""
    directory = Directory(control, time.monotonic)
    tokens = TokenSettings(
        settings.satori.signing_key or control.signing_key(),
        settings.satori.token_lifetime_s,
        settings.satori.refresh_token_lifetime_s,
    )
    return Worker(
        journal=journal,
        directory=directory,
        callers=Callers(directory, control, tokens.signing_key),
        control=ControlThread(control),
        tokens=tokens,
        recent_identities=RecentIdentities(),
        find_country=find_country,
        check_token=control.check_token,
        clock=clock,
        counters=CounterBook(journal.writer, clock.now_us()),
        counters_directory=run_directory(settings),
        rejected_requests=RejectedRequests(journal, monotonic_s),
        waiting=MemoryBudget(settings.collector.max_pending_bytes),
        max_inflated_bytes=settings.collector.max_inflated_bytes,
        earliest_us=settings.event.earliest_us,
    )
