"""What the commands over the control database share: opening it, and JSON on stdout."""

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


@contextmanager
def opened_control(settings: Settings) -> "Iterator[ControlDatabase]":
    """The control database, created where there is none. Its errors become one line on stderr."""
    # Half a second of imports that `--help` does without.
    from questlog.control.database import ControlDatabase

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
