"""`questlog control`: the control database itself."""

import time
from pathlib import Path

import click

from questlog.cli.control import print_json
from questlog.cli.groups import CommandGroup
from questlog.cli.settings import settings_options
from questlog.config import Settings


@click.group("control", cls=CommandGroup)
def command() -> None:
    """The control database: games, keys, users, identities."""


@command.command("move", short_help="Copy the SQLite file into the PostgreSQL database of `control.url`.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The SQLite file. [default: control.sqlite3 in the data directory]",
)
@settings_options
def move(settings: Settings, source: Path | None) -> None:
    """Copy every row of the SQLite file into the database that `control.url` names, and print how many each table has.

    Stop Questlog first. The new database must be empty. All rows are copied, or none; the file stays as it is.
    """
    from questlog.control.connections import is_sqlite
    from questlog.control.errors import ControlError
    from questlog.control.moving import move as move_rows

    file = source or settings.data_dir / "control.sqlite3"
    try:
        if not settings.control.url or is_sqlite(settings.control.url):
            raise click.ClickException("set control.url to the PostgreSQL database to move to")
        if not file.exists():
            raise click.ClickException(f"there is no file {file}")
        _refuse_while_running(settings)
        counts = move_rows(file, settings.control.url)
    except ControlError as error:
        raise click.ClickException(str(error)) from error
    print_json(dict(counts))
    click.echo(f"moved {sum(counts.values())} rows; {file} is not used any more", err=True)


def _refuse_while_running(settings: Settings) -> None:
    """A server or a collector would go on writing to the file."""
    from questlog.app.lock import AlreadyRunning, server_lock
    from questlog.app.places import run_directory
    from questlog.collector.counters import published

    try:
        with server_lock(settings):
            is_running = bool(published(run_directory(settings), time.time_ns() // 1_000))
    except AlreadyRunning:
        is_running = True
    if is_running:
        raise click.ClickException(f"Questlog is running on {settings.data_dir}; stop it first")
