"""`questlog rebuild`: have the server compute every rollup again from the events."""

import json
import time
from pathlib import Path
from typing import Any

import click

from questlog.cli.console import Console, ask, console_options, find_console

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
    shown = ""
    while status["state"] in ("waiting", "running"):
        shown = _show(status, shown)
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


def _show(status: dict[str, Any], shown: str) -> str:
    """Say how far it is, unless that has been said."""
    line = (
        f"{status['table']}: {status['share_done']:.0%}" if status["state"] == "running" else "waiting for the loader"
    )
    if line != shown:
        click.echo(line, err=True)
    return line
