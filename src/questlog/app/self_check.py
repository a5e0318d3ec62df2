"""The checks of `questlog doctor` as the running server makes them."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from questlog.app import checks
from questlog.app.started_with import COLLECTORS, with_noted_settings
from questlog.config import Settings
from questlog.console.services import Progress
from questlog.control.database import ControlDatabase
from questlog.control.errors import ControlError
from questlog.model.clock import Clock
from questlog.model.finding import Finding, Level
from questlog.model.record import Position
from questlog.store.contract import Reading, StoreFailed

_POSITIONS = 'SELECT writer, segment, byte_offset AS "offset" FROM positions'


def self_check(
    settings: Settings,
    progress: Progress,
    control: ControlDatabase,
    tables: Reading,
    clock: Clock,
    listens: checks.Listens = checks.listens,
) -> Iterator[Finding]:
    """All findings, in the order in which one thing depends on the other."""
    now_us = clock.now_us()
    yield from checks.data_directory(settings.data_dir)
    yield checks.country_database(settings, now_us / 1_000_000)
    yield checks.disk(settings.data_dir)
    yield checks.clock(settings.data_dir, now_us / 1_000_000)
    yield from checks.rates_findings(progress.rates_status())
    try:
        yield from checks.control_database(control)
    except ControlError as error:
        yield Finding(Level.FAIL, "control database", checks.one_line(error))
    yield from _server(progress.reasons_not_ready())
    yield checks.collectors(with_noted_settings(settings, COLLECTORS, ["collector"]), listens, now_us)
    try:
        positions = _positions(tables)
    except StoreFailed as error:
        yield Finding(Level.FAIL, "store", checks.one_line(error))
    else:
        yield Finding(Level.OK, "store", "answers")
        yield checks.journal(settings, positions)
    yield from checks.maintenance([msgspec.structs.asdict(task) for task in progress.maintenance()])


def _server(reasons: Sequence[str]) -> Iterator[Finding]:
    if not reasons:
        yield Finding(Level.OK, "server", "ready: events are received, written to disk and loaded")
    for reason in reasons:
        yield Finding(Level.FAIL, "server", reason)


def _positions(tables: Reading) -> Mapping[int, Position]:
    return {row["writer"]: Position(**row) for row in tables.query(_POSITIONS, {}).to_pylist()}
