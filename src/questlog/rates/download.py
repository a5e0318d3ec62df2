"""Fetching a file, bounded in size and time: over HTTP, or a package with the npm client."""

import shutil
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO

TIMEOUT_S = 120.0
MAX_BYTES = 16 * 1024 * 1024
_SILENCE_S = 20.0
_BLOCK_BYTES = 65_536
_SCHEMES = ("http", "https")
_LONGEST_MESSAGE = 300


class FetchFailed(Exception):
    """The file could not be had. The message is one line for the operator."""


def check_address(address: str) -> None:
    """Raises `FetchFailed` for an address that is not of HTTP."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise FetchFailed(f"{address} is no http:// or https:// address")


def fetch(address: str, max_bytes: int = MAX_BYTES, timeout_s: float = TIMEOUT_S) -> bytes:
    """The body of what is at the address. Raises `FetchFailed`."""
    check_address(address)
    return _in_time(lambda: _read(address, max_bytes), timeout_s)


def fetch_package(name: str, max_bytes: int = MAX_BYTES, timeout_s: float = TIMEOUT_S) -> bytes:
    """The archive of the newest version of a package, from the registry that the npm client of this machine asks.

    The client checks the archive's hash, and runs nothing of the package. Raises `FetchFailed`.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FetchFailed("the npm client is not installed; install it, or set money.wide_rates_url")
    with tempfile.TemporaryDirectory(prefix="questlog-rates-") as directory:
        command = [npm, "pack", f"{name}@latest", "--pack-destination", directory, "--ignore-scripts", "--silent"]
        try:
            done = subprocess.run(
                command, cwd=directory, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise FetchFailed(f"npm pack {name} took longer than {timeout_s:.0f} s") from error
        except OSError as error:
            raise FetchFailed(f"npm cannot be run: {error}") from error
        archives = list(Path(directory).glob("*.tgz"))
        if done.returncode or len(archives) != 1:
            raise FetchFailed(f"npm pack {name} failed: {_one_line(done.stderr.decode(errors='replace'))}")
        if archives[0].stat().st_size > max_bytes:
            raise FetchFailed(f"the package {name} is larger than {max_bytes} bytes")
        return archives[0].read_bytes()


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirection to HTTP(S) only, and never from HTTPS to HTTP."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        allowed = _SCHEMES if req.type == "http" else ("https",)
        if urllib.parse.urlsplit(newurl).scheme not in allowed:
            fp.close()
            raise FetchFailed(f"{req.full_url} leads to {newurl}, which is not safe")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _read(address: str, max_bytes: int) -> bytes:
    opener = urllib.request.build_opener(_SafeRedirects)
    request = urllib.request.Request(address, headers={"User-Agent": "questlog"})  # noqa: S310 - the scheme is checked
    try:
        with opener.open(request, timeout=_SILENCE_S) as answer:
            body = bytearray()
            while block := answer.read1(_BLOCK_BYTES):
                body += block
                if len(body) > max_bytes:
                    raise FetchFailed(f"{address} is larger than {max_bytes} bytes")
            missing = answer.length
    except urllib.error.HTTPError as error:
        error.close()
        raise FetchFailed(f"{address} answers {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        text = (reason.strerror if isinstance(reason, OSError) else None) or str(reason)
        raise FetchFailed(f"{address} cannot be reached: {_one_line(text) or type(reason).__name__}") from error
    if missing:
        raise FetchFailed(f"{address} broke off, {missing} bytes before the end")
    return bytes(body)


def _in_time(work: Callable[[], bytes], timeout_s: float) -> bytes:
    """What the work returns or raises, if it ends in time: looking up a name has no time limit of its own."""
    results: list[bytes] = []
    failures: list[FetchFailed] = []

    def run() -> None:
        try:
            results.append(work())
        except FetchFailed as error:
            failures.append(error)

    worker = threading.Thread(target=run, name="fetching rates", daemon=True)
    worker.start()
    worker.join(timeout_s)
    if failures:
        raise failures[0]
    if not results:
        raise FetchFailed(f"it took longer than {timeout_s:.0f} s")
    return results[0]


def _one_line(text: str) -> str:
    return " ".join(text.split())[-_LONGEST_MESSAGE:]
