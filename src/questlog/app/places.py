"""Where the parts of an installation meet in its data directory, and what comes with the program."""

import os
import shlex
import stat
from importlib.resources import files
from pathlib import Path

import structlog

from questlog.config import Settings

_PRIVATE_UMASK = 0o077
_log = structlog.get_logger(__name__)


class NotInstalled(Exception):
    """A file that the installation should have brought is missing. The message says what to do."""


def make_data_directory(settings: Settings) -> None:
    """Make sure that there is one. It holds players' data: what this process makes is for its owner only.

    Warns of a directory that was there and that others can read. Raises `OSError`.
    """
    os.umask(_PRIVATE_UMASK)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_open_to_others(settings.data_dir):
        directory = str(settings.data_dir)
        _log.warning(
            "others on this machine can read the data directory", mend=f"chmod -R go= {shlex.quote(directory)}"
        )


def is_open_to_others(directory: Path) -> bool:
    """Whether other users than its owner may look into a directory."""
    return bool(stat.S_IMODE(directory.stat().st_mode) & 0o077)


def run_directory(settings: Settings) -> Path:
    """Where processes leave what others of this machine read while they run."""
    return settings.data_dir / "run"


def country_database(settings: Settings) -> Path:
    """The configured country database, or the one that comes with the installation. Raises `NotInstalled`."""
    if settings.geo.database_path:
        return Path(settings.geo.database_path)
    bundled = Path(str(files("questlog") / "_built" / "country.mmdb"))
    if not bundled.exists():
        raise NotInstalled("the country database is missing: run `make build`, or set geo.database_path")
    return bundled
