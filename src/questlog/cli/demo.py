"""`questlog demo`: a game full of made-up data, to look around in."""

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from questlog.cli.console import Console, ConsoleUnreachable, ask, read_console_file
from questlog.cli.control import existing_control, print_json
from questlog.cli.progress import ProgressLine
from questlog.cli.settings import settings_options
from questlog.config import Settings

if TYPE_CHECKING:
    from questlog.app.demo import DemoGame

_POLL_S = 0.5
_LOADING_TIMEOUT_S = 300.0
_SETTLE_S = 1.0
_LAG = "questlog_journal_lag_bytes "


@click.command("demo", short_help="Make a game full of made-up data, or remove it.")
@click.option("--remove", "is_removal", is_flag=True, help="Delete the demo game and all its data.")
@click.option(
    "--players", type=click.IntRange(50, 50_000), default=5_000, show_default=True, help="How many players it has."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another number makes other players.")
@settings_options
def command(settings: Settings, is_removal: bool, players: int, seed: int) -> None:
    """Make a game full of made-up data, to try Questlog with.

    It has 90 days up to now, events of both protocols, a build that crashed, a sale and a level that is too hard. The
    data go through the collector's own code and the journal, like those of any other game. `--remove` deletes the
    game with all its data.
    """
    if is_removal:
        _remove(settings)
        return
    made = _make(settings, players, seed)
    _wait_until_loaded(settings.data_dir)
    print_json(made)


def _make(settings: Settings, players: int, seed: int) -> "DemoGame":
    from questlog.app.demo import DemoFailed, make_demo
    from questlog.control.actor import Actor, act_as
    from questlog.control.errors import ControlError
    from questlog.demo.world import DAYS
    from questlog.logs import configure_logging

    configure_logging("warning", settings.log.format)
    act_as(Actor("questlog demo"))
    with ProgressLine() as progress:
        try:
            return make_demo(settings, lambda days: progress.show("days sent", days / DAYS), players=players, seed=seed)
        except (ControlError, DemoFailed, OSError) as error:
            raise click.ClickException(str(error)) from error


def _remove(settings: Settings) -> None:
    from questlog.app.demo import remove_demo

    with existing_control(settings) as control:
        game = remove_demo(control)
        print_json({"game_id": game.game_id, "name": game.name})
    click.echo("The server deletes its events now, or when it is started next.", err=True)


def _wait_until_loaded(data: Path) -> None:
    """Follow the server that runs here, if there is one, until it has loaded the journal."""
    try:
        console = read_console_file(data)
    except ConsoleUnreachable:
        click.echo("It is loaded when the server is started: `questlog run`.", err=True)
        return
    deadline = time.monotonic() + _LOADING_TIMEOUT_S
    most = 1.0
    with ProgressLine() as progress, contextlib.suppress(click.ClickException):
        time.sleep(_SETTLE_S)
        while (lag := _lag_bytes(console)) and time.monotonic() < deadline:
            most = max(most, lag)
            progress.show("loaded by the server", 1 - lag / most)
            time.sleep(_POLL_S)


def _lag_bytes(console: Console) -> float:
    """How much of the journal is not loaded."""
    with ask(console, "GET", "/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return next((float(line.removeprefix(_LAG)) for line in lines if line.startswith(_LAG)), 0.0)
