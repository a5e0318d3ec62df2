"""Where the parts of an installation meet in its data directory, and what comes with the program."""

from importlib.resources import files
from pathlib import Path

from questlog.config import Settings


class NotInstalled(Exception):
    """A file that the installation should have brought is missing. The message says what to do."""


def make_data_directory(settings: Settings) -> None:
    """Make sure that there is one. It holds players' data: a new one is for its owner only. Raises `OSError`."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)


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
