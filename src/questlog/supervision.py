"""Keeping processes alive together: restart a dead child, stop in order, never outlive the parent."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

PARENT_VARIABLE = "_QUESTLOG_PARENT"  # no setting: those begin with QUESTLOG_

_PARENT_CHECK_S = 0.5
_POLL_S = 0.1
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0
_STEADY_AFTER_S = 30.0  # a child that has lived this long starts again without delay

log = structlog.get_logger(__name__)


def end_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` once, from a thread, when the process that started this one is gone.

    That process has left its id in the environment if it calls this too: it may be gone already. So does this one, for
    the processes that it starts.
    """
    parent = os.environ.get(PARENT_VARIABLE) or str(os.getppid())
    os.environ[PARENT_VARIABLE] = str(os.getpid())

    def watch() -> None:
        while str(os.getppid()) == parent:
            time.sleep(_PARENT_CHECK_S)
        stop()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def terminate_this_process() -> None:
    """Ask this process to stop as an operator would."""
    os.kill(os.getpid(), signal.SIGTERM)


class ChildProcess(Protocol):
    """What is needed of a started process; `subprocess.Popen` has it."""

    pid: int

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        ...

    def send_signal(self, sig: int) -> None:
        """Send it a signal."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


Spawn = Callable[[Sequence[str]], ChildProcess]


class Child:
    """One kind of process that should always run; started again with a growing delay when it ends."""

    def __init__(self, name: str, command: Sequence[str], spawn: Spawn, now_s: Callable[[], float]) -> None:
        self.name = name
        self._command = command
        self._spawn = spawn
        self._now_s = now_s
        self._process: ChildProcess | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self._backoff_s = _FIRST_BACKOFF_S

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process else None

    def keep_running(self) -> None:
        """Notice an end, and start (again) when it is time."""
        now = self._now_s()
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._process = None
            if now - self._started_at > _STEADY_AFTER_S:
                self._backoff_s = _FIRST_BACKOFF_S
            log.error("process ended", process=self.name, exit_code=code, restart_in_s=self._backoff_s)
            self._put_off(now)
        if now >= self._start_at:
            self._start(now)

    def _start(self, now: float) -> None:
        try:
            self._process = self._spawn(self._command)
        except OSError as error:  # no memory or no process id left: the others must go on
            log.warning("process not started", process=self.name, error=error.strerror, retry_in_s=self._backoff_s)
            self._put_off(now)
            return
        self._started_at = now
        log.info("process started", process=self.name, pid=self._process.pid)

    def _put_off(self, now: float) -> None:
        self._start_at = now + self._backoff_s
        self._backoff_s = min(self._backoff_s * 2, _LONGEST_BACKOFF_S)

    def stop(self, timeout_s: float) -> None:
        """SIGTERM, then SIGKILL after `timeout_s`."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        deadline = self._now_s() + timeout_s
        while self._process.poll() is None:
            if self._now_s() > deadline:
                log.error("process did not stop in time", process=self.name, timeout_s=timeout_s)
                self._process.kill()
                deadline = float("inf")
            time.sleep(_POLL_S)
        log.info("process stopped", process=self.name)
        self._process = None


class Supervisor:
    """Runs children until `request_stop`, then stops them in the order given."""

    def __init__(self, children: Sequence[Child], stop_timeout_s: float = 30.0) -> None:
        self._children = children
        self._stop_timeout_s = stop_timeout_s
        self._stopping = threading.Event()

    def request_stop(self) -> None:
        """Make `run` return after the children have stopped. Safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Keep every child running; blocks."""
        try:
            while not self._stopping.is_set():
                for child in self._children:
                    child.keep_running()
                self._stopping.wait(_POLL_S)
        finally:
            for child in self._children:
                child.stop(self._stop_timeout_s)


def spawn_process(command: Sequence[str]) -> ChildProcess:
    """Start a command that shares our standard streams."""
    return subprocess.Popen(command)
