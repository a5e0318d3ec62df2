"""Asks a server over HTTP; what it says no to becomes an error of this package."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from questlog_client.errors import Busy, NotFound, QuestlogError, Refused, ServerFailed, Unauthenticated, Unreachable

_ARROW = "application/vnd.apache.arrow.stream"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_ERROR = 65_536


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to whoever it names."""

    def redirect_request(self, *_: object) -> None:
        return None


class Server:
    """A server's console port. `timeout_s` bounds each wait for it, in seconds.

    Raises `ValueError` for the address of something else, `Unauthenticated` for a token that a header cannot carry.
    """

    def __init__(self, url: str, token: str, timeout_s: float) -> None:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"the address must start with http:// or https://, not {url!r}")
        self._url = url.rstrip("/")
        self._token = _checked_token(token)
        self._timeout_s = timeout_s
        is_local = urllib.parse.urlsplit(url).hostname in _LOOPBACK
        proxies = urllib.request.ProxyHandler({} if is_local else None)
        self._opener = urllib.request.build_opener(proxies, _NoRedirects)

    def arrow(self, path: str, body: Mapping[str, Any]) -> bytes:
        """The answer to a POST, as an Arrow IPC stream. Raises `QuestlogError`."""
        return self._ask("POST", path, _ARROW, json.dumps(body).encode())

    def json(self, path: str) -> Any:
        """The answer to a GET. Raises `QuestlogError`."""
        answer = self._ask("GET", path, "application/json", None)
        try:
            return json.loads(answer)
        except ValueError as error:
            raise ServerFailed(f"the server did not answer with JSON: {error}", 200) from None

    def _ask(self, method: str, path: str, accept: str, body: bytes | None) -> bytes:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": accept}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self._url + path, body, headers, method=method)  # noqa: S310 - checked above
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                content: bytes = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise _error_of(error) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise Unreachable(f"no answer from {self._url}: {reason}") from None
        return content


def _checked_token(token: str) -> str:
    """The token without the blanks around it. What is raised does not show it."""
    token = token.strip()
    if not (token.isascii() and token.isprintable()):
        raise Unauthenticated("the token has characters that no token has, such as the end of a line")
    return token


def _error_of(error: urllib.error.HTTPError) -> QuestlogError:
    told = _told(error)
    message = str(told.get("message") or f"the server answered {error.code} {error.reason}")
    match error.code:
        case 401:
            return Unauthenticated(message)
        case 404:
            return NotFound(message)
        case 429 | 503:
            return Busy(message, _seconds(error.headers.get("Retry-After")))
        case code if 400 <= code < 500:
            return Refused(message, str(told.get("code", "")), told.get("field"), told.get("nearest"))
        case _:
            return ServerFailed(message, error.code)


def _told(error: urllib.error.HTTPError) -> Mapping[str, Any]:
    try:
        told = json.loads(error.read(_LONGEST_ERROR))["error"]
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        return {}
    return told if isinstance(told, dict) else {}


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None
