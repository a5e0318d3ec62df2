"""A real Questlog on free ports with a data directory of its own, for tests that need processes."""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

SANDBOX_GAME_KEY = "5c6bcb5402204249437fb5a7a80a4959"
SANDBOX_SECRET_KEY = "16813a12f718bc5c620f56944e1abc3ea13ccbac"
USER_EVENT = {
    "v": 2,
    "user_id": "player-1",
    "client_ts": 1_763_750_000,
    "sdk_version": "rest api v2",
    "os_version": "ios 17.4",
    "manufacturer": "apple",
    "device": "iPhone15,2",
    "platform": "ios",
    "session_id": "de305d54-75b4-431b-adb2-eb6b9e546014",
    "session_num": 1,
    "category": "user",
}
"""A GameAnalytics event with all that every event needs, and nothing else."""
_START_TIMEOUT_S = 90
_STOP_TIMEOUT_S = 60
_POLL_S = 0.05

Row = dict[str, Any]


class Response(NamedTuple):
    """An answer as a client sees it; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.body)


class Installation:
    """One data directory, two ports, and the processes that are started on them."""

    def __init__(self, data_dir: Path, settings: Mapping[str, object] | None = None) -> None:
        self.data_dir = data_dir
        self.collector_port, self.console_port = free_port(), free_port()
        self._settings = {
            "collector.host": "127.0.0.1",
            "collector.port": self.collector_port,
            "console.port": self.console_port,
            "collector.workers": 2,
            "loader.tick_ms": 50,
            "log.format": "json",
            "money.refresh": "false",  # tests reach no other machine
            **(settings or {}),
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.start_pid = 0
        self.log_path = data_dir.parent / f"{data_dir.name}.log"

    # Processes

    def start(self, name: str, *arguments: str, environ: Mapping[str, str] | None = None) -> int:
        """Start `questlog NAME`; returns its process id."""
        command = [sys.executable, "-m", "questlog", name, *self.options(), *arguments]
        with self.log_path.open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, stdout=log, stderr=log, env={**os.environ, **(environ or {})}, start_new_session=True
            )
        self.start_pid = self._processes[name].pid
        return self.start_pid

    def start_run(self, *, is_sandbox: bool = True) -> int:
        """Start everything, and wait until both ports answer."""
        pid = self.start("run", *(["--sandbox"] if is_sandbox else []))
        self.wait_for_collector()
        self.wait_for_console()
        return pid

    def options(self) -> list[str]:
        """The options that every command of this installation takes. A setting given as None is left as it is."""
        chosen = ["--data", str(self.data_dir)]
        for key, value in self._settings.items():
            chosen += ["--set", f"{key}={value}"] if value is not None else []
        return chosen

    def is_running(self, name: str) -> bool:
        """Whether the process started under this name has not ended."""
        return self._processes[name].poll() is None

    def stop(self, name: str) -> int:
        """SIGTERM; returns the exit code."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(_STOP_TIMEOUT_S)

    def kill(self, name: str) -> None:
        """SIGKILL to the process alone: what it started must notice by itself."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def kill_everything(self) -> None:
        """SIGKILL to every process and all they started."""
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()

    def log(self) -> str:
        """Everything that was logged."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # Questions

    def wait_for_collector(self) -> None:
        """Until the collector answers its health check."""
        self._wait(lambda: self.request("GET", "/healthcheck").status == 200, "the collector")

    def wait_for_console(self) -> None:
        """Until the console answers a question."""
        self._wait(lambda: bool(self.sql("SELECT 1 AS one")), "the console")

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, timeout_s: float = 20
    ) -> Response:
        """One request to the collector, on a connection of its own."""
        return _request(self.collector_port, method, path, body, headers or {}, timeout_s)

    def console(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Response:
        """One request to the console, with this machine's token."""
        place = json.loads((self.data_dir / "console.json").read_bytes())
        given = {"Authorization": f"Bearer {place['token']}", "Content-Type": "application/json", **(headers or {})}
        return _request(self.console_port, method, path, body, given, 60)

    def sql(self, statement: str) -> list[Row]:
        """Rows of a read-only question. Raises `AssertionError` with the answer if it is refused."""
        answer = self.console("POST", "/api/v1/sql", msgspec.json.encode({"sql": statement}))
        assert answer.status in (200, 201), answer.body
        rows: list[Row] = answer.json()
        return rows

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another `questlog` command on this data directory to its end."""
        return subprocess.run(
            [sys.executable, "-m", "questlog", *arguments, "--data", str(self.data_dir)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def wait_until(self, is_so: Callable[[], bool], what: str, timeout_s: float = 30) -> None:
        """Poll until it is so. Raises `AssertionError` with the log's end."""
        self._wait(is_so, what, timeout_s)

    def send_events(self, events: Sequence[Mapping[str, object]], headers: Mapping[str, str] | None = None) -> Response:
        """POST GameAnalytics events of the sandbox game, signed."""
        return self.send_body(json.dumps(events).encode(), headers)

    def send_body(self, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
        """POST a body to the sandbox game's events, signed."""
        given = {"Authorization": signature(body), "Content-Type": "application/json", **(headers or {})}
        return self.request("POST", f"/v2/{SANDBOX_GAME_KEY}/events", body, given)

    @staticmethod
    def wait_for_port(port: int, timeout_s: float = 30) -> None:
        """Until somebody listens there. Raises `TimeoutError`."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(_POLL_S)
        raise TimeoutError(f"nobody listens on port {port}")

    def _wait(self, is_so: Callable[[], bool], what: str, timeout_s: float = _START_TIMEOUT_S) -> None:
        deadline = time.monotonic() + timeout_s
        last: Exception | None = None
        while time.monotonic() < deadline:
            try:
                if is_so():
                    return
            except (OSError, http.client.HTTPException, AssertionError, KeyError, ValueError) as error:
                last = error
            time.sleep(_POLL_S)
        raise AssertionError(f"waited {timeout_s} s for {what}: {last!r}\n{self.log()[-4000:]}")


@contextlib.contextmanager
def installation(data_dir: Path, settings: Mapping[str, object] | None = None) -> Iterator[Installation]:
    """An installation whose processes are gone at the end, whatever happens."""
    made = Installation(data_dir, settings)
    try:
        yield made
    finally:
        made.kill_everything()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def signature(body: bytes, secret_key: str = SANDBOX_SECRET_KEY) -> str:
    """GameAnalytics' Authorization header for a body."""
    return base64.b64encode(hmac.digest(secret_key.encode(), body, hashlib.sha256)).decode()


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and theirs (Linux)."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, queue = [], [pid]
    while queue:
        for child in children.get(queue.pop(), []):
            found.append(child)
            queue.append(child)
    return found


def _request(port: int, method: str, path: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request(method, path, body or None, dict(headers))
        answer = connection.getresponse()
        return Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()
