"""The demo game made by a process of its own: a running server goes on answering."""

import multiprocessing
import signal
import sys
import threading
from multiprocessing.connection import Connection

from questlog.app.demo import DemoFailed, make_demo
from questlog.config import Settings
from questlog.console.demo import DemoState, DemoStatus
from questlog.control.actor import Actor, act_as
from questlog.control.errors import ControlError
from questlog.demo.world import PLAYERS

_DONE = "done"


class DemoProcess:
    """A `DemoMaker`. The process ends with this one, and then takes its half game away."""

    def __init__(self, settings: Settings, players: int = PLAYERS) -> None:
        self._settings = settings
        self._players = players
        self._lock = threading.Lock()
        self._status = DemoStatus()

    @property
    def status(self) -> DemoStatus:
        """How far the last one is."""
        return self._status

    def start(self, who: str) -> bool:
        """Begin; False while one is being made."""
        with self._lock:
            if self._status.state is DemoState.RUNNING:
                return False
            self._status = DemoStatus(DemoState.RUNNING)
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe(duplex=False)
        process = spawn.Process(
            target=_make, args=(self._settings, who, self._players, theirs), name="demo", daemon=True
        )
        process.start()
        theirs.close()
        threading.Thread(target=self._follow, args=(ours,), name="demo", daemon=True).start()
        return True

    def _follow(self, told: Connection) -> None:
        """Take up what the process says until it ends."""
        last: int | str = 0
        try:
            while True:
                last = told.recv()
                if isinstance(last, int):
                    self._status = DemoStatus(DemoState.RUNNING, last)
        except EOFError:
            told.close()
        if last == _DONE:
            self._status = DemoStatus(DemoState.DONE, self._status.days)
        else:
            message = last if isinstance(last, str) else "the process that made it ended early"
            self._status = DemoStatus(DemoState.FAILED, message=message)


def _make(settings: Settings, who: str, players: int, tell: Connection) -> None:
    """In the process of its own: make the game, and say how far it is."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    act_as(Actor(who))
    try:
        make_demo(settings, tell.send, players=players)
    except (ControlError, DemoFailed, OSError) as error:
        tell.send(str(error))
    else:
        tell.send(_DONE)
