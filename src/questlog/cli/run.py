"""`questlog run`: everything on this machine."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from questlog.cli.settings import assignments_option, config_option, data_option, parse_assignments, read_settings
from questlog.config import ConfigError

if TYPE_CHECKING:
    from questlog.app.running import Ready

_SAMPLE = """\
  curl {collector}/v1/server-event --user '{key}:' \\
    --header 'Content-Type: application/json' \\
    --data '{{"events": [{{"name": "levelCompleted", "identityId": "00000000-0000-0000-0000-000000000001", \
"timestamp": "2025-07-15T12:00:00Z", "value": "10", "metadata": {{"levelId": "10"}}}}]}}'"""

_QUESTION = """\
.venv/bin/questlog sql "SELECT received_at, event_id, player_id, value FROM events ORDER BY row_no DESC LIMIT 5\""""


@click.command()
@data_option
@config_option
@assignments_option
@click.option(
    "--sandbox",
    is_flag=True,
    help="Create a sandbox game with GameAnalytics' published test keys, and an API key. Not for production.",
)
def command(data: Path, config: Path | None, assignments: tuple[str, ...], sandbox: bool) -> None:
    """Run everything on this machine: one collector per core, and the server.

    A process that dies is started again. Stops on SIGTERM or Ctrl-C after finishing what was accepted.
    """
    from questlog.app.lock import AlreadyRunning
    from questlog.app.places import NotInstalled
    from questlog.app.running import PortTaken, run_all
    from questlog.control.errors import ControlError
    from questlog.logs import configure_logging

    settings = read_settings(data, config, parse_assignments(assignments))
    configure_logging(settings.log.level, settings.log.format)
    try:
        run_all(settings, _arguments(data, config, assignments), sandbox, _say_ready)
    except (AlreadyRunning, ConfigError, NotInstalled, PortTaken, ControlError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _arguments(data: Path, config: Path | None, assignments: Sequence[str]) -> list[str]:
    """The same options for the processes that are started."""
    chosen = ["--data", str(data)]
    if config is not None:
        chosen += ["--config", str(config)]
    for assignment in assignments:
        chosen += ["--set", assignment]
    return chosen


def _say_ready(ready: "Ready") -> None:
    lines = [f"Questlog is running.  Games send to {ready.collector_url}  ·  console: {ready.console_url}"]
    if ready.owner_url is not None:
        lines += [
            "",
            "There is no user yet. This link makes the first one, who owns everything; it works once, for a day:",
            f"  {ready.owner_url}",
        ]
    if ready.sandbox is not None:
        game, api_key = ready.sandbox.game, ready.sandbox.api_key
        if sys.stderr.isatty():  # a service's output is kept in a log, where no token belongs
            lines += ["", f"Look at it in a browser: {ready.console_url}/login#token={ready.console_token}"]
        lines += [
            "",
            f"Sandbox game (GameAnalytics): game key {game.game_key}  secret key {game.secret_key}",
            f"Sandbox API key (Satori):     {api_key.key}",
            "",
            "Send an event:",
            _SAMPLE.format(collector=ready.collector_url, key=api_key.key),
            "",
            "See it, in another terminal:",
            f"  {_QUESTION}",
        ]
    click.echo("\n".join(lines), err=True)
