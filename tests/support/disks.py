"""Disks that are full for a while, for real processes."""

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from tests.support.installation import Installation, descendants

SIZE_MB = 160
"""How large a mounted disk is: `questlog serve` calls one with less than 64 MiB left full."""

_CAP_SYS_ADMIN = 21
_LIMIT_BYTES = 4096
_PIECE = bytes(1 << 20)


class Disk(Protocol):
    """Something that processes write to, and that can be full."""

    def fill(self) -> None:
        """From now on nothing more can be written."""
        ...

    def free(self) -> None:
        """There is space again."""
        ...


class MountedDisk:
    """A small file system of its own; filling it fills it. Needs the right to mount."""

    def __init__(self, directory: Path) -> None:
        self._ballast = directory / "ballast"

    def fill(self) -> None:
        """Write until there is no space left, and the last bytes one by one."""
        with self._ballast.open("ab", buffering=0) as file:
            for piece in (_PIECE, bytes(4096), bytes(1)):
                with contextlib.suppress(OSError):
                    while file.write(piece):
                        pass

    def free(self) -> None:
        """Take the ballast away."""
        self._ballast.unlink(missing_ok=True)


class LimitedFiles:
    """A bound on the size of every file of some processes (Linux): needs no rights, but is EFBIG and not ENOSPC."""

    def __init__(self, installation: Installation, command: str | None) -> None:
        """Of the child that runs this command, or of all (None)."""
        self._installation = installation
        self._command = command

    def fill(self) -> None:
        """No file may grow beyond a block."""
        self._limit(_LIMIT_BYTES)

    def free(self) -> None:
        """Files may grow as they like."""
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        if sys.platform == "linux":
            for pid in self._processes():
                with contextlib.suppress(ProcessLookupError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def _processes(self) -> Sequence[int]:
        run = self._installation.start_pid
        everybody = [run, *descendants(run)]
        if self._command is None:
            return everybody
        return [pid for pid in everybody if _runs(pid, self._command)]


def kinds_of_disks() -> list[str]:
    """What this machine lets us make: `mounted` where we may mount, `limited` on Linux."""
    if sys.platform != "linux":
        return []
    return ["mounted", "limited"] if _may_mount() else ["limited"]


@contextlib.contextmanager
def disk_at(directory: Path, kind: str, installation: Installation, command: str | None) -> Iterator[Disk]:
    """A disk for the files in `directory`, or for the files of the installation's child that runs `command`."""
    directory.mkdir(parents=True, exist_ok=True)
    if kind == "limited":
        yield LimitedFiles(installation, command)
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "questlog-test", str(directory)], check=True)
    try:
        yield MountedDisk(directory)
    finally:
        installation.kill_everything()
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def _may_mount() -> bool:
    status = Path("/proc/self/status").read_text()
    [effective] = [line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")]
    return bool(int(effective, 16) >> _CAP_SYS_ADMIN & 1)


def _runs(pid: int, command: str) -> bool:
    with contextlib.suppress(OSError):
        return os.fsencode(command) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return False
