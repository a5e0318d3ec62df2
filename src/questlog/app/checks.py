"""Checks of an installation, for `questlog doctor` and for the server, which checks itself."""

import os
import shlex
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import maxminddb

from questlog.app import places
from questlog.app.places import run_directory
from questlog.app.rates import rates, rates_monitor
from questlog.collector.counters import published
from questlog.config import ConfigError, Settings
from questlog.control.database import ControlDatabase
from questlog.journal.reader import FileJournalReader
from questlog.model.clock import Clock
from questlog.model.finding import Finding, Level
from questlog.model.plurals import counted
from questlog.model.record import Position
from questlog.rates.status import RatesStatus

_GB = 1_000_000_000
_LOW_DISK_BYTES = 5 * _GB
_FULL_DISK_BYTES = _GB // 4
_MUCH_LAG_BYTES = 256 * 1024 * 1024
_OLD_COUNTRIES_DAYS = 400
_DAY_S = 86_400

Listens = Callable[[str, int], bool]
"""Whether a port of a host is taken."""


def data_directory(directory: Path) -> Iterator[Finding]:
    """Whether it is there, can be written, and is closed to others."""
    what = "data directory"
    if not directory.is_dir():
        yield Finding(Level.FAIL, what, f"{directory} is not there; name it with --data, or start with `questlog run`")
        return
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(Level.FAIL, what, f"{directory} may not be read and written by this user")
        return
    for name in ("control.sqlite3", "console.json"):
        path = directory / name
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Finding(Level.WARN, what, f"{path} holds secrets and is open to others; run `chmod 600 {path}`")
    if stat.S_IMODE(directory.stat().st_mode) & 0o077:
        mend = f"chmod -R go= {shlex.quote(str(directory))}"
        yield Finding(Level.WARN, what, f"{directory} holds players' data and is open to others; run `{mend}`")
    yield Finding(Level.OK, what, str(directory))


def disk(directory: Path) -> Finding:
    """Whether there is room."""
    free = shutil.disk_usage(directory).free
    text = f"{free / _GB:.1f} GB free"
    if free < _FULL_DISK_BYTES:
        return Finding(Level.FAIL, "disk", f"{text}: events are refused when it is full")
    return Finding(Level.WARN if free < _LOW_DISK_BYTES else Level.OK, "disk", text)


