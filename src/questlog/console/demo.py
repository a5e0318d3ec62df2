"""The demo game as pages and API see it: whether it is being made, and how far that is."""

import enum
from typing import Protocol

import msgspec

DEMO_GAME_KEY = "d3e00000000000000000000000000000"
"""By which the demo game is known. Its secret key is made up each time."""


class DemoState(enum.StrEnum):
    """How making the demo game goes."""

    IDLE = "idle"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class DemoStatus(msgspec.Struct, frozen=True):
    """How far it is: `days_sent` of `days`. `message` says why it failed."""

    state: DemoState = DemoState.IDLE
    days_sent: int = 0
    days: int = 90
    message: str = ""


class DemoMaker(Protocol):
    """Makes the demo game in a process of its own. Called from any thread."""

    @property
    def status(self) -> DemoStatus:
        """How far the last one is."""
        ...

    def start(self, who: str) -> bool:
        """Begin, for the audit log in the name of `who`; False while one is being made."""
        ...


class NoDemo:
    """Where no demo game can be made."""

    @property
    def status(self) -> DemoStatus:
        """Nothing was begun."""
        return DemoStatus()

    def start(self, who: str) -> bool:
        """Nothing begins."""
        del who
        return False
