"""`questlog doctor`: look at an installation and say what is wrong."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import click

from questlog.cli.console import Console, ask, read_console_file
from questlog.cli.expiring import what_goes
from questlog.cli.settings import settings_options
from questlog.config import Settings
from questlog.model.clock import Clock, SystemClock
from questlog.model.expiry import FOR_EVER, days_kept
from questlog.model.finding import Finding, Level

if TYPE_CHECKING:
    from questlog.model.record import Position

_ASK_TIMEOUT_S = 10.0
_US = 1_000_000

Listens = Callable[[str, int], bool]


_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@click.command("doctor", short_help="Check the installation and say what to do.")
@settings_options
def command(settings: Settings) -> None:
    """Check the installation, running or not, and print one line per check: OK, WARN or FAIL.

    Exits with 1 when a check fails. Changes nothing that a start would not change.
    """
    from questlog.app.checks import listens

    has_failed = False
    for finding in examine(settings, listens, SystemClock()):
        has_failed |= finding.level is Level.FAIL
        level = click.style(f"{finding.level:<4}", fg=_COLOURS[finding.level], bold=finding.level is not Level.OK)
        click.echo(f"{level}  {finding.what}: {finding.text}")
    if has_failed:
        raise click.exceptions.Exit(1)


def examine(settings: Settings, listens: Listens, clock: Clock) -> Iterator[Finding]:
    """All findings, in the order in which one thing depends on the other. `listens` tells whether a port is taken."""
    from questlog.app import checks

    yield from checks.data_directory(settings.data_dir)
    given, settings = settings, _as_running(settings, clock.now_us())
    yield from _settings(given, settings)
    yield checks.country_database(settings, clock.now_us() / _US)
    if not settings.data_dir.is_dir():
        return
    yield checks.disk(settings.data_dir)
    yield checks.clock(settings.data_dir, clock.now_us() / _US)
    yield from checks.exchange_rates(settings, clock)
    yield from _control_database(settings)
    console, finding = _console(settings, listens)
    yield finding
    yield checks.collectors(settings, listens, clock.now_us())
    positions, finding = _store(settings, console)
    yield finding
    if positions is not None:
        yield checks.journal(settings, positions)
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


def _control_database(settings: Settings) -> Iterator[Finding]:
    from questlog.app import checks
    from questlog.cli.control import existing_control

    try:
        with existing_control(settings) as control:
            yield from checks.control_database(control)
    except click.ClickException as error:
        yield Finding(Level.FAIL, "control database", error.message)


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
    from questlog.app import checks

    what = "maintenance"
    try:
        with ask(console, "GET", "/api/v1/maintenance", timeout_s=_ASK_TIMEOUT_S) as answer:
            tasks = json.load(answer)
    except click.ClickException as error:
        yield Finding(Level.WARN, what, error.message)
        return
    yield from checks.maintenance(tasks)


def _one_line(error: Exception) -> str:
    message = error.message if isinstance(error, click.ClickException) else str(error)
    return " ".join(message.split())
