"""What a check of an installation has found."""

import enum

import msgspec


class Level(enum.StrEnum):
    """How bad it is."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


class Finding(msgspec.Struct, frozen=True):
    """What one check found: `what` was checked, and a sentence about it that says what to do."""

    level: Level
    what: str
    text: str
