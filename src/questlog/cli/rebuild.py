"""`questlog rebuild`: have the server compute every rollup again from the events."""

import json
import time
from pathlib import Path
from typing import Any

import click

from questlog.cli.console import Console, ask, console_options, find_console
from questlog.cli.progress import ProgressLine

_POLL_S = 0.5


@click.command("rebuild", short_help="Compute all rollups again from the events.")
@console_options
def command(data: Path, url: str | None, token: str | None) -> None:
    """Compute all rollups again from the events.

    The running server does the work, even if this command is interrupted. Meanwhile it accepts new events and loads
    them afterwards.
    """
    console = find_console(data, url, token)
    status = _ask(console, "POST")
    with ProgressLine() as progress:
        while status["state"] in ("waiting", "running"):
            if status["state"] == "running":
                progress.show(status["table"], status["share_done"])
            else:
                progress.show("waiting for the loader")
            time.sleep(_POLL_S)
            status = _ask(console, "GET")
    if status["state"] == "failed":
        raise click.ClickException(f"the rebuild failed: {status['message']}")
    if status["state"] == "cancelled":
        raise click.ClickException("the rebuild was cancelled; nothing was changed")
    click.echo("all rollups rebuilt", err=True)


def _ask(console: Console, method: str) -> dict[str, Any]:
    with ask(console, method, "/api/v1/rebuild") as answer:
        status: dict[str, Any] = json.load(answer)
    return status
