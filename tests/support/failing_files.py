"""The machine's files, with failures on demand."""

import errno
import os
from pathlib import Path

from questlog.journal.files import OsFiles


class FailingFiles(OsFiles):
    """Files on a disk that can be full, or broken.

    `space_bytes` is how much can still be written to segments (None: no end); `write_bytes` is the most that one write
    takes. The other switches break one operation until they are set back.
    """

    def __init__(self) -> None:
        self.space_bytes: int | None = None
        self.write_bytes: int | None = None
        self.is_sync_broken = False
        self.is_create_broken = False
        self.is_truncate_broken = False
        self.is_head_broken = False
        self.is_remove_broken = False
        self.syncs = 0
        self.synced_inodes: list[int] = []
        self.synced_after_failure: list[int] = []
        self._created: set[int] = set()
        self._failed: set[int] = set()

    def create(self, path: Path) -> int:
        """A new file, unless creating is broken."""
        _fail_if(self.is_create_broken)
        fd = super().create(path)
        self._created.add(fd)
        return fd

    def write(self, fd: int, data: bytes) -> int:
        """Write what fits."""
        if self.write_bytes is not None:
            data = data[: self.write_bytes]
        if self.space_bytes is not None:
            data = data[: self.space_bytes]
            if not data:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.space_bytes -= len(data)
        return super().write(fd, data)

    def write_at(self, fd: int, data: bytes, offset: int) -> int:
        """Write in place, unless that is broken."""
        _fail_if(self.is_head_broken)
        return super().write_at(fd, data, offset)

    def sync(self, fd: int) -> None:
        """Sync, unless that is broken; keeps a record of segments that are synced again after they failed."""
        self.syncs += 1
        if self.is_sync_broken and fd in self._created:
            self._failed.add(fd)
        _fail_if(self.is_sync_broken)
        if fd in self._failed:
            self.synced_after_failure.append(fd)
        super().sync(fd)
        self.synced_inodes.append(os.fstat(fd).st_ino)

    def truncate(self, fd: int, size: int) -> None:
        """Cut, unless that is broken."""
        _fail_if(self.is_truncate_broken)
        super().truncate(fd, size)

    def close(self, fd: int) -> None:
        """Close; the number may then name another file."""
        self._failed.discard(fd)
        self._created.discard(fd)
        super().close(fd)

    def remove(self, path: Path) -> None:
        """Delete, unless that is broken."""
        _fail_if(self.is_remove_broken)
        super().remove(path)


def _fail_if(is_broken: bool) -> None:
    if is_broken:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
