"""The server put together: loader, store, API and pages in one process (`questlog serve`)."""

import asyncio
import hmac
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from questlog.analytics.runner import Analytics
from questlog.api.app import create_app
from questlog.app.demo_process import DemoProcess
from questlog.app.lock import server_lock
from questlog.app.memory import MemoryGuard, engine_memory_mb
from questlog.app.places import make_data_directory, run_directory
from questlog.app.policies import Policies
from questlog.app.program import program_id
from questlog.app.rates import FreshReprice, rates, rates_maintenance, rates_monitor, rates_refresh
from questlog.app.receipts import receipts
from questlog.app.self_check import self_check
from questlog.app.started_with import SERVER, note_settings
from questlog.app.vitals import vitals
from questlog.collector.counters import CollectorCounters, published
from questlog.config import ConfigError, Settings
from questlog.console.accounts import Accounts, AccountSettings
from questlog.console.audit import AuditTrail
from questlog.console.client_address import networks
from questlog.console.definitions_cache import SavedDefinitions
from questlog.console.live import LiveFeed
from questlog.console.queries import QueryService
from questlog.console.services import ConsoleServices, Limits
from questlog.control.database import ControlDatabase
from questlog.control.grants import Grant, Role
from questlog.control.login_sessions import LOCAL_NAME, LoginTimes
from questlog.control.tokens import KnownToken
from questlog.journal.reader import FileJournalReader
from questlog.loader.codecs import EVENT_SOURCES
from questlog.loader.computed import ComputedPush
from questlog.loader.counters import LoaderCounters
from questlog.loader.decoding import Decoding
from questlog.loader.loop import BatchLimits, Loader, Upkeep
from questlog.loader.maintenance.task import MaintenanceStatus
from questlog.loader.money import Converter
from questlog.loader.raw_events import RawEvents
from questlog.logs import GRANIAN_LOGGING
from questlog.model.clock import Clock, SystemClock
from questlog.model.finding import Finding
from questlog.model.vitals import Vitals
from questlog.rates.refresh import RatesRefresh
from questlog.rates.status import RatesStatus
from questlog.store.contract import Expiry, Reading
from questlog.store.duckdb.connection import EngineSettings
from questlog.store.duckdb.store import DuckDBStore
from questlog.supervision import end_with_parent, terminate_this_process
from questlog.web.app import pages

_HEADER_TIMEOUT_MS = 75_000
# Decoding lets go of the interpreter for each body, and storing a hundred times a batch; each time they wait until the
# turn of a thread that answers is over. With Python's 5 ms events became visible seconds later under load.
_SWITCH_INTERVAL_S = 0.00005
_MIN_FREE_BYTES = 64 * 1024 * 1024

log = structlog.get_logger(__name__)


class ServerControl(ControlDatabase):
    """The control database, and the token of this machine's command line.

    That token is in memory and in the console file only: nothing valid is left behind by a server that was killed.
    """

    def __init__(self, database: str | Path, clock: Clock, local_token: str) -> None:
        super().__init__(database, clock)
        self._local_token = local_token.encode()

    def find_token(self, token: str) -> KnownToken | None:
        """A token that may be used; None for any other text. That of this machine may do everything."""
        if hmac.compare_digest(token.encode("utf-8", "replace"), self._local_token):
            return KnownToken(0, LOCAL_NAME, (Grant(Role.OWNER),))
        return super().find_token(token)


class Progress:
    """How receiving and loading go, as the console shows it."""

    def __init__(
        self, settings: Settings, loader: Loader, clock: Clock, control: ControlDatabase, tables: Reading
    ) -> None:
        self._settings = settings
        self._loader = loader
        self._clock = clock
        self._control = control
        self._tables = tables
        self._rates = rates_monitor(settings, clock)

    def reasons_not_ready(self) -> Sequence[str]:
        """What is wrong, one line each."""
        reasons = []
        if not self._loader.is_ready:
            reasons.append("the loader cannot store events")
        if any(not collector.is_ready for collector in self.collector_counters()):
            reasons.append("a collector cannot write its journal")
        if shutil.disk_usage(self._settings.data_dir).free < _MIN_FREE_BYTES:
            reasons.append("the disk of the data directory is full")
        return reasons

    def loader_counters(self) -> LoaderCounters:
        """What the loader has done."""
        return self._loader.counters

    def collector_counters(self) -> Sequence[CollectorCounters]:
        """What the collectors of this machine have done."""
        return published(run_directory(self._settings), self._clock.now_us())

    def rates_status(self) -> Sequence[RatesStatus]:
        """How old the tables of exchange rates are."""
        return self._rates.status()

    def maintenance(self) -> Sequence[MaintenanceStatus]:
        """How each task of maintenance goes."""
        return [*self._loader.maintenance.status(), *rates_maintenance(self.rates_status())]

    def vitals(self) -> Vitals:
        """Which program runs, and how much room it takes and has."""
        return vitals(self._settings)

    def findings(self) -> Sequence[Finding]:
        """What the checks of `questlog doctor` find from inside."""
        return list(self_check(self._settings, self, self._control, self._tables, self._clock))


def serve_console(settings: Settings) -> None:
    """Run the server until SIGTERM. Blocks.

    Raises `AlreadyRunning`, `ConfigError`, `ControlError`, `OSError`, `StoreFailed`.
    """
    end_with_parent(terminate_this_process)
    make_data_directory(settings)
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    with server_lock(settings):
        _serve(settings)


