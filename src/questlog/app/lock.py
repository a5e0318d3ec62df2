"""One server for a data directory: two would load the same journal into one store."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from questlog.app.places import run_directory
from questlog.config import Settings


class AlreadyRunning(Exception):
    """Another server has the data directory. The message says what to do."""


@contextmanager
def server_lock(settings: Settings) -> Iterator[None]:
    """Hold the data directory for one server. The lock ends with the process, however that ends.

    Raises `AlreadyRunning` at once when another process holds it, and `OSError`.
    """
    directory = run_directory(settings)
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"another server is running on {settings.data_dir}: stop it, or name another directory with --data"
            ) from None
        yield
    finally:
        os.close(descriptor)
