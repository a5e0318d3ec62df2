"""`questlog doctor`: look at an installation and say what is wrong."""

import enum
import json
import os
import shlex
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from questlog.cli.console import Console, ask, read_console_file
from questlog.cli.expiring import what_goes
from questlog.cli.settings import settings_options
from questlog.config import ConfigError, Settings
from questlog.model.clock import Clock, SystemClock
from questlog.model.expiry import FOR_EVER, days_kept

if TYPE_CHECKING:
    from questlog.model.record import Position

_GB = 1_000_000_000
_LOW_DISK_BYTES = 5 * _GB
_FULL_DISK_BYTES = _GB // 4
_MUCH_LAG_BYTES = 256 * 1024 * 1024
_OLD_COUNTRIES_DAYS = 400
_ASK_TIMEOUT_S = 10.0
_DAY_S = 86_400
_US = 1_000_000

Listens = Callable[[str, int], bool]


class Level(enum.StrEnum):
    """How bad it is."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


class Finding(NamedTuple):
    """What one check found."""

    level: Level
    what: str
    text: str


@click.command("doctor", short_help="Check the installation and say what to do.")
@settings_options
def command(settings: Settings) -> None:
    """Check the installation, running or not, and print one line per check: OK, WARN or FAIL.

    Exits with 1 when a check fails. Changes nothing that a start would not change.
    """
    has_failed = False
    for finding in examine(settings, _listens, SystemClock()):
        has_failed |= finding.level is Level.FAIL
        level = click.style(f"{finding.level:<4}", fg=_COLOURS[finding.level], bold=finding.level is not Level.OK)
        click.echo(f"{level}  {finding.what}: {finding.text}")
    if has_failed:
        raise click.exceptions.Exit(1)


def examine(settings: Settings, listens: Listens, clock: Clock) -> Iterator[Finding]:
    """All findings, in the order in which one thing depends on the other. `listens` tells whether a port is taken."""
    yield from _data_directory(settings.data_dir)
    given, settings = settings, _as_running(settings, clock.now_us())
    yield from _settings(given, settings)
    yield _country_database(settings, clock.now_us() / _US)
    if not settings.data_dir.is_dir():
        return
    yield _disk(settings.data_dir)
    yield _clock(settings.data_dir, clock.now_us() / _US)
    yield from _exchange_rates(settings, clock)
    yield from _control_database(settings)
    console, finding = _console(settings, listens)
    yield finding
    yield _collector(settings, listens, clock.now_us())
    positions, finding = _store(settings, console)
    yield finding
    if positions is not None:
        yield _journal(settings, positions)
    yield from _expiry(settings, console, clock.now_us())
    if console is not None:
        yield from _maintenance(console)


def _as_running(settings: Settings, now_us: int) -> Settings:
    """The settings that the running processes were started with; those given, where none is running."""
    from questlog.app.places import run_directory
    from questlog.app.started_with import COLLECTORS, SERVER, with_noted_settings
    from questlog.collector.counters import published
    from questlog.config import section_types

    if settings.console_file.exists():
        settings = with_noted_settings(settings, SERVER, section_types())
    if published(run_directory(settings), now_us):
        settings = with_noted_settings(settings, COLLECTORS, ["collector"])
    return settings


def _settings(given: Settings, running: Settings) -> Iterator[Finding]:
    from questlog.app.started_with import differences

    if different := differences(given, running):
        yield Finding(Level.OK, "settings", f"of the running processes, other than given here: {', '.join(different)}")


def _data_directory(directory: Path) -> Iterator[Finding]:
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


def _disk(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free
    text = f"{free / _GB:.1f} GB free"
    if free < _FULL_DISK_BYTES:
        return Finding(Level.FAIL, "disk", f"{text}: events are refused when it is full")
    return Finding(Level.WARN if free < _LOW_DISK_BYTES else Level.OK, "disk", text)


def _clock(directory: Path, now_s: float) -> Finding:
    """A clock that was set back shows in files from the future."""
    newest = max((path.stat().st_mtime for path in directory.glob("journal/**/*")), default=0.0)
    ahead_s = newest - now_s
    if ahead_s > 60:
        return Finding(Level.FAIL, "clock", f"the journal was written {ahead_s:.0f} s in the future; set the clock")
    return Finding(Level.OK, "clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s)))


def _country_database(settings: Settings, now_s: float) -> Finding:
    import maxminddb

    from questlog.app.places import NotInstalled, country_database

    what = "country database"
    try:
        path = country_database(settings)
        with maxminddb.open_database(str(path)) as reader:
            age_days = int((now_s - reader.metadata().build_epoch) / _DAY_S)
    except (NotInstalled, OSError, maxminddb.InvalidDatabaseError) as error:
        return Finding(Level.FAIL, what, _one_line(error))
    text = f"{path.name}, {age_days} days old"
    return Finding(Level.WARN if age_days > _OLD_COUNTRIES_DAYS else Level.OK, what, text)


def _exchange_rates(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Of what is on disk: a table that is old, or cannot be fetched, prices purchases by rates that are old."""
    from questlog.app.rates import rates, rates_monitor

    what = "exchange rates"
    try:
        rates(settings)
    except ConfigError as error:
        yield Finding(Level.FAIL, what, _one_line(error))
    for table in rates_monitor(settings, clock).status():
        name = f"{what}, {table.source}"
        if table.problem is None:
            yield Finding(Level.OK, name, table.described)
        else:
            yield Finding(Level.WARN, name, table.problem)