def _serve(settings: Settings) -> None:
    clock = SystemClock()
    token = secrets.token_urlsafe(32)
    with ServerControl(settings.control_database, clock, token) as control:
        store = _open_store(settings)
        try:
            reader = FileJournalReader(settings.journal_dir)
            converter = Converter(rates(settings))
            decoding = Decoding(
                EVENT_SOURCES,
                converter,
                receipts=receipts(settings, control),
                earliest_us=settings.event.earliest_us,
            )
            live = LiveFeed()
            computed = ComputedPush(store, control, clock)
            policies = _policies(settings, control, clock)
            loader = Loader(
                reader,
                store,
                decoding,
                clock,
                _pace(settings),
                [computed, live],
                Upkeep(control, policies, lambda: [computed.status], policies),
            )
            progress = Progress(settings, loader, clock, control, store)
            audit = AuditTrail(control, clock, settings.audit.keep_days)
            services = ConsoleServices(
                control=control,
                accounts=Accounts(control, audit, clock, _account_settings(settings)),
                audit=audit,
                tables=store,
                analytics=Analytics(
                    store,
                    clock,
                    SavedDefinitions(control),
                    msgspec.structs.asdict(settings.cardinality),
                    complete_through=lambda: loader.counters.complete_through,
                    approximate_from=lambda: converter.rates.approximate_from,
                ),
                rebuild=loader.rebuild,
                replay=loader.replay,
                raw_event=RawEvents(lambda: FileJournalReader(settings.journal_dir)).find,
                reprice=FreshReprice(settings, converter, loader.reprice),
                progress=progress,
                clock=clock,
                monotonic_s=time.monotonic,
                live=live,
                demo=DemoProcess(settings),
                limits=Limits(
                    sql_timeout_s=settings.console.sql_timeout_s,
                    sql_max_rows=settings.console.sql_max_rows,
                    question_timeout_s=settings.analytics.timeout_s,
                ),
                collector_port=settings.collector.port,
                program=program_id(),
                keep_days=settings.event.keep_days,
            )
            refresh = rates_refresh(settings, converter.use, clock)
            with _running(refresh), MemoryGuard(settings.memory.server_mb << 20, store.stop_questions):
                asyncio.run(_run(settings, loader, services, token))
        finally:
            store.close()


@contextmanager
def _running(refresh: RatesRefresh | None) -> Iterator[None]:
    if refresh is None:
        yield
        return
    refresh.start()
    try:
        yield
    finally:
        refresh.stop()


async def _run(settings: Settings, loader: Loader, services: ConsoleServices, token: str) -> None:
    queries = QueryService(services)
    server = Server(
        create_app(services, pages=pages(services, queries), queries=queries),
        address=settings.console.host,
        port=settings.console.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT_MS),
        log_level=LogLevels.warning,
        log_dictconfig=GRANIAN_LOGGING,
    )
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    _on_stop_signals(lambda: None if loop.is_closed() else loop.call_soon_threadsafe(stopping.set))
    loader.start()
    serving = asyncio.create_task(server.serve())
    waiting = asyncio.create_task(stopping.wait())
    try:
        note_settings(settings, SERVER)
        with _console_file(settings, token):
            log.info("console ready", host=settings.console.host, port=settings.console.port)
            await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        services.live.close()  # what never ends by itself
        server.stop()  # type: ignore[no-untyped-call]
        await serving
        await asyncio.to_thread(loader.stop)
        log.info("console stopped")


def _policies(settings: Settings, control: ControlDatabase, clock: Clock) -> Policies:
    longest_s = max(settings.satori.token_lifetime_s, settings.satori.refresh_token_lifetime_s)
    return Policies(control, clock, settings.event.keep_days, longest_s)


def _account_settings(settings: Settings) -> AccountSettings:
    """Raises `ConfigError`."""
    times = LoginTimes(settings.console.login_idle_s, settings.console.login_lifetime_s)
    try:
        return AccountSettings(times, networks(settings.console.trusted_proxies))
    except ValueError as error:
        raise ConfigError(f"console.trusted_proxies: {error}") from error


def _open_store(settings: Settings) -> DuckDBStore:
    engine = EngineSettings(
        memory_limit_mb=engine_memory_mb(settings),
        threads=settings.store.threads,
        checkpoint_mb=settings.store.checkpoint_mb,
    )
    return DuckDBStore(
        settings.store_dir,
        engine,
        dedupe_window_days=settings.dedupe.window_days,
        sessionless_grace_s=settings.event.sessionless_events_grace_period_sec,
        reuse_gap_s=settings.session.reuse_gap_s,
        earliest_us=settings.event.earliest_us,
    )


def _pace(settings: Settings) -> BatchLimits:
    return BatchLimits(
        tick_ms=settings.loader.tick_ms,
        batch_bytes=settings.loader.batch_bytes,
        batch_events=settings.loader.batch_events,
        keep_s=settings.journal.keep_s,
        expiry=Expiry(
            rejected_days=settings.rejected.keep_days,
            rejected_rows_per_game=settings.rejected.max_rows_per_game,
            dedupe_window_days=settings.dedupe.window_days,
        ),
    )


def _on_stop_signals(stop: Callable[[], object]) -> None:
    """Call `stop` on the first SIGTERM or SIGINT; pass over those that follow.

    A loop's own handlers end with the loop: a second signal would cut the closing of the store short. Ctrl-C sends two,
    the terminal's own and the supervisor's.
    """

    def stop_once(*_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop_once)


@contextmanager
def _console_file(settings: Settings, token: str) -> Iterator[None]:
    """Tell the command line of this machine where the server is; readable by its owner only."""
    host = settings.console.host
    address = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    place = {"url": f"http://{address}:{settings.console.port}", "token": token}
    _write_private(settings.console_file, msgspec.json.encode(place))
    try:
        yield
    finally:
        settings.console_file.unlink(missing_ok=True)


def _write_private(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
