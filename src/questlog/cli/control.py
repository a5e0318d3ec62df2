"""What the commands over the control database share: opening it, and JSON on stdout."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from questlog.config import Settings
from questlog.control.errors import ControlError
from questlog.model.clock import SystemClock

if TYPE_CHECKING:
    from questlog.control.database import ControlDatabase


PRIVATE_UMASK = 0o077
"""What is made in a data directory is for its owner only."""


@contextmanager
def opened_control(settings: Settings) -> "Iterator[ControlDatabase]":
    """The control database, created where there is none. Its errors become one line on stderr."""
    # Half a second of imports that `--help` does without.
    from questlog.control.actor import Actor, act_as
    from questlog.control.database import ControlDatabase

    os.umask(PRIVATE_UMASK)
    act_as(Actor(f"command line ({_system_user()})"))
    try:
        with ControlDatabase(settings.control_database, SystemClock()) as control:
            yield control
    except ControlError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def existing_control(settings: Settings) -> "Iterator[ControlDatabase]":
    """The control database, refused where there is none: a wrong `--data` must not make a new one."""
    place = settings.control_database
    if isinstance(place, Path) and not place.exists():
        raise click.ClickException(
            f"there is no Questlog in {settings.data_dir}; name its directory with --data, or start with"
            " `questlog game create`"
        )
    with opened_control(settings) as control:
        yield control


def _system_user() -> str:
    """Who runs the command, as the system calls them."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user has no name
        return str(os.getuid())


def print_json(document: object) -> None:
    """One JSON document on stdout."""
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def rfc3339(time_us: int | None) -> str | None:
    """UTC microseconds as RFC 3339; None stays None."""
    if time_us is None:
        return None
    seconds, microseconds = divmod(time_us, 1_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
