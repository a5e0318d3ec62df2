"""Talks HTTP to a running server's console port."""

import http.client
import json
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, ParamSpec

import click

from questlog.cli.settings import data_option

_Rest = ParamSpec("_Rest")
CONSOLE_FILE = "console.json"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Console(NamedTuple):
    """Where a server's console port is, and the token to use there."""

    url: str
    token: str


class ConsoleRefused(click.ClickException):
    """The server answered with an error; `field` is the value at fault, where one is named."""

    def __init__(self, status: int, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.field = field


class ConsoleUnreachable(click.ClickException):
    """No server answered."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to whoever it names."""

    def redirect_request(self, *_: object) -> None:
        return None


def console_options(function: Callable[_Rest, None]) -> Callable[_Rest, None]:
    """The options `--data`, `--url` and `--token`, given to the command under these names, for `find_console`."""
    url = click.option(
        "--url", metavar="URL", help="Console of a server elsewhere, for example http://10.0.0.5:7451; needs a token."
    )
    token = click.option("--token", envvar="QUESTLOG_TOKEN", help="API token. [default: QUESTLOG_TOKEN]")
    return data_option(url(token(function)))


def find_console(data: Path, url: str | None, token: str | None) -> Console:
    """The console to talk to: as told, else the server running on `data`. Raises `click.ClickException`."""
    token = _checked_token(token or "")
    if url and not token:
        raise click.ClickException("with --url, a token is needed too: --token or QUESTLOG_TOKEN")
    if url:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise click.ClickException(f"--url must start with http:// or https://, not {url!r}")
        return Console(url.rstrip("/"), token)
    running = read_console_file(data)
    return Console(running.url, token or running.token)


def _checked_token(token: str) -> str:
    """The token without the blanks around it. Raises `click.ClickException`, which does not show it."""
    token = token.strip()
    if not (token.isascii() and token.isprintable()):
        raise click.ClickException(
            "the token (--token or QUESTLOG_TOKEN) has characters that no token has, such as the end of a line"
        )
    return token


def read_console_file(data: Path) -> Console:
    """What the server running on `data` wrote down. Raises `click.ClickException` when there is none."""
    path = data / CONSOLE_FILE
    try:
        noted = json.loads(path.read_bytes())
        return Console(noted["url"].rstrip("/"), noted["token"])
    except FileNotFoundError:
        raise ConsoleUnreachable(_nothing_runs(data)) from None
    except PermissionError:
        raise click.ClickException(
            f"{path} may not be read by this user; run as the user who started the server"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise click.ClickException(f"{path} is damaged; start the server again") from None


def ask(
    console: Console, method: str, path: str, body: object = None, timeout_s: float = 600.0
) -> http.client.HTTPResponse:
    """The server's answer: its headers, and its body to be read. Raises `ConsoleRefused` or `ConsoleUnreachable`."""
    request = urllib.request.Request(console.url + path, method=method)  # noqa: S310 - the scheme is checked
    request.add_header("Authorization", f"Bearer {console.token}")
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        answer: http.client.HTTPResponse = _opener(console).open(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        raise _refusal(error) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ConsoleUnreachable(f"no server answers at {console.url}: {why_unreachable(error)}") from None
    return answer


def why_unreachable(error: Exception) -> str:
    """What to say of a failed connection, and what to do."""
    reason = getattr(error, "reason", error)
    match reason:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({reason.verify_message}); check the address and the certificate"
        case ssl.SSLError():
            return "it does not speak TLS there; check the address, or write http:// in place of https://"
        case TimeoutError():
            return "it did not answer in time; ask for fewer days, or try again"
        case socket.gaierror():
            return "there is no machine of this name; check the address"
        case ConnectionRefusedError():
            return "nothing listens there; start a server with `questlog run`, or check the address"
        case OSError() if reason.strerror:
            return f"{reason.strerror}; check the address and the network"
        case _:
            return "what answers there is not Questlog's console; check the address"


def _opener(console: Console) -> urllib.request.OpenerDirector:
    """Proxies are for the way out of this machine."""
    is_local = urllib.parse.urlsplit(console.url).hostname in _LOOPBACK
    proxies = urllib.request.ProxyHandler({} if is_local else None)
    return urllib.request.build_opener(proxies, _NoRedirects)


def _refusal(error: urllib.error.HTTPError) -> ConsoleRefused:
    try:
        told = json.loads(error.read(65_536))["error"]
        return ConsoleRefused(error.code, " ".join(told["message"].split()), told.get("field"))
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        message = f"the server answered {error.code}; check that {error.url} is the console's address"
        return ConsoleRefused(error.code, message)


def _nothing_runs(data: Path) -> str:
    return (
        f"no server is running on {data} (there is no {CONSOLE_FILE}); start one with `questlog run --data {data}`, "
        "or name one with --url and --token"
    )