def _control_database(settings: Settings) -> Iterator[Finding]:
    from questlog.cli.control import existing_control

    what = "control database"
    try:
        with existing_control(settings) as control:
            place = control.describe()
            games, users = control.list_games(), control.list_users()
            keys = [key for key in control.list_api_keys() if key.revoked_at is None]
            strict = [control.find_game(game.game_key) for game in games if game.is_strict]
    except click.ClickException as error:
        yield Finding(Level.FAIL, what, error.message)
        return
    enabled = sum(game.is_enabled for game in games)
    counts = f"{enabled} of {len(games)} games enabled, {len(keys)} API keys, {len(users)} users"
    yield Finding(Level.OK, what, f"answers ({place}); {counts}")
    if not enabled:
        yield Finding(Level.WARN, "games", "there is none that takes events; `questlog game create NAME` makes one")
    for game in strict:
        if not game.event_names:
            text = f"{game.name} is strict and declares no event name: every Satori event is dropped"
            yield Finding(Level.WARN, "games", text)


def _console(settings: Settings, listens: Listens) -> tuple[Console | None, Finding]:
    what = f"console, port {settings.console.port}"
    try:
        console = read_console_file(settings.data_dir)
        with ask(console, "GET", "/readycheck", timeout_s=_ASK_TIMEOUT_S):
            return console, Finding(Level.OK, what, f"ready at {console.url}")
    except click.ClickException as error:
        if listens(settings.console.host, settings.console.port):
            return None, Finding(Level.FAIL, what, error.message)
        return None, Finding(Level.WARN, what, "no server is running; events wait in the journal until `questlog run`")


def _collector(settings: Settings, listens: Listens, now_us: int) -> Finding:
    from questlog.app.places import run_directory
    from questlog.collector.counters import published

    port = settings.collector.port
    what = f"collectors, port {port}"
    collectors = published(run_directory(settings), now_us)
    if not collectors:
        if listens(settings.collector.host, port):
            return Finding(Level.FAIL, what, "another program listens there; set collector.port")
        return Finding(Level.WARN, what, "none is running; start with `questlog run`")
    ready = sum(collector.is_ready for collector in collectors)
    if ready < len(collectors):
        text = f"{len(collectors) - ready} of {len(collectors)} cannot write the journal; their log says why"
        return Finding(Level.FAIL, what, text)
    if not listens(settings.collector.host, port):
        return Finding(Level.FAIL, what, f"{ready} are running, but none answers there")
    return Finding(Level.OK, what, f"{ready} acknowledge events")


