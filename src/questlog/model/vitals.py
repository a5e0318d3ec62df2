"""What the machine and the installation are like at the moment."""

import msgspec


class Build(msgspec.Struct, frozen=True):
    """Which program runs. `commit` is "" where it is not known."""

    version: str
    python: str
    commit: str = ""


class Vitals(msgspec.Struct, frozen=True):
    """Sizes in bytes. The disk is that of the data directory; `memory_limit_bytes` is the server's.

    `control_errors`: how often the control database did not answer this process.
    """

    build: Build
    store_bytes: int = 0
    journal_bytes: int = 0
    disk_free_bytes: int = 0
    disk_bytes: int = 0
    memory_limit_bytes: int = 0
    control_errors: int = 0
