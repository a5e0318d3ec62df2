"""What `/metrics` says of the machine and of this program."""

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import questlog
from questlog.config import Settings
from questlog.control.errors import ControlUnavailable
from questlog.model.vitals import Build, Vitals

_PACKAGE = Path(questlog.__file__).parent


def vitals(settings: Settings) -> Vitals:
    """As of now. Raises `OSError` where the data directory cannot be read."""
    disk = shutil.disk_usage(settings.data_dir)
    return Vitals(
        build=build(),
        store_bytes=size_of(settings.store_dir),
        journal_bytes=size_of(settings.journal_dir),
        disk_free_bytes=disk.free,
        disk_bytes=disk.total,
        memory_limit_bytes=settings.memory.server_mb << 20,
        control_errors=ControlUnavailable.raised,
    )


@cache
def build() -> Build:
    """This program."""
    try:
        installed = version("questlog")
    except PackageNotFoundError:
        installed = ""
    return Build(installed, platform.python_version(), commit_of(_PACKAGE))


def commit_of(package: Path) -> str:
    """The commit that a package was built from, or that is checked out around it; "" where neither is known."""
    built = package / "_built" / "commit"
    with suppress(OSError, UnicodeDecodeError):
        return built.read_text(encoding="ascii").strip()
    git = package.parents[1] / ".git"
    with suppress(OSError, UnicodeDecodeError):
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        return (git / head.removeprefix("ref: ")).read_text(encoding="ascii").strip()
    return ""


def size_of(directory: Path) -> int:
    """Bytes of all files below a directory; 0 where there is none. Files may come and go meanwhile."""
    return sum(_sizes(directory))


def _sizes(directory: Path) -> Iterator[int]:
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return
    for entry in entries:
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(Path(entry.path))
            else:
                yield entry.stat(follow_symlinks=False).st_size