def _store(settings: Settings, console: Console | None) -> tuple[Mapping[int, "Position"] | None, Finding]:
    """Asked through the server where one runs: no other process can open it then."""
    from questlog.model.record import Position
    from questlog.store.contract import StoreFailed
    from questlog.store.duckdb.store import DuckDBStore

    what = "store"
    try:
        if console is not None:
            question = {"sql": 'SELECT writer, segment, byte_offset AS "offset" FROM positions'}
            with ask(console, "POST", "/api/v1/sql", question, _ASK_TIMEOUT_S) as answer:
                positions = {row["writer"]: Position(**row) for row in json.load(answer)}
            return positions, Finding(Level.OK, what, "answers")
        if not settings.store_dir.exists():
            return {}, Finding(Level.OK, what, "empty: nothing has been loaded yet")
        store = DuckDBStore(settings.store_dir)
        try:
            return store.positions(), Finding(Level.OK, what, "opens")
        finally:
            store.close()
    except (click.ClickException, StoreFailed) as error:
        return None, Finding(Level.FAIL, what, _one_line(error))


def _journal(settings: Settings, positions: Mapping[int, "Position"]) -> Finding:
    from questlog.journal.reader import FileJournalReader

    what = "journal"
    if not settings.journal_dir.is_dir():
        return Finding(Level.OK, what, "empty: nothing has been received yet")
    reader = FileJournalReader(settings.journal_dir)
    try:
        lag = reader.lag_bytes(positions)
        ends = reader.ends()
    except OSError as error:
        return Finding(Level.FAIL, what, _one_line(error))
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


def _expiry(settings: Settings, console: Console | None, now_us: int) -> Iterator[Finding]:
    """Which events the server deletes, of games that do not keep all."""
    from questlog.cli.control import existing_control

    try:
        with existing_control(settings) as control:
            games = [control.find_game(game.game_key) for game in control.list_games()]
    except click.ClickException:
        return  # the check of the control database says why
    for game in games:
        days = days_kept(game.keep_days, settings.event.keep_days)
        if days == FOR_EVER:
            continue
        try:
            text = what_goes(console, game, days, now_us)
        except click.ClickException as error:
            text = _one_line(error)
        unit = "day" if days == 1 else "days"
        yield Finding(Level.OK, "expiry", f"{game.name} keeps events for {days} {unit}; {text}")


def _maintenance(console: Console) -> Iterator[Finding]:
    what = "maintenance"
    try:
        with ask(console, "GET", "/api/v1/maintenance", timeout_s=_ASK_TIMEOUT_S) as answer:
            tasks = json.load(answer)
    except click.ClickException as error:
        yield Finding(Level.WARN, what, error.message)
        return
    yield from maintenance_findings(tasks)


def maintenance_findings(tasks: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """One for each task that fails; one for all if none does. `tasks` are as `GET /api/v1/maintenance` answers."""
    failing = [task for task in tasks if task["failures"]]
    for task in failing:
        times = "once" if task["failures"] == 1 else f"{task['failures']} times in a row"
        why = " ".join((task["error"] or "its log says why").split())
        yield Finding(Level.WARN, "maintenance", f"{task['name']} failed {times}; it is tried again: {why}")
    if not failing:
        yield Finding(Level.OK, "maintenance", f"no failures in {len(tasks)} tasks")


def _listens(host: str, port: int) -> bool:
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with, not bound to
    try:
        with socket.create_connection((address, port), timeout=1.0):
            return True
    except OSError:
        return False


def _one_line(error: Exception) -> str:
    message = error.message if isinstance(error, click.ClickException) else str(error)
    return " ".join(message.split())
