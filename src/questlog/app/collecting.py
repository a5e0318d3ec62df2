"""A collector put together: `questlog collect`, and each of its workers."""

import asyncio
import gc
import os
import resource
import time
from functools import partial

import structlog
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from questlog.app.places import country_database, make_data_directory
from questlog.app.started_with import COLLECTORS, note_settings
from questlog.app.worker import build_worker, open_journal
from questlog.collector.country import CountryLookup
from questlog.collector.limits import BodyReader
from questlog.collector.metrics_operation import OWN
from questlog.collector.rsgi import CollectorApp
from questlog.collector.service import CollectorService
from questlog.config import Settings
from questlog.control.database import ControlDatabase
from questlog.control.watched import open_for_collector
from questlog.logs import GRANIAN_LOGGING, configure_logging
from questlog.model.clock import SystemClock
from questlog.supervision import end_with_parent, terminate_this_process

log = structlog.get_logger(__name__)

_HEADER_TIMEOUT_MS = 75_000  # also ends idle connections; SDKs send every 8 to 20 s
_HEADER_BUFFER_BYTES = 65_536
_BACKLOG = 4_096
_CONNECTIONS_PER_WORKER = 16_384
_STOP_TIMEOUT_S = 20
_GC_THRESHOLDS = (50_000, 50, 100)


def serve_collectors(settings: Settings) -> None:
    """Run the workers until SIGTERM; a worker that dies is replaced. Blocks."""
    end_with_parent(terminate_this_process)
    _allow_many_connections()
    make_data_directory(settings)
    note_settings(settings, COLLECTORS)
    with ControlDatabase(settings.control_database, SystemClock()) as control:
        control.signing_key()  # made once, before workers ask for it at the same time
    country_database(settings)
    workers = settings.collector.workers or os.cpu_count() or 1
    server = Server(
        "questlog",
        address=settings.collector.host,
        port=settings.collector.port,
        interface=Interfaces.RSGI,
        workers=workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT_MS, max_buffer_size=_HEADER_BUFFER_BYTES),
        backlog=_BACKLOG,
        backpressure=_CONNECTIONS_PER_WORKER,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_TIMEOUT_S,
        log_level=LogLevels.warning,
        log_dictconfig=GRANIAN_LOGGING,
    )
    server.on_startup(partial(_say_ready, settings, workers))
    server.serve(target_loader=partial(worker_app, settings), wrap_loader=False)  # type: ignore[arg-type]  # an object with __rsgi__ will do


def _say_ready(settings: Settings, workers: int) -> None:
    log.info("collectors ready", host=settings.collector.host, port=settings.collector.port, workers=workers)


def worker_app(settings: Settings) -> CollectorApp:
    """One worker's application; called in the worker's own process."""
    configure_logging(settings.log.level, settings.log.format)
    end_with_parent(terminate_this_process)
    # What is there now stays: looking through it for cycles again and again would cost a tenth of a request.
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    return CollectorApp(partial(_build_service, settings))


def _build_service(settings: Settings, loop: asyncio.AbstractEventLoop) -> CollectorService:
    clock = SystemClock()
    control = open_for_collector(settings.control_database, clock)
    countries = CountryLookup(country_database(settings))
    journal = loop.run_until_complete(open_journal(settings, clock))
    worker = build_worker(settings, control, journal, clock, countries.country)
    collector = settings.collector

    def close() -> None:
        worker.control.close()
        countries.close()
        control.close()

    bodies = BodyReader(collector.max_body_bytes, collector.max_pending_bytes, collector.body_timeout_s, time.monotonic)
    return CollectorService(worker, bodies, close, [OWN] if collector.metrics else [])


def _allow_many_connections() -> None:
    """As many open files as the system lets us have: a connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