def clock(directory: Path, now_s: float) -> Finding:
    """Whether it was set back: that shows in files from the future."""
    newest = max((path.stat().st_mtime for path in directory.glob("journal/**/*")), default=0.0)
    ahead_s = newest - now_s
    if ahead_s > 60:
        return Finding(Level.FAIL, "clock", f"the journal was written {ahead_s:.0f} s in the future; set the clock")
    return Finding(Level.OK, "clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s)))


def country_database(settings: Settings, now_s: float) -> Finding:
    """Whether it opens, and how old it is."""
    what = "country database"
    try:
        path = places.country_database(settings)
        with maxminddb.open_database(str(path)) as reader:
            age_days = int((now_s - reader.metadata().build_epoch) / _DAY_S)
    except (places.NotInstalled, OSError, maxminddb.InvalidDatabaseError) as error:
        return Finding(Level.FAIL, what, one_line(error))
    text = f"{path.name}, {age_days} days old"
    return Finding(Level.WARN if age_days > _OLD_COUNTRIES_DAYS else Level.OK, what, text)


def exchange_rates(settings: Settings, system_clock: Clock) -> Iterator[Finding]:
    """Of what is on disk: a table that is old, or cannot be fetched, prices purchases by rates that are old."""
    try:
        rates(settings)
    except ConfigError as error:
        yield Finding(Level.FAIL, "exchange rates", one_line(error))
    yield from rates_findings(rates_monitor(settings, system_clock).status())


def rates_findings(tables: Sequence[RatesStatus]) -> Iterator[Finding]:
    """One for each table of exchange rates."""
    for table in tables:
        name = f"exchange rates, {table.source}"
        if table.problem is None:
            yield Finding(Level.OK, name, table.described)
        else:
            yield Finding(Level.WARN, name, table.problem)


def control_database(control: ControlDatabase) -> Iterator[Finding]:
    """What it has, and games that take no events. Raises `ControlError`."""
    place = control.describe()
    games, users = control.list_games(), control.list_users()
    keys = [key for key in control.list_api_keys() if key.revoked_at is None]
    strict = [control.find_game(game.game_key) for game in games if game.is_strict]
    enabled = sum(game.is_enabled for game in games)
    shown = (counted(len(games), "game"), counted(len(keys), "API key"), counted(len(users), "user"))
    counts = f"{enabled} of {shown[0]} enabled, {shown[1]}, {shown[2]}"
    yield Finding(Level.OK, "control database", f"answers ({place}); {counts}")
    if not enabled:
        yield Finding(Level.WARN, "games", "there is none that takes events; `questlog game create NAME` makes one")
    for game in strict:
        if not game.event_names:
            text = f"{game.name} is strict and declares no event name: every Satori event is dropped"
            yield Finding(Level.WARN, "games", text)


def collectors(settings: Settings, is_taken: Listens, now_us: int) -> Finding:
    """Whether they run, acknowledge events, and can be reached."""
    port = settings.collector.port
    what = f"collectors, port {port}"
    running = published(run_directory(settings), now_us)
    if not running:
        if is_taken(settings.collector.host, port):
            return Finding(Level.FAIL, what, "another program listens there; set collector.port")
        return Finding(Level.WARN, what, "none is running; start with `questlog run`")
    ready = sum(collector.is_ready for collector in running)
    if ready < len(running):
        text = f"{len(running) - ready} of {len(running)} cannot write the journal; their log says why"
        return Finding(Level.FAIL, what, text)
    if not is_taken(settings.collector.host, port):
        return Finding(Level.FAIL, what, f"{ready} are running, but none answers there")
    return Finding(Level.OK, what, f"{ready} acknowledge events")


def journal(settings: Settings, positions: Mapping[int, Position]) -> Finding:
    """How much waits to be loaded, and whether the store has loaded more than the journal holds."""
    what = "journal"
    if not settings.journal_dir.is_dir():
        return Finding(Level.OK, what, "empty: nothing has been received yet")
    reader = FileJournalReader(settings.journal_dir)
    try:
        lag = reader.lag_bytes(positions)
        ends = reader.ends()
    except OSError as error:
        return Finding(Level.FAIL, what, one_line(error))
    finally:
        reader.close()
    ahead = [str(writer) for writer, end in sorted(ends.items()) if positions.get(writer, end) > end]
    if ahead:
        return Finding(
            Level.WARN,
            what,
            f"the store has loaded more than the journal of writer {', '.join(ahead)} holds: it was lost or is an older"
            " copy. Restart the collectors, so that they begin new segments: what goes into the old ones is not loaded",
        )
    text = f"{lag / 1_000_000:.1f} MB wait to be loaded"
    return Finding(Level.WARN if lag > _MUCH_LAG_BYTES else Level.OK, what, text)


def maintenance(tasks: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """One for each task that fails; one for all if none does. `tasks` are as `GET /api/v1/maintenance` answers."""
    failing = [task for task in tasks if task["failures"]]
    for task in failing:
        times = "once" if task["failures"] == 1 else f"{task['failures']} times in a row"
        why = " ".join((task["error"] or "its log says why").split())
        yield Finding(Level.WARN, "maintenance", f"{task['name']} failed {times}; it is tried again: {why}")
    if not failing:
        yield Finding(Level.OK, "maintenance", f"no failures in {len(tasks)} tasks")


def listens(host: str, port: int) -> bool:
    """Whether a program listens on a port of this machine."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not bound to
    try:
        with socket.create_connection((address, port), timeout=1.0):
            return True
    except OSError:
        return False


def one_line(error: Exception) -> str:
    """The message of an error without line breaks."""
    return " ".join(str(error).split())
