"""Everything on one machine put together: `questlog run`."""

import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence

import msgspec

from questlog.app.lock import server_lock
from questlog.app.places import country_database, make_data_directory
from questlog.config import MoneySettings, Settings
from questlog.control.database import ControlDatabase
from questlog.control.invitations import NewLink
from questlog.control.sandbox import Sandbox
from questlog.model.clock import SystemClock
from questlog.supervision import Child, Supervisor, end_with_parent, spawn_process

_READY_CHECK_S = 0.1
_READY_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 40.0
_OWNER_LINK_S = 86_400


class PortTaken(Exception):
    """Another program listens on a port of ours. The message names the setting."""


class Ready(msgspec.Struct, frozen=True):
    """What a person needs to know once both ports answer. `console_token` is for this run of the server only.

    `owner_url` makes the first user: a link for one use, which is valid for a day. None where there are users.
    """

    collector_url: str
    console_url: str
    console_token: str
    sandbox: Sandbox | None
    owner_url: str | None = None


def run_all(settings: Settings, arguments: Sequence[str], is_sandbox: bool, on_ready: Callable[[Ready], None]) -> None:
    """Keep collectors and server running until SIGTERM or SIGINT. Blocks.

    `arguments` are the options that the children are started with. Raises `AlreadyRunning`, `ConfigError`,
    `ControlError`, `NotInstalled`, `PortTaken`.
    """
    make_data_directory(settings)
    country_database(settings)
    with server_lock(settings):
        pass  # the server takes it itself, and would be started again for ever where it cannot
    if settings.money != MoneySettings():
        # Imported when there is something to check: it costs tens of megabytes.
        from questlog.app.rates import rates  # noqa: PLC0415

        rates(settings)
    for name, host, port in (
        ("collector.port", settings.collector.host, settings.collector.port),
        ("console.port", settings.console.host, settings.console.port),
    ):
        _check_free(name, host, port)
    with ControlDatabase(settings.control_database, SystemClock()) as control:
        sandbox = control.ensure_sandbox() if is_sandbox else None
        owner_link = control.invite_first_owner(_OWNER_LINK_S)
    children = [
        Child(name, [sys.executable, "-m", "questlog", name, *arguments], spawn_process, time.monotonic)
        for name in ("collect", "serve")
    ]
    supervisor = Supervisor(children, _STOP_TIMEOUT_S)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.request_stop())
    end_with_parent(supervisor.request_stop)
    threading.Thread(target=_announce, args=(settings, sandbox, owner_link, on_ready), daemon=True).start()
    supervisor.run()


class _ConsolePlace(msgspec.Struct, frozen=True):
    url: str
    token: str


def _announce(
    settings: Settings, sandbox: Sandbox | None, owner_link: NewLink | None, on_ready: Callable[[Ready], None]
) -> None:
    """Call `on_ready` once both ports take connections."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    ports = (settings.collector.port, settings.console.port)
    while time.monotonic() < deadline:
        if all(_answers(port) for port in ports) and settings.console_file.exists():
            console = msgspec.json.decode(settings.console_file.read_bytes(), type=_ConsolePlace)
            collector_url = f"http://127.0.0.1:{settings.collector.port}"
            owner_url = None if owner_link is None else console.url + owner_link.path
            on_ready(Ready(collector_url, console.url, console.token, sandbox, owner_url))
            return
        time.sleep(_READY_CHECK_S)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _check_free(setting: str, host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"cannot listen on {host}:{port} ({error.strerror}); set {setting}") from error
