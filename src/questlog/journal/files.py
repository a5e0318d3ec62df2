"""The few file operations that the journal needs, so that a test can make each of them fail."""

import fcntl
import os
import sys
from pathlib import Path
from typing import Protocol

_CREATE = os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
_OPEN = os.O_RDWR | os.O_CLOEXEC
_OPEN_OR_CREATE = _OPEN | os.O_CREAT
_MODE = 0o640


class Files(Protocol):
    """Files by descriptor; sizes and offsets in bytes. Every method may raise `OSError`."""

    def make_directory(self, path: Path) -> None:
        """Make a directory and those above it, durably; nothing happens when it exists."""
        ...

    def list_directory(self, path: Path) -> list[str]:
        """Names in a directory, in no order; empty when there is no such directory."""
        ...

    def create(self, path: Path) -> int:
        """A new file, written at its end only. Raises `FileExistsError` when there is one."""
        ...

    def open(self, path: Path) -> int:
        """An existing file, to read and to cut."""
        ...

    def open_or_create(self, path: Path) -> int:
        """A file to read and to write in place."""
        ...

    def size(self, fd: int) -> int:
        """How long the file is."""
        ...

    def write(self, fd: int, data: bytes) -> int:
        """Write at the end; returns how many bytes were taken, which may be fewer than given."""
        ...

    def write_at(self, fd: int, data: bytes, offset: int) -> int:
        """Write in place; returns how many bytes were taken."""
        ...

    def read_at(self, fd: int, size: int, offset: int) -> bytes:
        """Up to `size` bytes; fewer only at the end of the file."""
        ...

    def sync(self, fd: int) -> None:
        """Return when the file's bytes and its length are on stable storage."""
        ...

    def sync_directory(self, path: Path) -> None:
        """Return when the directory's entries are on stable storage."""
        ...

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file."""
        ...

    def close(self, fd: int) -> None:
        """Give the descriptor back, and any lock held through it."""
        ...

    def remove(self, path: Path) -> None:
        """Delete a file, if it exists."""
        ...

    def lock(self, fd: int) -> bool:
        """Take the file's lock if nobody has it. It is given up by `unlock`, by `close` and by the process's end."""
        ...

    def unlock(self, fd: int) -> None:
        """Give the lock up."""
        ...


class OsFiles:
    """The machine's files (POSIX)."""

    def make_directory(self, path: Path) -> None:
        """Make a directory and those above it, durably."""
        if path.is_dir():
            return
        self.make_directory(path.parent)
        path.mkdir(exist_ok=True)
        self.sync_directory(path.parent)

    def list_directory(self, path: Path) -> list[str]:
        """Names in a directory."""
        try:
            return [entry.name for entry in path.iterdir()]
        except FileNotFoundError:
            return []

    def create(self, path: Path) -> int:
        """A new file to append to."""
        return os.open(path, _CREATE, _MODE)

    def open(self, path: Path) -> int:
        """An existing file."""
        return os.open(path, _OPEN)

    def open_or_create(self, path: Path) -> int:
        """A file to write in place."""
        return os.open(path, _OPEN_OR_CREATE, _MODE)

    def size(self, fd: int) -> int:
        """How long the file is."""
        return os.fstat(fd).st_size

    def write(self, fd: int, data: bytes) -> int:
        """Write at the end."""
        return os.write(fd, data)

    def write_at(self, fd: int, data: bytes, offset: int) -> int:
        """Write in place."""
        return os.pwrite(fd, data, offset)

    def read_at(self, fd: int, size: int, offset: int) -> bytes:
        """Up to `size` bytes."""
        data = os.pread(fd, size, offset)
        while 0 < len(data) < size:
            more = os.pread(fd, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data

    def sync(self, fd: int) -> None:
        """Bytes and length to stable storage. On macOS only F_FULLFSYNC reaches the medium."""
        if sys.platform == "darwin":
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(fd)

    def sync_directory(self, path: Path) -> None:
        """Entries to stable storage."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file."""
        os.ftruncate(fd, size)

    def close(self, fd: int) -> None:
        """Give the descriptor back."""
        os.close(fd)

    def remove(self, path: Path) -> None:
        """Delete a file."""
        path.unlink(missing_ok=True)

    def lock(self, fd: int) -> bool:
        """Take the file's lock if nobody has it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(self, fd: int) -> None:
        """Give the lock up."""
        fcntl.flock(fd, fcntl.LOCK_UN)


def write_all(files: Files, fd: int, data: bytes) -> None:
    """Append all of `data`, however little the system takes at a time. Raises `OSError`."""
    written = files.write(fd, data)
    while written < len(data):
        written += files.write(fd, data[written:])
