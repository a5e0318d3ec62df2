"""Children are kept running, and stopped in order."""

import os
import signal
import threading
from collections.abc import Sequence

import pytest

from questlog.supervision import PARENT_VARIABLE, Child, Supervisor, end_with_parent


class Process:
    """A process whose end is decided by the test."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.exit_code: int | None = None
        self.signals: list[int] = []

    def poll(self) -> int | None:
        return self.exit_code

    def send_signal(self, sig: int) -> None:
        self.signals.append(sig)
        self.exit_code = -sig

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Machine:
    """Starts processes and tells the time."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self.now = 0.0

    def spawn(self, _command: Sequence[str]) -> Process:
        self.processes.append(Process(len(self.processes) + 1))
        return self.processes[-1]

    def time(self) -> float:
        return self.now

    def child(self, name: str = "collect") -> Child:
        return Child(name, ["questlog", name], self.spawn, self.time)


def test_a_dead_process_is_replaced_after_a_growing_delay() -> None:
    machine = Machine()
    child = machine.child()
    child.keep_running()
    for delay in (0.5, 1.0, 2.0):
        machine.processes[-1].exit_code = 1
        started = len(machine.processes)
        child.keep_running()
        assert len(machine.processes) == started, "not before the delay"
        machine.now += delay
        child.keep_running()
        assert len(machine.processes) == started + 1


def test_a_process_that_lived_long_starts_again_with_the_first_delay() -> None:
    machine = Machine()
    child = machine.child()
    child.keep_running()
    for _ in range(3):
        machine.now += 100
        machine.processes[-1].exit_code = 1
        child.keep_running()
        machine.now += 0.5
        child.keep_running()
    assert len(machine.processes) == 4


def test_a_living_process_is_left_alone() -> None:
    machine = Machine()
    child = machine.child()
    for _ in range(3):
        child.keep_running()
    assert len(machine.processes) == 1


def test_children_are_stopped_in_the_order_given() -> None:
    machine = Machine()
    collect, serve = machine.child("collect"), machine.child("serve")
    supervisor = Supervisor([collect, serve])
    collect.keep_running()
    serve.keep_running()
    supervisor.request_stop()
    supervisor.run()
    assert [process.signals for process in machine.processes] == [[signal.SIGTERM], [signal.SIGTERM]]
    assert collect.pid is None
    assert serve.pid is None


def test_a_process_that_ignores_the_request_to_stop_is_killed() -> None:
    machine = Machine()
    child = machine.child()
    child.keep_running()
    process = machine.processes[0]

    def ignore_terminate(sig: int) -> None:
        process.signals.append(sig)
        if sig == signal.SIGKILL:
            process.exit_code = -sig

    def run_on() -> int | None:
        machine.now += 100
        return process.exit_code

    process.send_signal = ignore_terminate  # type: ignore[method-assign]
    process.poll = run_on  # type: ignore[method-assign]
    child.stop(timeout_s=30)
    assert process.signals == [signal.SIGTERM, signal.SIGKILL]


def test_a_process_that_cannot_be_started_is_tried_again_later() -> None:
    machine = Machine()

    def refuse(_command: Sequence[str]) -> Process:
        if machine.now < 0.5:
            raise OSError(12, "Cannot allocate memory")
        return machine.spawn(_command)

    child = Child("collect", ["questlog", "collect"], refuse, machine.time)
    child.keep_running()
    assert child.pid is None
    machine.now = 0.5
    child.keep_running()
    assert child.pid is not None


def test_a_parent_that_died_before_its_child_had_started_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = str(2**22 + 1)  # above the largest process id of Linux and macOS
    monkeypatch.setenv(PARENT_VARIABLE, gone)
    stopped = threading.Event()
    end_with_parent(stopped.set)
    assert stopped.wait(5)


@pytest.mark.parametrize("told", [True, False])
def test_a_parent_that_lives_ends_nothing_and_children_are_told_of_this_process(
    monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    monkeypatch.setenv(PARENT_VARIABLE, str(os.getppid()) if told else "")
    stopped = threading.Event()
    end_with_parent(stopped.set)
    assert os.environ[PARENT_VARIABLE] == str(os.getpid())
    assert not stopped.wait(0.7)
